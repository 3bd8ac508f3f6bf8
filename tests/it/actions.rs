//! What a moderator asks for, what Tencent gets, and what the record and the moderator are told.

use modgate::simulator::{Api, Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::app::TestApp;
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
    let answer = app
        .moderator("alice")
        .post("/v1/actions/kick_seat", &body)
        .await;
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

/// Code, kind, state, problem, status: the contract's table for every code of both documents, and
/// for those that every gateway must know.
#[rustfmt::skip]
const ANSWERS: &[(i64, Api, &str, &str, u16)] = &[
    (70107,  Api::KickLogin, "refused", "target-not-found",         404),
    (70169,  Api::KickLogin, "unknown", "outcome-unknown",          504),
    (70402,  Api::KickLogin, "refused", "rejected-by-tencent",      422),
    (70403,  Api::KickLogin, "refused", "tencent-rejected-gateway", 502),
    (70500,  Api::KickLogin, "unknown", "outcome-unknown",          504),
    (100_001, Api::KickSeat, "unknown", "outcome-unknown",          504),
    (100_002, Api::KickSeat, "refused", "rejected-by-tencent",      422),
    (100_004, Api::KickSeat, "refused", "target-not-found",         404),
    (100_005, Api::KickSeat, "refused", "target-conflict",          409),
    (100_206, Api::KickSeat, "refused", "target-conflict",          409),
    (60007,  Api::KickLogin, "refused", "rate-limited",             429),
    (60007,  Api::KickSeat,  "refused", "rate-limited",             429),
    (60008,  Api::KickLogin, "unknown", "outcome-unknown",          504),
    (60010,  Api::KickLogin, "refused", "tencent-rejected-gateway", 502),
    (60020,  Api::KickSeat,  "refused", "tencent-rejected-gateway", 502),
    (70001,  Api::KickLogin, "refused", "tencent-rejected-gateway", 502),
    (70050,  Api::KickLogin, "refused", "tencent-rejected-gateway", 502),
    (123_456, Api::KickSeat, "refused", "tencent-rejected-gateway", 502),
    (-1,     Api::KickLogin, "refused", "tencent-rejected-gateway", 502),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_error_code_gives_the_state_the_problem_and_the_status_of_the_contract() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    for (code, api, state, problem, status) in ANSWERS {
        let info = Some(format!("told as {code}"));
        app.simulator
            .fail(Fault::next(FaultKind::ErrorCode { code: *code, info }));
        let answer = match api {
            Api::KickLogin => alice.kick_login("test").await,
            _ => alice.kick_seat("room", "test", "").await,
        };
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (*status, *problem),
            "{code}"
        );
        let action = answer.action();
        assert_eq!(action["state"], *state, "{code}");
        assert_eq!(action["tencent"]["error_code"], *code);
        assert_eq!(action["tencent"]["error_info"], format!("told as {code}"));
        assert_eq!(answer.header("modgate-state"), Some(*state));
        let safe_to_repeat = matches!(status, 429 | 503);
        assert_eq!(
            answer.header("retry-after").is_some(),
            safe_to_repeat,
            "{code}"
        );
        if *problem == "rate-limited" {
            assert_eq!(answer.json()["limit"], "tencent");
            assert_eq!(answer.json()["retry_after"], 1);
        }
        let id = action["id"].as_str().expect("an action has an id");
        assert_eq!(alice.action(id).await.json(), action, "{code}");
    }
    assert_eq!(
        app.simulator.calls().len(),
        ANSWERS.len(),
        "one attempt each"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_tencents_leave_the_outcome_unknown() {
    let world = World::new().await.set("MODGATE_TENCENT_TIMEOUT", "2s");
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    let html = FaultKind::HttpStatus {
        status: 502,
        body: "<h1>Bad Gateway</h1>".to_owned(),
        content_type: "text/html".to_owned(),
    };
    for (fault, failure) in [
        (html, "not_the_envelope"),
        (
            FaultKind::Redirect {
                location: "http://127.0.0.1:9/".to_owned(),
            },
            "not_the_envelope",
        ),
        (FaultKind::Garbage, "not_the_envelope"),
        (FaultKind::OkWithFail, "contradiction"),
        (FaultKind::Truncate, "connection_lost"),
        (FaultKind::Cut { reset: true }, "connection_lost"),
        (FaultKind::BigBody, "answer_too_large"),
        (FaultKind::Never, "timed_out"),
        (FaultKind::Drip, "timed_out"),
    ] {
        let name = fault.name();
        app.simulator.fail(Fault::next(fault));
        let answer = alice.kick_seat("room", "test", "").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (504, "outcome-unknown"),
            "{name}"
        );
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.action()["attempts"][0]["failure"], failure, "{name}");
        assert_eq!(answer.action()["state"], "unknown", "{name}");
    }
    app.simulator.fail(Fault::next(FaultKind::NoActionStatus));
    assert_eq!(alice.kick_seat("room", "test", "").await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_left_is_not_sent_and_may_be_repeated() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    app.simulator.stop().expect("the simulator stops");
    let answer = alice.kick_login("test").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "tencent-unavailable")
    );
    assert_eq!(answer.action()["state"], "not_sent");
    assert_eq!(answer.action()["attempts"][0]["failure"], "connect");
    assert!(answer.header("retry-after").is_some());
    app.simulator.restart().expect("the simulator starts again");
    assert_eq!(alice.kick_login("test").await.status, 200);
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
            .post(
                "/v1/actions/kick_login",
                &json!({"user_id": "x99", "reason": "r"})
            )
            .await
            .status,
        400
    );
    assert_eq!(
        alice
            .post(
                "/v1/actions/kick_login",
                &json!({"user_id": "x9", "reason": "r"})
            )
            .await
            .status,
        200
    );
    let rules = alice.get("/v1/me").await.json()["rules"].clone();
    assert_eq!(
        rules,
        json!({"reason_required": true, "user_id_pattern": r"\A(?:[a-z]+|x9)\z"})
    );
    app.stop().await;
}
