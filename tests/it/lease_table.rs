//! The database's half of the leases: what the simulation of them takes it to do, Postgres does.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sqlx::postgres::types::PgInterval;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use crate::support::eventually::eventually;
use crate::support::world::World;

#[path = "../../src/limit/tests/table.rs"]
mod table;

use table::{Asked, Micros, Row, Shown, Table};

const HOUR: Micros = 3_600_000_000;
const APIS: [&str; 2] = ["kick_login", "kick_seat"];

const RENEW: &str = "select holder, calls_per_second, demand, permits, expired
    from modgate.renew_permit_lease($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// The statement of production, which is no function in the database.
fn release() -> &'static str {
    let store = include_str!("../../src/limit/lease/store.rs");
    let from = store.find("update modgate.permit_lease");
    let rest = &store[from.expect("the release is an update")..];
    let (statement, _) = rest.split_once('"').expect("it is one literal");
    statement
}

/// What a holder asks the database for.
#[derive(Clone, Copy, Debug)]
enum Step {
    Renew(Asked),
    Release {
        holder: Uuid,
        renewal: i64,
        rests_for: Micros,
    },
}

fn any_holder() -> impl Strategy<Value = Uuid> {
    // Their order is that of their bytes, which is not that of signed numbers.
    prop::sample::select(vec![1, 0x7f << 120, 0x80 << 120, u128::MAX]).prop_map(Uuid::from_u128)
}

/// Sums of these are hours away from now, in the past or in the future.
fn any_asked() -> impl Strategy<Value = Asked> {
    let counts = (0..12_i32, 0..12_i32, 0..12_i32, 1..12_i32);
    let lifetime = prop::sample::select(vec![2 * HOUR, 2 * HOUR, -2 * HOUR]);
    let grace = prop::sample::select(vec![0, HOUR, 5 * HOUR]);
    (any_holder(), 1..9_i64, counts, lifetime, grace).prop_map(
        |(holder, renewal, (demand, keeps, wants, calls_per_second), lifetime, grace)| Asked {
            holder,
            renewal,
            calls_per_second,
            demand,
            keeps,
            wants,
            lifetime,
            grace,
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let rests_for = prop::sample::select(vec![2 * HOUR, -HOUR]);
    prop_oneof![
        6 => any_asked().prop_map(Step::Renew),
        1 => (any_holder(), 1..9_i64, rests_for).prop_map(|(holder, renewal, rests_for)| {
            Step::Release { holder, renewal, rests_for }
        }),
    ]
}

fn interval(microseconds: Micros) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds,
    }
}

#[derive(Debug, FromRow)]
struct Answer {
    holder: Uuid,
    calls_per_second: i32,
    demand: i32,
    permits: i32,
    expired: bool,
}

async fn renew(
    sql: &mut PgConnection,
    app: i64,
    api: &str,
    asked: &Asked,
) -> sqlx::Result<Vec<Shown>> {
    let answers: Vec<Answer> = sqlx::query_as(RENEW)
        .bind(app)
        .bind(api)
        .bind(asked.holder)
        .bind(asked.renewal)
        .bind(asked.calls_per_second)
        .bind(asked.demand)
        .bind(asked.keeps)
        .bind(asked.wants)
        .bind(interval(asked.lifetime))
        .bind(interval(asked.grace))
        .fetch_all(sql)
        .await?;
    let shown = answers.into_iter().map(|answer| Shown {
        holder: answer.holder,
        calls_per_second: answer.calls_per_second,
        demand: answer.demand,
        permits: answer.permits,
        expired: answer.expired,
    });
    Ok(shown.collect())
}

#[derive(Debug, FromRow)]
struct Stored {
    holder: Uuid,
    renewal: i64,
    calls_per_second: i32,
    demand: i32,
    permits: i32,
    expires_at: i64,
    grace: i64,
}

