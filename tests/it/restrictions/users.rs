//! What is known of one user.

use modgate::simulator::{Fault, FaultKind, Moment};
use serde_json::{Value, json};

use super::{UNMUTE, app, id, mute, seconds};
use crate::support::persona::Persona;
use crate::support::world::token;

async fn user(who: &Persona, user_id: &str) -> Value {
    let answer = who.get(&format!("/v1/users/{user_id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn restrictions_in_force_are_shown_to_who_holds_their_scope_and_who_set_them_to_few() {
    let app = app().await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let body = json!({"seconds": 600, "reason": "spam", "case_ref": "TS-1"});
    let muted = mute(&alice, "user", &body).await;
    let live = json!({"room_id": "room", "user_id": "user", "seconds": 6000});
    let live = id(&alice.post("/v1/actions/mute_live_member", &live).await);
    assert_eq!(mute(&alice, "other", &seconds(600)).await.status, 200);
    let shown = user(&alice, "user").await;
    let restrictions = shown["restrictions"].as_array().expect("a list");
    assert_eq!(restrictions.len(), 2, "{shown}");
    // What ends last comes first.
    assert_eq!(restrictions[0]["id"], *live);
    assert_eq!(restrictions[0]["room_id"], "room");
    assert_eq!(restrictions[0]["channels"], json!(null));
    let of_user = json!({
        "id": id(&muted), "kind": "mute_user", "room_id": null, "channels": "all", "certain": true,
        "since": muted.action()["requested_at"], "until": muted.action()["until"],
        "by": "alice", "reason": "spam", "case_ref": "TS-1",
    });
    assert_eq!(restrictions[1], of_user);
    assert_eq!(shown["history"], "own");
    let counts = json!([
        {"kind": "mute_live_member", "state": "succeeded", "count": 1},
        {"kind": "mute_user", "state": "succeeded", "count": 1},
    ]);
    assert_eq!(
        (&shown["counts"], &shown["counts_complete"]),
        (&counts, &json!(true))
    );
    assert_eq!(shown["actions"].as_array().map(Vec::len), Some(2));

    let shown = user(&bob, "user").await;
    assert_eq!(shown["restrictions"].as_array().map(Vec::len), Some(2));
    for one in shown["restrictions"].as_array().expect("a list") {
        assert_eq!(
            (&one["by"], &one["reason"], &one["case_ref"]),
            (&json!(null), &json!(null), &json!(null))
        );
    }
    assert_eq!(
        (&shown["counts"], &shown["actions"]),
        (&json!([]), &json!([]))
    );
    // An auditor sees everyone's actions, and restrictions only with their scopes.
    let shown = user(&app.auditor(), "user").await;
    assert_eq!(
        (&shown["history"], &shown["restrictions"]),
        (&json!("all"), &json!([]))
    );
    assert_eq!(
        shown["restrictions_of"],
        json!([]),
        "nothing is said of any"
    );
    assert_eq!(shown["actions"].as_array().map(Vec::len), Some(2));
    let auditor = token("carol", &["audit:read", "action:mute_member"]);
    let shown = user(&Persona::new(app.addr, Some(auditor)), "user").await;
    assert_eq!(shown["restrictions"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["restrictions"][0]["by"], "alice");
    let seen = json!(["mute_group_member", "mute_live_member"]);
    assert_eq!(shown["restrictions_of"], seen);

    assert_eq!(
        alice.post(UNMUTE, &json!({"user_id": "user"})).await.status,
        200
    );
    let shown = user(&alice, "user").await;
    assert_eq!(
        shown["restrictions"].as_array().map(Vec::len),
        Some(1),
        "{shown}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_to_be_in_force_is_not_said_to_be_certain() {
    let app = app().await;
    let alice = app.moderator("alice");
    let lost = Fault::next(FaultKind::OkWithFail).at(Moment::AfterEffect);
    app.simulator.fail(lost);
    assert_eq!(
        mute(&alice, "user", &seconds(600)).await.problem(),
        "outcome-unknown"
    );
    let shown = user(&alice, "user").await;
    assert_eq!(shown["restrictions"][0]["certain"], false, "{shown}");
    let nobody = user(&alice, "nobody").await;
    assert_eq!(
        (&nobody["restrictions"], &nobody["actions"]),
        (&json!([]), &json!([]))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_may_hold_what_a_path_must_quote_and_a_bad_one_is_refused() {
    let app = app().await;
    let alice = app.moderator("alice");
    let name = "a/b c?d%e#f";
    assert_eq!(mute(&alice, name, &seconds(600)).await.status, 200);
    let shown = user(&alice, "a%2Fb%20c%3Fd%25e%23f").await;
    assert_eq!(shown["user_id"], name);
    assert_eq!(shown["restrictions"].as_array().map(Vec::len), Some(1));
    for bad in ["%C3%A9", "%20a", &"x".repeat(33)] {
        let answer = alice.get(&format!("/v1/users/{bad}")).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{bad}"
        );
        assert_eq!(answer.json()["errors"][0]["field"], "user_id");
    }
    app.stop().await;
}
