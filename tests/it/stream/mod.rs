//! What happens is told as it happens: each state once, in one order, to those who may know.

mod feed;
pub(crate) mod listening;
mod positions;
mod slow;

use std::time::Duration;

use chrono::Utc;
use modgate::auth::mint::{Claims, Minter};
use modgate::simulator::{Fault, FaultKind};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::{AUDIENCE, ISSUER, JWT_SECRET, World, token};
use listening::{Listening, PATIENCE, ask};

#[tokio::test(flavor = "multi_thread")]
async fn each_state_is_told_with_the_action_as_it_was_then() {
    let world = World::new().await.set("MODGATE_TENCENT_TIMEOUT", "1s");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    let mut heard = Listening::open(&app.auditor(), "", None).await;
    let opening = heard.id().to_owned();
    let (mut told, mut actions) = (Vec::new(), Vec::new());

    // One attempt is repeated: no state of its own.
    let (code, info) = (70500, None);
    app.simulator
        .fail(Fault::next(FaultKind::ErrorCode { code, info }));
    let repeated = alice.kick_seat("r1", "u1", "bye").await.json();
    // The answer comes too late, and is the truth all the same.
    let duration = Duration::from_secs(2);
    app.simulator
        .fail(Fault::next(FaultKind::Delay { duration }));
    let unknown = alice.kick_login("u2").await.action();
    // The intent and its end are one.
    let mallory = Persona::new(app.addr, Some(token("mallory", &[])));
    let denied = mallory.kick_login("u3").await.action();

    for _ in 0..6 {
        let block = heard.event().await;
        actions.push(block.action());
        told.push(block);
    }
    let states: Vec<&str> = actions
        .iter()
        .filter_map(|action| action["state"].as_str())
        .collect();
    assert_eq!(
        states,
        [
            "pending",
            "succeeded",
            "pending",
            "unknown",
            "denied",
            "succeeded"
        ]
    );
    let pending = &actions[0];
    assert_eq!(pending["user_id"], "u1");
    assert_eq!(
        (
            &pending["attempts"],
            &pending["tencent"],
            &pending["completed_at"]
        ),
        (&json!([]), &Value::Null, &Value::Null)
    );
    assert_eq!(actions[1]["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!(actions[1], repeated, "what is told is what was answered");
    assert_eq!(actions[3], unknown);
    assert_eq!(actions[4], denied);
    let id = unknown["id"].as_str().expect("an id");
    assert_eq!(actions[5], alice.action(id).await.json());
    heard.silent().await;

    // Who comes later is told the same, and not what has become of it since.
    let mut again = Listening::open(&app.auditor(), "", Some(&opening)).await;
    for block in told {
        assert_eq!(again.event().await, block);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_hears_of_own_actions_and_an_auditor_of_everyones() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let mut of_alice = Listening::open(&alice, "", None).await;
    let mut of_nobody = Listening::open(&alice, "moderator=bob", None).await;
    let mut of_all = Listening::open(&app.auditor(), "", None).await;
    let mut of_bob = Listening::open(&app.auditor(), "moderator=bob&kind=kick_seat", None).await;
    assert_eq!(bob.kick_login("u1").await.status, 200);
    // A subject is unique only within its issuer.
    let namesake = Uuid::now_v7();
    positions::insert(
        &mut app.sql().await,
        namesake,
        "https://elsewhere.test",
        "u2",
    )
    .await;
    positions::insert_end(&mut app.sql().await, namesake).await;
    assert_eq!(alice.kick_login("u3").await.status, 200);
    assert_eq!(bob.kick_seat("r1", "u4", "").await.status, 200);

    for told in [
        "u1 pending",
        "u1 succeeded",
        "u2 pending",
        "u2 unknown",
        "u3 pending",
        "u3 succeeded",
        "u4 pending",
        "u4 succeeded",
    ] {
        assert_eq!(of_all.told().await, told);
    }
    for told in ["u3 pending", "u3 succeeded"] {
        assert_eq!(of_alice.told().await, told);
    }
    for told in ["u4 pending", "u4 succeeded"] {
        assert_eq!(of_bob.told().await, told);
    }
    tokio::join!(of_alice.silent(), of_nobody.silent(), of_bob.silent());

    // Neither does one who comes back.
    let mut again = Listening::open(&alice, "state=succeeded", Some(of_nobody.id())).await;
    assert_eq!(again.told().await, "u3 succeeded");
    again.silent().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_breaks_a_rule_or_a_stranger_gets_no_stream() {
    let app = TestApp::start().await;
    let auditor = app.auditor();
    for (query, field) in [
        ("limit=10", "limit"),
        ("cursor=01990000-0000-7000-8000-000000000000", "cursor"),
        ("state=done", "state"),
        ("user_id=a&user_id=b", "user_id"),
        ("since=yesterday", "since"),
    ] {
        let answer = auditor.get(&format!("/v1/actions/stream?{query}")).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request")
        );
        assert_eq!(answer.json()["errors"][0]["field"], field, "{query}");
    }
    let stranger = app.anonymous().get("/v1/actions/stream").await;
    assert_eq!(
        (stranger.status, stranger.problem().as_str()),
        (401, "unauthenticated")
    );
    let post = auditor.post("/v1/actions/stream", &json!({})).await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET")));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_listener_has_heartbeats_and_does_not_fall_behind() {
    let app = TestApp::start().await;
    let mut quiet = Listening::open(&app.auditor(), "user_id=nobody", None).await;
    let (started, opening) = (Instant::now(), quiet.id().to_owned());
    assert_eq!(
        app.moderator("alice").kick_login("before").await.status,
        200
    );
    let beat = timeout(Duration::from_secs(20), quiet.block()).await;
    let beat = beat.expect("a heartbeat").expect("the stream goes on");
    let waited = started.elapsed();
    assert!(
        waited >= Duration::from_secs(14),
        "already after {waited:?}"
    );
    assert_eq!((beat.comment.as_deref(), &beat.event), (Some("hb"), &None));
    assert_ne!(
        quiet.id(),
        opening,
        "a heartbeat brings the present position"
    );
    let mut again = Listening::open(&app.auditor(), "", Some(quiet.id())).await;
    assert_eq!(app.moderator("alice").kick_login("after").await.status, 200);
    assert_eq!(again.told().await, "after pending");
    let mut all = Listening::open(&app.auditor(), "", Some(&opening)).await;
    assert_eq!(all.told().await, "before pending");
    app.stop().await;
}

/// A token that lives for so long.
fn short_lived(subject: &str, ttl: Duration) -> String {
    let minter = Minter::from_secret(&SecretString::from(JWT_SECRET)).expect("it is long enough");
    let claims = Claims {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        subject: subject.to_owned(),
        name: None,
        scopes: Vec::new(),
        ttl,
        now: Utc::now(),
    };
    let token = minter.mint(&claims).expect("the claims are plain");
    token.expose_secret().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let app = TestApp::start().await;
    let began = Utc::now().timestamp();
    let alice = Persona::new(app.addr, Some(short_lived("alice", Duration::from_secs(4))));
    let mut heard = Listening::open(&alice, "", None).await;
    let ended = timeout(Duration::from_secs(8), heard.block()).await;
    assert_eq!(ended.expect("the stream ends"), None);
    let lasted = Utc::now().timestamp() - began;
    assert!((4..=6).contains(&lasted), "after {lasted} s");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_at_sigterm_and_hold_nothing_up() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await;
    let auditor = Persona::new(gateway.addr, Some(token("auditor", &["audit:read"])));
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(Listening::open(&auditor, "kind=kick_seat", None).await);
    }
    let operator = gateway.operator();
    assert_eq!(operator.series("modgate_stream_listeners").await, Some(5));
    let lines = gateway.log().events("audit_read");
    assert_eq!(lines.len(), 5);
    assert_eq!(
        (
            &lines[0]["what"],
            &lines[0]["moderator"],
            &lines[0]["filter.kind"]
        ),
        (&"stream".into(), &"auditor".into(), &"kick_seat".into())
    );
    let log = gateway.log();
    gateway.signal("TERM");
    for mut listening in all {
        let ended = timeout(PATIENCE, listening.block()).await;
        assert_eq!(ended.expect("the stream ends"), None);
    }
    // Far less than the shutdown time-out of twenty seconds.
    let status = gateway.exit(Duration::from_secs(8)).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(log.events("unfinished"), [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_leaves_no_line_of_reading_everyones_and_who_goes_away_is_not_counted() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let operator = gateway.operator();
    let heard = Listening::open(&alice, "", None).await;
    assert_eq!(operator.series("modgate_stream_listeners").await, Some(1));
    drop(heard);
    // It is noticed when something is written to it.
    eventually("nobody listens", PATIENCE, async || {
        assert_eq!(alice.kick_login("u1").await.status, 200);
        let listeners = operator.series("modgate_stream_listeners").await;
        (listeners == Some(0)).then_some(())
    })
    .await;
    assert_eq!(gateway.log().events("audit_read"), [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_record_there_is_no_stream_and_an_open_one_waits_for_it() {
    let app = TestApp::in_world(World::with_its_own_postgres().await).await;
    let postgres = app.cluster.as_ref().expect("its own");
    let (alice, auditor) = (app.moderator("alice"), app.auditor());
    let mut heard = Listening::open(&auditor, "", None).await;
    assert_eq!(alice.kick_login("u1").await.status, 200);
    assert_eq!(heard.told().await, "u1 pending");
    let pending = heard.id().to_owned();
    postgres.stop_fast().await;
    // It is let in, since the feed runs, and catches up when it can.
    let mut early = Listening::open(&auditor, "", Some(&pending)).await;
    postgres.start().await;
    assert_eq!(heard.told().await, "u1 succeeded");
    assert_eq!(early.told().await, "u1 succeeded");
    eventually("kicks work again", PATIENCE, async || {
        (alice.kick_login("u2").await.status == 200).then_some(())
    })
    .await;
    for listening in [&mut heard, &mut early] {
        assert_eq!(listening.told().await, "u2 pending");
        assert_eq!(listening.told().await, "u2 succeeded");
    }
    drop((heard, early));
    app.stop().await;

    let world = World::with_its_own_postgres().await;
    let app = TestApp::in_world(world).await;
    app.cluster.as_ref().expect("its own").stop_fast().await;
    let refused = app.auditor().request(Method::GET, "/v1/actions/stream");
    let refused = app.auditor().send(refused).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (503, "audit-unavailable")
    );
    app.cluster.as_ref().expect("its own").start().await;
    eventually("there is a stream again", PATIENCE, async || {
        let response = ask(&app.auditor(), "", None).await?;
        (response.status() == 200).then_some(())
    })
    .await;
    app.stop().await;
}
