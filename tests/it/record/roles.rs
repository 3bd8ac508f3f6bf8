//! The roles of `deploy/roles.sql`: what each may do, and what Postgres keeps it from.

use std::str::FromStr as _;
use std::time::Duration;

use modgate::domain::Api;
use modgate::simulator::{Fault, FaultKind};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use uuid::Uuid;

use super::append_only::{changes, tables};
use super::recovery::audit_log_as;
use super::{Row, id_of, refusal, run};
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::process::{Gateway, modgate};
use crate::support::world::{World, token};

const ROLES: &str = include_str!("../../../deploy/roles.sql");

pub(crate) const OWNER: &str = "modgate_owner";
pub(crate) const SERVICE: &str = "modgate_service";
pub(crate) const AUDITOR: &str = "modgate_auditor";

/// Owns the database, as whoever administers a managed server does.
pub(super) const ADMIN: &str = "admin";

pub(crate) const PASSWORD: &str = "only for tests";

/// An empty database on a server of its own, for roles belong to the whole server. Its owner may
/// make roles and is no superuser.
pub(crate) async fn managed() -> World {
    let mut world = World::with_its_own_postgres().await;
    let cluster = world.cluster.as_ref().expect("it has one");
    world.database = cluster.create_database(None).await;
    let admin = format!(
        "create role {ADMIN} nosuperuser createrole createdb login password '{PASSWORD}';
         do $$ begin execute format('alter database %I owner to {ADMIN}', current_database()); end $$"
    );
    run(&mut world.sql().await, &admin)
        .await
        .expect("its superuser may do everything");
    world
}

/// The roles, and their passwords.
pub(crate) async fn roles(world: &World) {
    let mut admin = sql_as(world, ADMIN).await;
    for _ in 0..2 {
        run(&mut admin, ROLES).await.expect("the admin makes roles");
    }
    for role in [OWNER, SERVICE, AUDITOR] {
        let password = format!("alter role {role} password '{PASSWORD}'");
        run(&mut admin, &password).await.expect("it made the role");
    }
}

/// The steps of the README, each twice, and a gateway's settings with the service's role.
pub(crate) async fn with_roles() -> World {
    let world = managed().await;
    roles(&world).await;
    for _ in 0..2 {
        migrate_as(&world, OWNER);
    }
    for role in [ADMIN, OWNER] {
        run(&mut sql_as(&world, role).await, ROLES)
            .await
            .expect("at any time");
    }
    let service = url_as(&world, SERVICE);
    world.set("MODGATE_DATABASE_URL", &service)
}

pub(crate) fn url_as(world: &World, role: &str) -> String {
    let options = PgConnectOptions::from_str(&world.database.url).expect("it is a URL");
    let options = options.username(role).password(PASSWORD);
    options.to_url_lossy().to_string()
}

pub(crate) async fn sql_as(world: &World, role: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(&url_as(world, role)).expect("it is a URL");
    options.connect().await.expect("the role may connect")
}

pub(super) fn migrate_as(world: &World, role: &str) {
    let owner = ("MODGATE_OWNER_DATABASE_URL".to_owned(), url_as(world, role));
    let migrated = modgate(&[owner].into()).arg("migrate").output();
    let migrated = migrated.expect("the binary can be run");
    assert!(migrated.status.success(), "{migrated:?}");
}

/// Refused for want of a right, and not by a trigger, which its owner can disable.
async fn assert_no_right(sql: &mut PgConnection, statement: &str) {
    let refused = run(sql, statement).await;
    let told = format!("{refused:?}");
    assert_eq!(refusal(refused), "42501", "{statement}: {told}");
    assert!(!told.contains("append-only"), "{statement}: {told}");
}

