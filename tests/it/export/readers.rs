//! What a reader of an export holds: a page of memory, and nothing when it does not read.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{EXPORT, all_sealed, auditor, begin, line_ends, record};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::{World, token};

/// A client's connection may be left untaken for as long.
const BOUND: Duration = Duration::from_secs(30);

/// Lines come and go, and the allocator keeps some of what it had: 20 MB are far above that, and far
/// below three quarters of the rows.
const MOST_KILOBYTES: u64 = 20 * 1024;

/// About 60 MB of NDJSON.
const MANY: u32 = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_export_takes_the_same_memory_however_long_it_is() {
    let world = World::new().await;
    record(&world, MANY).await;
    let gateway = Gateway::start(&world.variables).await;
    all_sealed(&world).await;
    let auditor = auditor(&gateway);
    for format in ["ndjson", "csv"] {
        let mut response = begin(&auditor, &format!("format={format}")).await;
        // The allocator gives back what it had when it likes: only what was held at most compares.
        let (mut at_first, mut later, mut rows) = (0, 0, 0);
        while let Some(chunk) = response.chunk().await.expect("it goes on") {
            rows += line_ends(&chunk);
            let most = if rows < MANY as usize / 4 {
                &mut at_first
            } else {
                &mut later
            };
            *most = gateway.resident_kilobytes().max(*most);
        }
        // The head or the end is one more.
        assert_eq!(rows, MANY as usize + 1);
        let grown = later.saturating_sub(at_first);
        assert!(grown < MOST_KILOBYTES, "{grown} kB more for {rows} rows");
    }
}

/// A connection with an export on it, of which the head was read.
async fn export_by_hand(addr: SocketAddr, auditor: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .set_recv_buffer_size(128 * 1024)
        .expect("a small buffer");
    let mut connection = socket.connect(addr).await.expect("the gateway listens");
    let token = token(auditor, &["audit:read"]);
    let request =
        format!("GET {EXPORT} HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {token}\r\n\r\n");
    connection
        .write_all(request.as_bytes())
        .await
        .expect("the gateway reads");
    let mut head = [0; 15];
    connection.read_exact(&mut head).await.expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    connection
}

/// For how many seconds the oldest of a gateway's transactions has been open.
const OLDEST: &str =
    "select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::bigint
    from pg_stat_activity where datname = current_database() and application_name = 'modgate'";

/// A read of the gateway's is given up after 2.5, on a busy machine a little later. A client is let alone
/// for thirty.
const OLD: i64 = 10;

/// More than the gateway has connections to read with.
const STALLED: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_dropped_and_holds_nothing_of_the_database() {
    let world = World::new().await;
    record(&world, 60_000).await;
    let gateway = Gateway::start(&world.variables).await;
    all_sealed(&world).await;
    let (log, auditor, began) = (gateway.log(), auditor(&gateway), Instant::now());
    let mut stalled = Vec::new();
    for number in 0..STALLED {
        let auditor = format!("auditor-{number}");
        stalled.push(export_by_hand(gateway.addr, &auditor).await);
    }
    let mut slow = export_by_hand(gateway.addr, "auditor").await;
    let ends = || {
        let lines = log.events("audit_read").into_iter();
        let exports = lines.filter(|line| line["what"] == "export" && line.get("rows").is_some());
        exports
            .map(|line| line["complete"].clone())
            .collect::<Vec<Value>>()
    };
    let (mut first, mut buffer) = (None, vec![0; 256 * 1024]);
    while ends().len() < STALLED {
        assert!(began.elapsed() < BOUND * 2, "{:?} are dropped", ends());
        let oldest = world.count(OLDEST).await;
        assert!(oldest < OLD, "a transaction is open for {oldest} s");
        assert_eq!(auditor.get("/v1/actions?limit=1").await.status, 200);
        assert_ne!(slow.read(&mut buffer).await.expect("it is let alone"), 0);
        if first.is_none() && !ends().is_empty() {
            first = Some(began.elapsed());
        }
        sleep(Duration::from_secs(1)).await;
    }
    let first = first.unwrap_or_else(|| began.elapsed());
    assert!(first > BOUND / 2, "it was given no time: {first:?}");
    assert_eq!(ends(), vec![Value::from(false); STALLED]);
    for mut connection in stalled {
        // What was on its way may come; then it breaks, and there is no end.
        let mut left = Vec::new();
        let outcome = connection.read_to_end(&mut left).await;
        assert!(
            outcome.is_err() && !left.ends_with(b"0\r\n\r\n"),
            "{outcome:?}"
        );
    }
    let end = "the slow one was dropped too";
    assert_ne!(slow.read(&mut buffer).await.expect(end), 0, "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_together_take_one_connection_to_the_database() {
    let app = TestApp::start().await;
    let mut sql = app.sql().await;
    sqlx::raw_sql("begin; lock table audit.action in access exclusive mode")
        .execute(&mut sql)
        .await
        .expect("nobody holds it for long");
    let mut asking = JoinSet::new();
    for number in 0..5 {
        let token = token(&format!("auditor-{number}"), &["audit:read"]);
        let auditor = Persona::new(app.addr, Some(token));
        asking.spawn(async move { auditor.get(EXPORT).await.status });
    }
    // A statement of Postgres' that waits gives up after 1.8 seconds, a caller after 5.
    let waiting = "select count(*) from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query like '%order by id desc limit%'";
    let (mut most, mut looks) = (0, 0);
    while asking.try_join_next().is_none() {
        most = most.max(app.count(waiting).await);
        looks += 1;
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(most, 1, "after {looks} looks");
    sqlx::raw_sql("rollback")
        .execute(&mut sql)
        .await
        .expect("it is open");
    drop(asking);
    let auditor = app.auditor();
    eventually("exports go on", Duration::from_secs(10), async || {
        (auditor.get(EXPORT).await.status == 200).then_some(())
    })
    .await;
    app.stop().await;
}
