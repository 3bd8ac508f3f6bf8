//! Nobody knows whether a mute or a ban happened: Tencent is asked.

use std::time::Duration;

use futures_util::future::join_all;
use modgate::domain::{Kind, Slot};
use modgate::kinds::{ban_live_member, mute_live_member, mute_user};
use modgate::simulator::{Api, Fault, FaultKind, Moment, Restriction};
use serde_json::{Value, json};

use super::{app, id};
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
async fn what_did_not_happen_or_is_not_as_it_would_have_been_stays_unknown() {
    let app = app().await;
    let alice = app.moderator("alice");
    let not = async {
        let id = lost(&app, mute_user::KIND, "not", Moment::BeforeEffect).await;
        assert_eq!(told(&probed(&alice, &id).await), ("unknown", &json!(false)));
    };
    let undone = async {
        let id = lost(&app, mute_user::KIND, "undone", Moment::AfterEffect).await;
        app.simulator.restrict(Restriction::Groups, "", "undone", 0);
        assert_eq!(told(&probed(&alice, &id).await), ("unknown", &json!(false)));
    };
    let another = async {
        let id = lost(&app, mute_user::KIND, "another", Moment::AfterEffect).await;
        app.simulator
            .restrict(Restriction::Groups, "", "another", 6000);
        assert_eq!(told(&probed(&alice, &id).await), ("unknown", &json!(true)));
    };
    let lifted = async {
        let set = app.moderator("alice");
        let body = json!({"room_id": "room-test", "user_id": "lifted", "seconds": 600});
        assert_eq!(set.act(mute_live_member::KIND, &body).await.status, 200);
        let id = lost(&app, mute_live_member::UNDO, "lifted", Moment::AfterEffect).await;
        // Whoever did it: it is not in force.
        assert_eq!(told(&probed(&alice, &id).await), ("unknown", &json!(false)));
    };
    tokio::join!(not, undone, another, lifted);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_proves_nothing() {
    let app = app().await;
    let alice = app.moderator("alice");
    app.simulator.set_clock_ahead(5);
    let of_mute = lost(&app, mute_user::KIND, "mute", Moment::AfterEffect).await;
    let of_ban = lost(&app, ban_live_member::KIND, "ban", Moment::AfterEffect).await;
    for id in [of_mute, of_ban] {
        assert_eq!(told(&probed(&alice, &id).await), ("unknown", &json!(true)));
    }
    app.stop().await;
}
