//! When a lease on permits begins and ends, and how soon a gateway that starts may use one.

use std::time::{Duration, Instant};

use modgate::domain::Api;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection};

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::process::Gateway;
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// How long a gateway grants nothing that cannot know what was under way before.
const COLD_START: Duration = Duration::from_secs(2);

/// From the start of the process.
async fn ready(world: &World) -> (Gateway, Duration) {
    let started = Instant::now();
    let gateway = Gateway::start(&world.variables).await.ready().await;
    (gateway, started.elapsed())
}

async fn stop(gateway: Gateway) {
    gateway.signal("TERM");
    assert!(gateway.exit(PATIENCE).await.success());
}

async fn kick(gateway: &Gateway) {
    let kicked = gateway.moderator("alice").kick_login("test").await;
    assert_eq!(kicked.status, 200, "{}", kicked.text);
}

/// Keeps a figure for whoever reads the output.
#[expect(clippy::print_stdout, reason = "libtest shows it with the failure")]
fn measured(name: &str, took: Duration) {
    println!("{name}: ready after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_after_a_clean_stop_grants_at_once() {
    let world = World::new().await;
    let (first, took) = ready(&world).await;
    measured("first start", took);
    assert!(took >= COLD_START, "an empty table may be a forgotten one");
    kick(&first).await;
    stop(first).await;
    // Where the machine is busy a start takes long by itself.
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let (next, took) = ready(&world).await;
        measured("after a clean stop", took);
        quickest = quickest.min(took);
        stop(next).await;
        if quickest < COLD_START / 2 {
            break;
        }
    }
    assert!(quickest < COLD_START, "ready after {quickest:?}");
    let (last, _) = ready(&world).await;
    kick(&last).await;
    stop(last).await;
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_used_no_permit_leaves_evidence_too() {
    let world = World::new().await;
    let (first, _) = ready(&world).await;
    assert_eq!(leases(&world, "true").await, 0);
    stop(first).await;
    assert_eq!(
        leases(
            &world,
            "permits = 0 and given_up_on = pg_postmaster_start_time()"
        )
        .await,
        i64::try_from(Api::all().len()).expect("they are few")
    );
    assert_eq!(leases(&world, "expires_at > clock_timestamp()").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_stopped_before_it_grants_anything_leaves_no_evidence() {
    let world = World::new().await;
    let app = TestApp::in_world_after(world, Duration::from_hours(1)).await;
    let world = app.shut_down().await;
    assert_eq!(leases(&world, "given_up_on is not null").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_after_a_killed_one_waits_until_nothing_is_under_way() {
    let world = World::new().await;
    let (first, _) = ready(&world).await;
    stop(first).await;
    let (second, _) = ready(&world).await;
    kick(&second).await;
    second.kill();
    let (_third, took) = ready(&world).await;
    assert!(took >= COLD_START, "ready after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_waits_for_permits_that_rest() {
    let world = World::new().await;
    let (first, _) = ready(&world).await;
    stop(first).await;
    world
        .execute(
            "update modgate.permit_lease set expires_at = clock_timestamp() + interval '1 hour'",
        )
        .await;
    let (_second, took) = ready(&world).await;
    assert!(took >= COLD_START, "ready after {took:?}");
}

async fn leases(world: &World, which: &str) -> i64 {
    let count = format!("select count(*) from modgate.permit_lease where {which}");
    sqlx::query_scalar(AssertSqlSafe(count))
        .fetch_one(&mut world.sql().await)
        .await
        .expect("the leases can be counted")
}

/// An app whose leases are given up soon.
async fn with_short_leases() -> TestApp {
    let app = TestApp::in_world_with(World::new().await, |settings| {
        settings.limit.cold_start = Duration::ZERO;
        settings.limit.idle_lease = Duration::from_millis(100);
    })
    .await;
    let operator = app.operator();
    eventually("it is ready", PATIENCE, async || {
        (operator.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    app
}

async fn is_given_up(app: &TestApp) {
    eventually("the lease is given up", PATIENCE, async || {
        let standing = (
            leases(app, "given_up_on is null").await,
            app.operator().permits("held").await,
        );
        (standing == (0, 0)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_has_a_lease_from_its_first_demand_until_it_is_idle() {
    let app = with_short_leases().await;
    assert_eq!(leases(&app, "true").await, 0, "nobody needs one");
    let alice = app.moderator("alice");
    assert_eq!(alice.kick_login("test").await.status, 200);
    assert_eq!(leases(&app, "api = 'kick_login'").await, 1);
    assert_eq!(leases(&app, "api <> 'kick_login'").await, 0);
    is_given_up(&app).await;
    let shown = app.operator().get("/readyz").await;
    assert_eq!(
        (shown.status, &shown.json()["degraded"]),
        (200, &json!([])),
        "that is no fault"
    );
    let lapsed = r#"modgate_lease_lapsed{api="kick_login"}"#;
    assert_eq!(app.operator().series(lapsed).await, Some(0));
    assert_eq!(alice.kick_login("test").await.status, 200, "and again");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_click_on_an_api_does_not_wait_for_the_next_tick() {
    const ROUNDS: u32 = 6;
    let app = with_short_leases().await;
    let alice = app.moderator("alice");
    let click = async || {
        let clicked = Instant::now();
        assert_eq!(alice.kick_login("test").await.status, 200);
        clicked.elapsed()
    };
    let (mut first, mut next) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        is_given_up(&app).await;
        first += click().await;
        next += click().await;
    }
    // Ticks are a second apart, or a quarter of one in a hurry.
    let extra = first.saturating_sub(next) / ROUNDS;
    assert!(extra < Duration::from_millis(125), "{extra:?} more");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_needed_and_cannot_be_had_is_told_as_a_lapsed_one() {
    let app = TestApp::start().await;
    let mut sql = app.sql().await;
    let mut lock = sql.begin().await.expect("a transaction");
    sqlx::query("lock table modgate.permit_lease in share row exclusive mode")
        .execute(&mut *lock)
        .await
        .expect("the lock");
    let alice = app.moderator("alice");
    let refused = alice.kick_login("test").await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (503, "audit-unavailable")
    );
    let lapsed = r#"modgate_lease_lapsed{api="kick_login"}"#;
    eventually("it is told", PATIENCE, async || {
        (app.operator().series(lapsed).await == Some(1)).then_some(())
    })
    .await;
    let shown = app.operator().get("/readyz").await.json();
    let degraded = shown["degraded"].as_array().expect("there is a list");
    assert!(degraded.contains(&json!("leases")), "{shown}");
    lock.rollback().await.expect("the lock is given up");
    eventually("it is had", PATIENCE, async || {
        (alice.kick_login("test").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(app.operator().series(lapsed).await, Some(0));
    assert_eq!(app.operator().permits("held").await, 150);
    app.stop().await;
}
