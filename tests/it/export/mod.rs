//! The export: everyone's actions as a file, whole or visibly cut.

mod cells;
mod content;
mod cut;
mod readers;

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::{World, token};

const EXPORT: &str = "/v1/actions/export";

fn auditor(gateway: &Gateway) -> Persona {
    Persona::new(gateway.addr, Some(token("auditor", &["audit:read"])))
}

/// Records this many login kicks that succeeded, one each millisecond from now on: there are months
/// ahead, but perhaps none behind. Those of a thousand are by one moderator, `m0` and so on.
async fn record(world: &World, actions: u32) {
    let rows = format!(
        "create temporary table kicks as
         select n, timestamptz 'epoch' + interval '1 millisecond' * (first + n) as at,
                (lpad(to_hex(first + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid as id
         from generate_series(0, {actions} - 1) as n,
              (select (extract(epoch from now()) * 1000)::bigint as first) as clock"
    );
    let intents = "insert into audit.action (id, kind, moderator, moderator_name, issuer, user_id, reason,
            client_ip, peer_ip, http_request_id, instance, version, sdk_app_id, tencent_host, requested_at,
            recorded_at, deadline_ms, tencent_random, leaf_hash)
         select id, 'kick_login', 'm' || n / 1000, 'M. of the tests', 'test', 'user' || n,
                repeat('because ', 30) || n, '127.0.0.1', '::1', 'r', 'i', '0', 1400000001, 'h', at, at, 10000,
                n, decode(repeat('ab', 32), 'hex')
         from kicks";
    let ends = "insert into audit.event (action_id, rev, state, at, recorded_at, decided_by, duration_us,
            attempt, tencent_random, attempt_duration_us, http_status, action_status, error_code,
            error_info, leaf_hash)
         select id, 1, 'succeeded', at + interval '41 ms', at, 'gateway', 41200, 1, n, 38000, 200, 'OK', 0, '',
                decode(repeat('ab', 32), 'hex')
         from kicks";
    let mut sql = world.sql().await;
    for statement in [
        &rows,
        intents,
        ends,
        "analyze audit.action",
        "analyze audit.event",
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut sql)
            .await
            .expect("the rows break no rule");
    }
}

/// Waits until the gateway has sealed what [`record`] recorded, and is at rest.
async fn all_sealed(world: &World) {
    eventually("all is sealed", Duration::from_mins(2), async || {
        let left = "select (select count(*) from audit.action) + (select count(*) from audit.event)
                    - (select coalesce(sum(n), 0) from audit.seal)::bigint";
        (world.count(left).await == 0).then_some(())
    })
    .await;
}

/// An export that has begun.
async fn begin(auditor: &Persona, query: &str) -> Response {
    let request = auditor.request(Method::GET, &format!("{EXPORT}?{query}"));
    let response = request
        .timeout(std::time::Duration::from_mins(10))
        .send()
        .await
        .expect("the gateway answers");
    assert_eq!(response.status(), 200);
    response
}

/// All that comes, and whether it ended as it should.
async fn rest(mut response: Response) -> (String, bool) {
    let mut bytes = Vec::new();
    let whole = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    (String::from_utf8_lossy(&bytes).into_owned(), whole)
}

/// The lines of the actions of a whole export.
fn rows(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    let end = lines.pop().expect("an export has a last line");
    let end: Value = serde_json::from_str(end).expect("the last line is whole");
    assert_eq!(end, json!({"end": true, "rows": lines.len()}));
    assert!(text.ends_with('\n'), "each line is ended");
    lines
}

fn says_end(text: &str) -> bool {
    text.lines()
        .next_back()
        .is_some_and(|line| line.contains(r#""end""#))
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}