async fn rows(sql: &mut PgConnection, app: i64, api: &str) -> BTreeMap<Uuid, Row> {
    let stored: Vec<Stored> = sqlx::query_as(
        "select holder, renewal, calls_per_second, demand, permits,
                (extract(epoch from expires_at) * 1000000)::bigint as expires_at,
                (extract(epoch from grace) * 1000000)::bigint as grace
         from modgate.permit_lease where sdk_app_id = $1 and api = $2",
    )
    .bind(app)
    .bind(api)
    .fetch_all(sql)
    .await
    .expect("the leases can be read");
    let rows = stored.into_iter().map(|stored| {
        let row = Row {
            renewal: stored.renewal,
            calls_per_second: stored.calls_per_second,
            demand: stored.demand,
            permits: stored.permits,
            expires_at: stored.expires_at,
            grace: stored.grace,
        };
        (stored.holder, row)
    });
    rows.collect()
}

async fn now(sql: &mut PgConnection) -> Micros {
    sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
        .fetch_one(sql)
        .await
        .expect("Postgres has a clock")
}

/// Takes the step in the database and in the model, which is told the moment that the database
/// took for it: a row that was written says it.
async fn step(
    sql: &mut PgConnection,
    app: i64,
    api: &str,
    model: &mut Table,
    step: &Step,
) -> Result<(), String> {
    let before = now(sql).await;
    let (shown, holder, lasts) = match step {
        Step::Renew(asked) => {
            let shown = renew(sql, app, api, asked)
                .await
                .expect("it is carried out");
            (shown, asked.holder, asked.lifetime)
        }
        Step::Release {
            holder,
            renewal,
            rests_for,
        } => {
            sqlx::query(release())
                .bind(app)
                .bind(api)
                .bind(holder)
                .bind(renewal)
                .bind(interval(*rests_for))
                .execute(&mut *sql)
                .await
                .expect("it is carried out");
            (Vec::new(), *holder, *rests_for)
        }
    };
    let after = now(sql).await;
    let stored = rows(sql, app, api).await;
    let written = stored.get(&holder).map(|row| row.expires_at - lasts);
    let moment = written
        .filter(|moment| (before..=after).contains(moment))
        .unwrap_or(before);
    let expected = match step {
        Step::Renew(asked) => model.renew(moment, asked),
        Step::Release {
            holder,
            renewal,
            rests_for,
        } => {
            model.release(moment, *holder, *renewal, *rests_for);
            Vec::new()
        }
    };
    if (&shown, &stored) == (&expected, &model.rows) {
        return Ok(());
    }
    Err(format!(
        "{api} {step:?}\nPostgres answers {shown:?}\nthe model {expected:?}\nPostgres has {stored:?}\nthe model {:?}",
        model.rows
    ))
}

#[tokio::test]
async fn the_model_of_the_leases_does_what_postgres_does() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let seed: [u8; 32] = rand::random();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let steps = vec((prop::sample::select(vec![0, 1]), any_step()), 1..25);
    for app in 0..200 {
        let steps = steps
            .new_tree(&mut runner)
            .expect("steps can be made")
            .current();
        let mut models = [Table::default(), Table::default()];
        for (at, (api, asked)) in steps.iter().enumerate() {
            let same = step(&mut sql, app, APIS[*api], &mut models[*api], asked).await;
            if let Err(difference) = same {
                panic!(
                    "step {at} of {:#?}\n{difference}\nseed {seed:?}",
                    &steps[..=at]
                );
            }
        }
    }
}

/// A renewal that gets what it wants.
fn plain(holder: u128) -> Asked {
    Asked {
        holder: Uuid::from_u128(holder),
        renewal: 1,
        calls_per_second: 10,
        demand: 1,
        keeps: 0,
        wants: 1,
        lifetime: HOUR,
        grace: HOUR,
    }
}

