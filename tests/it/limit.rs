//! The limits, measured on what arrives at Tencent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use modgate::simulator::Api;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::support::app::{MODERATOR, TestApp};
use crate::support::eventually::eventually;
use crate::support::open_loop::{Asked, Crowd};
use crate::support::persona::Answer;
use crate::support::process::Gateway;
use crate::support::tencent::travelling;
use crate::support::world::{World, token};

const SECOND: Duration = Duration::from_secs(1);
/// `MODGATE_TENCENT_QPS`: a fifth of the default, so that the machine has time for what else it does.
const N: u16 = 40;

impl Asked {
    fn answer(&self) -> Answer {
        match &self.answer {
            Ok(answer) => answer.parsed(),
            Err(error) => panic!("{}: {error:?}", self.user_id),
        }
    }

    fn is_refused(&self) -> bool {
        self.answer().status == 429
    }

    /// How long Tencent's answer took, as the gateway saw it.
    fn hold(&self) -> Duration {
        let attempt = &self.answer().json()["attempts"][0];
        Duration::from_secs_f64(attempt["duration_ms"].as_f64().expect("it was sent") / 1000.0)
    }
}

/// No moderator reaches a limit of their own.
async fn with_this_limit() -> World {
    let world = World::under_load()
        .await
        .set("MODGATE_MODERATOR_QPS", "1000");
    world.set("MODGATE_TENCENT_QPS", &N.to_string())
}

fn crowd(gateway: &Gateway, subjects: &[&str]) -> Arc<Crowd> {
    let tokens = subjects.iter().map(|subject| token(subject, &MODERATOR));
    Crowd::new(vec![gateway.addr], tokens.collect())
}

fn assert_says_when_to_come_back(answer: &Answer, limit: &str) {
    assert_eq!(answer.problem(), "rate-limited", "{}", answer.text);
    assert_eq!(
        (answer.status, answer.json()["limit"].as_str()),
        (429, Some(limit))
    );
    let seconds = answer
        .header("retry-after")
        .and_then(|text| text.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds >= 1));
    assert_eq!(answer.json()["retry_after"].as_u64(), seconds);
    let policy = if limit == "moderator" {
        "moderator"
    } else {
        "kick_login"
    };
    let left = answer.left();
    assert_eq!((left.policy.as_str(), left.remaining), (policy, 0));
    assert_eq!(Some(left.seconds), seconds);
}

fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).expect("tests are short"))
}

/// What gets through by the permit rule: a permit makes one call in one second plus the time that
/// Tencent's answer takes (the hold), so N permits make N / (1 s + mean hold) a second.
fn allowed(sent: &[Asked], during: Duration) -> f64 {
    let holds: Duration = sent.iter().map(Asked::hold).sum();
    let hold = holds.as_secs_f64() / count(sent.len());
    f64::from(N) / (1.0 + hold) * during.as_secs_f64()
}

