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

use table::{Asked, AskedOf, GivenUp, Micros, Row, Shown, Table};

const HOUR: Micros = 3_600_000_000;
const APIS: [&str; 2] = ["kick_login", "kick_seat"];

const RENEW: &str = "select api, holder, calls_per_second, demand, permits, expired
    from modgate.renew_permit_leases($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// As replicas of earlier versions ask, for one API at a time.
const RENEW_ONE: &str = "select $2 as api, holder, calls_per_second, demand, permits, expired
    from modgate.renew_permit_lease($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const GIVE_UP: &str = "select modgate.give_up_permit_leases($1, $2, $3, $4, $5, $6, $7)";

/// As replicas of earlier versions say it.
const RELEASE_ONE: &str = "update modgate.permit_lease
     set renewal = $4, demand = 0, expires_at = clock_timestamp() + $5, grace = interval '0'
     where sdk_app_id = $1 and api = $2 and holder = $3 and renewal < $4";

/// What a holder asks the database for.
#[derive(Clone, Debug)]
enum Step {
    Renew(Asked),
    RenewOne(Asked),
    GiveUp {
        holder: Uuid,
        given_up: Vec<GivenUp>,
        is_evidence: bool,
    },
    ReleaseOne {
        holder: Uuid,
        given_up: GivenUp,
    },
}

fn any_holder() -> impl Strategy<Value = Uuid> {
    // Their order is that of their bytes, which is not that of signed numbers.
    prop::sample::select(vec![1, 0x7f << 120, 0x80 << 120, u128::MAX]).prop_map(Uuid::from_u128)
}

/// One API or both.
fn any_apis() -> impl Strategy<Value = Vec<usize>> {
    prop::sample::select(vec![vec![0], vec![1], vec![0, 1]])
}

/// Sums of these are hours away from now, in the past or in the future.
fn any_asked(apis: Vec<usize>) -> impl Strategy<Value = Asked> {
    let counts = (0..12_i32, 0..12_i32, 0..12_i32, 1..12_i32);
    let of_each = apis.into_iter().map(move |api| {
        (1..9_i64, counts.clone()).prop_map(
            move |(renewal, (demand, keeps, wants, calls_per_second))| AskedOf {
                api,
                renewal,
                calls_per_second,
                demand,
                keeps,
                wants,
            },
        )
    });
    let lifetime = prop::sample::select(vec![2 * HOUR, 2 * HOUR, -2 * HOUR]);
    let grace = prop::sample::select(vec![0, HOUR, 5 * HOUR]);
    let of_each: Vec<_> = of_each.collect();
    (any_holder(), of_each, lifetime, grace).prop_map(|(holder, leases, lifetime, grace)| Asked {
        holder,
        lifetime,
        grace,
        leases,
    })
}

fn any_given_up(apis: Vec<usize>) -> impl Strategy<Value = Vec<GivenUp>> {
    let of_each = apis.into_iter().map(|api| {
        let rests = prop::sample::select(vec![2 * HOUR, -HOUR]);
        (1..9_i64, 1..12_i32, rests).prop_map(move |(renewal, calls_per_second, rests)| GivenUp {
            api,
            renewal,
            calls_per_second,
            rests,
        })
    });
    of_each.collect::<Vec<_>>()
}

fn any_step() -> impl Strategy<Value = Step> {
    let one = || prop::sample::select(vec![0, 1]);
    prop_oneof![
        4 => any_apis().prop_flat_map(any_asked).prop_map(Step::Renew),
        2 => one().prop_flat_map(|api| any_asked(vec![api])).prop_map(Step::RenewOne),
        2 => (any_holder(), any_apis().prop_flat_map(any_given_up), any::<bool>()).prop_map(
            |(holder, given_up, is_evidence)| Step::GiveUp { holder, given_up, is_evidence }
        ),
        1 => (any_holder(), one().prop_flat_map(|api| any_given_up(vec![api]))).prop_map(
            |(holder, given_up)| Step::ReleaseOne { holder, given_up: given_up[0] }
        ),
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
    api: String,
    holder: Uuid,
    calls_per_second: i32,
    demand: i32,
    permits: i32,
    expired: bool,
}

fn number(api: &str) -> usize {
    let at = APIS.iter().position(|known| *known == api);
    at.expect("it was asked about")
}

fn shown(answers: Vec<Answer>) -> Vec<Shown> {
    let shown = answers.into_iter().map(|answer| Shown {
        api: number(&answer.api),
        holder: answer.holder,
        calls_per_second: answer.calls_per_second,
        demand: answer.demand,
        permits: answer.permits,
        expired: answer.expired,
    });
    shown.collect()
}

fn column<Of, Value>(of: &[Of], value: impl Fn(&Of) -> Value) -> Vec<Value> {
    of.iter().map(value).collect()
}

async fn renew(sql: &mut PgConnection, app: i64, asked: &Asked) -> sqlx::Result<Vec<Shown>> {
    let leases = &asked.leases;
    let answers: Vec<Answer> = sqlx::query_as(RENEW)
        .bind(app)
        .bind(asked.holder)
        .bind(interval(asked.lifetime))
        .bind(interval(asked.grace))
        .bind(column(leases, |of| APIS[of.api]))
        .bind(column(leases, |of| of.renewal))
        .bind(column(leases, |of| of.calls_per_second))
        .bind(column(leases, |of| of.demand))
        .bind(column(leases, |of| of.keeps))
        .bind(column(leases, |of| of.wants))
        .fetch_all(sql)
        .await?;
    Ok(shown(answers))
}

async fn renew_one(sql: &mut PgConnection, app: i64, asked: &Asked) -> sqlx::Result<Vec<Shown>> {
    let of = asked.leases[0];
    let answers: Vec<Answer> = sqlx::query_as(RENEW_ONE)
        .bind(app)
        .bind(APIS[of.api])
        .bind(asked.holder)
        .bind(of.renewal)
        .bind(of.calls_per_second)
        .bind(of.demand)
        .bind(of.keeps)
        .bind(of.wants)
        .bind(interval(asked.lifetime))
        .bind(interval(asked.grace))
        .fetch_all(sql)
        .await?;
    Ok(shown(answers))
}

async fn give_up(
    sql: &mut PgConnection,
    app: i64,
    holder: Uuid,
    given_up: &[GivenUp],
    is_evidence: bool,
) -> sqlx::Result<()> {
    sqlx::query(GIVE_UP)
        .bind(app)
        .bind(holder)
        .bind(column(given_up, |of| APIS[of.api]))
        .bind(column(given_up, |of| of.renewal))
        .bind(column(given_up, |of| of.calls_per_second))
        .bind(column(given_up, |of| interval(of.rests)))
        .bind(is_evidence)
        .execute(sql)
        .await?;
    Ok(())
}

async fn release_one(
    sql: &mut PgConnection,
    app: i64,
    holder: Uuid,
    given_up: &GivenUp,
) -> sqlx::Result<()> {
    sqlx::query(RELEASE_ONE)
        .bind(app)
        .bind(APIS[given_up.api])
        .bind(holder)
        .bind(given_up.renewal)
        .bind(interval(given_up.rests))
        .execute(sql)
        .await?;
    Ok(())
}

async fn all_given_up(sql: &mut PgConnection, app: i64) -> bool {
    sqlx::query_scalar("select modgate.all_permit_leases_given_up($1)")
        .bind(app)
        .fetch_one(sql)
        .await
        .expect("it is told")
}

#[derive(Debug, FromRow)]
struct Stored {
    api: String,
    holder: Uuid,
    renewal: i64,
    calls_per_second: i32,
    demand: i32,
    permits: i32,
    expires_at: i64,
    grace: i64,
    /// Whether it is that of this server, where there is one.
    given_up_here: Option<bool>,
}

async fn rows(sql: &mut PgConnection, app: i64) -> BTreeMap<(usize, Uuid), Row> {
    let stored: Vec<Stored> = sqlx::query_as(
        "select api, holder, renewal, calls_per_second, demand, permits,
                (extract(epoch from expires_at) * 1000000)::bigint as expires_at,
                (extract(epoch from grace) * 1000000)::bigint as grace,
                given_up_on = pg_postmaster_start_time() as given_up_here
         from modgate.permit_lease where sdk_app_id = $1",
    )
    .bind(app)
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
            given_up_on: stored.given_up_here.map(|here| i64::from(!here)),
        };
        ((number(&stored.api), stored.holder), row)
    });
    rows.collect()
}

