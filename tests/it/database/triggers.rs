//! The triggers that guard the record, after somebody has had them off.

use std::time::Duration;

use super::{Run, list, run, sql};
use crate::seals::restored::{client, plain};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::Gateway;
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// All that Postgres says of them.
const TRIGGERS: &str = "
    select format('%s %s', tgenabled, pg_get_triggerdef(g.oid)) from pg_trigger g join pg_class c on c.oid = tgrelid
    where relnamespace = 'audit'::regnamespace order by 1";

/// Restores the rows of one database, and nothing else, into another that was migrated, with the triggers
/// out of the way.
fn restore_rows(from: &str, to: &str) {
    let dump = TemporaryFile::new("");
    let dumped = client("pg_dump")
        .args([
            "--data-only",
            "--disable-triggers",
            "--schema=audit",
            "--schema=modgate",
        ])
        .args(["--file", dump.path(), "--dbname", plain(from)])
        .output()
        .expect("pg_dump can be run");
    assert!(dumped.status.success(), "{dumped:?}");
    let restored = client("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump.path()])
        .args(["--dbname", plain(to)])
        .output()
        .expect("psql can be run");
    assert!(restored.status.success(), "{restored:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_had_the_triggers_off_is_noticed_and_mended() {
    let seed = "5a".repeat(32);
    let world = World::new().await.set("MODGATE_SEAL_KEY", &seed);
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("bob").await.status,
        200
    );
    eventually("it is sealed", PATIENCE, async || {
        let sealed = world.count("select coalesce(sum(n), 0)::bigint from audit.seal");
        (sealed.await == 2).then_some(())
    })
    .await;
    gateway.kill();
    let restored = World::new().await.set("MODGATE_SEAL_KEY", &seed);
    let before = list(&mut restored.sql().await, TRIGGERS).await;
    restore_rows(&world.database.url, &restored.database.url);
    let month: String = list(
        &mut restored.sql().await,
        "select tableoid::regclass::text from audit.action",
    )
    .await
    .remove(0);
    let fault = format!("{month}: trigger append_only is off in replica mode");

    let mut variables = restored.variables_of_the_record();
    let verified = Run::of(&variables, &["verify"]).await;
    assert_eq!(verified.code, Some(1), "{}", verified.said);
    let tampered = format!("tampered: table {fault}, not always on");
    assert!(verified.said.contains(&tampered), "{}", verified.said);
    let live = Run::live(&restored.variables).await;
    live.assert_failed(&fault);
    let gateway = Gateway::start(&restored.variables).await.ready().await;
    let log = gateway.log();
    let said = eventually("it is said", PATIENCE, async || {
        log.events("triggers_weak").pop()
    })
    .await;
    let faults = said["faults"].as_str().expect("a text");
    assert!(faults.contains(&fault), "{said}");
    let shown = gateway.operator().get("/readyz").await.json();
    let degraded = shown["degraded"].as_array().expect("a list");
    assert!(degraded.contains(&"triggers".into()), "{shown}");
    gateway.kill();

    let migrated = Run::migrate(&restored.database.url).await;
    migrated.assert_done();
    assert!(
        migrated.said.contains(&format!("mended: {fault}\n")),
        "{}",
        migrated.said
    );
    assert_eq!(list(&mut restored.sql().await, TRIGGERS).await, before);
    variables.insert("MODGATE_SEAL_KEY".to_owned(), seed);
    let verified = Run::of(&variables, &["verify"]).await;
    assert!(
        !verified.said.contains("tampered: table"),
        "{}",
        verified.said
    );
    let gateway = Gateway::start(&restored.variables).await.ready().await;
    let log = gateway.log();
    eventually("it has looked", PATIENCE, async || {
        // What is said in any case of a restored record, after the triggers were looked at.
        log.events("chain_broken").pop()
    })
    .await;
    assert!(log.events("triggers_weak").is_empty());
    let migrated = Run::migrate(&restored.database.url).await;
    assert!(!migrated.said.contains("mended"), "{}", migrated.said);
}

const WEAK: [(&str, &str); 7] = [
    ("alter table TABLE disable trigger TRIGGER", "disabled"),
    ("alter table TABLE disable trigger all", "disabled"),
    ("alter table TABLE enable trigger TRIGGER", "off in replica mode"),
    ("alter table TABLE enable replica trigger TRIGGER", "on in replica mode alone"),
    ("drop trigger TRIGGER on TABLE", "missing"),
    (
        "create or replace trigger TRIGGER before update on TABLE
             for each statement execute function audit.refuse_change();
         alter table TABLE enable always trigger TRIGGER",
        "another one",
    ),
    (
        "create function public.nothing() returns trigger language plpgsql as 'begin return new; end';
         drop trigger TRIGGER on TABLE;
         create trigger TRIGGER before update or delete or truncate on TABLE
             for each statement execute function public.nothing();
         alter table TABLE enable always trigger TRIGGER",
        "another one",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_trigger_is_named_and_mended() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let all = list(&mut sql, TRIGGERS).await;
    let month = list(
        &mut sql,
        "select max(inhrelid::regclass::text) from pg_inherits
                                where inhparent = 'audit.event'::regclass",
    )
    .await
    .remove(0);
    for (weaken, fault) in WEAK {
        let mut faults = Vec::new();
        for (table, trigger) in [
            ("audit.action", "append_only"),
            (month.as_str(), "append_only"),
            ("audit.seal", "append_only"),
            ("audit.seal", "in_order"),
            ("audit.prune", "append_only"),
            ("audit.decision", "append_only"),
        ] {
            let weaken = weaken.replace("TABLE", table).replace("TRIGGER", trigger);
            let weaken = weaken.replace("create function", "create or replace function");
            run(&mut sql, &weaken).await;
            faults.push(format!("mended: {table}: trigger {trigger} is {fault}"));
        }
        let migrated = Run::migrate(&world.database.url).await;
        migrated.assert_done();
        let mended = migrated.said.lines();
        let mut mended: Vec<&str> = mended.filter(|line| line.starts_with("mended: ")).collect();
        mended.sort_unstable();
        faults.sort();
        assert_eq!(mended, faults, "{weaken}");
        assert_eq!(list(&mut sql, TRIGGERS).await, all, "{weaken}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trigger_that_the_migrations_make_is_one_that_is_mended() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let all = list(&mut sql, TRIGGERS).await;
    assert!(all.len() > 10, "{all:?}");
    run(
        &mut sql,
        "do $$ declare g record; begin
             for g in select tgrelid::regclass as name, tgname from pg_trigger join pg_class c on c.oid = tgrelid
                      where relnamespace = 'audit'::regnamespace loop
                 execute format('drop trigger %I on %s', g.tgname, g.name);
             end loop;
         end $$",
    )
    .await;
    assert_eq!(list(&mut sql, TRIGGERS).await, Vec::<String>::new());
    Run::migrate(&world.database.url).await.assert_done();
    assert_eq!(list(&mut sql, TRIGGERS).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn mending_does_not_stop_the_record_for_long_behind_an_open_reader() {
    let app = TestApp::start().await;
    run(
        &mut app.sql().await,
        "alter table audit.action enable trigger append_only",
    )
    .await;
    let mut reader = sql(&app.database.url).await;
    run(&mut reader, "begin; select count(*) from audit.action").await;
    // It takes a lock that readers do not mind.
    let migrated = tokio::time::timeout(PATIENCE, Run::migrate(&app.database.url)).await;
    migrated.expect("it does not wait").assert_done();
    assert_eq!(app.moderator("alice").kick_login("bob").await.status, 200);
    run(&mut reader, "rollback").await;
    // A writer that stays is waited for, for a while.
    run(
        &mut app.sql().await,
        "alter table audit.action enable trigger append_only",
    )
    .await;
    run(
        &mut reader,
        "begin; lock table audit.action in row exclusive mode",
    )
    .await;
    let migrated = tokio::time::timeout(PATIENCE, Run::migrate(&app.database.url)).await;
    migrated.expect("it gives up").assert_failed("lock timeout");
    run(&mut reader, "rollback").await;
    app.stop().await;
}
