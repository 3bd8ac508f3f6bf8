//! Whoever opens connections, with a token or without, takes nothing from anybody else.

use std::net::SocketAddr;
use std::time::Duration;

use modgate::simulator::{Fault, FaultKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::app::{MODERATOR, TestApp};
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::{World, token};

const PATIENCE: Duration = Duration::from_secs(20);

/// What somebody sends on a connection, before they leave it as it is.
const NOTHING: &str = "";
const HALF_A_HEAD: &str = "GET /v1/me HTTP/1.1\r\nhost: modgate\r\nx-a: ";
const WITHOUT_TOKEN: &str = "GET /v1/me HTTP/1.1\r\nhost: modgate\r\n\r\n";
const ENDLESS_BODY: &str = "POST /v1/actions/kick_login HTTP/1.1\r\nhost: modgate\r\n\
    content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"use";

/// A request of somebody who may ask.
fn with_token(path: &str) -> String {
    let token = token("alice", &MODERATOR);
    format!("GET {path} HTTP/1.1\r\nhost: modgate\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// This many connections on which `bytes` were sent. None if the port does not take it in time.
async fn open(addr: SocketAddr, bytes: &str, count: usize) -> Vec<TcpStream> {
    rlimit::increase_nofile_limit(u64::MAX).expect("the tests may open more files");
    let mut connections = Vec::new();
    for _ in 0..count {
        let Ok(Ok(mut stream)) = timeout(PATIENCE, TcpStream::connect(addr)).await else {
            continue;
        };
        // It may have been closed already.
        let _ = stream.write_all(bytes.as_bytes()).await;
        connections.push(stream);
    }
    connections
}

/// What comes until the head of an answer has come, or the connection ends.
async fn head(stream: &mut TcpStream) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    let reading = async {
        while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|n| n == 1) {
            text.push(byte[0]);
        }
    };
    timeout(PATIENCE, reading)
        .await
        .expect("an answer, or the end");
    String::from_utf8_lossy(&text).to_lowercase()
}

/// Reads what is left until the connection ends, in time.
async fn is_closed(stream: &mut TcpStream, patience: Duration) -> bool {
    let mut rest = Vec::new();
    timeout(patience, stream.read_to_end(&mut rest))
        .await
        .is_ok()
}

async fn assert_serves(gateway: &Gateway, who: &str) {
    let operator = Persona::new(gateway.ops_addr, None).impatient(PATIENCE);
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(operator.get(path).await.status, 200, "{who}: {path}");
    }
    let moderator = gateway.moderator("alice").impatient(PATIENCE);
    let kick = moderator.kick_login("user1").await;
    assert_eq!(kick.status, 200, "{who}: {}", kick.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_of_anybody_leave_room_for_probes_actions_and_tencent() {
    let world = World::new().await;
    let gateway = Gateway::start_with_open_files(&world.variables, (1024, 20_000)).await;
    let gateway = gateway.ready().await;
    let said = gateway.log().events("listening").remove(0);
    assert_eq!(said["open_files"], 20_000, "{said}");
    let mut idle = Vec::new();
    for bytes in [NOTHING, HALF_A_HEAD, WITHOUT_TOKEN, ENDLESS_BODY] {
        idle.extend(open(gateway.addr, bytes, 300).await);
        assert_serves(&gateway, bytes).await;
    }
    let authenticated = open(gateway.addr, &with_token("/v1/me"), 1100).await;
    assert_serves(&gateway, "authenticated").await;
    assert!(
        gateway.resident_kilobytes() < 128 * 1024,
        "{}",
        gateway.resident_kilobytes()
    );
    assert_eq!(gateway.log().events("connections_full").len(), 0);
    drop((idle, authenticated));
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_may_open_few_files_says_so_and_serves() {
    let world = World::new().await;
    let gateway = Gateway::start_with_open_files(&world.variables, (256, 256)).await;
    let gateway = gateway.ready().await;
    let said = gateway.log().events("few_open_files").remove(0);
    assert_eq!(said["open_files"], 256, "{said}");
    let mut held = Vec::new();
    for addr in [gateway.addr, gateway.ops_addr] {
        let (me, alive) = (with_token("/v1/me"), with_token("/livez"));
        for bytes in [
            NOTHING,
            HALF_A_HEAD,
            WITHOUT_TOKEN,
            ENDLESS_BODY,
            &me,
            &alive,
        ] {
            held.extend(open(addr, bytes, 100).await);
            assert_serves(&gateway, &format!("{addr} {bytes}")).await;
        }
    }
    let full = gateway.log().events("connections_full");
    let ports: Vec<_> = full.iter().map(|line| line["port"].clone()).collect();
    assert_eq!(ports, ["api", "ops"], "each is said once a minute");
    drop(held);
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_for_new_ones_and_none_with_a_request_under_way() {
    let world = World::new().await;
    let gateway = Gateway::start_with_open_files(&world.variables, (256, 256)).await;
    let gateway = gateway.ready().await;
    let mut first = open(gateway.addr, &with_token("/v1/me"), 1).await.remove(0);
    assert!(head(&mut first).await.starts_with("http/1.1 200"));
    let mut stream = open(gateway.addr, &with_token("/v1/actions/stream"), 1)
        .await
        .remove(0);
    assert!(head(&mut stream).await.starts_with("http/1.1 200"));
    let duration = Duration::from_secs(3);
    world
        .simulator
        .fail(Fault::next(FaultKind::Delay { duration }));
    let alice = gateway.moderator("alice");
    let kicking = tokio::spawn(async move { alice.kick_login("slow").await });
    eventually("the call is on its way", PATIENCE, async || {
        world.simulator.calls().pop()
    })
    .await;

    // More than there is room for, each used and then left.
    let mut last = Vec::new();
    for _ in 0..100 {
        let mut one = open(gateway.addr, &with_token("/v1/me"), 1).await.remove(0);
        assert!(head(&mut one).await.starts_with("http/1.1 200"));
        last.push(one);
    }
    assert!(
        is_closed(&mut first, PATIENCE).await,
        "the longest idle goes first"
    );
    let mut newest = last.pop().expect("there are a hundred");
    newest
        .write_all(with_token("/v1/me").as_bytes())
        .await
        .expect("it is open");
    assert!(is_closed(&mut last[0], PATIENCE).await);
    let kick = kicking.await.expect("it is answered");
    assert_eq!(kick.status, 200, "{}", kick.text);
    // What has just happened is told on the stream.
    let mut told = vec![0; 100_000];
    eventually("the stream goes on", PATIENCE, async || {
        let read = timeout(PATIENCE, stream.read(&mut told)).await.ok()?.ok()?;
        assert!(read > 0, "the stream was closed");
        String::from_utf8_lossy(&told[..read])
            .contains("slow")
            .then_some(())
    })
    .await;
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_once_somebody_has_shown_a_valid_token_on_it_and_not_before() {
    let app = TestApp::start().await;
    let bad = WITHOUT_TOKEN.replace("\r\n\r\n", "\r\nauthorization: Bearer bad\r\n\r\n");
    let document = WITHOUT_TOKEN.replace("/v1/me", "/openapi.json");
    let nowhere = WITHOUT_TOKEN.replace("/v1/me", "/nowhere");
    let preflight = WITHOUT_TOKEN.replace("GET", "OPTIONS");
    for bytes in [
        WITHOUT_TOKEN,
        &bad,
        &document,
        &nowhere,
        &preflight,
        ENDLESS_BODY,
    ] {
        let mut stream = open(app.addr, bytes, 1).await.remove(0);
        let head = head(&mut stream).await;
        assert!(
            head.contains("\r\nconnection: close\r\n"),
            "{bytes}: {head}"
        );
        // A body that does not end is read for a while, so that its sender can read the answer.
        assert!(
            bytes == ENDLESS_BODY || is_closed(&mut stream, PATIENCE).await,
            "{bytes}"
        );
    }
    let mut stream = open(app.addr, &with_token("/v1/me"), 1).await.remove(0);
    for bytes in [
        &with_token("/v1/me"),
        WITHOUT_TOKEN,
        &bad,
        &nowhere,
        &document,
    ] {
        let head = head(&mut stream).await;
        assert!(!head.contains("\r\nconnection: close\r\n"), "{head}");
        let length = head.split_once("content-length: ").expect("it says it").1;
        let length: usize = length
            .lines()
            .next()
            .expect("a line")
            .parse()
            .expect("a number");
        stream
            .read_exact(&mut vec![0; length])
            .await
            .expect("the body");
        stream
            .write_all(bytes.as_bytes())
            .await
            .expect("it is open");
    }
    assert!(head(&mut stream).await.starts_with("http/1.1 200"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_nothing_or_half_a_head_is_not_waited_for() {
    let app = TestApp::start().await;
    for addr in [app.addr, app.ops_addr] {
        for bytes in [NOTHING, HALF_A_HEAD] {
            let mut stream = open(addr, bytes, 1).await.remove(0);
            assert!(is_closed(&mut stream, PATIENCE).await, "{bytes}");
        }
    }
    app.stop().await;
}
