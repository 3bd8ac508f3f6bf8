//! Tencent is away, throttles, refuses the gateway or lies in the middle of a batch: it pauses and says why, and
//! nothing is lost.

use std::time::Duration;

use modgate::simulator::{Api, Fault, FaultKind};
use serde_json::{Value, json};

use super::checks::{assert_at_most_once, assert_one_call_each, both, lead};
use super::{
    assert_counts, count, deed, done, events, keyed, kicks, look, of, submitted, submitter,
    until_count, until_state,
};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;

const PATIENCE: Duration = Duration::from_secs(30);

/// The most items of a batch that one replica has under way.
const UNDER_WAY: u64 = 64;

async fn app() -> TestApp {
    TestApp::in_world(keyed().await.set("MODGATE_TENCENT_QPS", "60")).await
}

fn code(code: i64) -> Fault {
    Fault::next(FaultKind::ErrorCode { code, info: None }).for_ever()
}

/// Waits until it has paused for one of these causes, needs this, and says so in words; it does not end meanwhile.
async fn until_paused(who: &Persona, batch: &Value, causes: &[&str], needs: &str) -> Value {
    let paused = until_state(who, batch, "paused").await;
    let said = &paused["paused"];
    let cause = said["cause"].as_str().expect("a cause");
    assert!(causes.contains(&cause), "{paused}");
    assert_eq!(said["needs"], needs, "{paused}");
    assert_eq!(said["by"], Value::Null, "{paused}");
    for text in ["reason", "advice", "since"] {
        assert!(
            said[text].as_str().is_some_and(|text| !text.is_empty()),
            "{paused}"
        );
    }
    paused
}

