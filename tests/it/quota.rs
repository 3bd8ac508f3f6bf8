//! What the answers say is left of the limits: `RateLimit-Policy` and `RateLimit`.

use std::sync::LazyLock;
use std::time::Duration;

use modgate::domain::{Api, Kind};
use modgate::simulator::{Fault, FaultKind};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, KICK_LOGIN, KICK_SEAT, Persona};
use crate::support::world::{World, token};

const NO_ACTION: &str = "/v1/actions/01a201ca-577a-77fa-b1d9-afa8ff23a803";

/// By default: `MODGATE_MODERATOR_QPS` is 20, `MODGATE_TENCENT_QPS` is 200.
static POLICIES: LazyLock<String> = LazyLock::new(|| policies(20, 200));
const UNTOUCHED: &str = r#""moderator";r=20;t=1"#;

/// No gateway of these tests is as old as that.
const LONG_COLD_START: Duration = Duration::from_mins(1);

const PATIENCE: Duration = Duration::from_secs(10);

/// Every limit that there is.
fn policies(of_a_moderator: u32, of_an_api: u32) -> String {
    // Those of probes are nobody's who acts.
    let acts = |api: &&&Api| Kind::ALL.iter().any(|kind| kind.api == **api);
    let apis = Api::all().iter().filter(acts);
    let apis = apis.map(|api| (api.word, of_an_api));
    let all = [("moderator", of_a_moderator)].into_iter().chain(apis);
    let all = all.chain([("reads", 100)]);
    let all: Vec<String> = all
        .map(|(name, limit)| format!("\"{name}\";q={limit};w=1"))
        .collect();
    all.join(", ")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("tests are short")
}

/// Of a limit of `qps`, `spent` requests were spent after `since`: exactly that is missing, but for
/// what has been refilled, which is one each 1/qps.
fn assert_own(answer: &Answer, qps: u64, spent: u64, since: Instant) {
    let refilled = millis(since.elapsed()) * qps / 1000;
    let left = answer.left();
    let (least, most) = (qps.saturating_sub(spent), qps.min(qps + refilled - spent));
    assert_eq!(left.policy, "moderator");
    assert!(
        (least..=most).contains(&left.remaining),
        "{left:?} after {spent} of {qps} and {refilled}"
    );
    assert_eq!(left.seconds, 1);
}

/// Refused as malformed, at once.
async fn post_nothing(who: &Persona, path: &str) -> Answer {
    let answer = who.post(path, &json!({})).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    answer
}

