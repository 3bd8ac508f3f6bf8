//! How much of batches there may be, for how long, and that freezes hold for them.

use serde_json::{Value, json};

use super::uploads::assert_nothing_kept;
use super::{
    ENDS, PATIENCE, app, approve, approved, approver, approving, assert_counts, assert_problem,
    count, deed, done, events, id, keyed, kicks, look, new_key, of, only, submit, submitted,
    submitter, until_count, until_state, validate, waiting_app,
};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::world::ISSUER;

fn assert_limited(answer: &Answer, limit: &str) {
    assert_problem(answer, 429, "rate-limited");
    assert_eq!(answer.json()["limit"], limit, "{}", answer.text);
    let wait = answer.header("retry-after").map(str::parse::<u32>);
    assert!(matches!(wait, Some(Ok(1..))), "{wait:?}");
}

/// Where one call of each API goes out in a second: a batch of many runs for long.
async fn slow_app() -> TestApp {
    TestApp::in_world(keyed().await.set("MODGATE_TENCENT_QPS", "1")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_has_five_open_batches_and_others_have_theirs() {
    let app = waiting_app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), submitter(app.addr, "bob"));
    let mut open = Vec::new();
    for number in 0..5 {
        open.push(submitted(&alice, &of(kicks(&format!("u{number}-"), 1))).await);
    }
    let (key, sixth) = (new_key(), of(kicks("sixth", 1)));
    assert_limited(&submit(&alice, &key, &sixth).await, "batches");
    assert_eq!(app.count("select count(*) from audit.batch").await, 5);
    submitted(&bob, &of(kicks("bobs", 1))).await;
    assert_eq!(done(&alice, &open[2], "cancel").await["state"], "cancelled");
    let answer = submit(&alice, &key, &sixth).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_limited(
        &submit(&alice, &new_key(), &of(kicks("seventh", 1))).await,
        "batches",
    );
    // A repeat makes none more.
    assert_eq!(submit(&alice, &key, &sixth).await.status, 202);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_moderator_two_batches_run_and_the_third_waits_for_its_turn() {
    let app = slow_app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), submitter(app.addr, "bob"));
    let mut batches = Vec::new();
    for number in 0..3 {
        batches.push(submitted(&alice, &of(kicks(&format!("u{number}-"), 30))).await);
    }
    for batch in &batches[..2] {
        until_state(&alice, batch, "running").await;
    }
    let of_bob = submitted(&bob, &of(kicks("bobs", 30))).await;
    until_state(&bob, &of_bob, "running").await;
    // Time enough for the third, had it been its turn.
    until_count(&alice, &batches[0], "succeeded", 1).await;
    let third = look(&alice, &batches[2]).await;
    assert_eq!(third["state"], "queued");
    assert_eq!(third["started_at"], Value::Null);
    done(&alice, &batches[0], "cancel").await;
    until_state(&alice, &batches[2], "running").await;
    for (who, batch) in [
        (&alice, &batches[1]),
        (&alice, &batches[2]),
        (&bob, &of_bob),
    ] {
        done(who, batch, "cancel").await;
        until_state(who, batch, "cancelled").await;
    }
    until_state(&alice, &batches[0], "cancelled").await;
    app.stop().await;
}