/// Offers five times the limit, with a stall of the network in the middle. Whatever the machine is
/// busy with, the window holds and who is refused is refused well. Returns which share of what is
/// allowed arrived while the load lasted.
async fn share_used_under_load(world: &World, crowd: &Arc<Crowd>, name: &str) -> f64 {
    let (start, lasting) = (std::time::Instant::now(), SECOND * 5);
    let stall = async {
        sleep_until((start + lasting / 2).into()).await;
        world.simulator.stall(Duration::from_millis(300));
    };
    let (asked, ()) = tokio::join!(
        Arc::clone(crowd).offer(name, 5 * u32::from(N), lasting),
        stall
    );
    let (refused, sent): (Vec<_>, Vec<_>) = asked.into_iter().partition(Asked::is_refused);

    let largest = world.simulator.largest_window(Api::KICK_LOGIN, SECOND);
    assert!(largest <= usize::from(N), "{largest} calls in one second");
    for sent in &sent {
        assert_eq!(sent.answer().status, 200, "{}", sent.answer().text);
    }
    for refused in &refused {
        assert_says_when_to_come_back(&refused.answer(), "api");
    }
    let calls: Vec<_> = world
        .simulator
        .calls()
        .into_iter()
        .filter(|call| call.arrived > start)
        .collect();
    let mut called: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.user_id.as_deref())
        .collect();
    let mut succeeded: Vec<&str> = sent.iter().map(|sent| sent.user_id.as_str()).collect();
    called.sort_unstable();
    succeeded.sort_unstable();
    assert_eq!(
        called, succeeded,
        "who is refused is not called about; everybody else once"
    );
    let in_time = calls
        .iter()
        .filter(|call| call.arrived < start + lasting)
        .count();
    count(in_time) / allowed(&sent, lasting)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_times_the_limit_is_offered_and_the_limit_is_used_and_never_passed() {
    let mut world = with_this_limit().await;
    world.simulator.set_latency(travelling());
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let crowd = crowd(&gateway, &["alice", "bob", "carol", "dave", "erin"]);
    // The load, the gateway and the simulator take most of a small machine. When something
    // else wants it too, a single round says nothing about the gateway. After the first round this test waits until
    // no other is running.
    let mut shares = Vec::new();
    while shares.len() < 4 && !shares.iter().any(|share| *share >= 0.85) {
        if shares.len() == 1 {
            world.be_alone().await;
        }
        shares
            .push(share_used_under_load(&world, &crowd, &format!("round{}-", shares.len())).await);
    }
    assert!(
        shares.iter().any(|share| *share >= 0.85),
        "of what is allowed was used: {shares:?}"
    );
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_whose_database_forgot_does_not_add_its_calls_to_those_of_a_killed_gateway() {
    let world = with_this_limit().await;
    let first = Gateway::start(&world.variables).await.ready().await;
    let operator = first.operator();
    let load = crowd(&first, &["alice", "bob"]).start("first", 100, SECOND * 8);

    // The network holds back what the first gateway sends, lets it live until that is most of
    // what it may send, and delivers it at once when it is dead and the second one is there.
    world.simulator.stall(SECOND * 60);
    eventually("most permits are in use", SECOND * 8, async || {
        (operator.permits("in_use").await >= N * 3 / 4).then_some(())
    })
    .await;
    first.kill();
    drop(load);
    // As a failover to a standby that lags behind may.
    world.execute("delete from modgate.permit_lease").await;
    world.simulator.stall(Duration::from_millis(800));
    let second = Gateway::start(&world.variables).await;
    crowd(&second, &["carol", "dave"])
        .offer("second", 100, SECOND * 4)
        .await;

    let calls = world.simulator.calls();
    let of = |name: &str| {
        let named = |user: &str| user.starts_with(name);
        calls
            .iter()
            .filter(|call| call.user_id.as_deref().is_some_and(named))
            .count()
    };
    let (before, after) = (of("first"), of("second"));
    assert!(
        before >= usize::from(N / 2) && after >= usize::from(N),
        "{before} calls, then {after}"
    );
    let largest = world.simulator.largest_window(Api::KICK_LOGIN, SECOND);
    assert!(
        largest <= usize::from(N),
        "{largest} calls in one second: {before}, then {after}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_has_a_limit_of_their_own_which_reading_does_not_touch() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "5");
    let app = TestApp::in_world(world).await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let started = Instant::now();
    let answers =
        join_all((0..40).map(async |kick| alice.kick_login(&format!("u{kick}")).await)).await;
    let refilled = started.elapsed().as_millis().div_ceil(200);
    let (refused, done): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 429);
    assert!(done.iter().all(|answer| answer.status == 200));
    assert!(
        done.len() >= 5 && done.len() as u128 <= 5 + refilled,
        "{} of 5 and {refilled}",
        done.len()
    );
    for refused in refused {
        assert_says_when_to_come_back(refused, "moderator");
    }
    assert_eq!(app.simulator.calls().len(), done.len());

    assert_eq!(
        bob.kick_login("other").await.status,
        200,
        "another moderator is not affected"
    );
    let reads = join_all((0..40).map(async |_| alice.get("/v1/me").await.status)).await;
    assert!(reads.iter().all(|status| *status == 200), "{reads:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_calls_nobody_for_two_seconds_and_is_not_ready() {
    let world = World::new().await.set("MODGATE_QUEUE_TIMEOUT", "10s");
    let started = std::time::Instant::now();
    let gateway = Gateway::start(&world.variables).await;
    let (operator, moderator) = (gateway.operator(), gateway.moderator("alice"));
    let ready = eventually("the gateway is ready", SECOND * 20, async || {
        let before = started.elapsed();
        let ready = operator.get("/readyz").await;
        if ready.status == 200 {
            return Some(started.elapsed());
        }
        assert_eq!(ready.status, 503);
        assert_eq!(
            ready.json()["causes"][0],
            "no permits since start",
            "after {before:?}"
        );
        None
    });
    let (ready, kicked) = tokio::join!(ready, moderator.kick_login("user"));
    assert!(ready >= SECOND * 2, "ready after {ready:?}");
    assert_eq!(
        (kicked.status, &kicked.json()["state"]),
        (200, &Value::from("succeeded"))
    );
    let calls = world.simulator.calls();
    let arrived = calls.first().expect("the kick arrived").arrived - started;
    assert!(
        arrived >= SECOND * 2,
        "the first call arrived after {arrived:?}"
    );
}
