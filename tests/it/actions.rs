//! What a moderator asks for, what Tencent gets, and what the record and the moderator are told.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::persona::{KICK_LOGIN, KICK_SEAT};
use crate::support::world::{SDK_APP_ID, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_kick_is_sent_as_the_document_says_and_recorded() {
    let app = TestApp::start().await;
    let answer = app.moderator("alice").kick_login("test").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let action = answer.json();
    assert_eq!(action["state"], "succeeded");
    assert_eq!(action["tencent"]["error_code"], 0);
    assert_eq!(action["tencent"]["request_id"], Value::Null);

    let calls = app.simulator.calls();
    let [call] = calls.as_slice() else {
        panic!("one call: {calls:?}")
    };
    assert_eq!(
        (call.method.as_str(), call.path.as_str()),
        ("POST", "/v4/im_open_login_svc/kick")
    );
    assert_eq!(call.body, r#"{"Identifier":"test"}"#);
    let names: Vec<&str> = call.query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["sdkappid", "identifier", "usersig", "random", "contenttype"]
    );
    assert_eq!(
        call.query_value("sdkappid"),
        Some(SDK_APP_ID.to_string().as_str())
    );
    assert_eq!(call.query_value("identifier"), Some("administrator"));
    assert_eq!(call.query_value("contenttype"), Some("json"));
    assert_eq!(json!(call.random), action["attempts"][0]["random"]);
    for name in ["authorization", "traceparent", "tracestate", "cookie"] {
        assert!(
            call.headers.iter().all(|(header, _)| header != name),
            "{name} was sent"
        );
    }

    let again = app
        .moderator("alice")
        .action(action["id"].as_str().unwrap())
        .await;
    assert_eq!(
        again.json(),
        action,
        "the record says what the moderator was told"
    );
    assert_eq!(again.header("modgate-state"), Some("succeeded"));
    assert_eq!(again.header("modgate-action-id"), action["id"].as_str());
    assert_eq!(again.header("cache-control"), Some("no-store"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_kick_is_sent_as_the_document_says_and_has_tencents_request_id() {
    let app = TestApp::start().await;
    let body = json!({
        "room_id": "room-test", "user_id": "user2", "data": "time over",
        "reason": "spam\nagain", "case_ref": "TS-1", "supersedes": "01990000-0000-7000-8000-000000000000",
    });
    let answer = app.moderator("alice").post(KICK_SEAT, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let action = answer.json();
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&action[field], value, "{field}");
    }
    assert_eq!(action["moderator"], "alice");
    assert_eq!(action["moderator_name"], "alice of the tests");
    assert_eq!(action["recorded"], true);
    let request_id = action["tencent"]["request_id"]
        .as_str()
        .expect("the room engine gives one");
    assert_eq!(action["attempts"][0]["request_id"], request_id);

    let calls = app.simulator.calls();
    let [call] = calls.as_slice() else {
        panic!("one call: {calls:?}")
    };
    assert_eq!(call.path, "/v4/room_engine_http_mic/kick_user_off_seat");
    assert_eq!(
        call.body,
        r#"{"RoomId":"room-test","Member_Account":"user2","Data":"time over"}"#
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_kick_names_the_user_as_the_setting_says() {
    let world = World::new()
        .await
        .set("MODGATE_TENCENT_KICK_FIELD", "UserID");
    let app = TestApp::in_world(world).await;
    assert_eq!(app.moderator("alice").kick_login("test").await.status, 200);
    assert_eq!(app.simulator.calls()[0].body, r#"{"UserID":"test"}"#);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lacks_the_right_is_denied_and_the_denial_is_recorded() {
    let world = World::new()
        .await
        .set("MODGATE_PROTECTED_USERS", "boss, Owner");
    let app = TestApp::in_world(world).await;
    let auditor = app.auditor();
    let answer = auditor.kick_login("test").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "forbidden")
    );
    assert_eq!(answer.action()["state"], "denied");
    let denied = auditor
        .action(answer.action()["id"].as_str().unwrap())
        .await
        .json();
    assert_eq!(denied, answer.action());

    for protected in ["boss", "OWNER", "Administrator"] {
        let answer = app.moderator("alice").kick_login(protected).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (403, "protected-target"),
            "{protected}"
        );
        assert_eq!(answer.action()["recorded"], true);
    }
    assert_eq!(
        app.count("select count(*) from audit.actions where state = 'denied'")
            .await,
        4
    );
    assert!(app.simulator.calls().is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_and_a_pattern_are_asked_for_where_the_operator_says_so() {
    let world = World::new()
        .await
        .set("MODGATE_REQUIRE_REASON", "true")
        .set("MODGATE_USER_ID_PATTERN", "[a-z]+|x9");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    let answer = alice.kick_login("Nope1").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (400, "invalid-request")
    );
    let fields: Vec<Value> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["field"].clone())
        .collect();
    assert_eq!(fields, ["user_id", "reason"]);
    // The whole id must match, also behind an alternative.
    assert_eq!(
        alice
            .post(KICK_LOGIN, &json!({"user_id": "x99", "reason": "r"}))
            .await
            .status,
        400
    );
    assert_eq!(
        alice
            .post(KICK_LOGIN, &json!({"user_id": "x9", "reason": "r"}))
            .await
            .status,
        200
    );
    let rules = alice.get("/v1/me").await.json()["rules"].clone();
    assert_eq!(
        rules,
        json!({"reason_required": true, "user_id_pattern": "[a-z]+|x9", "batch_approval_above": null})
    );
    app.stop().await;
}
