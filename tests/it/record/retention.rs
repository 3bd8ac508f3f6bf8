//! Months that need not be kept are dropped, and the rest still verifies.

use std::collections::BTreeMap;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::leaves;
use super::roles::{OWNER, url_as, with_roles};
use super::{Row, id_of};
use crate::seals::genuine::Genuine;
use crate::seals::{Evidence, verdicts};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, Log, modgate};
use crate::support::world::World;

const DAY: Duration = Duration::from_hours(24);

/// An action of that many days ago and its end.
async fn past(world: &World, days: u32) -> Uuid {
    let mut sql = world.sql().await;
    let id = id_of(DAY * days);
    let then = format!("now() - interval '{days} days'");
    let month = format!("select audit.ensure_partitions({then}, 0)");
    super::run(&mut sql, &month)
        .await
        .expect("the month is made");
    let action = Row::action(id).with("recorded_at", &then);
    action.insert(&mut sql).await.expect("it breaks no rule");
    let end = Row::answered(id, 1, "succeeded", 0).with("at", &then);
    let end = end.with("recorded_at", &then);
    end.insert(&mut sql).await.expect("it breaks no rule");
    id
}

/// Actions of 500, 470 and 100 days ago and of now, all sealed by a gateway that has stopped.
async fn sealed(world: &World) -> [Uuid; 3] {
    let ids = [
        past(world, 500).await,
        past(world, 470).await,
        past(world, 100).await,
    ];
    leaves::make(&mut world.sql().await).await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("bob").await.status,
        200
    );
    let rows = "select (select count(*) from audit.action) + (select count(*) from audit.event)";
    wait_until_sealed(world, world.count(rows).await).await;
    gateway.signal("TERM");
    assert!(gateway.exit(Duration::from_secs(20)).await.success());
    ids
}

async fn wait_until_sealed(world: &World, rows: i64) {
    eventually("all rows are sealed", Duration::from_secs(20), async || {
        let sealed = "select coalesce(sum(n), 0)::bigint from audit.seal";
        (world.count(sealed).await == rows).then_some(())
    })
    .await;
}

