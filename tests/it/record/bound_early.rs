//! The functions of the record mean what they meant when they were made, whoever calls them.

use sqlx::{Connection as _, PgConnection};

use super::roles::{SERVICE, sql_as, with_roles};
use super::{refusal, run};
use crate::support::world::World;

/// The migrations before functions were bound early, and the one that did it.
const BEFORE: [&str; 4] = [
    include_str!("../../../migrations/0001_record.sql"),
    include_str!("../../../migrations/0002_idempotency.sql"),
    include_str!("../../../migrations/0003_permit_lease.sql"),
    include_str!("../../../migrations/0004_seal.sql"),
];
const BOUND: &str = include_str!("../../../migrations/0005_decisions.sql");

/// What is needed to say that the time in an id is forty days later than it is. Every role may make
/// temporary types, and a name that is not qualified is looked for among them first.
const DISGUISE: &str = "
    create type pg_temp.timestamptz as enum ('epoch');
    create function pg_temp.later(pg_temp.timestamptz) returns pg_catalog.timestamptz language sql immutable
        as $$ select pg_catalog.timestamptz 'epoch' + interval '40 days' $$;
    create cast (pg_temp.timestamptz as pg_catalog.timestamptz) with function pg_temp.later as implicit";

/// An action whose id is of forty days ago, requested now.
const OF_THE_PAST: &str = "
    insert into audit.action (id, kind, moderator, issuer, user_id, client_ip, peer_ip, http_request_id, instance,
                              version, sdk_app_id, tencent_host, deadline_ms, requested_at, leaf_hash)
    select (lpad(to_hex(floor(extract(epoch from now() - interval '40 days') * 1000)::bigint), 12, '0')
            || '70008000000000000000')::uuid,
           'kick_login', 'alice', 'test', 'bob', '127.0.0.1', '::1', 'r', 'i', '0', 1400000001, 'h', 10000,
           date_trunc('milliseconds', now()), sha256('')";

#[tokio::test(flavor = "multi_thread")]
async fn every_function_is_bound_when_it_is_made_or_looks_in_pg_catalog_first() {
    let world = World::new().await;
    let functions = "select p.oid::regprocedure::text,
                            prosqlbody is not null
                            or coalesce('search_path=pg_catalog, pg_temp' = any(proconfig), false)
                     from pg_proc p where pronamespace in ('audit'::regnamespace, 'modgate'::regnamespace)";
    let functions: Vec<(String, bool)> = sqlx::query_as(functions)
        .fetch_all(&mut world.sql().await)
        .await
        .unwrap();
    assert!(functions.len() >= 9, "they were found: {functions:?}");
    let loose: Vec<_> = functions.iter().filter(|(_, is_bound)| !is_bound).collect();
    assert!(loose.is_empty(), "{loose:?}");
}

