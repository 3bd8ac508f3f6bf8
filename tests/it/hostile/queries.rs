//! Queries, paths and methods.

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::{assert_nothing_happened, faulty_fields, patient_app};
use crate::support::persona::{KICK_LOGIN, KICK_SEAT};

const TEXT_FILTERS: [&str; 6] = [
    "moderator",
    "user_id",
    "room_id",
    "case_ref",
    "tencent_request_id",
    "idempotency_key",
];

const OTHER_FILTERS: [&str; 8] = [
    "kind",
    "state",
    "error_code",
    "batch_id",
    "since",
    "until",
    "limit",
    "cursor",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_query_parameter_takes_what_no_stored_text_can_be() {
    let app = patient_app().await;
    let auditor = app.auditor();
    let long = "x".repeat(256);
    let hidden = [
        "%00",
        "a%00",
        "%01",
        "%1b[31m",
        "%7f",
        "%0a",
        "%c2%85",
        "%e2%80%ae",
        "%e2%81%a6",
        "%ff",
        "%c0%af",
        "%ed%a0%80",
        "",
        &long,
    ];
    for name in TEXT_FILTERS.into_iter().chain(OTHER_FILTERS) {
        for value in hidden {
            let answer = auditor.get(&format!("/v1/actions?{name}={value}")).await;
            assert_eq!(answer.status, 400, "{name}={value}: {}", answer.text);
            assert_eq!(faulty_fields(&answer), [name], "{name}={value}");
        }
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_query_parameter_keeps_its_own_rule() {
    let app = patient_app().await;
    let auditor = app.auditor();
    let table: [(&str, &[&str]); 8] = [
        ("kind", &["kick", "KICK_LOGIN", "kick_login,kick_seat"]),
        ("state", &["done", "Pending"]),
        ("error_code", &["a", "1.5", "99999999999999999999", "0x10"]),
        ("batch_id", &["1", "nothing"]),
        (
            "since",
            &[
                "yesterday",
                "2026-01-01",
                "1969-12-31T23:59:59Z",
                "-1",
                "99999-01-01T00:00:00Z",
            ],
        ),
        ("until", &["2026-01-01T00:00:00", "2026-13-01T00:00:00Z"]),
        ("limit", &["0", "201", "-1", "1.0", "65537", "1e2"]),
        ("cursor", &["1", "AAAA", "%27%20or%201=1--"]),
    ];
    for (name, values) in table {
        for value in values {
            let answer = auditor.get(&format!("/v1/actions?{name}={value}")).await;
            assert_eq!(faulty_fields(&answer), [name], "{name}={value}");
        }
    }
    // At the edges of what can be meant, a question has an answer.
    let id = Uuid::nil();
    for query in [
        "since=1970-01-01T00:00:00Z&until=9999-12-31T23:59:59.999999999Z".to_owned(),
        "since=9999-12-31T23:59:59Z".to_owned(),
        "until=1970-01-01T00:00:00%2b00:00".to_owned(),
        "since=2016-12-31T23:59:60Z".to_owned(),
        format!("error_code={}", i64::MIN),
        format!("cursor={id}&batch_id={id}"),
        "user_id=%25%5F'\"%5C&case_ref=%F0%9F%98%80".to_owned(),
        "kind=kick_login&".repeat(500),
    ] {
        let answer = auditor.get(&format!("/v1/actions?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(answer.json()["items"].as_array().map(Vec::len), Some(0));
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_a_query_are_reported_at_once() {
    let app = patient_app().await;
    let query =
        "kind=x&state=y&limit=0&colour=red&since=z&user_id=a&user_id=b&%00=1&cursor=&kind=x";
    let answer = app.auditor().get(&format!("/v1/actions?{query}")).await;
    let mut named = faulty_fields(&answer);
    named.sort();
    let all = [
        "colour", "cursor", "kind", "kind", "limit", "since", "state", "user_id", "\u{fffd}",
    ];
    assert_eq!(named, all);
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_where_none_belongs_is_refused() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let body = serde_json::json!({"user_id": "bob"});
    for name in ["user_id", "dry_run", "access_token"] {
        let query = format!("?{name}=eve");
        assert_eq!(
            faulty_fields(&alice.post(&format!("{KICK_LOGIN}{query}"), &body).await),
            [name]
        );
        for path in [
            "/v1/me".to_owned(),
            format!("/v1/actions/{}", Uuid::now_v7()),
        ] {
            assert_eq!(
                faulty_fields(&alice.get(&format!("{path}{query}")).await),
                [name],
                "{path}"
            );
        }
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_leads_nowhere_is_404() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let id = Uuid::now_v7();
    let long = "x".repeat(5_000);
    let ids = [
        "%00",
        "%0d%0a",
        "%ff",
        "%e2%80%ae",
        "0",
        "%27%20or%201=1",
        "%2e%2e%2fme",
        "a/b",
        "kick",
        &id.to_string(),
        &id.simple().to_string(),
        &format!("%7b{id}%7d"),
        &format!("{id}%00"),
        &format!("{id}/"),
        &long,
    ];
    let paths = ids.into_iter().map(|id| format!("/v1/actions/{id}"));
    let others = [
        "/",
        "/v1",
        "/v1/",
        "/v1/actions/",
        "//v1/me",
        "/v1/me/",
        "/V1/me",
        "/metrics",
        "/readyz",
        "/%00",
    ];
    for path in paths.chain(others.into_iter().map(str::to_owned)) {
        let answer = alice.get(&path).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found"),
            "{path}"
        );
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_with_another_method_is_405_and_names_its_own() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let id = format!("/v1/actions/{}", Uuid::now_v7());
    let paths = [
        (KICK_LOGIN, "POST"),
        (KICK_SEAT, "POST"),
        ("/v1/actions", "GET"),
        (&id, "GET"),
        ("/v1/me", "GET"),
    ];
    let methods = [
        "GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW", "get",
    ];
    for (path, allow) in paths {
        for method in methods.into_iter().filter(|method| *method != allow) {
            let request = alice.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
            let answer = alice.send(request.body(r#"{"user_id": "bob"}"#)).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.problem(), "method-not-allowed");
            assert_eq!(answer.header("allow"), Some(allow));
            assert_eq!(answer.json().get("action"), None::<&Value>);
        }
    }
    assert_nothing_happened(app).await;
}