fn run(variables: &BTreeMap<String, String>, arguments: &[&str]) -> (i32, String, String) {
    let mut command = modgate(variables);
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(arguments)
        .output()
        .expect("the binary can be run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

fn with_seal_key(world: World) -> World {
    world
        .set("MODGATE_SEAL_KEY", &"5a".repeat(32))
        .set("MODGATE_RETENTION", "400d")
}

async fn months(world: &World) -> Vec<String> {
    let months = "select distinct to_char(audit.uuid7_time(id) at time zone 'UTC', 'YYYY-MM')
                  from audit.action order by 1";
    let months = sqlx::query_scalar(months)
        .fetch_all(&mut world.sql().await)
        .await;
    months.expect("the record can be read")
}

/// A run of retain that waits for a reader to let go of the first month, and that reader.
async fn waiting_retain(world: &World) -> (Child, PgConnection) {
    let mut reader = world.sql().await;
    super::run(&mut reader, "begin; select count(*) from audit.action")
        .await
        .expect("it may read");
    let mut retain = modgate(&world.variables);
    let retain = retain
        .arg("retain")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let retain = retain.spawn().expect("the binary can be run");
    eventually(
        "it waits for the reader",
        Duration::from_secs(20),
        async || {
            let waiting = "select count(*) from pg_inherits where inhdetachpending";
            (world.count(waiting).await == 1).then_some(())
        },
    )
    .await;
    (retain, reader)
}

#[tokio::test(flavor = "multi_thread")]
async fn months_past_retention_are_dropped_and_the_rest_still_verifies() {
    let mut world = with_seal_key(with_roles().await);
    let owner = url_as(&world, OWNER);
    world = world.set("MODGATE_OWNER_DATABASE_URL", &owner);
    let [_, _, young] = sealed(&world).await;
    let before = months(&world).await;
    assert_eq!(before.len(), 4);

    let (code, out, _) = run(&world.variables, &["retain", "--dry-run"]);
    assert_eq!((code, out.lines().count()), (0, 2), "{out}");
    assert_eq!(months(&world).await, before, "a dry run drops nothing");

    let (code, out, err) = run(&world.variables, &["retain"]);
    assert_eq!(code, 0, "{out}{err}");
    for month in &before[..2] {
        assert!(
            out.contains(&format!("dropped {month}: 1 actions, 1 events\n")),
            "{out}"
        );
    }
    assert_eq!(
        months(&world).await,
        before[2..],
        "nothing younger is touched"
    );
    let left = "select count(*) from pg_class where relname like 'event_%' and relname < 'event_'
                || to_char(now() - interval '400 days', 'YYYYMM') and relkind = 'r'";
    assert_eq!(world.count(left).await, 0, "events go with their actions");

    let (code, out, err) = run(&world.variables, &["verify"]);
    assert_eq!(code, 0, "{out}{err}");
    for month in &before[..2] {
        let told = format!("dropped by retain: {month}, 1 actions, 1 events (prune ");
        assert!(out.contains(&told), "{out}");
    }
    let (code, out, err) = run(&world.variables, &["retain"]);
    assert_eq!((code, out.as_str()), (0, "nothing to drop\n"), "{err}");

    let gateway = Gateway::start(&world.variables).await.ready().await;
    let auditor = gateway.moderator("auditor");
    assert_eq!(
        auditor.action(&young.to_string()).await.status,
        404,
        "not the auditor's own"
    );
    assert_eq!(auditor.kick_login("bob").await.status, 200);
    // Eight rows of before, two of prunes, and the new ones.
    wait_until_sealed(&world, 12).await;
    let (code, out, err) = run(&world.variables, &["verify"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("\nintact: 8 rows in "), "{out}");
    verdicts(&world.database.url, Evidence::default()).assert_intact("after retain");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_with_a_row_that_is_not_sealed_is_refused() {
    let world = with_seal_key(World::new().await);
    let [oldest, ..] = sealed(&world).await;
    let before = months(&world).await;
    // As when recovery ends an action of long ago right before.
    let mut sql = world.sql().await;
    let late = Row::event(oldest, 2, "unknown");
    late.insert(&mut sql).await.unwrap();
    leaves::make(&mut sql).await;
    let unkeyed = {
        let mut variables = world.variables.clone();
        variables.remove("MODGATE_SEAL_KEY");
        variables
    };
    let (code, out, err) = run(&unkeyed, &["retain"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    let row = format!("event {oldest} rev 2 is in no seal yet");
    assert!(err.contains(&row), "{err}");
    assert_eq!(months(&world).await, before, "nothing is dropped");
    assert_eq!(world.count("select count(*) from audit.prune").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_dropped_from_a_record_that_was_tampered_with() {
    let world = with_seal_key(World::new().await);
    let [oldest, ..] = sealed(&world).await;
    let mut sql = world.sql().await;
    let tamper = format!(
        "alter table audit.action disable trigger all;
         do $$ declare month regclass; begin
             select tableoid from audit.action where id = '{oldest}' into month;
             execute format('alter table %s disable trigger all', month);
         end $$;
         update audit.action set reason = 'another' where id = '{oldest}'"
    );
    super::run(&mut sql, &tamper).await.unwrap();
    let before = months(&world).await;
    let (code, _, err) = run(&world.variables, &["retain"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains(&format!("action {oldest}: changed after it was sealed")),
        "{err}"
    );
    assert_eq!(months(&world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_record_is_not_pruned_without_the_key() {
    let mut world = with_seal_key(World::new().await);
    sealed(&world).await;
    world.variables.remove("MODGATE_SEAL_KEY");
    let (code, _, err) = run(&world.variables, &["retain"]);
    assert_eq!(code, 1);
    assert!(err.contains("MODGATE_SEAL_KEY: must be set"), "{err}");
    assert_eq!(months(&world).await.len(), 4);
    world = world.set("MODGATE_RETENTION", "forever");
    let (code, out, _) = run(&world.variables, &["retain"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "nothing to drop: MODGATE_RETENTION is forever\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_finished_by_the_next_and_an_open_reader_blocks_nobody_else_and_is_named()
 {
    let world = with_seal_key(World::new().await);
    sealed(&world).await;
    let before = months(&world).await;
    let (mut retain, mut reader) = waiting_retain(&world).await;

    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200, "nobody waits");
    assert_eq!(alice.get("/v1/actions").await.status, 200);
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut reader)
        .await
        .expect("Postgres knows");
    let said = Log::default();
    said.follow(retain.stderr.take().expect("it is piped"));
    let who = format!("modgate: waiting for a lock: pid {pid}, role ");
    eventually("it says for whom", Duration::from_secs(20), async || {
        let lines = said.lines();
        lines
            .iter()
            .any(|line| line.starts_with(&who))
            .then_some(())
    })
    .await;
    retain.kill().unwrap();
    retain.wait().unwrap();
    let (code, out, err) = run(&world.variables, &["verify"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains(&format!("dropped by retain: {}", before[0])),
        "{out}"
    );

    super::run(&mut reader, "commit").await.unwrap();
    let (code, out, err) = eventually("the lock is free", Duration::from_secs(20), async || {
        let (code, out, err) = run(&world.variables, &["retain"]);
        (!err.contains("another `modgate retain`")).then_some((code, out, err))
    })
    .await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(months(&world).await, before[2..]);
    let (code, out, err) = run(&world.variables, &["verify"]);
    assert_eq!(code, 0, "{out}{err}");
    let found = alice.get("/v1/actions").await.json();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(2));
    let errors = gateway.log().events("not_sealed");
    assert_eq!(errors, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_detached_and_not_yet_dropped_keeps_nobody_from_sealing() {
    let world = with_seal_key(World::new().await);
    sealed(&world).await;
    let before = months(&world).await;
    let mut sql = world.sql().await;
    let undroppable = "create function public.refuse() returns event_trigger language plpgsql
                           as $$ begin raise 'not now'; end $$;
                       create event trigger undroppable on ddl_command_start when tag in ('DROP TABLE')
                           execute function public.refuse()";
    super::run(&mut sql, undroppable).await.unwrap();
    let (code, _, err) = run(&world.variables, &["retain"]);
    assert_eq!(code, 1, "{err}");
    let detached =
        "select count(*) from pg_class where relname ~ '^action_\\d{6}$' and not relispartition";
    assert_eq!(world.count(detached).await, 1, "{err}");

    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    // Eight rows of before, the prune, and the two new ones.
    wait_until_sealed(&world, 11).await;
    for event in ["record_newer", "not_sealed"] {
        assert_eq!(gateway.log().events(event), Vec::<Value>::new());
    }
    super::run(&mut sql, "drop event trigger undroppable")
        .await
        .unwrap();
    let (code, out, err) = run(&world.variables, &["retain"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(months(&world).await, before[2..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_was_dropped_without_retain_is_missed() {
    let world = with_seal_key(World::new().await);
    let [oldest, ..] = sealed(&world).await;
    let mut sql = world.sql().await;
    let month: String = sqlx::query_scalar(AssertSqlSafe(format!(
        "select tableoid::regclass::text from audit.action where id = '{oldest}'"
    )))
    .fetch_one(&mut sql)
    .await
    .unwrap();
    super::run(&mut sql, &format!("drop table {month}"))
        .await
        .unwrap();
    let (code, out, _) = run(&world.variables, &["verify"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains(&format!("tampered: action {oldest}: missing (seal ")),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_that_was_written_by_hand_drops_nothing_and_excuses_nothing() {
    let world = with_seal_key(World::new().await);
    sealed(&world).await;
    let before = months(&world).await;
    let mut sql = world.sql().await;
    // The youngest, which need not be dropped for years.
    super::run(
        &mut sql,
        "insert into audit.prune (id, month, actions, events, pruned_at, pruned_by, leaf_hash)
         values (gen_random_uuid(), date_trunc('month', now() at time zone 'UTC'), 1, 1, now(), 'postgres',
                 sha256('x'))",
    )
    .await
    .unwrap();
    let (code, _, err) = run(&world.variables, &["retain"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("prune ") && err.contains(": in no seal"),
        "{err}"
    );
    assert_eq!(months(&world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_missing_from_a_month_that_is_still_to_be_dropped_is_named() {
    let world = with_seal_key(World::new().await);
    let other = past(&world, 500).await;
    let [oldest, ..] = sealed(&world).await;
    let (mut retain, mut reader) = waiting_retain(&world).await;
    retain.kill().unwrap();
    retain.wait().unwrap();
    super::run(&mut reader, "commit").await.unwrap();
    let mut sql = world.sql().await;
    let remove = format!(
        "do $$ declare month regclass; begin
             select tableoid from audit.event where action_id = '{oldest}' into month;
             execute format('alter table %s disable trigger all', month);
         end $$;
         alter table audit.event disable trigger all;
         delete from audit.event where action_id = '{oldest}'"
    );
    super::run(&mut sql, &remove).await.unwrap();
    let (code, out, _) = run(&world.variables, &["verify"]);
    assert_eq!(code, 1, "{out}");
    let named: Vec<&str> = out
        .lines()
        .filter(|line| line.starts_with("tampered: "))
        .take(2)
        .collect();
    assert_eq!(named.len(), 2, "{out}");
    assert!(
        named[0].starts_with(&format!("tampered: event {oldest} rev 1: missing")),
        "{out}"
    );
    assert!(!out.contains(&format!("event {other}")), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_that_was_removed_is_named_with_what_it_excused() {
    let world = with_seal_key(World::new().await);
    let [oldest, ..] = sealed(&world).await;
    let (code, out, err) = run(&world.variables, &["retain"]);
    assert_eq!(code, 0, "{out}{err}");
    let remove = "alter table audit.prune disable trigger all; delete from audit.prune";
    super::run(&mut world.sql().await, remove).await.unwrap();
    let (code, out, _) = run(&world.variables, &["verify"]);
    assert_eq!(code, 1, "{out}");
    let prunes = out
        .lines()
        .filter(|line| line.starts_with("tampered: prune ") && line.contains(": missing (seal "));
    assert_eq!(prunes.count(), 2, "{out}");
    assert!(
        out.contains(&format!("tampered: action {oldest}: missing (seal ")),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_go_with_their_month_and_are_counted() {
    let world = with_seal_key(World::new().await);
    let mut sql = world.sql().await;
    let old = past(&world, 500).await;
    for row in [
        Genuine::batch(old),
        Genuine::item(old, 0),
        Genuine::item(old, 1),
        Genuine::batch_event(old, 1, "submitted"),
    ] {
        row.of_the_past(old).insert(&mut sql).await;
    }
    leaves::make(&mut sql).await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    wait_until_sealed(&world, 6).await;
    gateway.signal("TERM");
    assert!(gateway.exit(Duration::from_secs(20)).await.success());
    let (code, out, err) = run(&world.variables, &["retain"]);
    assert_eq!(code, 0, "{out}{err}");
    let dropped = "1 actions, 1 events, 1 batches, 2 batch items, 1 batch events";
    assert!(out.contains(&format!(": {dropped}\n")), "{out}");
    let left = "select (select count(*) from audit.batch) + (select count(*) from audit.batch_item)
                       + (select count(*) from audit.batch_event)";
    assert_eq!(world.count(left).await, 0);
    let (code, out, err) = run(&world.variables, &["verify"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains(dropped), "{out}");
}
