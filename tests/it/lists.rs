//! Who may see what, and how it is found again.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::persona::{KICK_SEAT, Persona};

fn users(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["user_id"].as_str().expect("an action has a user"))
        .collect()
}

async fn some_actions(app: &TestApp) -> (Persona, Persona) {
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    app.simulator.declare_account("u3", false);
    assert_eq!(alice.kick_login("u1").await.status, 200);
    let body = json!({"room_id": "r1", "user_id": "u2", "data": "", "case_ref": "TS-7"});
    assert_eq!(alice.post(KICK_SEAT, &body).await.status, 200);
    assert_eq!(alice.kick_login("u3").await.status, 404);
    assert_eq!(bob.kick_seat("r2", "u4", "").await.status, 200);
    (alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_sees_own_actions_and_an_auditor_everyones() {
    let app = TestApp::start().await;
    let (alice, bob) = some_actions(&app).await;
    assert_eq!(
        users(&alice.list("").await),
        ["u3", "u2", "u1"],
        "newest first"
    );
    assert_eq!(users(&bob.list("").await), ["u4"]);
    assert_eq!(
        users(&bob.list("moderator=alice").await),
        Vec::<&str>::new()
    );
    assert_eq!(
        users(&app.auditor().list("").await),
        ["u4", "u3", "u2", "u1"]
    );

    let id = alice.list("user_id=u1").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(alice.action(&id).await.status, 200);
    assert_eq!(app.auditor().action(&id).await.status, 200);
    let others = bob.action(&id).await;
    assert_eq!(
        (others.status, others.problem().as_str()),
        (404, "not-found")
    );
    assert_eq!(bob.action("nonsense").await.status, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_finds_what_it_names() {
    let app = TestApp::start().await;
    some_actions(&app).await;
    let auditor = app.auditor();
    let seat = auditor.list("room_id=r1").await.remove(0);
    let request_id = seat["tencent"]["request_id"].as_str().unwrap().to_owned();
    let requested_at: DateTime<Utc> = seat["requested_at"].as_str().unwrap().parse().unwrap();
    let at = requested_at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    for (query, expected) in [
        ("kind=kick_seat", vec!["u4", "u2"]),
        (
            "kind=kick_seat&kind=kick_login",
            vec!["u4", "u3", "u2", "u1"],
        ),
        ("state=refused", vec!["u3"]),
        (
            "state=refused&state=succeeded",
            vec!["u4", "u3", "u2", "u1"],
        ),
        ("state=pending", vec![]),
        ("moderator=alice", vec!["u3", "u2", "u1"]),
        ("user_id=u2", vec!["u2"]),
        ("room_id=r2", vec!["u4"]),
        ("case_ref=TS-7", vec!["u2"]),
        (&format!("tencent_request_id={request_id}"), vec!["u2"]),
        ("error_code=70107", vec!["u3"]),
        ("error_code=0&moderator=alice", vec!["u2", "u1"]),
        ("idempotency_key=none", vec![]),
        ("batch_id=01990000-0000-7000-8000-000000000000", vec![]),
        (&format!("since={at}"), vec!["u4", "u3", "u2"]),
        (&format!("until={at}"), vec!["u1"]),
        (&format!("since={at}&until={at}"), vec![]),
        ("since=2000-01-01T00:00:00%2B02:00&limit=1", vec!["u4"]),
        ("until=9999-12-31T23:59:59Z&limit=1", vec!["u4"]),
    ] {
        assert_eq!(users(&auditor.list(query).await), expected, "{query}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    for number in 0..7 {
        assert_eq!(alice.kick_login(&format!("u{number}")).await.status, 200);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = alice
            .get(&format!("/v1/actions?limit=3{cursor}"))
            .await
            .json();
        let items = page["items"].as_array().unwrap().clone();
        seen.extend(users(&items).into_iter().map(str::to_owned));
        // What is new does not move the pages that follow.
        assert_eq!(alice.kick_login("new").await.status, 200);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["u6", "u5", "u4", "u3", "u2", "u1", "u0"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_breaks_a_rule_is_told_which() {
    let app = TestApp::start().await;
    for (query, field) in [
        ("colour=red", "colour"),
        ("user_id=a&user_id=b", "user_id"),
        ("kind=ban", "kind"),
        ("state=done", "state"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=abc", "cursor"),
        ("error_code=x", "error_code"),
        ("since=yesterday", "since"),
        ("until=1960-01-01T00:00:00Z", "until"),
        ("user_id=%00", "user_id"),
        ("moderator=", "moderator"),
    ] {
        let answer = app.auditor().get(&format!("/v1/actions?{query}")).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{query}"
        );
        assert_eq!(answer.json()["errors"][0]["field"], field, "{query}");
    }
    app.stop().await;
}
