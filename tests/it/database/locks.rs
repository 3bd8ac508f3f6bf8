//! Who may make whom wait: a lock that keeps the service from its work takes a right that those who
//! only read do not have.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use super::{Run, list, run, try_run};
use crate::record::refusal;
use crate::record::roles::{AUDITOR, OWNER, SERVICE, sql_as, url_as, with_roles};
use crate::support::eventually::eventually;
use crate::support::process::Gateway;
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// What earlier versions took, and what the migrations of any sqlx program take.
const ADVISORY: &str = "
    select pg_advisory_lock(hashtextextended(name, 0)) from (values
        ('audit.seal'), ('audit.retain'), ('audit.ensure_partitions'),
        ('modgate.permit_lease 1400000001 kick_login'), ('modgate.permit_lease 1400000001 kick_seat')) as taken (name)";

const RELATIONS: &str = "
    select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace
    where relkind in ('r', 'p', 'v') and (nspname in ('audit', 'modgate') or relname = '_sqlx_migrations')
    order by 1";

const MODES: [&str; 7] = [
    "row share",
    "row exclusive",
    "share update exclusive",
    "share",
    "share row exclusive",
    "exclusive",
    "access exclusive",
];

/// The number under which sqlx locks a database while it migrates it.
async fn migrations_lock(sql: &mut PgConnection) -> i64 {
    let name: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(sql)
        .await
        .expect("Postgres knows");
    let mut crc = u32::MAX;
    for byte in name.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    0x3d32_ad9e * i64::from(!crc)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_can_keep_nobody_from_anything() {
    let world = with_roles().await;
    let owner = url_as(&world, OWNER);
    let world = world
        .set("MODGATE_OWNER_DATABASE_URL", &owner)
        .set("MODGATE_SEAL_KEY", &"5a".repeat(32))
        .set("MODGATE_RETENTION", "400d");
    let mut auditor = sql_as(&world, AUDITOR).await;
    let relations = list(&mut world.sql().await, RELATIONS).await;
    assert!(relations.len() > 15, "{relations:?}");
    for relation in &relations {
        for mode in MODES {
            let lock = format!("begin; lock table {relation} in {mode} mode nowait");
            let refused = try_run(&mut auditor, &lock).await;
            assert_eq!(refusal(refused), "42501", "{lock}");
            run(&mut auditor, "rollback").await;
        }
        for strength in ["key share", "share", "no key update", "update"] {
            let lock = format!("select from {relation} for {strength}");
            let refused = try_run(&mut auditor, &lock).await;
            assert_eq!(refusal(refused), "42501", "{lock}");
        }
    }
    for function in [
        "modgate.try_lock_seals()",
        "audit.ensure_partitions()",
        "modgate.renew_permit_lease(1, 'a', gen_random_uuid(), 1, 1, 1, 1, 1, '1 s', '1 s')",
        "modgate.renew_permit_leases(1, gen_random_uuid(), '1 s', '1 s', '{a}', '{1}', '{1}', '{1}', '{1}', '{1}')",
        "modgate.give_up_permit_leases(1, gen_random_uuid(), '{a}', '{1}', '{1}', '{1 s}', true)",
        "modgate.all_permit_leases_given_up(1)",
    ] {
        let refused = try_run(&mut auditor, &format!("select {function}")).await;
        assert_eq!(refusal(refused), "42501", "{function}");
    }

    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    // All that it may have, and all that anybody may have.
    let lock = migrations_lock(&mut auditor).await;
    run(&mut auditor, &format!("select pg_advisory_lock({lock})")).await;
    run(&mut auditor, ADVISORY).await;
    run(&mut auditor, "begin").await;
    for relation in relations.iter().filter(|name| name.starts_with("audit.")) {
        let lock = format!("savepoint one; lock table {relation} in access share mode");
        // A month is read through its parent alone.
        if try_run(&mut auditor, &lock).await.is_err() {
            run(&mut auditor, "rollback to one").await;
        }
    }
    assert_eq!(alice.kick_seat("room", "bob", "").await.status, 200);
    let renewals = "select coalesce(min(renewal), 0) from modgate.permit_lease";
    let (before, seals) = (
        world.count(renewals).await,
        world.count("select count(*) from audit.seal").await,
    );
    eventually("leases are renewed", PATIENCE, async || {
        (world.count(renewals).await >= before + 3).then_some(())
    })
    .await;
    assert_eq!(alice.kick_login("carol").await.status, 200);
    eventually("rows are sealed", PATIENCE, async || {
        let more = world.count("select count(*) from audit.seal").await;
        (more > seals).then_some(())
    })
    .await;
    let mut service = sql_as(&world, SERVICE).await;
    run(&mut service, "set statement_timeout = '10s'").await;
    run(&mut service, "select audit.ensure_partitions(now(), 4)").await;
    let migrated = tokio::time::timeout(PATIENCE, Run::migrate(&owner)).await;
    migrated.expect("it waits for nobody").assert_done();
    let retained = Run::of(&world.variables, &["retain"]);
    let retained = tokio::time::timeout(PATIENCE, retained).await;
    retained.expect("it waits for nobody").assert_done();
    assert!(gateway.log().events("lease_not_renewed").is_empty());
    run(&mut auditor, "rollback").await;
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_takes_an_advisory_lock() {
    let world = World::new().await;
    let functions = "select oid::regprocedure::text from pg_proc
                     where pronamespace in ('audit'::regnamespace, 'modgate'::regnamespace)
                       and prosrc like '%advisory%'";
    let functions = list(&mut world.sql().await, functions).await;
    assert_eq!(functions, Vec::<String>::new());
    let mut found = Vec::new();
    let mut directories = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("it is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                directories.push(path);
            } else if std::fs::read_to_string(&path)
                .is_ok_and(|text| text.contains("_advisory_") || text.contains("set_locking(true"))
            {
                found.push(path);
            }
        }
    }
    assert_eq!(found, Vec::<std::path::PathBuf>::new());
}

