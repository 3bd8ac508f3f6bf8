//! Names mean the same for every role and every setting of the search path.

use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;

use super::{Run, list, migrations, run, sql};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::postgres::Database;
use crate::support::world::World;

/// The URL of a database for another role, which needs no password of its own.
fn url_of(database: &Database, role: &str) -> String {
    let options: PgConnectOptions = database.url.parse().expect("it is a URL");
    let options = options.username(role).password("only for tests");
    options.to_url_lossy().to_string()
}

/// An empty database of a server of its own, for roles belong to the whole server.
async fn of_role(world: &World, role: &str, settings: &str) -> (Database, String) {
    let cluster = world.cluster.as_ref().expect("it has one");
    let database = cluster.create_database(None).await;
    let made = format!(
        "do $$ begin
             if to_regrole('{role}') is null then create role {role} superuser login password 'only for tests'; end if;
         end $$; {settings}"
    );
    run(&mut sql(&database.url).await, &made).await;
    let url = url_of(&database, role);
    (database, url)
}

const LISTS: &str = "select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace
                     where relname = '_sqlx_migrations' order by 1";

/// Whatever a database is for, it goes on being it: migrated again, checked, served with, verified.
async fn assert_works(world: World, url: &str) -> World {
    let world = world
        .set("MODGATE_DATABASE_URL", url)
        .set("MODGATE_MIGRATE", "false");
    for _ in 0..2 {
        Run::migrate(url).await.assert_done();
    }
    let live = Run::live(&world.variables).await;
    let schema = "ok: database: it has this build's schema";
    assert!(live.said.contains(schema), "{}", live.said);
    let mut world = world;
    for migrate in ["false", "true"] {
        let app = TestApp::in_world(world.set("MODGATE_MIGRATE", migrate)).await;
        assert_eq!(app.moderator("alice").kick_login("bob").await.status, 200);
        // The last look of a service that stops is not waited for for ever.
        eventually("there is a seal", Duration::from_secs(20), async || {
            let seals = "select count(*)::int from audit.seal";
            let seals: i32 = sqlx::query_scalar(seals)
                .fetch_one(&mut sql(url).await)
                .await
                .ok()?;
            (seals > 0).then_some(())
        })
        .await;
        world = app.shut_down().await;
    }
    for command in ["verify", "seals", "export"] {
        let database = ("MODGATE_DATABASE_URL".to_owned(), url.to_owned());
        Run::of(&[database].into(), &[command]).await.assert_done();
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_may_be_called_like_a_schema_of_ours() {
    let mut world = World::with_its_own_postgres().await;
    for role in ["modgate", "audit", "public_reader"] {
        let (database, url) = of_role(&world, role, "").await;
        world = assert_works(world, &url).await;
        assert_eq!(
            list(&mut sql(&database.url).await, LISTS).await,
            ["public._sqlx_migrations"],
            "{role}"
        );
    }
}

/// A first start of an earlier version, which named no schema.
async fn started_before(url: &str, with: &Migrator) {
    with.run(&mut sql(url).await).await.expect("they run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_migrations_that_an_earlier_version_put_elsewhere_is_found() {
    let mut world = World::with_its_own_postgres().await;
    let cases = [
        // As every later start of that role failed, and left a list with nothing in it.
        ("modgate", "", "create table modgate._sqlx_migrations (like public._sqlx_migrations)", "public"),
        ("elsewhere", "create schema app; alter role elsewhere set search_path = app, public", "", "app"),
        // Another program's.
        (
            "shared",
            "create schema shared;
             create table public._sqlx_migrations (
                 version bigint primary key, description text not null, installed_on timestamptz not null default now(),
                 success boolean not null, checksum bytea not null, execution_time bigint not null);
             insert into public._sqlx_migrations values (1, 'not ours', now(), true, 'x', 1)",
            "",
            "shared",
        ),
    ];
    for (role, before, after, schema) in cases {
        let (database, url) = of_role(&world, role, before).await;
        started_before(&url, &migrations()).await;
        run(&mut sql(&database.url).await, after).await;
        world = assert_works(world, &url).await;
        let listed = format!(
            "select count(*)::text from {schema}._sqlx_migrations where success and description <> 'not ours'"
        );
        let all = migrations().iter().count().to_string();
        let listed = list(&mut sql(&database.url).await, &listed).await;
        assert_eq!(listed, [all], "{role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_first_in_a_search_path_is_not_asked_instead() {
    let world = World::with_its_own_postgres().await;
    // Everything that the commands ask by a bare name.
    let first = "create schema decoy;
        create function decoy.now() returns timestamptz language sql as $$ select timestamptz '2000-01-01' $$;
        create function decoy.clock_timestamp() returns timestamptz language sql as $$ select timestamptz '2000-01-01' $$;
        create function decoy.to_regclass(text) returns regclass language sql as $$ select null::regclass $$;
        create table decoy.pg_class (oid oid, relname name, relkind \"char\", relnamespace oid);
        create table decoy.pg_namespace (oid oid, nspname name);
        alter role misled set search_path = decoy, pg_catalog";
    let (_database, url) = of_role(&world, "misled", first).await;
    assert_works(world, &url).await;
}
