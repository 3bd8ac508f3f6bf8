//! A mute that is lifted, and what that undoes.

use modgate::simulator::Restriction;
use serde_json::json;

use super::{UNMUTE, app, at_tencent, id, lead, mute, seconds};
use crate::support::app::TestApp;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_is_lifted_by_oneself_and_anothers_by_who_has_the_right() {
    let app = app().await;
    let (alice, bob, carol) = (
        app.moderator("alice"),
        app.moderator("bob"),
        lead(&app, "carol"),
    );
    let user = json!({"user_id": "user"});
    assert_eq!(mute(&alice, "user", &seconds(600)).await.status, 200);
    let denied = bob.post(UNMUTE, &user).await;
    assert_eq!(
        (denied.status, denied.problem().as_str()),
        (403, "forbidden")
    );
    assert!(denied.text.contains("action:lift"), "{}", denied.text);
    assert_eq!(denied.action()["recorded"], true);
    assert!(at_tencent(&app, "user").iter().all(Option::is_some));
    assert_eq!(alice.post(UNMUTE, &user).await.status, 200);
    assert_eq!(at_tencent(&app, "user"), [None, None]);
    // There is nothing to lift, as far as anybody knows: somebody else may have muted the user.
    assert_eq!(bob.post(UNMUTE, &user).await.status, 200);
    assert_eq!(
        mute(&alice, "user", &json!({"forever": true})).await.status,
        200
    );
    assert_eq!(carol.post(UNMUTE, &user).await.status, 200);
    assert_eq!(at_tencent(&app, "user"), [None, None]);
    // Of the other channel nothing is in force.
    let direct = json!({"channels": "direct", "seconds": 600});
    assert_eq!(mute(&alice, "user", &direct).await.status, 200);
    let other = json!({"user_id": "user", "channels": "groups"});
    assert_eq!(bob.post(UNMUTE, &other).await.status, 200);
    assert!(at_tencent(&app, "user")[0].is_some());
    assert_eq!(bob.post(UNMUTE, &user).await.status, 403);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_renews_anothers_restriction_may_not_lift_it_for_that() {
    let app = app().await;
    let (alice, bob, carol) = (
        app.moderator("alice"),
        app.moderator("bob"),
        lead(&app, "carol"),
    );
    let user = json!({"user_id": "user"});
    assert_eq!(mute(&alice, "user", &seconds(3600)).await.status, 200);
    let renewed = id(&mute(&bob, "user", &seconds(3700)).await);
    assert_eq!(bob.post(UNMUTE, &user).await.status, 403);
    let shorter = json!({"seconds": 60, "shortens": renewed});
    assert_eq!(mute(&bob, "user", &shorter).await.status, 403);
    assert!(at_tencent(&app, "user").iter().all(Option::is_some));
    // Still longer than what alice has set.
    let shorter = json!({"seconds": 3650, "shortens": renewed});
    let shorter = mute(&bob, "user", &shorter).await;
    assert_eq!(shorter.status, 200, "{}", shorter.text);
    assert_eq!(carol.post(UNMUTE, &user).await.status, 200);
    // It was taken back: what comes now is one's own.
    assert_eq!(mute(&bob, "user", &seconds(600)).await.status, 200);
    assert_eq!(bob.post(UNMUTE, &user).await.status, 200);
    let room = json!({"room_id": "room"});
    assert_eq!(
        alice.post("/v1/actions/mute_group", &room).await.status,
        200
    );
    assert_eq!(bob.post("/v1/actions/mute_group", &room).await.status, 200);
    assert_eq!(
        bob.post("/v1/actions/unmute_group", &room).await.status,
        403
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_undoes_is_of_the_same_target_and_was_done() {
    let app = app().await;
    let alice = app.moderator("alice");
    let muted = id(&mute(&alice, "user", &seconds(600)).await);
    let other = id(&mute(&alice, "other", &seconds(600)).await);
    app.simulator.declare_account("ghost", false);
    let refused = id(&mute(&alice, "ghost", &seconds(600)).await);
    app.simulator.declare_account("ghost", true);
    let calls = app.simulator.calls().len();
    let nobodys = "01a20038-017b-7000-8000-000000000001";
    for (user, undoes) in [
        ("user", other.as_str()),
        ("user", nobodys),
        ("ghost", refused.as_str()),
    ] {
        let answer = alice
            .post(UNMUTE, &json!({"user_id": user, "undoes": undoes}))
            .await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request")
        );
        assert_eq!(answer.json()["errors"][0]["field"], "undoes");
    }
    assert_eq!(app.simulator.calls().len(), calls);
    let undone = alice
        .post(UNMUTE, &json!({"user_id": "user", "undoes": muted}))
        .await;
    assert_eq!(undone.status, 200, "{}", undone.text);
    assert_eq!(undone.action()["undoes"], *muted);
    assert_eq!(undone.action()["channels"], "all");
    // An undo undoes no undo.
    let undo = id(&undone);
    let answer = alice
        .post(UNMUTE, &json!({"user_id": "user", "undoes": undo}))
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_alone_is_muted_and_unmuted_without_a_user() {
    let app = app().await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    for (set, lifted) in [
        ("mute_group", "unmute_group"),
        ("mute_live_room", "unmute_live_room"),
    ] {
        let room = json!({"room_id": set});
        let muted = alice.post(&format!("/v1/actions/{set}"), &room).await;
        assert_eq!(muted.status, 200, "{}", muted.text);
        assert_eq!(muted.action()["user_id"], json!(null));
        assert!(app.simulator.are_all_muted(set));
        let with_user = json!({"room_id": set, "user_id": "user"});
        assert_eq!(
            alice
                .post(&format!("/v1/actions/{set}"), &with_user)
                .await
                .status,
            400
        );
        let path = format!("/v1/actions/{lifted}");
        assert_eq!(bob.post(&path, &room).await.status, 403);
        assert!(app.simulator.are_all_muted(set));
        assert_eq!(alice.post(&path, &room).await.status, 200);
        assert!(!app.simulator.are_all_muted(set));
        assert_eq!(
            app.auditor()
                .list(&format!("room_id={set}&kind={lifted}"))
                .await
                .len(),
            2
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_protected_can_still_be_unmuted() {
    let world = World::new().await.set("MODGATE_PROTECTED_USERS", "vip");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    app.simulator.restrict(Restriction::Groups, "", "vip", 600);
    assert_eq!(
        mute(&alice, "vip", &seconds(60)).await.problem(),
        "protected-target"
    );
    let undone = alice.post(UNMUTE, &json!({"user_id": "vip"})).await;
    assert_eq!(undone.status, 200, "{}", undone.text);
    assert_eq!(at_tencent(&app, "vip"), [None, None]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_once_done_can_be_undone_where_it_is_not_offered_any_more() {
    let world = World::new().await.set("MODGATE_KINDS", "kick_login");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    assert_eq!(
        mute(&alice, "user", &seconds(60)).await.problem(),
        "not-found"
    );
    assert_eq!(
        alice.post(UNMUTE, &json!({"user_id": "user"})).await.status,
        200
    );
    app.stop().await;
}