async fn now(sql: &mut PgConnection) -> Micros {
    sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
        .fetch_one(sql)
        .await
        .expect("Postgres has a clock")
}

/// Takes the step in the database. What it answers, and how long what it wrote lasts.
async fn take(sql: &mut PgConnection, app: i64, step: &Step) -> sqlx::Result<Vec<Shown>> {
    match step {
        Step::Renew(asked) => renew(sql, app, asked).await,
        Step::RenewOne(asked) => renew_one(sql, app, asked).await,
        Step::GiveUp {
            holder,
            given_up,
            is_evidence,
        } => {
            give_up(sql, app, *holder, given_up, *is_evidence).await?;
            Ok(Vec::new())
        }
        Step::ReleaseOne { holder, given_up } => {
            release_one(sql, app, *holder, given_up).await?;
            Ok(Vec::new())
        }
    }
}

/// Takes the step in the model.
fn take_in_model(model: &mut Table, moment: Micros, step: &Step) -> Vec<Shown> {
    match step {
        Step::Renew(asked) => return model.renew(moment, asked),
        Step::RenewOne(asked) => return model.renew_one(moment, asked, &asked.leases[0]),
        Step::GiveUp {
            holder,
            given_up,
            is_evidence,
        } => model.give_up(moment, *holder, given_up, *is_evidence),
        Step::ReleaseOne { holder, given_up } => model.release_one(moment, *holder, given_up),
    }
    Vec::new()
}

