//! A mute of which nobody knows whether it happened may be in force.

use std::time::Duration;

use modgate::simulator::{Api, Fault, FaultKind, Moment};
use serde_json::json;

use super::{UNMUTE, app, at_tencent, id, lead, mute, seconds};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::world::World;

/// Every answer is lost.
async fn mute_without_an_answer(app: &TestApp, who: &Persona, moment: Moment) -> String {
    let lost = Fault::next(FaultKind::Cut { reset: true }).at(moment);
    app.simulator.fail(lost.for_ever());
    let answer = mute(who, "user", &seconds(600)).await;
    app.simulator.clear_faults();
    assert_eq!(answer.problem(), "outcome-unknown");
    assert_eq!(answer.action()["until"], json!(null), "nobody knows");
    id(&answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_shortened_unseen() {
    for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
        let app = app().await;
        let (alice, bob, carol) = (
            app.moderator("alice"),
            app.moderator("bob"),
            lead(&app, "carol"),
        );
        let unknown = mute_without_an_answer(&app, &alice, moment).await;
        let answer = mute(&bob, "user", &seconds(60)).await;
        assert_eq!(answer.problem(), "would-shorten");
        assert_eq!(answer.json()["restriction"]["id"], *unknown);
        assert_eq!(
            bob.post(UNMUTE, &json!({"user_id": "user"})).await.status,
            403
        );
        let undo = json!({"user_id": "user", "undoes": unknown});
        assert_eq!(carol.post(UNMUTE, &undo).await.status, 200);
        assert_eq!(at_tencent(&app, "user"), [None, None]);
        // What nobody heard of may still arrive after it was lifted.
        let answer = mute(&bob, "user", &seconds(60)).await;
        assert_eq!(answer.problem(), "would-shorten");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lift_of_unknown_outcome_has_lifted_nothing_for_certain() {
    let app = app().await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let muted = id(&mute(&alice, "user", &seconds(600)).await);
    app.simulator
        .fail(Fault::next(FaultKind::OkWithFail).at(Moment::BeforeEffect));
    let lift = alice.post(UNMUTE, &json!({"user_id": "user"})).await;
    assert_eq!(lift.problem(), "outcome-unknown");
    let answer = mute(&bob, "user", &seconds(60)).await;
    assert_eq!(answer.problem(), "would-shorten");
    assert_eq!(answer.json()["restriction"]["id"], *muted);
    app.stop().await;
}

/// At Tencent the last word holds: the repeat of a short mute would end a longer one.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_not_repeated_once_another_was_begun_on_the_target() {
    let world = World::new().await.set("MODGATE_TENCENT_TIMEOUT", "1s");
    let app = TestApp::in_world(world).await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    app.simulator.fail(Fault::next(FaultKind::Never));
    let asking = tokio::spawn(async move { mute(&bob, "user", &seconds(60)).await });
    eventually("bob's is at Tencent", Duration::from_secs(10), async || {
        (!app.simulator.calls().is_empty()).then_some(())
    })
    .await;
    assert_eq!(mute(&alice, "user", &seconds(3600)).await.status, 200);
    let lost = asking.await.expect("without a panic");
    assert_eq!(lost.problem(), "outcome-unknown");
    let attempts = lost.action()["attempts"].as_array().map(Vec::len);
    assert_eq!(attempts, Some(1), "{}", lost.text);
    assert_eq!(app.simulator.calls_to(Api::SETNOSPEAKING).len(), 2);
    let end = at_tencent(&app, "user")[0].expect("the user is muted");
    let now = u64::try_from(chrono::Utc::now().timestamp()).expect("it is after 1970");
    assert!(end > now + 3000, "alice's holds");
    app.stop().await;
}
