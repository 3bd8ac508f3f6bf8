//! A person asks what became of an action.

use std::time::Duration;

use modgate::kinds::mute_user;
use modgate::simulator::{Api, Fault, FaultKind, Moment, Restriction};
use serde_json::{Value, json};

use super::{MUTE, UNMUTE, app, id, lost, mute, probed, seconds, told};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::World;

async fn probe(who: &Persona, id: &str) -> Answer {
    let path = format!("/v1/actions/{id}/probe");
    who.post_text(&path, "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_is_read_back_for_whoever_may_see_it() {
    let app = app().await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let muted = id(&mute(&alice, "user", &seconds(600)).await);
    let hidden = probe(&bob, &muted).await;
    assert_eq!(
        (hidden.status, hidden.problem().as_str()),
        (404, "not-found")
    );
    let nobodys = probe(&alice, "01a20038-017b-7000-8000-000000000001").await;
    assert_eq!((nobodys.status, nobodys.text), (hidden.status, hidden.text));

    let shown = probe(&alice, &muted).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let shown = shown.json();
    assert_eq!(told(&shown), ("succeeded", &json!(true)));
    assert!(shown["probe"]["until"].is_string(), "{shown}");
    // The answer of the mute itself tells when it ends: a read does not move that.
    assert_eq!(shown["until"], alice.action(&muted).await.json()["until"]);

    let again = probe(&alice, &muted).await;
    assert_eq!(
        (again.status, again.problem().as_str()),
        (429, "rate-limited")
    );
    assert_eq!(again.json()["limit"], "probes");
    assert!((1..=10).contains(&again.json()["retry_after"].as_u64().unwrap_or(0)));
    let calls = app.simulator.calls_to(Api::GETNOSPEAKING).len();
    assert_eq!(calls, 1, "who is refused is not asked for");

    // Somebody else has lifted it: an auditor sees it.
    let other = id(&mute(&alice, "other", &seconds(600)).await);
    for of in [Restriction::Direct, Restriction::Groups] {
        app.simulator.restrict(of, "", "other", 0);
    }
    let lifted = probe(&app.auditor(), &other).await.json();
    assert_eq!(told(&lifted), ("succeeded", &json!(false)));
    let rows = "select count(*) from audit.event where state = 'probed' and error_code is null
                and details::jsonb #>> '{asked_by,subject}' in ('alice', 'auditor')";
    assert_eq!(app.count(rows).await, 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_is_not_asked() {
    let app = app().await;
    let alice = app.moderator("alice");
    app.simulator.declare_account("ghost", false);
    let kicked = alice.kick_login("user").await;
    let refused = mute(&alice, "ghost", &seconds(600)).await;
    let unmuted = alice.post(UNMUTE, &json!({"user_id": "user"})).await;
    let group = alice
        .post("/v1/actions/mute_group", &json!({"room_id": "group"}))
        .await;
    for answer in [kicked, refused, unmuted, group] {
        let id = id(&answer);
        let refused = probe(&alice, &id).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (409, "probe-not-possible")
        );
        assert_eq!(refused.action()["id"], *id);
    }
    assert!(app.simulator.calls_to(Api::GETNOSPEAKING).is_empty());
    let with_query = alice.post_text(
        "/v1/actions/01a20038-017b-7000-8000-000000000001/probe?x=1",
        "",
    );
    assert_eq!(with_query.await.status, 400);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_unknown_is_found_out_by_the_next_who_asks() {
    let app = app().await;
    let alice = app.moderator("alice");
    let question = Api::GETNOSPEAKING;
    // Nothing is said to the gateway's own question.
    app.simulator
        .fail(Fault::next(FaultKind::Garbage).times(3).on(question));
    let id = lost(&app, mute_user::KIND, "user", Moment::AfterEffect).await;
    let action = probed(&alice, &id).await;
    assert_eq!(told(&action), ("unknown", &Value::Null));
    let found = eventually(
        "it may be probed again",
        Duration::from_secs(15),
        async || {
            let answer = probe(&alice, &id).await;
            (answer.status != 429).then_some(answer)
        },
    )
    .await;
    assert_eq!(
        told(&found.json()),
        ("succeeded", &json!(true)),
        "{}",
        found.text
    );
    let metric = "modgate_probes_total{api=\"openconfigsvr/getnospeaking\",result=\"succeeded\"}";
    assert_eq!(app.operator().series(metric).await, Some(1));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_recovery_nothing_is_proved() {
    let world = World::new().await.set("MODGATE_TENCENT_TIMEOUT", "1s");
    let world = world.set("MODGATE_ACTION_DEADLINE", "1s");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    world.simulator.fail(Fault::next(FaultKind::Never));
    let alice = gateway.moderator("alice");
    let asking = tokio::spawn(async move {
        let body = json!({"user_id": "user", "seconds": 600});
        let request = alice.request(reqwest::Method::POST, MUTE);
        let request = request.header("content-type", "application/json");
        let _ = alice.try_send(request.body(body.to_string())).await;
    });
    let patience = Duration::from_secs(20);
    let at_tencent = || {
        world
            .simulator
            .restricted_until(Restriction::Groups, "", "user")
    };
    eventually("it happened", patience, async || at_tencent()).await;
    gateway.kill();
    asking.await.expect("it is not in the way");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    let action = eventually("recovery has ended it", patience, async || {
        let mut actions = alice.list("state=unknown").await;
        actions.pop()
    })
    .await;
    let id = action["id"].as_str().expect("it has one");
    let answer = probe(&alice, id).await;
    assert_eq!(
        told(&answer.json()),
        ("unknown", &json!(true)),
        "{}",
        answer.text
    );
    app.stop().await;
}