/// Whose rows it writes, and how long each lasts.
fn written_by(step: &Step) -> Vec<((usize, Uuid), Micros)> {
    match step {
        Step::Renew(asked) | Step::RenewOne(asked) => {
            column(&asked.leases, |of| ((of.api, asked.holder), asked.lifetime))
        }
        Step::GiveUp {
            holder, given_up, ..
        } => column(given_up, |of| ((of.api, *holder), of.rests)),
        Step::ReleaseOne { holder, given_up } => {
            vec![((given_up.api, *holder), given_up.rests)]
        }
    }
}

/// Takes the step in the database and in the model, which is told the moment that the database
/// took for it: a row that was written says it.
async fn step(
    sql: &mut PgConnection,
    app: i64,
    model: &mut Table,
    step: &Step,
) -> Result<(), String> {
    let before = now(sql).await;
    let answered = take(sql, app, step).await.expect("it is carried out");
    let after = now(sql).await;
    let stored = rows(sql, app).await;
    let given_up = all_given_up(sql, app).await;
    let mut written = written_by(step).into_iter().filter_map(|(key, lasts)| {
        let moment = stored.get(&key)?.expires_at - lasts;
        (before..=after).contains(&moment).then_some(moment)
    });
    let moment = written.next().unwrap_or(before);
    let expected = take_in_model(model, moment, step);
    let same =
        (&answered, &stored, given_up) == (&expected, &model.rows, model.all_given_up(after));
    if same {
        return Ok(());
    }
    Err(format!(
        "{step:?}\nPostgres answers {answered:?}\nthe model {expected:?}\nPostgres has {stored:?} \
         ({given_up})\nthe model {:?}",
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
    let steps = vec(any_step(), 1..25);
    for app in 0..200 {
        let steps = steps
            .new_tree(&mut runner)
            .expect("steps can be made")
            .current();
        let mut model = Table::default();
        for (at, asked) in steps.iter().enumerate() {
            if let Err(difference) = step(&mut sql, app, &mut model, asked).await {
                panic!(
                    "step {at} of {:#?}\n{difference}\nseed {seed:?}",
                    &steps[..=at]
                );
            }
        }
    }
}

/// A renewal that gets what it wants.
fn plain(holder: u128, api: usize) -> Asked {
    let of = AskedOf {
        api,
        renewal: 1,
        calls_per_second: 10,
        demand: 1,
        keeps: 0,
        wants: 1,
    };
    Asked {
        holder: Uuid::from_u128(holder),
        lifetime: HOUR,
        grace: HOUR,
        leases: vec![of],
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
        let refused = renew(&mut sql, 1, &plain(1, 0)).await;
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
    renew(&mut stopped, 1, &plain(1, 0))
        .await
        .expect("it is carried out");
    assert_eq!(locks(&world).await, 0);
    let mut other = world.sql().await;
    renew(&mut other, 1, &plain(2, 0))
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
    renew(&mut slow, 1, &plain(1, 0))
        .await
        .expect("it is carried out");
    assert_eq!(locks(&world).await, 1, "held to the end of the transaction");
    let mut waiting = Vec::new();
    for (app, api, is_old) in [(1, 0, false), (1, 1, true), (2, 0, true), (3, 1, false)] {
        let mut sql = world.sql().await;
        let mut wants_all = plain(2, api);
        wants_all.leases[0].wants = 10;
        waiting.push(tokio::spawn(async move {
            if is_old {
                renew_one(&mut sql, app, &wants_all).await
            } else {
                renew(&mut sql, app, &wants_all).await
            }
        }));
    }
    eventually(
        "they wait for the lock",
        Duration::from_secs(10),
        async || (locks(&world).await == 5).then_some(()),
    )
    .await;
    sqlx::raw_sql("commit")
        .execute(&mut slow)
        .await
        .expect("it ends");
    for (waits, expected) in waiting
        .into_iter()
        .zip([vec![1, 9], vec![10], vec![10], vec![10]])
    {
        let shown = waits.await.expect("no panic").expect("it is carried out");
        let permits: Vec<i32> = shown.iter().map(|shown| shown.permits).collect();
        assert_eq!(
            permits, expected,
            "what was committed before it had the lock"
        );
    }
}

/// Postgres may stop everything, but not the sum: one API, asked for by two versions at once.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_of_two_versions_share_one_limit() {
    const N: i32 = 10;
    let world = World::new().await;
    let mut asking = Vec::new();
    for holder in 1..=6_u128 {
        let mut sql = world.sql().await;
        asking.push(tokio::spawn(async move {
            let mut has = 0;
            for renewal in 1..=20_i64 {
                let mut asked = plain(holder, 0);
                let of = &mut asked.leases[0];
                // It gives some back, and wants more again.
                (of.renewal, of.calls_per_second) = (renewal, N);
                (of.keeps, of.wants) = (has / 2, N - i32::try_from(renewal % 3).unwrap_or(0));
                let shown = match holder % 2 {
                    0 => renew(&mut sql, 1, &asked).await,
                    _ => renew_one(&mut sql, 1, &asked).await,
                };
                let shown = shown.expect("it is carried out");
                let sum: i32 = shown.iter().map(|shown| shown.permits).sum();
                assert!(sum <= N, "{shown:?}");
                let own = shown.iter().find(|shown| shown.holder == asked.holder);
                has = own.expect("it is renewed").permits;
            }
        }));
    }
    for asked in asking {
        asked.await.expect("no panic");
    }
}

#[tokio::test]
async fn what_was_given_up_before_the_server_started_is_no_evidence() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let holder = Uuid::from_u128(1);
    assert!(
        !all_given_up(&mut sql, 1).await,
        "an empty table may be forgotten"
    );
    renew(&mut sql, 1, &plain(1, 0))
        .await
        .expect("it is carried out");
    assert!(!all_given_up(&mut sql, 1).await, "it is leased");
    let given_up = GivenUp {
        api: 0,
        renewal: 2,
        calls_per_second: 10,
        rests: 0,
    };
    give_up(&mut sql, 1, holder, &[given_up], true)
        .await
        .expect("it is carried out");
    assert!(all_given_up(&mut sql, 1).await);
    assert!(!all_given_up(&mut sql, 2).await, "that is another app");
    world
        .execute("update modgate.permit_lease set given_up_on = given_up_on - interval '1 day'")
        .await;
    assert!(!all_given_up(&mut sql, 1).await, "it may be a standby's");
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
    let waits = tokio::spawn(async move { renew(&mut sql, 1, &plain(1, 0)).await });
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
