//! What is around the rows: no seal holds it, and it is compared with what the migrations make.

use std::collections::BTreeMap;

use sqlx::{Connection as _, PgConnection};

use super::SEED;
use super::forge::{Signer, first_seal};
use super::run;
use crate::record::roles::{AUDITOR, OWNER, sql_as, url_as, with_roles};
use crate::support::postgres::{Cluster, Database};
use crate::support::process::modgate;
use crate::support::world::World;

/// What `modgate verify` says: its exit code, what it found, and all of it.
fn verify(url: &str) -> (Option<i32>, Vec<String>, String) {
    let variables = [("MODGATE_DATABASE_URL".to_owned(), url.to_owned())];
    let output = modgate(&BTreeMap::from(variables)).arg("verify").output();
    let output = output.expect("the binary can be run");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = told
        .lines()
        .filter_map(|line| line.strip_prefix("tampered: "));
    let mut found: Vec<String> = found.map(str::to_owned).collect();
    // The last line counts.
    found.retain(|line| !line.ends_with(" seals"));
    let all = format!("{told}{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), found, all)
}

/// Without a seal there is nothing to check.
async fn sealed(world: &World) {
    let now = chrono::Utc::now().timestamp_micros();
    first_seal(&mut world.sql().await, now, &Signer::new(SEED)).await;
}

/// A migrated database that others are copied from.
async fn migrated() -> (World, String) {
    let world = World::new().await;
    sealed(&world).await;
    let name = world.to_be_copied().await;
    (world, name)
}

/// A copy to which this was done, `MONTH` being the present one and `NEXT` the one after the next.
async fn tampered(name: &str, statement: &str) -> (Database, [String; 2]) {
    let database = Cluster::shared().await.create_database(Some(name)).await;
    let mut sql = PgConnection::connect(&database.url)
        .await
        .expect("it was just made");
    let months = "select to_char(now() at time zone 'UTC', 'YYYYMM'),
                         to_char(now() at time zone 'UTC' + interval '2 months', 'YYYYMM')";
    let (month, next): (String, String) = sqlx::query_as(months)
        .fetch_one(&mut sql)
        .await
        .expect("Postgres answers");
    run(
        &mut sql,
        &statement.replace("MONTH", &month).replace("NEXT", &next),
    )
    .await;
    sql.close().await.expect("nothing is in its way");
    (database, [month, next])
}

/// What is done, and all that is found.
type Done = (&'static str, &'static [&'static str]);

/// What does not get in each other's way is done to one copy.
const DONE: [&[Done]; 4] = [
    &[
        (
        "alter table audit.action_MONTH disable trigger append_only",
        &["table audit.action_MONTH: trigger append_only is disabled, not always on"],
    ),
        (
        "alter table audit.event disable trigger all; alter table audit.event enable trigger append_only",
        &["table audit.event: trigger append_only is off in replica mode, not always on"],
    ),
        ("drop trigger append_only on audit.seal", &["table audit.seal: lacks trigger append_only"]),
        (
        "do $$ begin execute 'create or replace view audit.actions as '
             || rtrim(pg_get_viewdef('audit.actions'::regclass), ';') || ' where a.moderator <> ''mallory'''; end $$",
        &["view audit.actions: not the one that the migrations made"],
    ),
        (
        "alter table audit.seal drop constraint seal_no_is_positive",
        &["table audit.seal: lacks constraint seal_no_is_positive"],
    ),
        (
        "update pg_constraint set convalidated = false where conname = 'prune_leaf_is_sha256'",
        &["table audit.prune: constraint prune_leaf_is_sha256 is not validated"],
    ),
        (
        "update pg_class set relchecks = 0 where oid = 'audit.decision'::regclass",
        &["table audit.decision: not looking for all of its constraints"],
    ),
        (
        "delete from pg_constraint where conname = 'action_clocks_agree' and conrelid = 'audit.action_MONTH'::regclass;
         update pg_class set relchecks = relchecks - 1 where oid = 'audit.action_MONTH'::regclass",
        &["table audit.action_MONTH: lacks constraint action_clocks_agree"],
    ),
        (
        "alter table audit.action_MONTH alter column recorded_at set default '2020-01-01'",
        &["table audit.action_MONTH: column recorded_at is not the one that the migrations made"],
    ),
        (
        "alter table audit.prune alter column pruned_by drop not null",
        &["table audit.prune: column pruned_by is not required"],
    ),
        (
        "update pg_index set indisunique = false where indexrelid = 'audit.action_MONTH_pkey'::regclass",
        &["table audit.action_MONTH: index action_pkey is not unique"],
    ),
        (
        "update pg_index set indisvalid = false, indisready = false where indexrelid = 'audit.seal_pkey'::regclass",
        &["table audit.seal: index seal_pkey is not ready, not valid"],
    ),
        (
        "alter table audit.prune drop constraint prune_once_a_month",
        &["table audit.prune: lacks constraint prune_once_a_month", "table audit.prune: lacks index prune_once_a_month"],
    ),
        ("alter table audit.action detach partition audit.action_NEXT", &["table audit.action_NEXT: not attached, not bounded by its month"]),
        (
        "alter table audit.event detach partition audit.event_NEXT;
         alter table audit.event attach partition audit.event_NEXT
             for values from ('f0000000-0000-0000-0000-000000000000') to ('f0000000-0000-0000-0000-000000000001')",
        &["table audit.event_NEXT: not bounded by its month"],
    ),
        (
        "create or replace function audit.refuse_change() returns trigger language plpgsql
         set search_path = pg_catalog, pg_temp as 'begin return null; end'",
        &["function audit.refuse_change(): not the one that the migrations made"],
    ),
        (
        "alter function audit.uuid7_time(uuid) volatile leakproof security definer; alter function audit.uuid7_time(uuid) called on null input",
        &["function audit.uuid7_time(uuid): leakproof, security definer, volatile, not immutable, not strict"],
    ),
        (
        "alter function audit.ensure_partitions(timestamptz, integer) reset all",
        &["function audit.ensure_partitions(timestamp with time zone,integer): not set search_path=pg_catalog, pg_temp set lock_timeout=2s set TimeZone=UTC"],
    ),
        (
        "drop function audit.partition_months_ahead(timestamptz)",
        &["function audit.partition_months_ahead(timestamp with time zone): missing"],
    ),
        (
        "create aggregate audit.planted (integer) (sfunc = int4pl, stype = integer)",
        &["function audit.planted(integer): the migrations made no such thing"],
    ),
        ("create table audit.planted ()", &["table audit.planted: the migrations made no such thing"]),
        (
        "create operator audit.= (leftarg = text, rightarg = text, function = textne)",
        &["operator audit.=(pg_catalog.text,pg_catalog.text): the migrations made no such thing"],
    ),
    ],
    &[
        (
        "drop trigger append_only on audit.seal;
         create trigger append_only before update or delete or truncate on audit.seal for each statement
         when (current_user <> 'mallory') execute function audit.refuse_change();
         alter table audit.seal enable always trigger append_only",
        &["table audit.seal: trigger append_only is not the one that the migrations made"],
    ),
        (
        "create function public.blur() returns trigger language plpgsql as 'begin new.reason := null; return new; end';
         create trigger zz before insert on audit.action_MONTH for each row execute function public.blur()",
        &["table audit.action_MONTH: trigger zz is not of the migrations"],
    ),
        ("alter view audit.actions set (security_barrier = true)", &["view audit.actions: security_barrier=true"]),
        (
        "alter table audit.seal drop constraint seal_no_is_positive, add constraint seal_no_is_positive check (no >= 0)",
        &["table audit.seal: constraint seal_no_is_positive is not the one that the migrations made"],
    ),
        (
        "alter table audit.prune alter column pruned_by type varchar(3)",
        &["table audit.prune: column pruned_by is not the one that the migrations made"],
    ),
        (
        "alter table audit.decision alter column host type text collate \"C\"",
        &["table audit.decision: column host is not the one that the migrations made"],
    ),
        ("alter table audit.decision add planted text", &["table audit.decision: column planted is not of the migrations"]),
        ("drop index audit.decision_subject", &["table audit.decision: lacks index decision_subject"]),
        ("create index extra on audit.prune (month)", &["table audit.prune: index extra is not of the migrations"]),
        (
        "create rule planted as on insert to audit.decision do instead nothing",
        &["table audit.decision: looking for its rules", "table audit.decision: rule planted is not of the migrations"],
    ),
        (
        "create policy planted on audit.action using (moderator <> 'mallory');
         alter table audit.action enable row level security",
        &["table audit.action: policy planted is not of the migrations", "table audit.action: under row security"],
    ),
        (
        "create table public.more () inherits (audit.seal)",
        &["table public.more: the migrations made no such thing"],
    ),
        ("drop table audit.event_NEXT", &["table audit.event_NEXT: missing"]),
        ("create sequence audit.planted", &["sequence audit.planted: the migrations made no such thing"]),
    ],
    &[
        (
        "update pg_class set relhastriggers = false where oid = 'audit.seal'::regclass",
        &["table audit.seal: not looking for its triggers"],
    ),
        ("drop view audit.actions", &["view audit.actions: missing"]),
        (
        "alter table audit.seal drop constraint seal_no_is_positive,
             add constraint seal_no_is_positive check (no >= 1) not valid",
        &["table audit.seal: constraint seal_no_is_positive is not validated"],
    ),
        (
        "alter table audit.decision drop column host, add host text not null generated always as (reason) stored",
        &[
            "table audit.decision: column host is generated",
            "table audit.decision: column host is not the one that the migrations made",
        ],
    ),
        (
        "drop index audit.decision_subject; create index decision_subject on audit.decision (subject) where subject is null",
        &["table audit.decision: index decision_subject is not the one that the migrations made"],
    ),
        (
        "update pg_class set relhasindex = false where oid = 'audit.event_MONTH'::regclass",
        &["table audit.event_MONTH: not looking for its indexes"],
    ),
        ("alter table audit.prune set unlogged", &[
        "table audit.prune: index prune_once_a_month is unlogged",
        "table audit.prune: index prune_pkey is unlogged",
        "table audit.prune: unlogged, not permanent",
    ]),
        ("drop table audit.action_NEXT", &["table audit.action_NEXT: missing"]),
        (
        "create table public.planted (like audit.action including all);
         alter table audit.action attach partition public.planted
             for values from ('f0000000-0000-0000-0000-000000000000') to ('f0000000-0000-0000-0000-000000000001')",
        &[
            "table public.planted: lacks trigger append_only",
            "table public.planted: not bounded by its month, not looking for its triggers, not named as a month",
        ],
    ),
        ("create type audit.planted as enum ('a')", &["type audit.planted: the migrations made no such thing"]),
    ],
    &[
        (
        "drop view audit.actions; create table audit.actions (id uuid)",
        &["table audit.actions: the migrations made no such thing", "view audit.actions: missing"],
    ),
    ],
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_not_as_the_migrations_made_it_is_named_and_nothing_else() {
    let (_world, name) = migrated().await;
    let (database, _) = tampered(&name, "select 1").await;
    let (code, _, told) = verify(&database.url);
    assert_eq!(code, Some(0), "{told}");
    for done in DONE {
        let statements: Vec<&str> = done.iter().map(|(statement, _)| *statement).collect();
        let (database, [month, next]) = tampered(&name, &statements.join("; ")).await;
        let (code, mut found, told) = verify(&database.url);
        found.sort();
        let expected = done.iter().flat_map(|(_, found)| *found);
        let expected = expected.map(|line| line.replace("MONTH", &month).replace("NEXT", &next));
        let mut expected: Vec<String> = expected.collect();
        expected.sort();
        assert_eq!(found, expected, "{told}");
        assert_eq!(code, Some(1), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_a_whole_table_is_named_for_each_month() {
    let (world, _) = migrated().await;
    let months = "select count(*) from pg_inherits where inhparent = 'audit.action'::regclass";
    let months = world.count(months).await;
    let name = world.to_be_copied().await;
    for (statement, wrong) in [
        (
            "alter table audit.action drop constraint action_clocks_agree",
            "lacks constraint action_clocks_agree",
        ),
        ("drop index audit.action_kind", "lacks index action_kind"),
        (
            "alter table audit.action alter column recorded_at set default 'epoch'",
            "column recorded_at is not the one that the migrations made",
        ),
    ] {
        let (database, _) = tampered(&name, statement).await;
        let (code, found, told) = verify(&database.url);
        assert_eq!(code, Some(1), "{statement}: {told}");
        let named = found.iter().filter(|line| line.ends_with(wrong)).count();
        assert_eq!((named, found.len()), (named, named), "{statement}: {told}");
        assert_eq!(i64::try_from(named), Ok(months + 1), "{statement}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_do_not_hide_why() {
    let (_world, name) = migrated().await;
    for (statement, wrong) in [
        ("drop schema audit cascade", "table audit.action: missing"),
        (
            "drop table audit.prune cascade",
            "table audit.prune: missing",
        ),
        (
            "drop view audit.actions; drop table audit.event cascade",
            "table audit.event: missing",
        ),
        (
            "alter table audit.seal rename column prev to before",
            "table audit.seal: lacks column prev",
        ),
    ] {
        let (database, _) = tampered(&name, statement).await;
        let (code, found, told) = verify(&database.url);
        assert_eq!(code, Some(1), "{statement}: {told}");
        assert!(
            found.iter().any(|line| line == wrong),
            "{statement}: {told}"
        );
        assert!(
            told.contains("the rows could not be checked: "),
            "{statement}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_build_is_not_called_tampered_with() {
    let (_world, name) = migrated().await;
    for (statement, why) in [
        (
            "insert into _sqlx_migrations select 99990101, 'later', now(), true, '', 1;
             create table audit.later ()",
            "its schema is newer than this build, which does not know migration 99990101",
        ),
        (
            "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)",
            "its schema is older than this build, 1 migrations are pending: run `modgate migrate`",
        ),
    ] {
        let (database, _) = tampered(&name, statement).await;
        let (code, found, told) = verify(&database.url);
        assert_eq!((code, found), (Some(2), Vec::new()), "{statement}: {told}");
        assert!(told.contains(why), "{statement}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_checks_the_schema_with_its_own_rights() {
    let world = with_roles().await;
    sealed(&world).await;
    let auditor = url_as(&world, AUDITOR);
    let (code, _, told) = verify(&auditor);
    assert_eq!(code, Some(0), "{told}");
    let mut owner = sql_as(&world, OWNER).await;
    // What a build that this auditor does not have has migrated.
    let newer = "insert into public._sqlx_migrations select 99990101, 'later', now(), true, '', 1";
    run(&mut owner, newer).await;
    let (code, _, told) = verify(&auditor);
    assert_eq!(code, Some(2), "{told}");
    // Who may not read the list goes by the comparison alone.
    run(
        &mut owner,
        "revoke all on public._sqlx_migrations from modgate_auditor",
    )
    .await;
    let (code, _, told) = verify(&auditor);
    assert_eq!(code, Some(0), "{told}");
    run(
        &mut owner,
        "alter table audit.event disable trigger append_only",
    )
    .await;
    let (code, found, told) = verify(&auditor);
    let wrong = "table audit.event: trigger append_only is disabled, not always on";
    assert_eq!((code, found), (Some(1), vec![wrong.to_owned()]), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_path_that_is_set_for_others_is_noted() {
    let world = with_roles().await;
    sealed(&world).await;
    let mut sql = world.sql().await;
    let (code, _, told) = verify(&world.database.url);
    assert_eq!(code, Some(0), "{told}");
    assert!(!told.contains("search_path"), "{told}");
    for statement in [
        "alter role modgate_auditor set search_path = elsewhere",
        "create role unrelated; alter role unrelated set search_path = somewhere",
        "do $$ begin
             execute format('alter database %I set search_path = public, nowhere', current_database());
             execute format('alter role modgate_service in database %I set search_path = there', current_database());
         end $$",
    ] {
        run(&mut sql, statement).await;
    }
    let (code, _, told) = verify(&world.database.url);
    assert_eq!(code, Some(0), "a note is no finding: {told}");
    for note in [
        "role modgate_auditor in every database has search_path=elsewhere: ",
        "role modgate_service in this database has search_path=there: ",
        "all roles in this database has search_path=public, nowhere: ",
    ] {
        let noted = told.lines().any(|line| line.starts_with(note));
        assert!(noted, "{note}: {told}");
    }
    assert!(!told.contains("somewhere"), "{told}");
}
