//! Whoever keeps the gateway from the record, which no right prevents, is named while he does.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

use super::{Run, list, run, try_run};
use crate::record::roles::{AUDITOR, OWNER, SERVICE, sql_as, url_as, with_roles};
use crate::record::{Row, id_of};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, Log};
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(30);

async fn process(sql: &mut PgConnection) -> i32 {
    let process = sqlx::query_scalar("select pg_backend_pid()");
    process.fetch_one(sql).await.expect("Postgres knows")
}

/// The line that names this session.
async fn named(log: &Log, process: i32) -> Value {
    eventually("the session is named", PATIENCE, async || {
        let lines = log.events("record_blocked");
        lines.into_iter().find(|line| line["pid"] == process)
    })
    .await
}

async fn is_degraded(gateway: &Gateway, cause: &str) -> bool {
    let shown = gateway.operator().get("/readyz").await;
    assert_eq!(shown.status, 200, "all replicas share it: {}", shown.text);
    let degraded = &shown.json()["degraded"];
    let degraded = degraded.as_array().expect("a list");
    degraded.contains(&cause.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_who_keeps_the_record_from_being_written_is_named() {
    let world = with_roles().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (alice, log) = (gateway.moderator("alice"), gateway.log());
    assert_eq!(alice.kick_login("bob").await.status, 200);
    assert!(!is_degraded(&gateway, "record").await);

    let mut reader = sql_as(&world, AUDITOR).await;
    let read = "set application_name = 'a report'; begin; select from audit.action limit 1";
    run(&mut reader, read).await;
    let mut waiter = sql_as(&world, AUDITOR).await;
    let processes = [process(&mut reader).await, process(&mut waiter).await];
    // It is refused for want of a right, but waits for its lock first, in front of all who write.
    let rule = "create rule hidden_text as on insert to audit.action do instead nothing";
    let waiting = tokio::spawn(async move { try_run(&mut waiter, rule).await });
    eventually("writers wait", PATIENCE, async || {
        (alice.kick_login("bob").await.status == 503).then_some(())
    })
    .await;
    let [reads, waits] = [
        named(&log, processes[0]).await,
        named(&log, processes[1]).await,
    ];
    for line in [&reads, &waits] {
        assert_eq!(line["role"], AUDITOR, "{line}");
        // Not the service's to know.
        assert_eq!(line.get("state"), None, "{line}");
    }
    assert_eq!(reads["application"], "a report", "{reads}");
    assert_eq!(reads["locks"], "AccessShareLock on audit.action", "{reads}");
    let waited_for = "waiting for AccessExclusiveLock on audit.action";
    assert_eq!(waits["locks"], waited_for, "{waits}");
    eventually("readiness names the record", PATIENCE, async || {
        is_degraded(&gateway, "record").await.then_some(())
    })
    .await;

    run(&mut reader, "rollback").await;
    let refused = waiting.await.expect("it does not panic");
    assert_eq!(crate::record::refusal(refused), "42501");
    eventually("actions are taken again", PATIENCE, async || {
        (alice.kick_login("bob").await.status == 200).then_some(())
    })
    .await;
    eventually("nothing is degraded", PATIENCE, async || {
        (!is_degraded(&gateway, "record").await).then_some(())
    })
    .await;
    for process in processes {
        let lines = log.events("record_blocked").into_iter();
        let count = lines.filter(|line| line["pid"] == process).count();
        assert_eq!(count, 1, "once a minute");
    }
    for line in log.lines() {
        assert!(!line.contains("hidden_text"), "no statement: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_waits_for_a_lock_whoever_holds_it_is_named() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (alice, log) = (gateway.moderator("alice"), gateway.log());
    assert_eq!(alice.kick_login("bob").await.status, 200);
    eventually("it has sealed", PATIENCE, async || {
        (!log.events("seal").is_empty()).then_some(())
    })
    .await;
    // Leases; recovery, the stream and the sealer; the sealer alone.
    for table in ["modgate.permit_lease", "audit.event", "audit.seal"] {
        let mut holder = world.sql().await;
        let lock = format!(
            "set application_name = 'by hand'; begin; lock table {table} in access exclusive mode"
        );
        run(&mut holder, &lock).await;
        let line = named(&log, process(&mut holder).await).await;
        assert_eq!(line["application"], "by hand", "{line}");
        assert_eq!(line["state"], "idle in transaction", "{line}");
        assert!(line["since"].is_string(), "{line}");
        let held = format!("AccessExclusiveLock on {table}");
        assert_eq!(line["locks"], held, "{line}");
        run(&mut holder, "rollback").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fills_the_lock_table_is_named() {
    let world = with_roles().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (alice, log) = (gateway.moderator("alice"), gateway.log());
    let mut auditor = sql_as(&world, AUDITOR).await;
    let pid = process(&mut auditor).await;
    run(&mut auditor, "set application_name = 'hoarder'").await;
    let fill = "select count(pg_advisory_lock(number)) from generate_series(1, 10000000) number";
    let ended = try_run(&mut auditor, fill).await;
    assert_eq!(crate::record::refusal(ended), "53200");
    eventually("it is said", PATIENCE, async || {
        // A replica may find room again, and fill it up.
        let _ = alice.kick_login("bob").await;
        let _ = try_run(&mut auditor, fill).await;
        let line = log.events("lock_table_full").pop()?;
        let held_by = line["held_by"].as_str().expect("a text");
        let named = held_by.starts_with("role modgate_auditor, application \"hoarder\": ")
            && held_by.contains(&format!("(pid {pid})"));
        assert!(named, "{line}");
        Some(())
    })
    .await;
    assert!(is_degraded(&gateway, "record").await);
    auditor.close().await.expect("it may go");
    eventually("actions are taken again", PATIENCE, async || {
        (alice.kick_login("bob").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(log.events("lock_table_full").len(), 1, "once a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_uses_up_the_connections_is_named() {
    let world = with_roles().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (alice, log) = (gateway.moderator("alice"), gateway.log());
    let role = "create role crowd login password 'only for tests'";
    run(&mut world.sql().await, role).await;
    let mut crowd = Vec::new();
    while crowd.len() < 200 {
        match PgConnection::connect(&url_as(&world, "crowd")).await {
            Ok(one) => crowd.push(one),
            Err(_) => break,
        }
    }
    eventually("it is said", PATIENCE, async || {
        join_all((0..16).map(|_| alice.kick_login("bob"))).await;
        let line = log.events("connections_refused").pop()?;
        let error = line["error"].as_str().expect("a text");
        assert!(
            error.contains("connection") || error.contains("clients"),
            "{line}"
        );
        let held_by = line["held_by"].as_str().expect("a text");
        assert!(
            held_by.starts_with("role crowd, application \"\": "),
            "{line}"
        );
        Some(())
    })
    .await;
    assert!(is_degraded(&gateway, "record").await);
    drop(crowd);
    eventually("actions are taken again", PATIENCE, async || {
        let kicks = join_all((0..16).map(|_| alice.kick_login("bob"))).await;
        kicks.iter().all(|kick| kick.status == 200).then_some(())
    })
    .await;
    assert_eq!(log.events("connections_refused").len(), 1, "once a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_the_migrations_waiting_is_named() {
    let world = with_roles().await;
    let weaken = "alter table audit.action disable trigger append_only";
    run(&mut sql_as(&world, OWNER).await, weaken).await;
    let mut writer = sql_as(&world, SERVICE).await;
    let pid = process(&mut writer).await;
    run(&mut writer, "set application_name = 'a writer'; begin").await;
    let row = Row::action(id_of(Duration::ZERO));
    row.insert(&mut writer).await.expect("it breaks no rule");
    let migrated = Run::migrate(&url_as(&world, OWNER)).await;
    let who = format!("pid {pid}, role modgate_service, application a writer");
    let held = ": RowExclusiveLock on audit.action";
    migrated.assert_failed(&format!("modgate: waiting for a lock: {who}{held}\n"));
    migrated.assert_failed(&format!(
        "modgate: MODGATE_OWNER_DATABASE_URL: {who}{held} keeps a lock"
    ));
    run(&mut writer, "rollback").await;
    Run::migrate(&url_as(&world, OWNER)).await.assert_done();
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_have_a_limit_of_connections() {
    let world = with_roles().await;
    let limit = "select rolconnlimit::text from pg_roles where rolname = 'modgate_auditor'";
    assert_eq!(list(&mut world.sql().await, limit).await, ["20"]);
    let mut auditors = Vec::new();
    for _ in 0..20 {
        auditors.push(sql_as(&world, AUDITOR).await);
    }
    let refused = PgConnection::connect(&url_as(&world, AUDITOR)).await;
    let refused = refused.map(drop).map_err(|error| error.to_string());
    assert!(
        refused
            .as_ref()
            .is_err_and(|told| told.contains("too many connections for role")),
        "{refused:?}"
    );
    let mut admin = sql_as(&world, "admin").await;
    run(&mut admin, "alter role modgate_auditor connection limit 7").await;
    let roles = include_str!("../../../deploy/roles.sql");
    run(&mut admin, roles).await;
    assert_eq!(
        list(&mut world.sql().await, limit).await,
        ["7"],
        "it is somebody's choice"
    );
}