/// So many single kicks that are carried out.
async fn kick(who: &Persona, number: usize) {
    for index in 0..number {
        let answer = who.kick_login(&format!("single{index}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_counts_within_the_hour_of_its_moderator_when_it_is_submitted() {
    let world = keyed().await.set("MODGATE_MODERATOR_HOURLY", "6");
    let app = TestApp::in_world(world).await;
    let (alice, bob) = (submitter(app.addr, "alice"), submitter(app.addr, "bob"));
    let too_many = submit(&alice, &new_key(), &of(kicks("user", 7))).await;
    assert_limited(&too_many, "moderator_hour");
    assert_nothing_kept(&app).await;
    let batch = submitted(&alice, &of(kicks("user", 4))).await;
    kick(&alice, 2).await;
    assert_limited(&alice.kick_login("one more").await, "moderator_hour");
    let another = submit(&alice, &new_key(), &of(kicks("other", 1))).await;
    assert_limited(&another, "moderator_hour");
    // What was taken in is not counted again when it runs.
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 4)]);
    kick(&bob, 6).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_second_person_must_approve_is_not_of_the_hour() {
    let world = approving("0").await.set("MODGATE_MODERATOR_HOURLY", "3");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let batch = submitted(&alice, &of(kicks("user", 3))).await;
    kick(&alice, 3).await;
    assert_limited(&alice.kick_login("one more").await, "moderator_hour");
    approved(&approver(app.addr, "bob"), &batch).await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 3)]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_approves_in_time_expires_and_stays_so() {
    let app = waiting_app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), approver(app.addr, "bob"));
    let mut asked = of(kicks("user", 3));
    asked["expires_in"] = json!(1);
    let batch = submitted(&alice, &asked).await;
    let expired = until_state(&alice, &batch, "expired").await;
    assert_counts(&expired, &[("expired", 3)]);
    assert!(expired["ended_at"].as_str() >= expired["expires_at"].as_str());
    // Who approves sees only what is open.
    let late = approve(&bob, &expired).await;
    assert!([404, 409].contains(&late.status), "{}", late.text);
    for word in ["cancel", "pause", "resume"] {
        assert_problem(&deed(&alice, &batch, word).await, 409, "batch-state");
    }
    assert_eq!(events(&app, &batch).await, ["submitted", "expired"]);
    assert_eq!(app.simulator.calls().len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_time_is_over_nothing_of_it_begins_whether_it_runs_or_is_paused() {
    let app = slow_app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), submitter(app.addr, "bob"));
    let asked = |name: &str| {
        let mut asked = of(kicks(name, 30));
        asked["expires_in"] = json!(3);
        asked
    };
    let paused = submitted(&bob, &asked("paused")).await;
    let running = submitted(&alice, &asked("running")).await;
    until_state(&bob, &paused, "running").await;
    assert_eq!(done(&bob, &paused, "pause").await["state"], "paused");
    for (who, batch) in [(&alice, &running), (&bob, &paused)] {
        let ended = eventually("it ends", PATIENCE, async || {
            let seen = look(who, batch).await;
            let state = seen["state"].as_str().expect("a state");
            ENDS.contains(&state).then_some(seen)
        })
        .await;
        assert_eq!(ended["state"], "expired");
        assert!(count(&ended, "expired") > 20, "{ended}");
        for open in ["waiting", "pending"] {
            assert_eq!(count(&ended, open), 0, "{ended}");
        }
        let late = "select count(*) from audit.action a join audit.batch b on b.id = a.batch_id
                    where a.requested_at >= b.expires_at and b.id = $1::uuid";
        let late = sqlx::query_scalar::<_, i64>(late).bind(id(batch));
        let late = late.fetch_one(&mut app.sql().await).await;
        assert_eq!(late.expect("the record can be read"), 0);
    }
    assert!(app.simulator.calls().len() < 15);
    app.stop().await;
}

async fn brake(app: &TestApp, path: &str, scope: &Value) {
    let lead = only(app.addr, "lea", &["service:freeze", "service:thaw"]);
    let mut body = scope.clone();
    body["reason"] = json!("a test");
    let answer = lead.post(path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

fn assert_frozen(answer: &Answer) {
    assert_problem(answer, 503, "frozen");
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_frozen_submits_and_approves_nothing() {
    let app = waiting_app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), approver(app.addr, "bob"));
    let frozen = |subject: &str| json!({"issuer": ISSUER, "moderator": subject});
    let (key, asked) = (new_key(), of(kicks("user", 2)));
    brake(&app, "/v1/freeze", &frozen("alice")).await;
    assert_frozen(&submit(&alice, &key, &asked).await);
    assert_frozen(&validate(&alice, &asked).await);
    assert_nothing_kept(&app).await;
    brake(&app, "/v1/thaw", &frozen("alice")).await;
    let batch = submit(&alice, &key, &asked).await;
    assert_eq!(batch.status, 202, "{}", batch.text);
    let batch = batch.json();
    for scope in [frozen("bob"), json!({})] {
        brake(&app, "/v1/freeze", &scope).await;
        assert_frozen(&approve(&bob, &batch).await);
        brake(&app, "/v1/thaw", &scope).await;
    }
    assert_eq!(look(&alice, &batch).await["state"], "awaiting_approval");
    approved(&bob, &batch).await;
    until_state(&alice, &batch, "done").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_frozen_is_not_taken_in() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let kick = json!({"kind": "kick_login", "user_id": "u"});
    let mute = json!({"kind": "mute_user", "user_id": "u", "seconds": 60});
    for (scope, actions) in [
        (json!({}), json!([kick])),
        (json!({"kind": "mute_user"}), json!([kick, mute])),
    ] {
        brake(&app, "/v1/freeze", &scope).await;
        assert_frozen(&submit(&alice, &new_key(), &of(actions)).await);
        assert_nothing_kept(&app).await;
        if scope.get("kind").is_none() {
            brake(&app, "/v1/thaw", &scope).await;
        }
    }
    // Other kinds are not.
    let batch = submitted(&alice, &of(json!([kick]))).await;
    until_state(&alice, &batch, "done").await;
    app.stop().await;
}