async fn locks(world: &World) -> i64 {
    world
        .count(
            "select count(*) from pg_locks join pg_database on pg_database.oid = database
             where datname = current_database() and relation = 'modgate.permit_lease'::regclass
               and mode = 'ShareRowExclusiveLock'",
        )
        .await
}

#[tokio::test]
async fn a_renewal_that_could_see_an_old_sum_is_refused() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    for level in ["repeatable read", "serializable"] {
        let begin = format!("begin isolation level {level}");
        sqlx::raw_sql(AssertSqlSafe(begin))
            .execute(&mut sql)
            .await
            .expect("a transaction begins");
        let refused = renew(&mut sql, 1, APIS[0], &plain(1)).await;
        let refused = refused.expect_err(level).to_string();
        assert!(
            refused.contains("read committed only"),
            "{level}: {refused}"
        );
        sqlx::raw_sql("rollback")
            .execute(&mut sql)
            .await
            .expect("it ends");
    }
}

#[tokio::test]
async fn a_client_that_stops_after_its_statement_holds_no_lock() {
    let world = World::new().await;
    let mut stopped = world.sql().await;
    renew(&mut stopped, 1, APIS[0], &plain(1))
        .await
        .expect("it is carried out");
    assert_eq!(locks(&world).await, 0);
    let mut other = world.sql().await;
    renew(&mut other, 1, APIS[0], &plain(2))
        .await
        .expect("nothing is in its way");
}

#[tokio::test]
async fn renewals_take_turns() {
    let world = World::new().await;
    let mut slow = world.sql().await;
    sqlx::raw_sql("begin")
        .execute(&mut slow)
        .await
        .expect("a transaction begins");
    renew(&mut slow, 1, APIS[0], &plain(1))
        .await
        .expect("it is carried out");
    assert_eq!(locks(&world).await, 1, "held to the end of the transaction");
    let wants_all = Asked {
        wants: 10,
        ..plain(2)
    };
    let mut waiting = Vec::new();
    for (app, api) in [(1, APIS[0]), (1, APIS[1]), (2, APIS[0])] {
        let mut sql = world.sql().await;
        waiting.push(tokio::spawn(async move {
            renew(&mut sql, app, api, &wants_all).await
        }));
    }
    eventually(
        "they wait for the lock",
        Duration::from_secs(10),
        async || (locks(&world).await == 4).then_some(()),
    )
    .await;
    sqlx::raw_sql("commit")
        .execute(&mut slow)
        .await
        .expect("it ends");
    for (waits, expected) in waiting.into_iter().zip([vec![1, 9], vec![10], vec![10]]) {
        let shown = waits.await.expect("no panic").expect("it is carried out");
        let permits: Vec<i32> = shown.iter().map(|shown| shown.permits).collect();
        assert_eq!(
            permits, expected,
            "what was committed before it had the lock"
        );
    }
}

#[tokio::test]
async fn a_renewal_with_the_function_of_before_and_one_with_that_of_now_take_turns() {
    let world = World::new().await;
    let mut before = world.sql().await;
    // What it does after its own lock, which is another.
    sqlx::raw_sql("begin; delete from modgate.permit_lease where holder = gen_random_uuid()")
        .execute(&mut before)
        .await
        .expect("it has begun");
    let mut sql = world.sql().await;
    let waits = tokio::spawn(async move { renew(&mut sql, 1, APIS[0], &plain(1)).await });
    eventually(
        "it waits for the lock",
        Duration::from_secs(10),
        async || (locks(&world).await == 1).then_some(()),
    )
    .await;
    let mut asks = world.sql().await;
    let read = sqlx::raw_sql("set statement_timeout = '5s'; select from modgate.permit_lease");
    read.execute(&mut asks)
        .await
        .expect("nobody who reads waits");
    sqlx::raw_sql("commit")
        .execute(&mut before)
        .await
        .expect("it ends");
    let shown = waits.await.expect("no panic").expect("it is carried out");
    assert_eq!(shown.len(), 1);
}
