//! Nobody knows whether a mute or a ban happened: Tencent is asked.

mod by_hand;
mod faults;
mod flood;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use modgate::domain::{Kind, Slot};
use modgate::kinds::{ban_live_member, mute_live_member, mute_user};
use modgate::simulator::{Api, Fault, FaultKind, Moment, Restriction};
use serde_json::{Value, json};

use super::{MUTE, UNMUTE, app, id, mute, seconds};
use crate::stream::listening::Listening;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Persona, example};

/// After its `unknown`.
const WITHIN: Duration = Duration::from_secs(10);

/// Does `kind` to `user`; every answer is lost.
async fn lost(app: &TestApp, kind: Kind, user: &str, moment: Moment) -> String {
    let api = Api::of_command(kind.api.command);
    let fault = Fault::next(FaultKind::Cut { reset: true }).at(moment);
    app.simulator.fail(fault.for_ever().on(api).against(user));
    let mut body = example(kind);
    body["user_id"] = user.into();
    let answer = app.moderator("alice").act(kind, &body).await;
    assert_eq!(answer.problem(), "outcome-unknown", "{kind}");
    assert_eq!(answer.action()["probe"], json!(null), "{kind}");
    id(&answer)
}

/// The action once it has been probed.
async fn probed(alice: &Persona, id: &str) -> Value {
    eventually("it is probed", WITHIN, async || {
        let action = alice.action(id).await.json();
        action["probe"].is_object().then_some(action)
    })
    .await
}

fn told(action: &Value) -> (&str, &Value) {
    let state = action["state"].as_str().expect("it has a state");
    (state, &action["probe"]["in_effect"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_has_succeeded_a_few_seconds_after_its_answer_was_lost() {
    let app = app().await;
    let alice = app.moderator("alice");
    let kinds = Kind::ALL
        .iter()
        .filter(|kind| kind.probe.is_some() && kind.has(Slot::Seconds));
    join_all(kinds.map(async |kind| {
        let id = lost(&app, *kind, &format!("of {kind}"), Moment::AfterEffect).await;
        let action = probed(&alice, &id).await;
        assert_eq!(
            told(&action),
            ("succeeded", &json!(true)),
            "{kind}: {action}"
        );
        assert_eq!(action["until"], action["probe"]["until"], "{kind}");
        assert!(action["until"].is_string(), "{kind}");
    }))
    .await;
    let rows = "select count(*) from audit.event where state = 'probed' and decided_by = 'probe'";
    assert_eq!(app.count(rows).await, 5);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_probe_shows_is_told_as_it_happens_and_a_lift_is_never_proved() {
    let app = app().await;
    let alice = app.moderator("alice");
    let mut heard = Listening::open(&alice, "kind=unmute_live_member&kind=mute_user", None).await;
    let lift = lost(&app, mute_live_member::UNDO, "lifted", Moment::AfterEffect).await;
    let mute = lost(&app, mute_user::KIND, "muted", Moment::AfterEffect).await;
    // Whoever did it: it is not in force.
    assert_eq!(
        told(&probed(&alice, &lift).await),
        ("unknown", &json!(false))
    );
    assert_eq!(
        told(&probed(&alice, &mute).await),
        ("succeeded", &json!(true))
    );
    let mut changes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for _ in 0..7 {
        let action = heard.event().await.action();
        let user = action["user_id"]
            .as_str()
            .expect("it is about one")
            .to_owned();
        let told = json!([action["state"], action["probe"]["in_effect"]]);
        changes.entry(user).or_default().push(told);
    }
    let unknown = [json!(["pending", null]), json!(["unknown", null])];
    let of_lift = [json!(["unknown", false])];
    let of_mute = [json!(["unknown", true]), json!(["succeeded", true])];
    assert_eq!(changes["lifted"], [&unknown[..], &of_lift].concat());
    assert_eq!(changes["muted"], [&unknown[..], &of_mute].concat());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tencent_said_not_to_be_in_force_keeps_nobody_from_anything() {
    let app = app().await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let mute_id = lost(&app, mute_user::KIND, "user", Moment::BeforeEffect).await;
    app.simulator.clear_faults();
    let asked = mute(&bob, "user", &seconds(60)).await;
    assert_eq!(asked.problem(), "would-shorten", "it may have happened");
    assert_eq!(
        told(&probed(&alice, &mute_id).await),
        ("unknown", &json!(false))
    );
    let shown = bob.get("/v1/users/user").await.json();
    assert_eq!(shown["restrictions"], json!([]), "{shown}");
    assert_eq!(mute(&bob, "user", &seconds(60)).await.status, 200);
    // It is named by what undoes it all the same.
    let undo = json!({"user_id": "user", "undoes": mute_id});
    assert_eq!(bob.post(UNMUTE, &undo).await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_page_by_page() {
    let app = app().await;
    for number in 0..250 {
        let user = format!("banned-{number:03}");
        app.simulator
            .restrict(Restriction::LiveBanned, "room-test", &user, 60);
    }
    let id = lost(&app, ban_live_member::KIND, "zoe", Moment::AfterEffect).await;
    let action = probed(&app.moderator("alice"), &id).await;
    assert_eq!(told(&action), ("succeeded", &json!(true)), "{action}");
    assert_eq!(
        app.simulator
            .calls_to(Api::LIVE_GET_BANNED_MEMBER_LIST)
            .len(),
        3
    );
    app.stop().await;
}
