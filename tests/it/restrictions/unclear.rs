//! A mute of which nobody knows whether it happened may be in force.

use modgate::simulator::{Fault, FaultKind, Moment};
use serde_json::json;

use super::{UNMUTE, app, at_tencent, id, lead, mute, seconds};
use crate::support::app::TestApp;
use crate::support::persona::Persona;

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
        assert_eq!(mute(&bob, "user", &seconds(60)).await.status, 200);
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