/// A database as it was before, with the service's rights, on the server of `world`.
async fn of_before(world: &World) -> (PgConnection, PgConnection) {
    let cluster = world.cluster.as_ref().expect("it has one");
    let database = cluster.create_database(None).await;
    let mut superuser = PgConnection::connect(&database.url)
        .await
        .expect("it was just made");
    for migration in BEFORE {
        run(&mut superuser, migration).await.expect("it applies");
    }
    let rights = "grant usage on schema audit to modgate_service;
                  grant select, insert on audit.action to modgate_service;
                  do $$ declare columns text; begin
                      select string_agg(quote_ident(attname), ', ') from pg_attribute into columns
                      where attrelid = 'audit.action'::regclass and attnum > 0 and attname not in ('recorded_at', 'xid');
                      revoke insert on audit.action from modgate_service;
                      execute format('grant insert (%s) on audit.action to modgate_service', columns);
                  end $$;
                  select audit.ensure_partitions(now() - interval '40 days', 0)";
    run(&mut superuser, rights)
        .await
        .expect("a superuser grants");
    let mut service = PgConnection::connect(&database.url)
        .await
        .expect("it was just made");
    // Not to come back: the superuser's rights are gone as far as these statements go.
    run(&mut service, "set session authorization modgate_service")
        .await
        .expect("a superuser may");
    (superuser, service)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_type_in_pg_temp_talks_a_check_into_a_row_of_the_past() {
    let world = with_roles().await;
    let (mut superuser, mut service) = of_before(&world).await;
    let refused = run(&mut service, OF_THE_PAST).await;
    assert_eq!(refusal(refused), "action_id_matches_requested_at");
    // It did, which is what this test is about.
    run(&mut service, DISGUISE).await.unwrap();
    run(&mut service, OF_THE_PAST)
        .await
        .expect("as it was before");
    let past = "select count(*) from audit.action
                where tableoid::regclass::text = 'audit.action_' || to_char(now() at time zone 'UTC' - interval '40 days', 'YYYYMM')";
    let past: i64 = sqlx::query_scalar(past)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(past, 1);

    run(&mut superuser, &format!("begin; {BOUND}; commit"))
        .await
        .unwrap();
    let service = &mut service;
    for statement in [
        OF_THE_PAST,
        &format!("set search_path = pg_temp, pg_catalog; {OF_THE_PAST}"),
    ] {
        let refused = run(service, statement).await;
        assert_eq!(refusal(refused), "action_id_matches_requested_at");
    }
}

/// Other names that the functions and checks of the record use, in disguise.
const DISGUISES: &[&str] = &[
    DISGUISE,
    "create domain pg_temp.uuid as pg_catalog.uuid; create domain pg_temp.text as pg_catalog.text;
     create domain pg_temp.regclass as pg_catalog.regclass",
    "create function pg_temp.now() returns timestamptz language sql as $$ select timestamptz '2020-01-01 00:00+00' $$;
     create function pg_temp.lpad(text, integer, text) returns text language sql as $$ select '000000000000' $$;
     create function pg_temp.clock_timestamp() returns timestamptz language sql as $$ select timestamptz '2020-01-01 00:00+00' $$;
     create function pg_temp.date_trunc(text, timestamptz) returns timestamptz language sql as $$ select timestamptz '2020-01-01 00:00+00' $$;
     create function pg_temp.pg_has_role(name, name, text) returns boolean language sql as 'select true'",
    "create function pg_temp.among(timestamptz, timestamptz) returns boolean language sql as 'select true';
     create operator pg_temp.>= (leftarg = timestamptz, rightarg = timestamptz, function = pg_temp.among);
     create operator pg_temp.<= (leftarg = timestamptz, rightarg = timestamptz, function = pg_temp.among);
     create operator pg_temp.< (leftarg = timestamptz, rightarg = timestamptz, function = pg_temp.among)",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_service_gets_nothing_past_the_checks_whatever_it_makes_in_pg_temp() {
    let world = with_roles().await;
    run(
        &mut world.sql().await,
        "select audit.ensure_partitions(now() - interval '40 days', 0)",
    )
    .await
    .unwrap();
    for disguise in DISGUISES {
        for path in [
            "pg_temp, pg_catalog, public",
            "public",
            "pg_catalog, pg_temp",
        ] {
            let mut service = sql_as(&world, SERVICE).await;
            run(&mut service, disguise).await.unwrap();
            run(&mut service, &format!("set search_path = {path}"))
                .await
                .unwrap();
            let insert = OF_THE_PAST
                .replace("now()", "pg_catalog.now()")
                .replace("to_hex", "pg_catalog.to_hex")
                .replace("lpad(", "pg_catalog.lpad(")
                .replace("date_trunc", "pg_catalog.date_trunc")
                .replace("::uuid", "::pg_catalog.uuid");
            let refused = run(&mut service, &insert).await;
            assert_eq!(
                refusal(refused),
                "action_id_matches_requested_at",
                "{disguise} in {path}"
            );
            let months = "select audit.ensure_partitions(pg_catalog.now() - interval '90 days', 0)";
            let refused = run(&mut service, months).await;
            assert_eq!(refusal(refused), "22023", "{disguise} in {path}");
            service.close().await.unwrap();
        }
    }
    let rows = world.count("select count(*) from audit.action").await;
    assert_eq!(rows, 0);
}