/// Waits until it is not paused any more, which nobody does anything for.
async fn until_it_goes_on(who: &Persona, batch: &Value) {
    eventually("it goes on by itself", PATIENCE, async || {
        let seen = look(who, batch).await;
        (seen["state"] != "paused").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_tencent_cannot_be_reached_it_is_paused_and_then_goes_on_by_itself() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let actions = kicks("user", 200);
    let batch = submitted(&alice, &of(actions.clone())).await;
    until_count(&alice, &batch, "succeeded", 30).await;
    app.simulator.stop().expect("it runs");
    until_paused(&alice, &batch, &["unavailable"], "nothing").await;
    app.simulator.restart().expect("its port is free");
    until_it_goes_on(&alice, &batch).await;
    let ended = until_state(&alice, &batch, "done").await;
    // What was on its way when the port was closed may have been lost there.
    let unknown = count(&ended, "unknown");
    assert!(unknown <= UNDER_WAY, "{ended}");
    assert_counts(
        &ended,
        &[("succeeded", 200 - unknown), ("unknown", unknown)],
    );
    assert_at_most_once(&app).await;
    let said = events(&app, &batch).await;
    assert!(said.contains(&"resumed".to_owned()), "{said:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_tencent_does_not_take_the_signature_it_is_paused_and_goes_on_with_a_good_one() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let batch = submitted(&alice, &of(both("user", 200))).await;
    until_count(&alice, &batch, "succeeded", 30).await;
    // Not of one kind alone: what is refused is the gateway.
    app.simulator.fail(code(70003));
    until_paused(&alice, &batch, &["credential"], "operator").await;
    let calls = app.simulator.calls().len();
    assert!(
        calls < 200,
        "{calls} calls with a signature that is not taken"
    );
    app.simulator.clear_faults();
    until_it_goes_on(&alice, &batch).await;
    let ended = until_state(&alice, &batch, "done").await;
    let refused = count(&ended, "refused");
    assert!((1..=UNDER_WAY).contains(&refused), "{ended}");
    assert_counts(
        &ended,
        &[("succeeded", 200 - refused), ("refused", refused)],
    );
    let effects = app.simulator.effects().len();
    assert_eq!(u64::try_from(effects), Ok(200 - refused));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_locked_out_nothing_is_sent_and_the_batch_waits_for_nobody() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let batch = submitted(&alice, &of(both("user", 400))).await;
    until_count(&alice, &batch, "succeeded", 30).await;
    app.simulator.fail(code(70050));
    until_paused(&alice, &batch, &["locked_out"], "nothing").await;
    eventually("nothing is under way", PATIENCE, async || {
        (count(&look(&alice, &batch).await, "pending") == 0).then_some(())
    })
    .await;
    let (seen, calls) = (look(&alice, &batch).await, app.simulator.calls().len());
    assert!(count(&seen, "waiting") > 50, "{seen}");
    // Nobody waits for the minute here.
    done(&alice, &batch, "cancel").await;
    let ended = until_state(&alice, &batch, "cancelled").await;
    assert_eq!(count(&ended, "cancelled"), count(&seen, "waiting"));
    assert_eq!(app.simulator.calls().len(), calls);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tencent_throttles_for_a_while_is_done_when_it_does_not_any_more() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    // The permits are cut, and what was refused begins again.
    let throttled = FaultKind::ErrorCode {
        code: 60007,
        info: None,
    };
    let throttled = Fault::next(throttled).on(Api::KICK_LOGIN);
    app.simulator.fail(throttled.times(30));
    let batch = submitted(&alice, &of(kicks("user", 120))).await;
    let ended = until_state(&alice, &batch, "done").await;
    let refused = count(&ended, "refused");
    // Each of those was refused five times.
    assert!(refused <= 30 / 5, "{ended}");
    assert_counts(
        &ended,
        &[("succeeded", 120 - refused), ("refused", refused)],
    );
    assert_eq!(events(&app, &batch).await, ["submitted", "started", "done"]);
    let effects = app.simulator.effects().len();
    assert_eq!(u64::try_from(effects), Ok(120 - refused));
    assert_eq!(app.simulator.calls_to(Api::KICK_LOGIN).len(), effects + 30);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_quota_of_the_day_is_used_up_it_waits_for_the_operator() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    app.simulator.fail(code(60028).on(Api::KICK_LOGIN));
    let batch = submitted(&alice, &of(kicks("user", 100))).await;
    until_paused(&alice, &batch, &["quota"], "operator").await;
    assert!(app.simulator.calls().len() <= 100);
    app.simulator.clear_faults();
    done(&alice, &batch, "resume").await;
    let ended = until_state(&alice, &batch, "done").await;
    let refused = count(&ended, "refused");
    assert!(refused <= 20, "{ended}");
    assert_counts(
        &ended,
        &[("succeeded", 100 - refused), ("refused", refused)],
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_tencent_lies_about_every_item_few_are_lost_to_it() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let actions = kicks("user", 200);
    let batch = submitted(&alice, &of(actions.clone())).await;
    until_count(&alice, &batch, "succeeded", 30).await;
    // It does each, and says nothing of use.
    app.simulator
        .fail(Fault::next(FaultKind::Cut { reset: true }).for_ever());
    let paused = until_state(&alice, &batch, "paused").await;
    let cause = paused["paused"]["cause"].as_str().expect("a cause");
    assert!(["unavailable", "unknown"].contains(&cause), "{paused}");
    app.simulator.clear_faults();
    // If too much is unknown, somebody must have a look.
    let lead = lead(app.addr);
    if cause == "unknown" {
        done(&lead, &batch, "resume").await;
    }
    eventually("it goes on", PATIENCE, async || {
        let seen = look(&lead, &batch).await;
        if seen["paused"]["cause"] == "unknown" {
            deed(&lead, &batch, "resume").await;
        }
        (seen["state"] == "done").then_some(())
    })
    .await;
    let ended = look(&alice, &batch).await;
    let unknown = count(&ended, "unknown");
    assert!((5..=20 + UNDER_WAY).contains(&unknown), "{ended}");
    assert_counts(
        &ended,
        &[("succeeded", 200 - unknown), ("unknown", unknown)],
    );
    // Also those that nobody knows of were asked for once.
    assert_one_call_each(&app, &actions);
    assert_at_most_once(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_knows_what_became_of_many_a_person_must_look() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    // Every other one, so that Tencent does not seem to be away.
    for index in (0..200).step_by(2) {
        let cut = Fault::next(FaultKind::Cut { reset: true });
        app.simulator
            .fail(cut.against(&format!("user{index}")).for_ever());
    }
    let actions = kicks("user", 200);
    let batch = submitted(&alice, &of(actions.clone())).await;
    let paused = until_paused(&alice, &batch, &["unknown"], "person").await;
    assert!(count(&paused, "waiting") > 50, "{paused}");
    app.simulator.clear_faults();
    let seen = eventually("nothing is under way", PATIENCE, async || {
        let seen = look(&alice, &batch).await;
        (count(&seen, "pending") == 0).then_some(seen)
    })
    .await;
    let unknown = count(&seen, "unknown");
    assert!((20..=20 + UNDER_WAY).contains(&unknown), "{seen}");
    assert_eq!(seen["state"], "paused", "it does not go on by itself");
    done(&alice, &batch, "resume").await;
    // What ended before does not pause it again.
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(
        &ended,
        &[("succeeded", 200 - unknown), ("unknown", unknown)],
    );
    assert_one_call_each(&app, &actions);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_tencent_refuses_the_gateway_ten_times_in_a_row_the_operator_must_look() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    // Its address is not on the list of the app.
    app.simulator.fail(code(60020).on(Api::KICK_LOGIN));
    let batch = submitted(&alice, &of(kicks("user", 200))).await;
    let paused = until_paused(&alice, &batch, &["refuses_gateway"], "operator").await;
    assert!(count(&paused, "waiting") > 50, "{paused}");
    app.simulator.clear_faults();
    let seen = eventually("nothing is under way", PATIENCE, async || {
        let seen = look(&alice, &batch).await;
        (count(&seen, "pending") == 0).then_some(seen)
    })
    .await;
    let refused = count(&seen, "refused");
    assert!((10..=10 + UNDER_WAY).contains(&refused), "{seen}");
    let recorded = "select count(*) from audit.batch_event
                     where event = 'paused' and details::jsonb ->> 'cause' = 'refuses_gateway'";
    assert_eq!(app.count(recorded).await, 1);
    done(&alice, &batch, "resume").await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(
        &ended,
        &[("succeeded", 200 - refused), ("refused", refused)],
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_away_keeps_no_batch_waiting_that_does_not_need_it() {
    let app = app().await;
    let [alice, bob] = ["alice", "bob"].map(|subject| submitter(app.addr, subject));
    app.simulator.fail(
        Fault::next(FaultKind::Cut { reset: true })
            .on(Api::KICK_SEAT)
            .for_ever(),
    );
    let seats = |name: &str| {
        let seat = |index: u32| {
            let user = format!("{name}{index}");
            json!({"kind": "kick_seat", "room_id": "room", "user_id": user, "data": ""})
        };
        (0..60).map(seat).collect::<Vec<Value>>()
    };
    let hers = submitted(&alice, &of(seats("hers"))).await;
    let his = submitted(&bob, &of(kicks("his", 60))).await;
    let paused = until_state(&alice, &hers, "paused").await;
    let cause = paused["paused"]["cause"].as_str().expect("a cause");
    assert!(["unavailable", "unknown"].contains(&cause), "{paused}");
    assert_counts(&until_state(&bob, &his, "done").await, &[("succeeded", 60)]);
    done(&alice, &hers, "cancel").await;
    until_state(&alice, &hers, "cancelled").await;
    app.stop().await;
}
