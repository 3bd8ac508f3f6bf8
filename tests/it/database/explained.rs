//! What is wrong with a database is said in words that name the variable which leads to it, and once.

use std::collections::BTreeMap;

use super::manifest::{SEED, with_roles_alone};
use super::{Run, list, migrations, run, sql};
use crate::record::roles::{OWNER, SERVICE, url_as};
use crate::support::file::TemporaryFile;
use crate::support::postgres::Cluster;
use crate::support::process::Gateway;
use crate::support::world::World;

const SERVICE_URL: &str = "MODGATE_DATABASE_URL";
const OWNER_URL: &str = "MODGATE_OWNER_DATABASE_URL";

const ID: &str = "01890000-0000-7000-8000-000000000000";

/// Every command that connects and takes the service's or auditor's URL.
const OF_THE_SERVICE: &[&[&str]] = &[&["verify"], &["seals"], &["export"]];

/// Every one that takes the owner's, if there is one.
const OF_THE_OWNER: &[&[&str]] = &[
    &["retain"],
    &["acknowledge", ID, "--reason", "known"],
    &["seals", "--accept-break", "--reason", "restored"],
    &["seals", "--witness-init"],
];

/// The settings of all commands but the URLs.
fn settings(witness: &TemporaryFile) -> BTreeMap<String, String> {
    let settings = [
        ("MODGATE_SEAL_KEY", SEED),
        ("MODGATE_RETENTION", "400d"),
        ("MODGATE_SEAL_WITNESS_FILE", witness.path()),
    ];
    settings
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// What each command says of the database at `url`, and the variable that it must name.
async fn all(url: &str) -> Vec<(&'static str, String, Run)> {
    let witness = TemporaryFile::new("");
    let mut runs = Vec::new();
    let cases = [
        (SERVICE_URL, SERVICE_URL, OF_THE_SERVICE),
        (SERVICE_URL, SERVICE_URL, OF_THE_OWNER),
        (OWNER_URL, OWNER_URL, OF_THE_OWNER),
    ];
    for (set, named, commands) in cases {
        for command in commands {
            let mut variables = settings(&witness);
            variables.insert(set.to_owned(), url.to_owned());
            let ran = Run::of(&variables, command).await;
            runs.push((named, command.join(" "), ran));
        }
    }
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_record_is_told_from_a_broken_one() {
    let database = Cluster::shared().await.create_database(None).await;
    for (variable, command, ran) in all(&database.url).await {
        let said = format!(
            "modgate: {variable}: the database has no tables of modgate: run `modgate migrate`"
        );
        assert!(ran.said.starts_with(&said), "{command}: {ran:?}");
        assert!(ran.code.is_some_and(|code| code != 0), "{command}: {ran:?}");
        assert_eq!(ran.said.lines().count(), 1, "{command}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_named_by_its_variable_and_its_error_said_once() {
    let world = World::new().await;
    let (server, _) = world.database.url.rsplit_once('/').expect("it has a path");
    let nowhere = format!("{server}/not_there");
    let mut runs = all(&nowhere).await;
    for variable in [SERVICE_URL, OWNER_URL] {
        let variables = [(variable.to_owned(), nowhere.clone())].into();
        runs.push((
            variable,
            "migrate".to_owned(),
            Run::of(&variables, &["migrate"]).await,
        ));
    }
    for (set, migrate) in [(SERVICE_URL, "false"), (OWNER_URL, "true")] {
        let mut variables = world.variables.clone();
        variables.insert("MODGATE_MIGRATE".to_owned(), migrate.to_owned());
        variables.insert(set.to_owned(), nowhere.clone());
        let ran = Run::of(&variables, &["serve"]).await;
        let logged = format!("{set}: the database cannot be reached: ");
        assert_eq!(
            ran.said.matches(&logged).count(),
            2,
            "logged, and printed: {ran:?}"
        );
        for line in ran.said.lines() {
            assert!(line.matches("does not exist").count() < 2, "{line}");
        }
    }
    for (variable, command, ran) in runs {
        let said = format!("modgate: {variable}: the database cannot be reached: ");
        assert!(ran.said.starts_with(&said), "{command}: {ran:?}");
        let texts = ran.said.matches("does not exist").count();
        assert_eq!(texts, 1, "{command}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_migrations_that_the_owner_may_not_read_stops_migrate() {
    let world = with_roles_alone().await;
    // An earlier version migrated as this role, whose search path does not begin with `public`.
    let before = "do $$ begin
            create role elsewhere login password 'only for tests';
            execute format('grant create on database %I to elsewhere', current_database());
            create schema app authorization elsewhere;
            alter role elsewhere set search_path = app;
        end $$";
    run(&mut world.sql().await, before).await;
    let mut elsewhere = sql(&url_as(&world, "elsewhere")).await;
    migrations().run(&mut elsewhere).await.expect("they run");

    let owner = url_as(&world, OWNER);
    let stopped = Run::migrate(&owner).await;
    stopped.assert_failed(
        "MODGATE_OWNER_DATABASE_URL: app._sqlx_migrations of role elsewhere may list the migrations of this database, \
         and this role (modgate_owner) may not read it: run deploy/roles.sql",
    );
    stopped.assert_failed("`grant usage, create on schema app to modgate_owner; grant select,");
    let lists = "select format('%s of %s', oid::regclass, relowner::regrole) from pg_class
                 where relname = '_sqlx_migrations' order by 1";
    let all = list(&mut world.sql().await, lists).await;
    assert_eq!(
        all,
        ["app._sqlx_migrations of elsewhere"],
        "nothing was begun"
    );

    // As it says.
    let roles = include_str!("../../../deploy/roles.sql");
    run(&mut world.sql().await, roles).await;
    let all = list(&mut world.sql().await, lists).await;
    assert_eq!(all, ["app._sqlx_migrations of modgate_owner"]);
    Run::migrate(&owner).await.assert_done();
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let kicked = gateway.moderator("alice").kick_login("bob").await;
    assert_eq!(kicked.status, 200, "{SERVICE} may read the list");
    let auditor = (
        SERVICE_URL.to_owned(),
        url_as(&world, crate::record::roles::AUDITOR),
    );
    let key = ("MODGATE_SEAL_KEY".to_owned(), SEED.to_owned());
    Run::of(&[auditor, key].into(), &["verify"])
        .await
        .assert_done();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_list_in_another_schema_may_use_that_schema() {
    let world = World::with_its_own_postgres().await;
    let cluster = world.cluster.as_ref().expect("it has one");
    let database = cluster.create_database(None).await;
    let before = "create role modgate_service login password 'only for tests'; create schema app;
                  set search_path = app";
    let mut sql = sql(&database.url).await;
    run(&mut sql, before).await;
    migrations().run(&mut sql).await.expect("they run");
    Run::migrate(&database.url).await.assert_done();
    let may = "select has_schema_privilege('modgate_service', 'app', 'usage')::text";
    assert_eq!(list(&mut sql, may).await, ["true"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_programs_list_is_neither_in_the_way_nor_given_away() {
    let world = with_roles_alone().await;
    let other = "do $$ begin
            create role shop login;
            create schema shop authorization shop;
        end $$;
        create table shop._sqlx_migrations (
            version bigint primary key, description text not null, installed_on timestamptz not null default now(),
            success boolean not null, checksum bytea not null, execution_time bigint not null);
        insert into shop._sqlx_migrations values (1, 'not ours', now(), true, 'x', 1);
        alter table shop._sqlx_migrations owner to shop";
    run(&mut world.sql().await, other).await;
    Run::migrate(&url_as(&world, OWNER)).await.assert_done();
    let roles = include_str!("../../../deploy/roles.sql");
    run(&mut world.sql().await, roles).await;
    let lists = "select format('%s of %s', oid::regclass, relowner::regrole) from pg_class
                 where relname = '_sqlx_migrations' order by 1";
    let all = list(&mut world.sql().await, lists).await;
    assert_eq!(
        all,
        [
            "_sqlx_migrations of modgate_owner",
            "shop._sqlx_migrations of shop"
        ]
    );
    Run::migrate(&url_as(&world, OWNER)).await.assert_done();
}

#[test]
fn the_roles_file_knows_the_first_migration() {
    let migrations = migrations();
    let first = migrations.iter().next().expect("there is one");
    let roles = include_str!("../../../deploy/roles.sql");
    assert!(roles.contains(&format!("'\\x{}'", hex::encode(&first.checksum))));
}