fn code(code: i64) -> Fault {
    Fault::next(FaultKind::ErrorCode { code, info: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_to_a_valid_token_says_what_is_left() {
    let app = TestApp::start().await;
    let (login, kick) = (
        KICK_LOGIN.to_owned(),
        json!({"user_id": "test"}).to_string(),
    );
    let protected = json!({"user_id": "Administrator"}).to_string();
    let queried = format!("{login}?x=1");
    let large = format!("{{\"user_id\":\"{}\"}}", "x".repeat(17 * 1024));
    let cut = Fault::next(FaultKind::Cut { reset: true });
    #[rustfmt::skip]
    let posts = [
        (200, None,                &login,   kick.clone()),
        (400, None,                &login,   "{".to_owned()),
        (400, None,                &queried, kick.clone()),
        (403, None,                &login,   protected),
        (404, Some(code(70107)),   &login,   kick.clone()),
        (409, Some(code(100_005)), &login,   kick.clone()),
        (413, None,                &login,   large),
        (422, Some(code(70402)),   &login,   kick.clone()),
        (502, Some(code(60020)),   &login,   kick.clone()),
        (504, Some(cut),           &login,   kick.clone()),
    ];
    for (number, (status, fault, path, body)) in posts.into_iter().enumerate() {
        if let Some(fault) = fault {
            app.simulator.fail(fault);
        }
        let who = app.moderator(&format!("moderator-{number}"));
        let started = Instant::now();
        let answer = who.post_text(path, body).await;
        assert_eq!(answer.status, status, "{number}: {}", answer.text);
        assert_eq!(answer.only("ratelimit-policy"), Some(POLICIES.as_str()));
        assert_own(&answer, 20, 1, started);
    }
    let mallory = Persona::new(app.addr, Some(token("mallory", &[])));
    let started = Instant::now();
    let denied = mallory.kick_login("test").await;
    assert_eq!(denied.status, 403);
    assert_own(&denied, 20, 1, started);

    let reader = app.moderator("reader");
    for (status, path) in [
        (200, "/v1/me"),
        (200, "/v1/actions"),
        (400, "/v1/actions?x=1"),
        (404, NO_ACTION),
    ] {
        let answer = reader.get(path).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.only("ratelimit-policy"), Some(POLICIES.as_str()));
        assert_eq!(answer.only("ratelimit"), Some(UNTOUCHED));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_valid_token_is_told_a_limit() {
    let app = TestApp::start().await;
    let liar = Persona::new(app.addr, Some("a.b.c".to_owned()));
    for who in [app.anonymous(), liar] {
        for (method, path) in [
            (Method::GET, "/v1/me"),
            (Method::GET, "/v1/actions"),
            (Method::POST, KICK_LOGIN),
        ] {
            let answer = who.send(who.request(method, path)).await;
            assert_eq!(answer.status, 401);
            assert_eq!(answer.only("ratelimit"), None, "{path}");
            assert_eq!(answer.only("ratelimit-policy"), None, "{path}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_moderator_has_left_counts_down_and_refills_and_reading_leaves_it_alone() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "5");
    let app = TestApp::in_world(world).await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let started = Instant::now();
    for spent in 1..=4 {
        let answer = post_nothing(&alice, KICK_LOGIN).await;
        assert_own(&answer, 5, spent, started);
    }
    for _ in 0..20 {
        assert_own(&alice.get("/v1/me").await, 5, 4, started);
    }
    assert_eq!(bob.get("/v1/me").await.left().remaining, 5, "bob's own");
    eventually("all is there again", PATIENCE, async || {
        let answer = alice.get("/v1/me").await;
        assert_own(&answer, 5, 4, started);
        (answer.left().remaining == 5).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_an_api_is_shown_when_it_is_the_tighter_one_for_what_was_asked() {
    let world = World::new()
        .await
        .set("MODGATE_MODERATOR_QPS", "1000")
        .set("MODGATE_TENCENT_QPS", "5")
        // The kicks wait for this test, not for their time-outs.
        .set("MODGATE_TENCENT_TIMEOUT", "30s")
        .set("MODGATE_ACTION_DEADLINE", "60s");
    let app = TestApp::in_world(world).await;
    let (alice, operator) = (app.moderator("alice"), app.operator());
    let shown = async |path| {
        let answer = post_nothing(&alice, path).await;
        answer.left();
        let policies = policies(1000, 5);
        assert_eq!(answer.only("ratelimit-policy"), Some(policies.as_str()));
        answer.only("ratelimit").map(str::to_owned)
    };
    assert_eq!(
        shown(KICK_LOGIN).await.as_deref(),
        Some(r#""kick_login";r=5;t=1"#)
    );
    app.simulator.stall(PATIENCE * 6);
    let mut kicks = JoinSet::new();
    // A permit in use is taken to come back a second and a millisecond from now.
    for (in_use, expected) in [
        (3, r#""kick_login";r=2;t=1"#),
        (5, r#""kick_login";r=0;t=2"#),
    ] {
        for number in kicks.len()..in_use {
            let bob = app.moderator("bob");
            kicks.spawn(async move { bob.kick_login(&format!("user{number}")).await });
        }
        eventually("the permits are taken", PATIENCE, async || {
            (usize::from(operator.permits("in_use").await) == in_use).then_some(())
        })
        .await;
        assert_eq!(shown(KICK_LOGIN).await.as_deref(), Some(expected));
    }
    assert_eq!(
        shown(KICK_SEAT).await.as_deref(),
        Some(r#""kick_seat";r=5;t=1"#),
        "the other API has its own"
    );
    let read = alice.get("/v1/actions").await.left();
    assert_eq!(read.policy, "moderator", "reading calls nobody");

    app.simulator.stall(Duration::ZERO);
    while let Some(kicked) = kicks.join_next().await {
        let kicked = kicked.expect("it does not panic");
        assert_eq!(kicked.status, 200, "{}", kicked.text);
        assert_eq!(kicked.left().policy, "kick_login");
    }
    eventually("the permits have rested", PATIENCE, async || {
        (shown(KICK_LOGIN).await? == r#""kick_login";r=5;t=1"#).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_both_limits_are_as_tight_the_moderators_own_is_shown() {
    let world = World::new()
        .await
        .set("MODGATE_MODERATOR_QPS", "1")
        .set("MODGATE_TENCENT_QPS", "1");
    let app = TestApp::in_world_after(world, LONG_COLD_START).await;
    let mut number = 0;
    eventually("an answer within a second", PATIENCE, async || {
        number += 1;
        let who = app.moderator(&format!("moderator-{number}"));
        let started = Instant::now();
        let answer = post_nothing(&who, KICK_LOGIN).await;
        let left = answer.only("ratelimit").map(str::to_owned);
        // After a second the moderator has one left, and the API still none.
        (started.elapsed() < Duration::from_secs(1)).then(|| {
            assert_eq!(left.as_deref(), Some(r#""moderator";r=0;t=1"#));
        })
    })
    .await;
    app.stop().await;
}

/// What every 429 must say: nothing is left of the limit that refused, until `Retry-After`.
fn assert_refused(answer: &Answer, limit: &str, policy: &str) -> u64 {
    assert_eq!(answer.status, 429, "{}", answer.text);
    assert_eq!(answer.json()["limit"], limit);
    let left = answer.left();
    assert_eq!((left.policy.as_str(), left.remaining), (policy, 0));
    let seconds = left.seconds.to_string();
    assert_eq!(answer.only("retry-after"), Some(seconds.as_str()));
    assert_eq!(answer.json()["retry_after"], left.seconds);
    left.seconds
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_for_their_own_limit_has_nothing_left_of_it_until_retry_after() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    let refused = eventually("a refusal", PATIENCE, async || {
        let answer = alice.post(KICK_SEAT, &json!({})).await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    assert_eq!(assert_refused(&refused, "moderator", "moderator"), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_for_an_apis_limit_is_told_when_it_has_more() {
    let world = World::new().await;
    let started = Instant::now();
    let app = TestApp::in_world_after(world, LONG_COLD_START).await;
    let alice = app.moderator("alice");

    let answer = post_nothing(&alice, KICK_LOGIN).await;
    let (left, age) = (answer.left(), started.elapsed().as_secs());
    assert_eq!((left.policy.as_str(), left.remaining), ("kick_login", 0));
    assert!((60 - age..=60).contains(&left.seconds), "{left:?} at {age}");

    // Less the two seconds that a request may wait in the queue.
    let refused = alice.kick_seat("room-test", "test", "").await;
    let seconds = assert_refused(&refused, "api", "kick_seat");
    let age = started.elapsed().as_secs();
    assert!((58 - age..=58).contains(&seconds), "{seconds} at {age}");
    assert_eq!(alice.get("/v1/me").await.left().policy, "moderator");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tencent_throttles_is_less_afterwards_but_the_policy_stays() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    let started = Instant::now();
    for (error_code, expected) in [(60007, 1), (60028, 3600)] {
        app.simulator.fail(code(error_code));
        let refused = alice.kick_login("test").await;
        assert_eq!(assert_refused(&refused, "tencent", "kick_login"), expected);
    }
    let answer = post_nothing(&alice, KICK_LOGIN).await;
    let policies = policies(1000, 200);
    assert_eq!(answer.only("ratelimit-policy"), Some(policies.as_str()));
    // Half of it, less the two permits that may still rest, and one more each tenth of a second;
    // half of that if the two were a second apart.
    let (left, regrown) = (answer.left(), millis(started.elapsed()) / 100);
    assert_eq!(left.policy, "kick_login");
    let least = if regrown < 10 { 98 } else { 48 };
    assert!(
        (least..=100 + regrown).contains(&left.remaining),
        "{left:?} after {regrown}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_the_record_says_what_is_left_and_never_a_time_after_retry_after() {
    let world = World::with_its_own_postgres().await;
    let app = TestApp::in_world_after(world, LONG_COLD_START).await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let postgres = app.cluster.as_ref().expect("it is this test's own");
    postgres.stop_fast().await;
    let kicked = alice.try_kick_login_keyed("a-key", "test").await;
    let kicked = kicked.expect("the gateway answers");
    assert_eq!(
        (kicked.status, kicked.only("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(kicked.only("ratelimit-policy"), Some(POLICIES.as_str()));
    assert_eq!(kicked.only("ratelimit"), Some(r#""kick_login";r=0;t=1"#));
    let read = bob.get("/v1/actions").await;
    assert_eq!((read.status, read.only("retry-after")), (503, Some("1")));
    assert_eq!(read.only("ratelimit"), Some(UNTOUCHED));
    postgres.start().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kick_that_could_not_be_recorded_was_counted() {
    let app = TestApp::start().await;
    app.execute("alter table audit.action rename to action_away")
        .await;
    let alice = app.moderator("alice");
    let started = Instant::now();
    let kicked = alice.kick_login("test").await;
    assert_eq!(kicked.status, 503, "{}", kicked.text);
    assert_eq!(kicked.only("ratelimit-policy"), Some(POLICIES.as_str()));
    assert_own(&kicked, 20, 1, started);
    app.execute("alter table audit.action_away rename to action")
        .await;
    app.stop().await;
}
