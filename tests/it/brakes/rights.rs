//! Who may freeze and thaw, and what those are told who may not.

use serde_json::{Value, json};

use super::{
    FREEZE, LIMITS, THAW, app, assert_frozen, brake, brakes, everything, frozen, leads, moderator,
    with,
};
use crate::support::app::TestApp;
use crate::support::persona::Persona;
use crate::support::world::{ISSUER, World, token};

#[tokio::test(flavor = "multi_thread")]
async fn who_may_freeze_cannot_thaw_and_the_other_way_round() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    let alice = app.moderator("alice");
    for (who, path) in [
        (&thea, FREEZE),
        (&fred, THAW),
        (&alice, FREEZE),
        (&alice, THAW),
    ] {
        let answer = brake(who, path, &everything()).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (403, "forbidden"),
            "{path}"
        );
    }
    assert_eq!(app.count("select count(*) from audit.brake").await, 0);
    brakes(&fred, FREEZE, &everything()).await;
    assert_eq!(brake(&fred, THAW, &everything()).await.status, 403);
    brakes(&thea, THAW, &everything()).await;
    // What is not frozen cannot be thawed, nor is it by a thaw of something else.
    for scope in [everything(), json!({"kind": "kick_login"})] {
        let answer = brake(&thea, THAW, &scope).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found"),
            "{scope}"
        );
    }
    brakes(&fred, FREEZE, &json!({"kind": "kick_login"})).await;
    assert_eq!(brake(&thea, THAW, &everything()).await.status, 404);
    assert_eq!(frozen(&fred).await.len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_moderator_does_nothing_and_is_told_nothing_about_by_whom() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    let everything_there_is = [
        "service:freeze",
        "service:thaw",
        "audit:read",
        "action:lift",
    ];
    let mallory = with(app.addr, "mallory", &everything_there_is);
    for scope in [
        moderator("mallory"),
        json!({"moderator": "mallory", "kind": "kick_login"}),
    ] {
        let frozen_then = brakes(&fred, FREEZE, &scope).await;
        assert_eq!(frozen_then[0]["by"]["moderator"], "fred");
        assert_eq!(frozen_then[0]["reason"], "a test");
        assert_eq!(
            frozen_then[0]["issuer"], ISSUER,
            "by default that of one's own token"
        );
        let kicked = mallory.kick_login("user").await;
        assert_frozen(&kicked);
        let shown = frozen(&mallory).await;
        assert_eq!(shown.len(), 1);
        assert_eq!(
            [&shown[0]["reason"], &shown[0]["by"]],
            [&Value::Null, &Value::Null]
        );
        let thawed = brake(&mallory, THAW, &scope).await;
        assert_frozen(&thawed);
        // To freeze, too, tells nothing; it always works, or whoever freezes first could not be stopped.
        let others = brakes(&mallory, FREEZE, &json!({"kind": "mute_group"})).await;
        assert!(
            others.iter().all(|freeze| freeze["by"].is_null()),
            "{others:?}"
        );
        for text in [&kicked.text, &thawed.text] {
            assert!(!text.contains("fred") && !text.contains("a test"), "{text}");
        }
        // Others act, and are told no more than they may know.
        let alice = app.moderator("alice");
        assert_eq!(alice.kick_login("user").await.status, 200);
        assert!(
            frozen(&alice)
                .await
                .iter()
                .all(|freeze| freeze["by"].is_null())
        );
        let auditor = app.auditor();
        assert_eq!(frozen(&auditor).await[0]["by"]["moderator"], "fred");
        brakes(&thea, THAW, &scope).await;
        brakes(&thea, THAW, &json!({"kind": "mute_group"})).await;
        assert_eq!(mallory.kick_login("user").await.status, 200);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_issuer_is_thawed_by_no_token_of_its_own() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    let issuer = json!({"issuer": ISSUER});
    brakes(&fred, FREEZE, &issuer).await;
    assert_frozen(&app.moderator("alice").kick_login("user").await);
    assert_frozen(&brake(&thea, THAW, &issuer).await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_named_and_nothing_is_frozen() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    for (path, who) in [(FREEZE, &fred), (THAW, &thea)] {
        for (body, field) in [
            (json!({}), "reason"),
            (json!({"reason": ""}), "reason"),
            (json!({"reason": "a\u{7}"}), "reason"),
            (json!({"reason": "x", "kind": "kick"}), "kind"),
            (json!({"reason": "x", "kind": ""}), "kind"),
            (json!({"reason": "x", "kind": 1}), "kind"),
            (json!({"reason": "x", "moderator": ""}), "moderator"),
            (
                json!({"reason": "x", "moderator": "a\u{202e}b"}),
                "moderator",
            ),
            (
                json!({"reason": "x", "moderator": "m".repeat(256)}),
                "moderator",
            ),
            (
                json!({"reason": "x", "issuer": "", "moderator": "m"}),
                "issuer",
            ),
            (json!({"reason": "x", "user_id": "u"}), "user_id"),
        ] {
            let answer = who.post(path, &body).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (400, "invalid-request"),
                "{body}"
            );
            assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
        }
    }
    // A slip of the pen would freeze nobody.
    let slip = json!({"reason": "x", "issuer": format!("{ISSUER}/"), "moderator": "mallory"});
    let answer = fred.post(FREEZE, &slip).await;
    assert_eq!(
        answer.json()["errors"][0]["field"],
        "issuer",
        "{}",
        answer.text
    );
    assert_eq!(app.count("select count(*) from audit.brake").await, 0);
    // What is null is left out.
    let nothing = json!({"reason": "x", "kind": null, "issuer": null, "moderator": null});
    assert_eq!(fred.post(FREEZE, &nothing).await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_seal_key_there_are_no_brakes() {
    let app = TestApp::start().await;
    let [fred, _] = leads(app.addr);
    let answer = brake(&fred, FREEZE, &everything()).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (404, "not-found")
    );
    assert_eq!(frozen(&fred).await.len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_say_what_is_left_and_what_stops_actions() {
    let world = World::new().await.set("MODGATE_MODERATOR_HOURLY", "500");
    let world = world.set("MODGATE_MODERATOR_QPS", "7");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    assert_eq!(alice.kick_login("user").await.status, 200);
    let nobody = Persona::new(app.addr, Some(token("nobody", &[])));
    let limits = nobody.get(LIMITS).await.json();
    let kicks = &limits["replica"]["kick_login"];
    assert_eq!(kicks["limit"], 200);
    assert_eq!(kicks["suspended"], Value::Null);
    let held = kicks["held"].as_u64().expect("a number");
    assert!((1..=200).contains(&held), "{limits}");
    assert_eq!(limits["all"]["kick_login"]["leased"], held);
    assert_eq!(
        limits["moderator"],
        json!({"limit": 7, "remaining": 7, "actions_per_hour": 500})
    );
    assert_eq!(
        nobody.get("/v1/me").await.json()["limits"]["moderator_actions_per_hour"],
        500
    );
    app.stop().await;
}
