//! `Idempotency-Key`: a repeat is the same action, and is told what became of it.

use std::time::Duration;

use futures_util::future::join_all;
use modgate::simulator::{Fault, FaultKind, Latency};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, KICK_LOGIN, KICK_SEAT, Persona};
use crate::support::process::Gateway;
use crate::support::world::World;

async fn keyed(who: &Persona, key: &str, user_id: &str) -> Answer {
    let body = json!({"user_id": user_id}).to_string();
    let request = who
        .request(Method::POST, KICK_LOGIN)
        .header("Idempotency-Key", key);
    who.send(request.header(CONTENT_TYPE, "application/json").body(body))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_with_one_key_are_one_call() {
    let app = TestApp::in_world(World::new().await.set("MODGATE_MODERATOR_QPS", "100")).await;
    let travel = Duration::from_millis(100)..=Duration::from_millis(100);
    app.simulator.set_latency(Latency {
        before: travel.clone(),
        after: travel,
    });
    let alice = app.moderator("alice");
    let answers = join_all((0..50).map(|_| keyed(&alice, "k1", "test"))).await;
    assert_eq!(app.simulator.calls().len(), 1);
    let action = answers
        .iter()
        .find(|answer| answer.status == 200)
        .expect("one has the answer")
        .json();
    for answer in &answers {
        if answer.status == 200 {
            assert_eq!(answer.json(), action);
        } else {
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (409, "idempotency-conflict")
            );
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    let replay = keyed(&alice, "\"k1\"", "test").await;
    assert_eq!(
        (replay.status, replay.json()),
        (200, action),
        "quoted or bare, it is the same key"
    );
    assert_eq!(replay.header("idempotent-replayed"), Some("true"));
    let listed = alice.list("idempotency_key=k1").await;
    assert_eq!(listed.len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_scoped_to_its_moderator_and_kind() {
    let app = TestApp::start().await;
    assert_eq!(
        keyed(&app.moderator("alice"), "k1", "test").await.status,
        200
    );
    assert_eq!(keyed(&app.moderator("bob"), "k1", "test").await.status, 200);
    let alice = app.moderator("alice");
    let body = json!({"user_id": "test", "room_id": "r", "data": ""}).to_string();
    let request = alice
        .request(Method::POST, KICK_SEAT)
        .header("Idempotency-Key", "k1");
    assert_eq!(
        alice
            .send(request.header(CONTENT_TYPE, "application/json").body(body))
            .await
            .status,
        200
    );
    assert_eq!(app.simulator.calls().len(), 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_for_another_request_is_refused() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    assert_eq!(keyed(&alice, "k1", "test").await.status, 200);
    let answer = keyed(&alice, "k1", "other").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (422, "idempotency-mismatch")
    );
    assert_eq!(app.simulator.calls().len(), 1);
    for bad in ["", "a b", "é", "\"a", &"a".repeat(256)] {
        let answer = keyed(&alice, bad, "test").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{bad:?}"
        );
        assert_eq!(answer.json()["errors"][0]["field"], "Idempotency-Key");
    }
    app.stop().await;
}

/// Tencent's code, and whether the same key is sent again after it.
const CODES: &[(i64, bool)] = &[
    (70107, false),
    (70402, false),
    (100_206, false),
    (60007, true),
    (60010, true),
    (60020, true),
    (123_456, true),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_replayed_unless_it_left_something_to_try() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    for (code, sent_again) in CODES {
        let (key, before) = (format!("k{code}"), app.simulator.calls().len());
        app.simulator.fail(Fault::next(FaultKind::ErrorCode {
            code: *code,
            info: None,
        }));
        let first = keyed(&alice, &key, "test").await;
        let second = keyed(&alice, &key, "test").await;
        let calls = app.simulator.calls().len() - before;
        if *sent_again {
            assert_eq!((second.status, calls), (200, 2), "{code}");
        } else {
            assert_eq!((second.status, calls), (first.status, 1), "{code}");
            assert_eq!(second.action(), first.action(), "{code}");
            assert_eq!(second.header("idempotent-replayed"), Some("true"), "{code}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_not_repeated_by_its_key() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    app.simulator.fail(Fault::next(FaultKind::Garbage));
    let first = keyed(&alice, "k1", "test").await;
    let second = keyed(&alice, "k1", "test").await;
    assert_eq!((first.status, second.status), (504, 504));
    assert_eq!(second.action(), first.action());
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(app.simulator.calls().len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_or_denied_frees_its_key() {
    let app = TestApp::start().await;
    let (alice, auditor) = (app.moderator("alice"), app.auditor());
    app.simulator.stop().expect("the simulator stops");
    assert_eq!(keyed(&alice, "k1", "test").await.status, 503);
    app.simulator.restart().expect("the simulator starts again");
    assert_eq!(keyed(&alice, "k1", "test").await.status, 200);
    assert_eq!(keyed(&auditor, "k1", "test").await.status, 403);
    assert_eq!(keyed(&auditor, "k1", "other").await.status, 403);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_ran_out_of_time_frees_its_key() {
    let app = TestApp::in_world(World::with_its_own_postgres().await).await;
    let alice = app.moderator("alice");
    assert_eq!(keyed(&alice, "warm", "test").await.status, 200);
    let cluster = app.cluster.as_ref().expect("it has its own");
    cluster.freeze().await;
    assert_eq!(
        keyed(&alice, "k1", "test").await.problem(),
        "audit-unavailable"
    );
    cluster.thaw().await;
    eventually("the key works again", Duration::from_secs(30), async || {
        let answer = keyed(&alice, "k1", "test").await;
        assert!(matches!(answer.status, 200 | 409 | 503), "{}", answer.text);
        (answer.status == 200).then_some(())
    })
    .await;
    assert_eq!(app.simulator.calls().len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_does_not_make_a_second_call() {
    let world = World::new()
        .await
        .set("MODGATE_ACTION_DEADLINE", "1s")
        .set("MODGATE_TENCENT_TIMEOUT", "1s")
        .set("MODGATE_MODERATOR_QPS", "1000");
    world.simulator.fail(Fault::next(FaultKind::Never));
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let asking = tokio::spawn(async move { alice.try_kick_login_keyed("k1", "test").await });
    eventually(
        "the call has arrived",
        Duration::from_secs(10),
        async || (!world.simulator.calls().is_empty()).then_some(()),
    )
    .await;
    gateway.kill();
    assert!(
        asking.await.expect("no panic").is_err(),
        "there was no answer"
    );

    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let answer = eventually(
        "the action has its end",
        Duration::from_secs(30),
        async || {
            let answer = keyed(&alice, "k1", "test").await;
            (answer.status != 409).then_some(answer)
        },
    )
    .await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (504, "outcome-unknown")
    );
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    assert_eq!(world.simulator.calls().len(), 1);
}