const SEAL: &str = "
    insert into audit.seal (no, epoch, format, prev, n, leaves, sealed_at, head, snapshot)
    select coalesce(max(no), 0) + 1, 1, 3, sha256(''), 0, '', now(), sha256('x'), pg_current_snapshot()
    from audit.seal";

async fn may_seal(sql: &mut PgConnection) -> bool {
    sqlx::query_scalar("select modgate.try_lock_seals()")
        .fetch_one(sql)
        .await
        .expect("it is told")
}

/// How many wait for a lock of this table.
async fn waiting(world: &World, table: &str) -> i64 {
    let waiting = format!(
        "select count(*) from pg_locks join pg_database on pg_database.oid = database
         where datname = current_database() and relation = '{table}'::regclass and not granted"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(waiting))
        .fetch_one(&mut world.sql().await)
        .await
        .expect("Postgres knows")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealer_that_knows_only_the_advisory_lock_never_seals_beside_another() {
    let world = World::new().await;
    let (mut sealer, mut older, mut third) =
        (world.sql().await, world.sql().await, world.sql().await);
    run(&mut sealer, "begin").await;
    assert!(may_seal(&mut sealer).await);
    // What the version before this schema does.
    run(&mut older, "begin").await;
    let lock = "select pg_try_advisory_xact_lock(hashtextextended('audit.seal', 0))";
    let is_mine: bool = sqlx::query_scalar(lock)
        .fetch_one(&mut older)
        .await
        .expect("it is told");
    assert!(is_mine, "it is told that nobody seals");
    let sealing = tokio::spawn(async move {
        let outcome = try_run(&mut older, SEAL).await;
        (older, outcome)
    });
    eventually("it waits", PATIENCE, async || {
        (waiting(&world, "modgate.seal_lock").await == 1).then_some(())
    })
    .await;
    assert!(!may_seal(&mut third).await, "nobody waits for his turn");
    run(&mut sealer, SEAL).await;
    run(&mut sealer, "commit").await;
    let (mut older, refused) = sealing.await.expect("it does not panic");
    let told = format!("{refused:?}");
    assert!(told.contains("does not follow"), "{told}");

    // And the other way round.
    run(&mut older, "rollback; begin").await;
    run(&mut older, SEAL).await;
    assert!(!may_seal(&mut third).await);
    older.close().await.expect("it goes away in the middle");
    eventually("it holds nothing any more", PATIENCE, async || {
        may_seal(&mut third).await.then_some(())
    })
    .await;
    assert_eq!(world.count("select count(*) from audit.seal").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_a_replica_from_sealing_is_named() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let mut holder = world.sql().await;
    let lock = "set application_name = 'by hand'; begin;
                lock table modgate.seal_lock in share row exclusive mode";
    run(&mut holder, lock).await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut holder)
        .await
        .expect("Postgres knows");
    let log = gateway.log();
    let said = eventually("it is said", PATIENCE, async || {
        log.events("seal_lock_held").pop()
    })
    .await;
    assert_eq!(said["pid"], pid, "{said}");
    assert_eq!(said["application"], "by hand", "{said}");
    assert!(said["role"].is_string(), "{said}");
    run(&mut holder, "rollback").await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    eventually("it seals again", PATIENCE, async || {
        (world.count("select count(*) from audit.seal").await > 0).then_some(())
    })
    .await;
    assert_eq!(log.events("seal_lock_held").len(), 1, "once a minute");
    assert!(log.events("not_sealed").is_empty());
}
