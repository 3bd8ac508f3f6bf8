//! An export that cannot go on breaks off, and everyone can see it.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use super::{EXPORT, auditor, begin, line_ends, record, rest, rows, says_end};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, Log};
use crate::support::world::World;

/// Some times more than what the kernel takes for a client that does not read: 10 MB.
const ROWS: u32 = 60_000;

/// The longest that a page is tried for, and some time for a slow machine.
const CUT_WITHIN: Duration = Duration::from_secs(30);

async fn begun(response: &mut Response) -> String {
    let piece = response.chunk().await.expect("it has begun");
    String::from_utf8_lossy(&piece.expect("there is more")).into_owned()
}

/// The line at the end of an export.
async fn told(log: &Log) -> Value {
    eventually("the log tells of the end", CUT_WITHIN, async || {
        let lines = log.events("audit_read");
        lines.into_iter().find(|line| line.get("rows").is_some())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stays_away_cuts_the_export() {
    let world = World::with_its_own_postgres().await;
    record(&world, ROWS).await;
    let gateway = Gateway::start(&world.variables).await;
    let auditor = auditor(&gateway);
    let mut lines = begin(&auditor, "").await;
    let mut text = begun(&mut lines).await;
    // What the README says of CSV, by what everyone has.
    let mut curl = Command::new("curl")
        .args(["-sS", "-H"])
        .arg(format!(
            "Authorization: Bearer {}",
            auditor.token.as_deref().expect("an auditor has one")
        ))
        .arg(format!("http://{}{EXPORT}?format=csv", gateway.addr))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test needs curl");
    let mut table = curl.stdout.take().expect("it is piped");
    let mut head = [0; 8];
    table.read_exact(&mut head).expect("it has begun");
    assert_eq!(&head, b"\xef\xbb\xbf\"id\",");

    world.cluster.as_ref().expect("its own").stop_fast().await;
    let reading = tokio::task::spawn_blocking(move || {
        let mut rows = Vec::new();
        table.read_to_end(&mut rows).expect("curl writes");
        let lines = line_ends(&rows);
        (lines, curl.wait().expect("curl ends").code())
    });
    let (more, whole) = rest(lines).await;
    text += &more;
    let (table_lines, code) = reading.await.expect("no panic");
    assert!(!whole && !says_end(&text), "it ended cleanly");
    assert!(text.lines().count() < ROWS as usize);
    assert!(table_lines < ROWS as usize, "{table_lines}");
    assert_eq!(code, Some(18), "a transfer that broke off");
    let told = told(&gateway.log()).await;
    assert_eq!(told["complete"], false);
    assert!(told["rows"].as_u64() < Some(ROWS.into()), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_costs_no_export() {
    let world = World::with_its_own_postgres().await;
    record(&world, ROWS).await;
    let gateway = Gateway::start(&world.variables).await;
    let mut response = begin(&auditor(&gateway), "").await;
    let mut text = begun(&mut response).await;
    let cluster = world.cluster.as_ref().expect("its own");
    cluster.stop_fast().await;
    let restarted = async {
        // By then the export has asked in vain.
        let log = gateway.log();
        eventually("a page was not read", CUT_WITHIN, async || {
            let lines = log.lines();
            let failed = lines
                .iter()
                .any(|line| line.contains("the record cannot be read"));
            failed.then_some(())
        })
        .await;
        cluster.start().await;
    };
    let ((more, whole), ()) = tokio::join!(rest(response), restarted);
    text += &more;
    assert!(whole, "{}", text.len());
    let users: Vec<String> = rows(&text)
        .into_iter()
        .map(|row| {
            let row: Value = serde_json::from_str(row).expect("a row is whole");
            row["user_id"].as_str().expect("it has a user").to_owned()
        })
        .collect();
    let expected: Vec<String> = (0..ROWS).rev().map(|n| format!("user{n}")).collect();
    assert!(users == expected, "each once, newest first");
    let told = told(&gateway.log()).await;
    assert_eq!(
        (&told["complete"], &told["rows"]),
        (&true.into(), &ROWS.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_cuts_the_export() {
    let world = World::new().await;
    record(&world, ROWS).await;
    for format in ["ndjson", "csv"] {
        let gateway = Gateway::start(&world.variables).await;
        let mut response = begin(&auditor(&gateway), &format!("format={format}")).await;
        begun(&mut response).await;
        gateway.kill();
        let (text, whole) = rest(response).await;
        assert!(!whole && !says_end(&text), "{format} ended cleanly");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_may_end_after_sigterm_or_is_cut_when_time_is_up() {
    let world = World::new().await.set("MODGATE_SHUTDOWN_TIMEOUT", "8s");
    record(&world, ROWS).await;
    let gateway = Gateway::start(&world.variables).await;
    let auditor = auditor(&gateway);
    let (mut taken, mut left) = (
        begin(&auditor, "moderator=m0").await,
        begin(&auditor, "").await,
    );
    begun(&mut taken).await;
    begun(&mut left).await;
    gateway.signal("TERM");
    let log = gateway.log();
    eventually("it is closing", CUT_WITHIN, async || {
        log.events("shutting_down").pop()
    })
    .await;
    let (_, whole) = rest(taken).await;
    assert!(whole, "there was time for it");
    let status = gateway.exit(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(log.events("unfinished"), [] as [Value; 0]);
    let (text, whole) = rest(left).await;
    assert!(!whole && !says_end(&text), "it ended cleanly");
    let complete = eventually("the log tells of both ends", CUT_WITHIN, async || {
        let lines = log.events("audit_read");
        let ends = lines.iter().filter_map(|line| line["complete"].as_bool());
        let ends: Vec<bool> = ends.collect();
        (ends.len() == 2).then_some(ends)
    })
    .await;
    assert_eq!(complete, [true, false]);
}
