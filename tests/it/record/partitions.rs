//! Months are made ahead of time, in nobody's way.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::timeout;

use super::{Row, id_of, run};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::world::World;

async fn ensure(sql: &mut PgConnection, moment: &str) -> i32 {
    let made = sqlx::query_scalar("select audit.ensure_partitions($1::text::timestamptz)");
    made.bind(moment)
        .fetch_one(sql)
        .await
        .expect("Postgres answers")
}

async fn months_ahead(sql: &mut PgConnection, moment: &str) -> i32 {
    let ahead = sqlx::query_scalar("select audit.partition_months_ahead($1::text::timestamptz)");
    ahead
        .bind(moment)
        .fetch_one(sql)
        .await
        .expect("Postgres answers")
}

/// The months of each table in that year, as `action 01 02`.
async fn months(sql: &mut PgConnection, year: &str) -> Vec<String> {
    let months = sqlx::query_scalar(
        "select left(p.relname, -7) || ' ' || string_agg(right(relname, 2), ' ' order by relname)
         from pg_inherits join pg_class p on p.oid = inhrelid
         where inhparent in ('audit.action'::regclass, 'audit.event'::regclass, 'audit.batch'::regclass,
                              'audit.batch_item'::regclass, 'audit.batch_event'::regclass)
           and right(p.relname, 6) like $1 || '__'
         group by left(p.relname, -7) order by 1",
    );
    months
        .bind(year)
        .fetch_all(sql)
        .await
        .expect("Postgres answers")
}

fn of_each(months: &str) -> [String; 5] {
    let tables = ["action", "batch", "batch_event", "batch_item", "event"];
    tables.map(|table| format!("{table} {months}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_reader_keeps_no_one_waiting_while_months_are_made() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    assert_eq!(alice.kick_login("before").await.status, 200);
    let (mut reader, mut maker) = (app.sql().await, app.sql().await);
    run(&mut reader, "begin; select count(*) from audit.actions")
        .await
        .unwrap();
    run(&mut maker, "begin").await.unwrap();
    assert_eq!(
        ensure(&mut maker, "2031-05-15").await,
        20,
        "four months of two tables"
    );
    // Neither the reader nor the maker has ended.
    let kick = timeout(Duration::from_secs(5), alice.kick_login("during")).await;
    assert_eq!(kick.expect("nobody waits").status, 200);
    run(&mut maker, "commit").await.unwrap();
    assert_eq!(
        ensure(&mut maker, "2031-05-15").await,
        0,
        "they are all there"
    );
    run(&mut reader, "select count(*) from audit.actions; commit")
        .await
        .unwrap();
    assert_eq!(months(&mut reader, "2031").await, of_each("05 06 07 08"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_writer_keeps_no_month_from_being_made() {
    let world = World::new().await;
    let (mut writer, mut maker) = (world.sql().await, world.sql().await);
    run(&mut writer, "begin").await.unwrap();
    Row::action(id_of(Duration::ZERO))
        .insert(&mut writer)
        .await
        .unwrap();
    assert_eq!(ensure(&mut maker, "2031-05-15").await, 20);
    run(&mut writer, "commit").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_callers_at_once_make_each_month_once() {
    let world = World::new().await;
    let mut callers = Vec::new();
    for zone in [
        "UTC",
        "Pacific/Kiritimati",
        "America/Los_Angeles",
        "Asia/Kathmandu",
    ]
    .repeat(2)
    {
        let mut sql = world.sql().await;
        run(&mut sql, &format!("set timezone = '{zone}'"))
            .await
            .unwrap();
        callers.push(async move { ensure(&mut sql, "2031-01-31 23:59:59.999+00").await });
    }
    let made: i32 = futures_util::future::join_all(callers)
        .await
        .into_iter()
        .sum();
    assert_eq!(made, 20);
    let mut sql = world.sql().await;
    assert_eq!(months(&mut sql, "2031").await, of_each("01 02 03 04"));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_turn_of_a_month_both_months_are_there() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    // The last moment of January asks for three more; a minute into February, both are wanted.
    ensure(&mut sql, "2031-01-31 23:59:59.999999+00").await;
    assert_eq!(
        months_ahead(&mut sql, "2031-01-31 23:59:59.999999+00").await,
        3
    );
    ensure(&mut sql, "2032-02-01 00:01:00+00").await;
    assert_eq!(months(&mut sql, "2032").await, of_each("01 02 03 04 05"));
    assert_eq!(months_ahead(&mut sql, "2032-02-01 00:01:00+00").await, 3);
    ensure(&mut sql, "2033-12-31 12:00:00+00").await;
    assert_eq!(months(&mut sql, "2034").await, of_each("01 02 03"));
}

#[tokio::test(flavor = "multi_thread")]
async fn months_follow_each_other_without_a_gap() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    for month in 1..=12 {
        ensure(&mut sql, &format!("2031-{month:02}-28")).await;
    }
    let gaps: Vec<String> = sqlx::query_scalar(
        "with bounds as (
             select inhparent, c.relname, regexp_matches(pg_get_expr(c.relpartbound, c.oid),
                 'FROM \\(''(.*)''\\) TO \\(''(.*)''\\)') as b
             from pg_inherits join pg_class c on c.oid = inhrelid where c.relname like '%\\_2031__'),
         ordered as (
             select relname, b[1] as lower, lag(b[2]) over (partition by inhparent order by relname) as before
             from bounds)
         select relname from ordered where before <> lower
         union all
         select 'only ' || count(*) from ordered having count(*) <> 60
         union all
         select relname from ordered
         where lower <> audit.uuid7_floor(to_timestamp(right(relname, 6) || '01 +00', 'YYYYMMDD TZH'))::text",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(gaps, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_idle_months_the_next_three_are_made() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    assert_eq!(ensure(&mut sql, "2031-01-10").await, 20);
    assert_eq!(months_ahead(&mut sql, "2031-04-10").await, 0);
    assert_eq!(ensure(&mut sql, "2031-04-10").await, 15);
    assert_eq!(months_ahead(&mut sql, "2031-04-10").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_after_idle_months_makes_the_one_it_needs() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let months: Vec<String> = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits
         where inhparent in ('audit.action'::regclass, 'audit.event'::regclass, 'audit.batch'::regclass,
                              'audit.batch_item'::regclass, 'audit.batch_event'::regclass)",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    run(&mut sql, &format!("drop table {}", months.join(", ")))
        .await
        .unwrap();
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    let answer = eventually("an action", Duration::from_secs(20), async || {
        let answer = alice.kick_login("bob").await;
        // Until then nothing is sent, and the answer says so.
        if answer.status != 200 {
            assert_eq!(answer.problem(), "audit-unavailable");
            assert!(app.simulator.calls().is_empty());
        }
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(answer.json()["recorded"], true);
    assert!(months_ahead(&mut app.sql().await, "now").await >= 3);
    app.stop().await;
}
