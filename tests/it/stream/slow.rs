//! Clients that do not read.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::listening::Listening;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::{World, token};

const ROWS: usize = 10_000;

#[expect(clippy::print_stdout, reason = "libtest shows it with the failure")]
fn measured(figures: &str) {
    println!("{figures}");
}

/// The id of every event. Whoever has taken nothing for half a minute was cut off, and comes back with the last.
async fn all(who: &Persona, listening: &mut Listening) -> Vec<String> {
    let mut ids = Vec::with_capacity(ROWS);
    while ids.len() < ROWS {
        match listening.try_block().await {
            Ok(Some(block)) if block.event.is_some() => ids.push(block.id.expect("an id")),
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream goes on"),
            Err(_) => *listening = Listening::open(who, "", ids.last().map(String::as_str)).await,
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_costs_little_and_misses_nothing() {
    let world = World::new().await.set("MODGATE_SHUTDOWN_TIMEOUT", "3s");
    let gateway = Gateway::start(&world.variables).await;
    let auditor = Persona::new(gateway.addr, Some(token("auditor", &["audit:read"])));
    let mut idle = Vec::new();
    for number in 0..50 {
        let token = token(&format!("auditor-{}", number % 2), &["audit:read"]);
        let other = Persona::new(gateway.addr, Some(token));
        idle.push(Listening::open(&other, "", None).await);
    }
    let mut reading = Listening::open(&auditor, "", None).await;
    let before = gateway.resident_kilobytes();
    // About seven megabytes of events for each.
    world
        .execute(
            "insert into audit.action
                 (id, kind, moderator, issuer, user_id, client_ip, peer_ip, http_request_id, instance,
                  version, sdk_app_id, tencent_host, requested_at, deadline_ms, leaf_hash, reason)
             select id, 'kick_login', 'alice', '', 'u', '::1', '::1', '', '', '', 1, '',
                    audit.uuid7_time(id), 3600000, sha256(''), repeat('x', 300)
             from (select overlay(gen_random_uuid()::text placing
                              left(audit.uuid7_floor(now())::text, 13) || '-7' from 1 for 15)::uuid as id
                   from generate_series(1, 10000)) as ids",
        )
        .await;
    let patience = Duration::from_mins(1);
    let told = timeout(patience, all(&auditor, &mut reading))
        .await
        .expect("all is told");
    assert_eq!(told.iter().collect::<HashSet<_>>().len(), ROWS, "each once");
    let after = gateway.resident_kilobytes();
    measured(&format!("{before} kB before, {after} kB after"));
    // What is kept for all is some ten megabytes; what fifty clients have not read, 375.
    assert!(
        after < before + 100_000,
        "{before} kB before, {after} kB after"
    );
    let mut late = idle.pop().expect("there are fifty");
    let late = timeout(patience, all(&auditor, &mut late))
        .await
        .expect("all is told");
    assert!(late == told, "the same, in the same order");
    // Who has not read what is on its way holds the exit up, and no longer than any answer may.
    let log = gateway.log();
    gateway.signal("TERM");
    let status = gateway.exit(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(log.events("unfinished"), [] as [Value; 0]);
}
