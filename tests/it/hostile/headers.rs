//! Headers: what is stored of them is clean, and what is wrong with them does no harm.

use std::io::Write as _;

use chrono::Utc;
use modgate::auth::mint::{Claims, Minter};
use modgate::simulator::{Fault, FaultKind};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::{assert_nothing_happened, faulty_fields, patient_app};
use crate::support::app::MODERATOR;
use crate::support::persona::{Answer, KICK_LOGIN, KICK_SEAT, Persona};
use crate::support::world::{AUDIENCE, ISSUER, JWT_SECRET};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A login kick with further headers, as often as they are given.
async fn kick_with(moderator: &Persona, headers: &[(&str, &[u8])]) -> Answer {
    let mut request = moderator
        .request(reqwest::Method::POST, KICK_LOGIN)
        .header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(
            *name,
            HeaderValue::from_bytes(value).expect("a value that can be sent"),
        );
    }
    moderator.send(request.body(r#"{"user_id": "bob"}"#)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_media_type_is_415() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    for path in [KICK_LOGIN, KICK_SEAT] {
        let types: [&[u8]; 10] = [
            b"",
            b"text/plain",
            b"text/json",
            b"application/json5",
            b"application/problem+json",
            b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=x",
            b"application/xml; a=application/json",
            b"json",
            b"\xff",
        ];
        for media_type in types {
            let request = alice.request(reqwest::Method::POST, path);
            let media_type = HeaderValue::from_bytes(media_type).expect("it can be sent");
            let request = request
                .header(CONTENT_TYPE, &media_type)
                .body(r#"{"user_id": "bob"}"#);
            let answer = alice.send(request).await;
            assert_eq!(answer.status, 415, "{media_type:?}: {}", answer.text);
            assert_eq!(answer.problem(), "unsupported-media-type");
        }
        let answer = alice
            .send(alice.request(reqwest::Method::POST, path).body("{}"))
            .await;
        assert_eq!(answer.status, 415, "no media type: {}", answer.text);
    }
    for media_type in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json ;a=b",
    ] {
        let request = alice
            .request(reqwest::Method::POST, KICK_LOGIN)
            .header(CONTENT_TYPE, media_type);
        assert_eq!(
            faulty_fields(&alice.send(request.body("{}")).await),
            ["user_id"]
        );
    }
    assert_nothing_happened(app).await;
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).expect("memory takes it");
    gzip.finish().expect("memory takes it")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_another_coding_is_415_and_is_told_which_is_taken() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let kick = br#"{"user_id": "bob"}"#;
    let random: Vec<u8> = (0..40_000).map(|_| rand::random()).collect();
    for path in [KICK_LOGIN, KICK_SEAT] {
        for coding in [
            "gzip",
            "GZIP",
            "x-gzip",
            "deflate",
            "br",
            "zstd",
            "identity, gzip",
            "x",
        ] {
            // Also one that is as plain as can be, and one that is larger than any body may be.
            for body in [gzipped(kick), kick.to_vec(), gzipped(&random)] {
                let request = alice
                    .request(reqwest::Method::POST, path)
                    .header(CONTENT_TYPE, "application/json")
                    .header(CONTENT_ENCODING, coding);
                let answer = alice.send(request.body(body)).await;
                assert_eq!(answer.status, 415, "{coding}: {}", answer.text);
                assert_eq!(answer.problem(), "unsupported-media-type");
                assert_eq!(answer.header("accept-encoding"), Some("identity"));
            }
        }
    }
    for coding in ["identity", "Identity", ""] {
        let coding_alone = [("content-encoding", coding.as_bytes())];
        let answer = kick_with(&alice, &coding_alone).await;
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text);
    }
    // Where the media type is the matter, nothing is said of codings.
    let request = alice.request(reqwest::Method::POST, KICK_LOGIN).body("{}");
    assert_eq!(alice.send(request).await.header("accept-encoding"), None);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_agent_is_cleaned_and_cut_before_it_is_recorded() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let long = "\u{e9}".repeat(2_000);
    let agents: [(&[u8], &str); 6] = [
        (b"curl/8", "curl/8"),
        (b"a\tb", "a\u{fffd}b"),
        (b"a\xffb", "a\u{fffd}b"),
        ("\u{202e}lruc".as_bytes(), "\u{fffd}lruc"),
        ("a\u{9b}31m".as_bytes(), "a\u{fffd}31m"),
        (long.as_bytes(), &long[..512]),
    ];
    for (sent, stored) in agents {
        let answer = kick_with(&alice, &[("user-agent", sent)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let id = answer.header("modgate-action-id").unwrap();
        let found: String =
            sqlx::query_scalar("select user_agent from audit.actions where id::text = $1")
                .bind(id)
                .fetch_one(&mut app.sql().await)
                .await
                .unwrap();
        assert_eq!(found, stored);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsafe_request_id_is_replaced_and_a_safe_one_kept() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let long = "x".repeat(65);
    let unsafe_ids: [&[u8]; 7] = [
        b"",
        b"a b",
        b"a\"b",
        b"<script>",
        "\u{e9}".as_bytes(),
        b"a\xffb",
        long.as_bytes(),
    ];
    for id in unsafe_ids {
        let answer = kick_with(&alice, &[("x-request-id", id)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let made = answer.header("x-request-id").unwrap();
        assert!(uuid::Uuid::try_parse(made).is_ok(), "{id:?} became {made}");
    }
    let answer = kick_with(&alice, &[("x-request-id", &long.as_bytes()[..64])]).await;
    assert_eq!(answer.header("x-request-id"), Some(&long[..64]));
    let recorded = "select count(*) from audit.actions where http_request_id ~ '^[0-9a-f-]{36}$'";
    assert_eq!(app.count(recorded).await, 7);
    let recorded = "select count(*) from audit.actions where http_request_id = repeat('x', 64)";
    assert_eq!(app.count(recorded).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_valid_traceparent_is_recorded() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let span = "00f067aa0ba902b7";
    let broken = [
        String::new(),
        "\u{e9}".to_owned(),
        TRACE.to_owned(),
        format!("00-{}-{span}-01", TRACE.to_uppercase()),
        format!("00-{}-{span}-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{TRACE}0-{span}-01"),
        format!("00-{TRACE}-{span}-01-more"),
        format!("ff-{TRACE}-{span}-01"),
        format!("00-{TRACE}-{span}"),
    ];
    for traceparent in &broken {
        let answer = kick_with(&alice, &[("traceparent", traceparent.as_bytes())]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let whole = format!("00-{TRACE}-{span}-01");
    let twice = [
        ("traceparent", whole.as_bytes()),
        ("traceparent", whole.as_bytes()),
    ];
    assert_eq!(kick_with(&alice, &twice).await.status, 200);
    let traced = "select count(*) from audit.actions where trace_id is not null";
    assert_eq!(app.count(traced).await, 0);
    assert_eq!(kick_with(&alice, &twice[..1]).await.status, 200);
    assert_eq!(app.count(traced).await, 1);
    let kept =
        "select count(*) from audit.actions where trace_id = '4bf92f3577b34da6a3ce929d0e0e4736'";
    assert_eq!(app.count(kept).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_that_is_none_is_refused_and_named() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let long = "x".repeat(256);
    let keys: [&[u8]; 12] = [
        b"",
        b"\"",
        b"\"\"",
        b"\"a",
        b"a\"",
        b"a b",
        b"a\tb",
        b"a;b=1",
        b"'a'",
        "\u{e9}".as_bytes(),
        b"\xff\xfe",
        long.as_bytes(),
    ];
    for key in keys {
        let answer = kick_with(&alice, &[("idempotency-key", key)]).await;
        assert_eq!(answer.status, 400, "{key:?}: {}", answer.text);
        assert_eq!(faulty_fields(&answer), ["Idempotency-Key"], "{key:?}");
    }
    let twice: [(&str, &[u8]); 2] = [("idempotency-key", b"a"), ("idempotency-key", b"b")];
    assert_eq!(
        faulty_fields(&kick_with(&alice, &twice).await),
        ["Idempotency-Key"]
    );
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_name_in_a_token_is_cleaned_before_it_is_recorded() {
    let app = patient_app().await;
    let minter = Minter::from_secret(&SecretString::from(JWT_SECRET)).unwrap();
    let claims = Claims {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        subject: "alice".to_owned(),
        name: Some(format!("\0\u{202e}{}", "\u{e9}".repeat(300))),
        scopes: MODERATOR.iter().map(|scope| (*scope).to_owned()).collect(),
        ttl: std::time::Duration::from_mins(5),
        now: Utc::now(),
    };
    let token = minter.mint(&claims).unwrap();
    let alice = Persona::new(app.addr, Some(token.expose_secret().to_owned()));
    let answer = alice.kick_login("bob").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let name = format!("\u{fffd}\u{fffd}{}", "\u{e9}".repeat(253));
    assert_eq!(answer.json()["moderator_name"], name);
    let item = alice.list("").await.remove(0);
    assert_eq!(item["moderator_name"], name);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_answer_of_tencents_is_cleaned_before_it_is_recorded() {
    let app = patient_app().await;
    let body = r#"{"ActionStatus": "FAIL\u0000", "ErrorCode": 70107, "ErrorInfo": "a\u0000\u202eb\u001b[31m", "RequestId": "\u0000"}"#;
    app.simulator.fail(Fault::next(FaultKind::Raw {
        body: body.to_owned(),
    }));
    let answer = app.moderator("alice").kick_login("bob").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (404, "target-not-found")
    );
    let action = answer.action();
    assert_eq!(
        action["tencent"]["error_info"],
        "a\u{fffd}\u{fffd}b\u{fffd}[31m"
    );
    assert_eq!(action["recorded"], true);
    assert_eq!(
        app.auditor()
            .action(action["id"].as_str().unwrap())
            .await
            .json(),
        action
    );
    app.stop().await;
}
