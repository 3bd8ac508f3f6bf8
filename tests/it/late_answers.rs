//! What a late answer makes of an action of several attempts: no more and no less than the same
//! answer in time.

use std::time::Duration;

use futures_util::future::join_all;
use modgate::simulator::{Api, Fault, FaultKind};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(15);

const TIMEOUT: Duration = Duration::from_millis(600);

/// Late, and before a second attempt would be given up.
const LATE: Duration = Duration::from_millis(900);

async fn impatient_world() -> World {
    World::new().await.set("MODGATE_TENCENT_TIMEOUT", "600ms")
}

fn late(duration: Duration) -> Fault {
    Fault::next(FaultKind::Delay { duration })
}

fn cut() -> Fault {
    Fault::next(FaultKind::Cut { reset: true })
}

fn code(code: i64) -> Fault {
    Fault::next(FaultKind::ErrorCode { code, info: None })
}

/// With an `Idempotency-Key`.
async fn keyed(who: &Persona, kind: &str, body: Value) -> Answer {
    let request = who
        .request(Method::POST, &format!("/v1/actions/{kind}"))
        .header("Idempotency-Key", "k1")
        .header(CONTENT_TYPE, "application/json");
    who.send(request.body(body.to_string())).await
}

fn id_of(answer: &Answer) -> String {
    let action = answer.action();
    action["id"].as_str().expect("it has an id").to_owned()
}

/// The states of an action's events, in order.
async fn events(world: &World, id: &str) -> Vec<String> {
    sqlx::query_scalar("select state from audit.event where action_id = $1 order by rev")
        .bind(Uuid::parse_str(id).expect("an id is a UUID"))
        .fetch_all(&mut world.sql().await)
        .await
        .expect("the record can be read")
}

/// The action as the API has it, which must be what the view says.
async fn agreed(world: &World, who: &Persona, id: &str) -> Value {
    let action = who.action(id).await.json();
    let (state, attempts, error_code, request_id): (String, i32, Option<i64>, Option<String>) =
        sqlx::query_as(
            "select state, attempts, error_code, tencent_request_id from audit.actions where id = $1",
        )
    .bind(Uuid::parse_str(id).expect("an id is a UUID"))
    .fetch_one(&mut world.sql().await)
    .await
    .expect("the record can be read");
    assert_eq!(action["state"], state, "{action}");
    let listed = action["attempts"].as_array().map(Vec::len);
    assert_eq!(listed.map(i32::try_from), Some(Ok(attempts)), "{action}");
    let tencent = &action["tencent"];
    assert_eq!(
        (&tencent["error_code"], &tencent["request_id"]),
        (&json!(error_code), &json!(request_id)),
        "{action}"
    );
    action
}

async fn becomes(world: &World, who: &Persona, id: &str, state: &str) -> Value {
    eventually(state, PATIENCE, async || {
        (who.action(id).await.json()["state"] == state).then_some(())
    })
    .await;
    agreed(world, who, id).await
}