/// Whoever may do one of these can rewrite the record.
const REWRITES: &[&str] = &[
    "drop schema audit cascade",
    "alter schema audit rename to gone",
    "drop view audit.actions",
    "create or replace view audit.actions as select 1",
    "create table audit.planted ()",
    "create function audit.planted() returns integer language sql as 'select 1'",
    "create or replace function audit.refuse_change() returns trigger language plpgsql as 'begin return null; end'",
    "alter function audit.refuse_change() owner to current_user",
    "drop function audit.refuse_change() cascade",
    "create or replace function audit.ensure_partitions(moment timestamptz, months_ahead integer)
     returns integer language sql as 'select 1'",
    "alter function audit.ensure_partitions(timestamptz, integer) security invoker",
    "select audit.make_append_only('audit.action')",
    "set session_replication_role = replica",
    "set role modgate_owner",
    "set session authorization modgate_owner",
    "grant modgate_owner to current_user",
    "alter role current_user superuser",
    "delete from public._sqlx_migrations",
    "create table public.planted ()",
];

/// The same for one table or month.
fn rewrites(table: &str) -> Vec<String> {
    let mut rewrites = changes(table);
    rewrites.extend([
        format!("drop table {table}"),
        format!("alter table {table} disable trigger append_only"),
        format!("alter table {table} disable trigger all"),
        format!("drop trigger append_only on {table}"),
        format!("alter table {table} add column planted integer"),
        format!("alter table {table} alter column recorded_at set default 'epoch'"),
        format!("alter table {table} owner to current_user"),
        format!("create rule planted as on insert to {table} do instead nothing"),
        format!(
            "create trigger planted before insert on {table} for each row execute function audit.refuse_change()"
        ),
    ]);
    rewrites
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_does_all_of_its_work_with_its_own_rights() {
    let world = with_roles().await;
    let mut sql = world.sql().await;
    let abandoned = id_of(Duration::from_secs(30));
    let row = Row::action(abandoned).with("deadline_ms", 1_000);
    let row = row.with("recorded_at", "clock_timestamp() - interval '30 s'");
    row.insert(&mut sql).await.unwrap();
    let last_month = "do $$ declare month text; begin
        for month in select inhrelid::regclass from pg_inherits
            where right(inhrelid::regclass::text, 6)
                = to_char(now() at time zone 'UTC' + interval '3 months', 'YYYYMM')
              and inhparent in ('audit.action'::regclass, 'audit.event'::regclass)
        loop execute 'drop table ' || month; end loop; end $$";
    run(&mut sql, last_month).await.unwrap();
    let months = "select audit.partition_months_ahead()::bigint";
    assert_eq!(world.count(months).await, 2);

    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(world.count(months).await, 3, "it makes months");
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    let lost = FaultKind::ErrorCode {
        code: 70500,
        info: None,
    };
    world.simulator.fail(Fault::next(lost));
    let retried = alice.kick_seat("room", "bob", "").await.json();
    assert_eq!(retried["attempts"].as_array().map(Vec::len), Some(2));
    let first = alice.try_kick_login_keyed("k1", "carol").await.unwrap();
    let again = alice.try_kick_login_keyed("k1", "carol").await.unwrap();
    assert_eq!((first.status, first.json()), (200, again.json()));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let mallory = Persona::new(gateway.addr, Some(token("mallory", &[])));
    let denied = mallory.kick_login("bob").await;
    assert_eq!(
        (denied.status, &denied.action()["recorded"]),
        (403, &json!(true))
    );
    let auditor = Persona::new(gateway.addr, Some(token("auditor", &["audit:read"])));
    let request_id = retried["tencent"]["request_id"].as_str().expect("a seat's");
    let found = auditor
        .list(&format!(
            "tencent_request_id={request_id}&since=2026-01-01T00:00:00Z"
        ))
        .await;
    assert_eq!(found, std::slice::from_ref(&retried));
    eventually("recovery", Duration::from_secs(20), async || {
        let action = auditor.action(&abandoned.to_string()).await.json();
        (action["state"] == "unknown").then_some(())
    })
    .await;

    // Once a minute, which is too long to wait for.
    run(
        &mut sql,
        "update modgate.idempotency set claimed_at = now() - interval '2 days'",
    )
    .await
    .unwrap();
    run(
        &mut sql,
        "insert into modgate.target (sdk_app_id, restriction, room_id, user_id, last_action, begun_at)
         values (1, 'mute_user', '', 'old', gen_random_uuid(), now() - interval '2 hours'),
                (1, 'mute_user', '', 'new', gen_random_uuid(), now())",
    )
    .await
    .unwrap();
    let record = audit_log_as(&url_as(&world, SERVICE));
    assert_eq!(record.forget_old_keys().await.unwrap(), 1);
    assert_eq!(record.forget_old_targets().await.unwrap(), 1);

    let log = gateway.log();
    gateway.signal("TERM");
    assert!(gateway.exit(Duration::from_secs(20)).await.success());
    let released = "select count(*) from modgate.permit_lease where grace = interval '0'";
    let released = usize::try_from(world.count(released).await);
    assert_eq!(released, Ok(Api::all().len()), "one for each API");
    for event in ["record_unprotected", "rights_unknown"] {
        assert_eq!(log.events(event), Vec::<Value>::new());
    }
    let sealed = "select coalesce(sum(n), 0)::bigint from audit.seal";
    assert!(world.count(sealed).await > 0, "it seals");
    // The row that was put there by hand has no leaf hash of a gateway.
    let refused = format!("\"action {abandoned}\"");
    for line in log.lines() {
        if line.contains("row_refused") && line.contains(&refused) {
            continue;
        }
        let failed = line.contains("permission denied") || line.contains("\"ERROR\"");
        assert!(!failed, "{line}");
    }
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_can_only_add_rows_that_are_of_now() {
    let world = with_roles().await;
    let mut service = sql_as(&world, SERVICE).await;
    let now = id_of(Duration::ZERO);
    Row::action(now).insert(&mut service).await.unwrap();
    Row::answered(now, 1, "succeeded", 0)
        .insert(&mut service)
        .await
        .unwrap();
    // A month that the service had made is no more its own than the others.
    run(&mut service, "select audit.ensure_partitions(now(), 4)")
        .await
        .unwrap();

    for statement in REWRITES {
        assert_no_right(&mut service, statement).await;
    }
    let mut tables = tables(&mut world.sql().await).await;
    tables.sort();
    let later = "select 'audit.action_' || to_char(now() at time zone 'UTC' + interval '4 months', 'YYYYMM')";
    let later: String = sqlx::query_scalar(later)
        .fetch_one(&mut service)
        .await
        .unwrap();
    assert!(tables.contains(&later), "{tables:?}");
    for table in &tables {
        for statement in rewrites(table) {
            assert_no_right(&mut service, &statement).await;
        }
    }
    for (parent, row) in [
        ("audit.action", Row::action(id_of(Duration::ZERO))),
        ("audit.event", Row::event(now, 2, "unknown")),
    ] {
        let named = [
            ("recorded_at", "clock_timestamp()"),
            ("xid", "pg_current_xact_id()"),
        ];
        for (column, value) in named {
            let refused = row.clone().with(column, value).insert(&mut service).await;
            assert_eq!(refusal(refused), "42501", "{parent} with {column}");
        }
        for month in tables.iter().filter(|table| table.starts_with(parent)) {
            if month != parent {
                let refused = row.clone().into_table(month).insert(&mut service).await;
                assert_eq!(refusal(refused), "42501", "{month}");
                assert_no_right(&mut service, &format!("select from {month}")).await;
            }
        }
        row.insert(&mut service)
            .await
            .expect("nothing else is wrong with it");
    }
    let mut sql = world.sql().await;
    let left = sqlx::query_as::<_, (i64, i64)>(
        "select (select count(*) from audit.action), (select count(*) from audit.event)",
    );
    assert_eq!(left.fetch_one(&mut sql).await.unwrap(), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_the_record_and_nothing_else() {
    let world = with_roles().await;
    let mut service = sql_as(&world, SERVICE).await;
    let now = id_of(Duration::ZERO);
    Row::action(now).insert(&mut service).await.unwrap();

    let mut auditor = sql_as(&world, AUDITOR).await;
    let found: Vec<Uuid> = sqlx::query_scalar(
        "select a.id from audit.actions a left join audit.event e on e.action_id = a.id
         where a.id >= audit.uuid7_floor(now() - interval '1 day')",
    )
    .fetch_all(&mut auditor)
    .await
    .unwrap();
    assert_eq!(found, [now]);
    run(&mut auditor, "select from audit.action").await.unwrap();
    for statement in REWRITES.iter().copied().chain([
        "select from modgate.idempotency",
        "select from modgate.permit_lease",
        "delete from modgate.permit_lease",
        "select audit.ensure_partitions()",
        "insert into public._sqlx_migrations (version) values (1)",
    ]) {
        assert_no_right(&mut auditor, statement).await;
    }
    for table in tables(&mut world.sql().await).await {
        for statement in rewrites(&table) {
            assert_no_right(&mut auditor, &statement).await;
        }
    }
    for row in [
        Row::action(id_of(Duration::ZERO)),
        Row::event(now, 1, "unknown"),
    ] {
        assert_eq!(refusal(row.insert(&mut auditor).await), "42501");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_migration_makes_is_the_services_to_use_and_not_to_rewrite() {
    let world = with_roles().await;
    let mut owner = sql_as(&world, OWNER).await;
    let made = "create table modgate.later (n bigint generated always as identity, note text);
                create table audit.later (n integer, recorded_at timestamptz default now());
                create function audit.later() returns integer language sql as 'select 1';
                revoke execute on function audit.later() from public";
    run(&mut owner, made).await.unwrap();
    let mut service = sql_as(&world, SERVICE).await;
    assert_no_right(&mut service, "insert into audit.later (n) values (1)").await;
    assert_no_right(
        &mut service,
        "insert into modgate.later (note) values ('a')",
    )
    .await;

    migrate_as(&world, OWNER);
    let works =
        "insert into modgate.later (note) values ('a'); update modgate.later set note = 'b';
                 delete from modgate.later where note = 'b'";
    run(&mut service, works).await.expect("ordinary rights");
    run(&mut service, "insert into audit.later (n) values (1)")
        .await
        .expect("granted after the migration");
    for statement in [
        "insert into audit.later (recorded_at) values ('epoch')",
        "update audit.later set n = 2",
        "delete from audit.later",
        "truncate audit.later",
        "select audit.later()",
        "drop table modgate.later",
    ] {
        assert_no_right(&mut service, statement).await;
    }
    let mut auditor = sql_as(&world, AUDITOR).await;
    run(&mut auditor, "select from audit.later").await.unwrap();
    assert_no_right(&mut auditor, "select from modgate.later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_admin_had_made_becomes_the_owners() {
    let world = managed().await;
    migrate_as(&world, ADMIN);
    let mut admin = sql_as(&world, ADMIN).await;
    let now = id_of(Duration::ZERO);
    Row::action(now).insert(&mut admin).await.unwrap();
    let loose = "create role modgate_service login; grant usage on schema audit to modgate_service;
                 grant all on all tables in schema audit to modgate_service, public";
    run(&mut admin, loose).await.unwrap();
    let other = format!("create role stranger createrole login password '{PASSWORD}'");
    run(&mut world.sql().await, &other).await.unwrap();

    let mut stranger = sql_as(&world, "stranger").await;
    let refused = run(&mut stranger, ROLES).await;
    let told = format!("{refused:?}");
    assert!(
        told.contains("run this as the owner of the database"),
        "{told}"
    );
    run(&mut admin, ROLES).await.unwrap();
    let others = "select (select count(*) from pg_class
                          where relnamespace in ('audit'::regnamespace, 'modgate'::regnamespace)
                            and relowner <> 'modgate_owner'::regrole)
                       + (select count(*) from pg_proc
                          where pronamespace in ('audit'::regnamespace, 'modgate'::regnamespace)
                            and proowner <> 'modgate_owner'::regrole)
                       + (select count(*) from pg_namespace where nspname in ('audit', 'modgate')
                            and nspowner <> 'modgate_owner'::regrole)";
    assert_eq!(world.count(others).await, 0);
    for role in [OWNER, SERVICE] {
        let password = format!("alter role {role} password '{PASSWORD}'");
        run(&mut admin, &password).await.unwrap();
    }
    migrate_as(&world, OWNER);
    let record = audit_log_as(&url_as(&world, SERVICE));
    assert_eq!(record.unprotected_by().await.unwrap(), Vec::<String>::new());
    let mut service = sql_as(&world, SERVICE).await;
    run(&mut service, "select audit.ensure_partitions(now(), 4)")
        .await
        .unwrap();
    Row::event(now, 1, "unknown")
        .insert(&mut service)
        .await
        .unwrap();
}
