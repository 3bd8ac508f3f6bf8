//! Below the API: sizes, slowness, and what is not HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::{assert_nothing_happened, patient_app};
use crate::support::app::{MODERATOR, TestApp};
use crate::support::persona::KICK_LOGIN;
use crate::support::raw::{exchange, send_all_then_read};
use crate::support::world::World;
use crate::support::world::token;

const PATIENCE: Duration = Duration::from_secs(30);

const FIVE_MEGABYTES: usize = 5_000_000;

/// The head of a login kick by someone who may, without the empty line that ends it.
fn head(path: &str, token: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: modgate\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n"
    )
}

fn kick_head() -> String {
    head(KICK_LOGIN, &token("alice", &MODERATOR))
}

/// Five megabytes that begin like a kick.
fn large_body() -> Vec<u8> {
    let mut body = br#"{"user_id": "bob", "reason": ""#.to_vec();
    body.resize(FIVE_MEGABYTES, b'x');
    body
}

fn with_length(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    [
        format!("{head}content-length: {length}\r\n\r\n").as_bytes(),
        body,
    ]
    .concat()
}

fn in_chunks(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(50_000) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// The answer to one who sends everything before listening.
async fn refusal_of(addr: SocketAddr, bytes: &[u8]) -> (u16, Value) {
    let answer = send_all_then_read(addr, bytes, PATIENCE)
        .await
        .expect("all of it is taken");
    let body = answer
        .text
        .split_once("\r\n\r\n")
        .map_or("", |(_, body)| body);
    let problem =
        serde_json::from_str(body).unwrap_or_else(|_| panic!("no problem: {:?}", answer.text));
    (answer.status.expect("there is an answer"), problem)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_five_megabytes_is_refused_so_that_its_sender_can_read_it() {
    let app = patient_app().await;
    let body = large_body();
    let answer = app
        .moderator("alice")
        .post_text(KICK_LOGIN, body.clone())
        .await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (413, "payload-too-large")
    );
    for bytes in [
        with_length(&kick_head(), &body),
        in_chunks(&kick_head(), &body),
    ] {
        let (status, problem) = refusal_of(app.addr, &bytes).await;
        assert_eq!(
            (status, &problem["code"]),
            (413, &Value::from("payload-too-large"))
        );
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_is_wrong_with_five_megabytes_can_be_read_too() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1");
    let app = TestApp::in_world(world).await;
    let body = large_body();
    let spent = app.moderator("spent");
    assert_eq!(spent.post_text(KICK_LOGIN, "").await.status, 400);
    let spent = spent.token.expect("moderators have one");
    let good = token("alice", &MODERATOR);
    for (head, status, code) in [
        (head(KICK_LOGIN, "bad"), 401, "unauthenticated"),
        (head(KICK_LOGIN, &spent), 429, "rate-limited"),
        (head("/v1/nowhere", &good), 404, "not-found"),
        (head("/v1/me", &good), 405, "method-not-allowed"),
    ] {
        for bytes in [with_length(&head, &body), in_chunks(&head, &body)] {
            let (answered, problem) = refusal_of(app.addr, &bytes).await;
            assert_eq!((answered, &problem["code"]), (status, &Value::from(code)));
        }
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_is_refused_without_a_reading_between_the_lines() {
    let app = patient_app().await;
    let head = kick_head();
    let kick = r#"{"user_id": "bob"}"#;
    let chunked = format!("12\r\n{kick}\r\n0\r\n\r\n");
    let get = "GET /v1/me HTTP/1.1\r\nhost: x\r\n";
    let table = [
        (
            "length and chunks",
            format!("{head}content-length: 18\r\ntransfer-encoding: chunked\r\n\r\n{chunked}"),
        ),
        (
            "chunks and length",
            format!("{head}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n{chunked}"),
        ),
        (
            "two lengths",
            format!("{head}content-length: 18\r\ncontent-length: 4\r\n\r\n{kick}"),
        ),
        (
            "a list of lengths",
            format!("{head}content-length: 18, 4\r\n\r\n{kick}"),
        ),
        (
            "a negative length",
            format!("{head}content-length: -18\r\n\r\n{kick}"),
        ),
        (
            "a signed length",
            format!("{head}content-length: +18\r\n\r\n{kick}"),
        ),
        (
            "a hexadecimal length",
            format!("{head}content-length: 0x12\r\n\r\n{kick}"),
        ),
        (
            "an endless length",
            format!("{head}content-length: 99999999999999999999\r\n\r\n{kick}"),
        ),
        (
            "an unknown coding",
            format!("{head}transfer-encoding: rot13\r\n\r\n{chunked}"),
        ),
        (
            "chunks within something",
            format!("{head}transfer-encoding: chunked, gzip\r\n\r\n{chunked}"),
        ),
        (
            "chunks twice",
            format!(
                "{head}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n{chunked}"
            ),
        ),
        (
            "a chunk without a size",
            format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{kick}\r\n0\r\n\r\n"),
        ),
        (
            "an endless chunk",
            format!(
                "{head}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{kick}\r\n0\r\n\r\n"
            ),
        ),
        (
            "a chunk without an end",
            format!("{head}transfer-encoding: chunked\r\n\r\n12\r\n{kick}0\r\n\r\n"),
        ),
        ("no request line", "hello\r\n\r\n".to_owned()),
        (
            "TLS",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n".to_owned(),
        ),
        ("another protocol", "GET /v1/me SPDY/3\r\n\r\n".to_owned()),
        (
            "a later HTTP",
            "GET /v1/me HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(),
        ),
        ("a header without a name", format!("{get}: x\r\n\r\n")),
        ("a header without a colon", format!("{get}nonsense\r\n\r\n")),
        (
            "a blank before the colon",
            format!("{head}content-length : 18\r\n\r\n{kick}"),
        ),
        (
            "a header over two lines",
            format!("{get}x-a: b\r\n c\r\n\r\n"),
        ),
        (
            "a zero byte in a header",
            format!("{get}user-agent: a\0b\r\n\r\n"),
        ),
        (
            "an escape in a header",
            format!("{get}user-agent: a\u{1b}[31mb\r\n\r\n"),
        ),
        (
            "a bare return in a header",
            format!("{get}user-agent: a\rx-b: c\r\n\r\n"),
        ),
        (
            "a very long path",
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(200_000)),
        ),
        (
            "a very long query",
            format!(
                "GET /v1/actions?user_id={} HTTP/1.1\r\n\r\n",
                "x".repeat(200_000)
            ),
        ),
        (
            "a very long header",
            format!("{get}user-agent: {}\r\n\r\n", "x".repeat(200_000)),
        ),
        (
            "a thousand headers",
            format!("{get}{}\r\n", "x-a: b\r\n".repeat(1_000)),
        ),
    ];
    for (name, request) in table {
        let answer = exchange(app.addr, request.as_bytes(), PATIENCE).await;
        let refused = answer
            .status
            .is_none_or(|status| (400..500).contains(&status));
        assert!(refused, "{name}: {:?}", answer.text);
        assert_eq!(app.simulator.calls().len(), 0, "{name}: something was sent");
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_url_that_the_server_still_reads_is_answered_by_the_api() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let path = format!("/v1/{}", "x".repeat(20_000));
    let answer = alice.get(&path).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (404, "not-found")
    );
    let answer = alice
        .get(&format!("/v1/actions?user_id={}", "x".repeat(20_000)))
        .await;
    assert_eq!(super::faulty_fields(&answer), ["user_id"]);
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_slowly_is_not_waited_for() {
    let app = patient_app().await;
    let half_a_body = format!("{}content-length: 18\r\n\r\n{{\"user_id\"", kick_head());
    let half_a_chunk = format!(
        "{}transfer-encoding: chunked\r\n\r\n12\r\n{{\"user",
        kick_head()
    );
    let half_a_head = kick_head();
    let slow = [half_a_body, half_a_chunk, half_a_head];
    let (body, chunk, head) = tokio::join!(
        exchange(app.addr, slow[0].as_bytes(), PATIENCE),
        exchange(app.addr, slow[1].as_bytes(), PATIENCE),
        exchange(app.addr, slow[2].as_bytes(), PATIENCE),
    );
    for answer in [body, chunk] {
        assert!(
            matches!(answer.status, Some(400 | 408)),
            "{:?}",
            answer.text
        );
        assert!(
            answer.text.contains(r#""code":"invalid-request""#),
            "{:?}",
            answer.text
        );
    }
    assert!(matches!(head.status, None | Some(408)), "{:?}", head.text);
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_in_the_middle_of_a_body_has_asked_for_nothing() {
    use tokio::io::AsyncWriteExt;
    let app = patient_app().await;
    for _ in 0..20 {
        let mut stream = tokio::net::TcpStream::connect(app.addr).await.unwrap();
        let part = format!(
            "{}content-length: 18\r\n\r\n{{\"user_id\": \"bob\"",
            kick_head()
        );
        stream.write_all(part.as_bytes()).await.unwrap();
    }
    assert_nothing_happened(app).await;
}