/// The late answer has been recorded, or has left its line in the log, which is returned.
async fn dealt_with(gateway: &Gateway, who: &Persona, id: &str) -> Option<Value> {
    eventually("the late answer is dealt with", PATIENCE, async || {
        let line = gateway.log().events("late_answer").pop();
        let recorded = who.action(id).await.json()["state"] != "unknown";
        (recorded || line.is_some()).then_some(line)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_100206_after_two_lost_answers_says_that_the_seat_was_emptied() {
    let app = TestApp::in_world(impatient_world().await).await;
    let alice = app.moderator("alice");
    app.simulator.declare_seat("room", "test", true);
    for fault in [cut(), cut(), late(LATE)] {
        app.simulator.fail(fault);
    }
    let answer = alice.kick_seat("room", "test", "").await;
    assert_eq!(answer.problem(), "outcome-unknown");
    let action = becomes(&app, &alice, &id_of(&answer), "succeeded").await;
    assert_eq!(action["tencent"]["error_code"], 100_206);
    assert_eq!(
        events(&app, &id_of(&answer)).await,
        ["retrying", "retrying", "unknown", "succeeded"]
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_refusal_of_the_third_attempt_says_nothing_of_the_two_before() {
    let world = impatient_world().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    for fault in [cut(), cut(), late(LATE)] {
        world.simulator.fail(fault);
    }
    // Whoever is over the limit is told 60007.
    world.simulator.set_limit(Some(0));
    let body = json!({"room_id": "room", "user_id": "test", "data": ""});
    let answer = keyed(&alice, "kick_seat", body.clone()).await;
    assert_eq!(answer.problem(), "outcome-unknown");
    let id = id_of(&answer);
    let line = dealt_with(&gateway, &alice, &id).await;
    assert_eq!(agreed(&world, &alice, &id).await["state"], "unknown");
    let line = line.expect("it is not in the record, so it is in the log");
    let made = &answer.action()["attempts"][2];
    for (field, value) in [
        ("action.id", &json!(id)),
        ("attempt.number", &json!(3)),
        ("tencent.random", &made["random"]),
        ("tencent.error_code", &json!(60007)),
    ] {
        assert_eq!(&line[field], value, "{line}");
    }
    assert!(line["tencent.request_id"].is_string(), "{line}");

    world.simulator.set_limit(None);
    let again = keyed(&alice, "kick_seat", body).await;
    assert_eq!((again.status, id_of(&again)), (504, id));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(world.simulator.calls().len(), 3);
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_refusal_after_an_ambiguous_code_allows_no_second_login_kick() {
    let world = impatient_world().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    world.simulator.fail(code(60008));
    world.simulator.fail(late(LATE));
    world.simulator.set_limit(Some(0));
    let answer = keyed(&alice, "kick_login", json!({"user_id": "test"})).await;
    assert_eq!(answer.problem(), "outcome-unknown");
    assert_eq!(
        answer.action()["attempts"][0]["error_code"],
        60008,
        "{}",
        answer.text
    );
    let id = id_of(&answer);
    dealt_with(&gateway, &alice, &id).await;

    world.simulator.set_limit(None);
    let again = keyed(&alice, "kick_login", json!({"user_id": "test"})).await;
    assert_eq!((again.status, id_of(&again)), (504, id.clone()));
    assert_eq!(world.simulator.calls().len(), 2);
    let action = agreed(&world, &alice, &id).await;
    assert_eq!(action["state"], "unknown");
    assert_eq!(events(&world, &id).await, ["retrying", "unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_brown_out_all_that_tencent_did_is_recorded_as_done() {
    let app = TestApp::in_world(impatient_world().await).await;
    let alice = app.moderator("alice");
    app.simulator.fail(late(TIMEOUT * 13 / 10).for_ever());
    let users: Vec<String> = (0..8).map(|number| format!("user{number}")).collect();
    for user in &users {
        app.simulator.declare_seat("room", user, true);
    }
    let kicks = users
        .iter()
        .map(|user| alice.kick_seat("room", user, "out"));
    let answers = join_all(kicks).await;
    app.simulator.clear_faults();
    for answer in &answers {
        becomes(&app, &alice, &id_of(answer), "succeeded").await;
    }
    assert_eq!(app.simulator.effects().len(), 8);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_counts_though_the_repeat_that_was_planned_is_never_made() {
    let app = TestApp::in_world(impatient_world().await).await;
    let alice = app.moderator("alice");
    app.execute(
        "alter table audit.event add constraint sabotage check (state <> 'retrying') not valid",
    )
    .await;
    app.simulator.fail(late(Duration::from_millis(1500)));
    let answer = alice.kick_seat("room", "test", "").await;
    assert_eq!(answer.problem(), "outcome-unknown");
    let id = id_of(&answer);
    let action = becomes(&app, &alice, &id, "succeeded").await;
    assert_eq!(action["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(events(&app, &id).await, ["unknown", "succeeded"]);
    assert_eq!(app.simulator.calls().len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_success_counts_while_the_next_attempt_is_on_its_way() {
    let app = TestApp::in_world(impatient_world().await).await;
    let alice = app.moderator("alice");
    app.simulator.fail(late(LATE));
    app.simulator.fail(Fault::next(FaultKind::Never));
    let answer = alice.kick_seat("room", "test", "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.json();
    assert_eq!(told["attempts"].as_array().map(Vec::len), Some(2), "{told}");
    assert_eq!(told["tencent"]["error_code"], 0);
    let id = id_of(&answer);
    assert_eq!(agreed(&app, &alice, &id).await, told);
    assert_eq!(
        events(&app, &id).await,
        ["retrying", "unknown", "succeeded"]
    );
    assert_eq!(app.simulator.calls().len(), 2, "there was no third");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_spares_the_repeat_that_still_waits_for_its_turn() {
    // The only permit is that of the attempt that is listened to.
    let world = impatient_world().await.set("MODGATE_TENCENT_QPS", "1");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    app.simulator.fail(late(LATE));
    let answer = alice.kick_seat("room", "test", "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.json();
    assert_eq!(told["attempts"].as_array().map(Vec::len), Some(1), "{told}");
    let id = id_of(&answer);
    assert_eq!(agreed(&app, &alice, &id).await, told);
    assert_eq!(events(&app, &id).await, ["succeeded"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_does_not_wait_for_ever_for_the_permit_of_its_own_first_attempt() {
    let world = impatient_world().await.set("MODGATE_TENCENT_QPS", "1");
    let app = TestApp::in_world(world).await;
    app.simulator.fail(Fault::next(FaultKind::Never));
    let answer = app.moderator("alice").kick_seat("room", "test", "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let attempts = answer.json()["attempts"].as_array().map(Vec::len);
    assert_eq!(attempts, Some(2), "{}", answer.text);
    let at_once = app
        .simulator
        .largest_window(Api::KICK_SEAT, Duration::from_secs(1));
    assert_eq!(at_once, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_though_the_attempt_that_should_have_cured_it_was_not_sent() {
    // The answer to the first attempt has a second's rest before the next may have its turn.
    let world = impatient_world().await.set("MODGATE_TENCENT_QPS", "1");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    app.simulator.fail(code(70001));
    let answered = eventually("the first is answered", PATIENCE, async || {
        let in_use = app.operator().permits("in_use").await;
        (in_use == 0 && app.simulator.calls().len() == 1).then_some(())
    });
    let away = async {
        answered.await;
        app.simulator.stop().expect("the simulator stops");
    };
    let (answer, ()) = tokio::join!(alice.kick_login("test"), away);
    assert_eq!(answer.problem(), "tencent-rejected-gateway");
    let told = answer.action();
    assert_eq!(told["state"], "refused");
    assert_eq!(told["tencent"]["error_code"], 70001);
    let id = id_of(&answer);
    assert_eq!(agreed(&app, &alice, &id).await, told);
    assert_eq!(app.simulator.calls().len(), 1);
    // Whether the new signature is good nobody knows yet: nothing is suspended for it.
    app.simulator.restart().expect("the simulator starts again");
    eventually("another kick is made", PATIENCE, async || {
        (alice.kick_login("test").await.status == 200).then_some(())
    })
    .await;
    app.stop().await;
}
