//! The order of `deploy/kubernetes.yaml`: the roles, once; `migrate` as the owner, with each release; the
//! replicas. Nobody runs anything else.

use std::time::Duration;

use sqlx::migrate::Migrator;

use super::{Run, list, migrations, run, sql};
use crate::record::roles::{AUDITOR, OWNER, SERVICE, managed, roles, sql_as, url_as};
use crate::support::eventually::eventually;
use crate::support::process::Gateway;
use crate::support::world::World;

/// What `migrate` runs at its end.
fn grants() -> String {
    let needed = include_str!("../../../src/db/rights.sql");
    include_str!("../../../src/db/grants.sql").replace(":rights", needed)
}

pub(super) const SEED: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// Every right that anybody has on anything of ours.
const RIGHTS: &str = "
    with owned as (
        select format('schema %s', nspname) as name, nspacl as acl, nspowner as owner from pg_namespace
        where nspname in ('audit', 'modgate')
        union all
        select format('relation %s', oid::regclass), relacl, relowner from pg_class
        where relnamespace in ('audit'::regnamespace, 'modgate'::regnamespace)
           or oid = 'public._sqlx_migrations'::regclass
        union all
        select format('column %s.%s', attrelid::regclass, attname), attacl, relowner
        from pg_attribute join pg_class c on c.oid = attrelid
        where relnamespace in ('audit'::regnamespace, 'modgate'::regnamespace) and attacl is not null
        union all
        select format('function %s', oid::regprocedure), coalesce(proacl, acldefault('f', proowner)), proowner
        from pg_proc where pronamespace in ('audit'::regnamespace, 'modgate'::regnamespace))
    select format('%s: %s may %s', name, grantee::regrole, privilege_type)
    from owned cross join aclexplode(acl)
    where grantee <> owner order by 1";

/// A server with the roles, and an empty database; the settings are those of the replicas.
pub(super) async fn with_roles_alone() -> World {
    let world = managed().await;
    roles(&world).await;
    let service = url_as(&world, SERVICE);
    world
        .set("MODGATE_DATABASE_URL", &service)
        .set("MODGATE_SEAL_KEY", SEED)
}

/// A gateway serves there, acts, seals, and an auditor can check it.
async fn assert_serves(world: &World) {
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    assert_eq!(alice.kick_seat("room", "bob", "").await.status, 200);
    let actions = world.count("select count(*) from audit.action").await;
    eventually("they are sealed", Duration::from_secs(20), async || {
        let sealed = "select coalesce(sum(n), 0)::bigint from audit.seal";
        (world.count(sealed).await >= 2 * actions).then_some(())
    })
    .await;
    let log = gateway.log();
    gateway.signal("TERM");
    assert!(gateway.exit(Duration::from_secs(20)).await.success());
    for line in log.lines() {
        let failed = line.contains("permission denied") || line.contains("\"ERROR\"");
        assert!(!failed, "{line}");
    }
    for event in ["record_unprotected", "rights_unknown", "triggers_weak"] {
        assert!(log.events(event).is_empty(), "{event}");
    }
    let auditor = ("MODGATE_DATABASE_URL".to_owned(), url_as(world, AUDITOR));
    let key = ("MODGATE_SEAL_KEY".to_owned(), SEED.to_owned());
    let verified = Run::of(&[auditor, key].into(), &["verify"]).await;
    verified.assert_done();
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_in_its_own_order_serves() {
    let world = with_roles_alone().await;
    let early = Run::of(&world.variables, &["serve"]).await;
    early.assert_failed("migrations are pending: run `modgate migrate`");
    let owner = url_as(&world, OWNER);
    Run::migrate(&owner).await.assert_done();
    assert_serves(&world).await;
    let live = Run::live(&world.variables).await;
    assert!(!live.said.contains("wrong: database"), "{}", live.said);
    // With the next release, which changes nothing here.
    Run::migrate(&owner).await.assert_done();
    assert_serves(&world).await;
}

/// The first `count` migrations, as an earlier version had them.
fn first(count: usize) -> Migrator {
    let mut migrations = migrations();
    migrations.migrations.to_mut().truncate(count);
    migrations
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_from_any_earlier_schema_grants_what_a_new_one_has() {
    let world = with_roles_alone().await;
    let cluster = world.cluster.as_ref().expect("it has one");
    let mut expected = None;
    let all = migrations().iter().count();
    let mut databases = Vec::new();
    for count in (0..=all).rev() {
        let database = cluster.create_database(None).await;
        run(
            &mut sql(&database.url).await,
            "do $$ begin execute format('grant create on database %I to modgate_owner', current_database()); end $$;
             grant usage, create on schema public to modgate_owner",
        )
        .await;
        let url = url_as(&world, OWNER).replace(
            world.database.url.split(['/', '?']).nth(3).unwrap(),
            database.url.split(['/', '?']).nth(3).unwrap(),
        );
        if count > 0 {
            let mut owner = sql(&url).await;
            first(count).run(&mut owner).await.expect("they run");
        }
        Run::migrate(&url).await.assert_done();
        let mut sql = sql(&database.url).await;
        let rights = list(&mut sql, RIGHTS).await;
        assert!(
            rights.contains(&"relation modgate.seal_lock: modgate_service may UPDATE".to_owned()),
            "{rights:?}"
        );
        let expected = expected.get_or_insert_with(|| rights.clone());
        assert_eq!(&rights, expected, "after {count} migrations");
        databases.push(database);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_needs_no_second_file() {
    let world = with_roles_alone().await;
    let mut owner = sql_as(&world, OWNER).await;
    first(7).run(&mut owner).await.expect("they run");
    run(&mut owner, &grants()).await;
    drop(owner);
    let early = Run::of(&world.variables, &["serve"]).await;
    early.assert_failed("migrations are pending: run `modgate migrate`");
    Run::migrate(&url_as(&world, OWNER)).await.assert_done();
    assert_serves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_read_the_list_of_migrations_is_told_what_to_do() {
    let world = with_roles_alone().await;
    let owner = url_as(&world, OWNER);
    Run::migrate(&owner).await.assert_done();
    let revoke = "revoke all on public._sqlx_migrations from modgate_service";
    run(&mut sql_as(&world, OWNER).await, revoke).await;
    let serve = Run::of(&world.variables, &["serve"]).await;
    serve.assert_failed("may not read which migrations the database has: run `modgate migrate`");
    let live = Run::live(&world.variables).await;
    live.assert_failed("may not read which migrations the database has: run `modgate migrate`");
    Run::migrate(&owner).await.assert_done();
    assert_serves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_migrate_an_empty_database_at_once_wait_for_each_other() {
    let world = with_roles_alone().await;
    let owner = url_as(&world, OWNER);
    let all = futures_util::future::join_all((0..6).map(|_| Run::migrate(&owner))).await;
    for one in all {
        one.assert_done();
    }
    assert_serves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_roles_nothing_is_granted() {
    let world = World::with_its_own_postgres().await;
    Run::migrate(&world.database.url).await.assert_done();
    let rights = list(&mut world.sql().await, RIGHTS).await;
    // PUBLIC may run functions, in schemas that it may not use.
    let others = rights
        .iter()
        .filter(|right| !right.contains(": - may EXECUTE"));
    assert_eq!(others.count(), 0, "{rights:?}");
    // One of them is enough.
    run(&mut world.sql().await, "create role modgate_auditor login").await;
    Run::migrate(&world.database.url).await.assert_done();
    let rights = list(&mut world.sql().await, RIGHTS).await;
    let reads = "relation audit.action: modgate_auditor may SELECT".to_owned();
    assert!(rights.contains(&reads), "{rights:?}");
}
