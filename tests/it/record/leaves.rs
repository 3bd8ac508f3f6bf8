//! Leaf hashes, made again by other means: Postgres reads the columns and Postgres hashes.

use modgate::simulator::{Fault, FaultKind};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::recovery::{audit_log, sweep};
use super::{LEAF, Row, id_of, run};
use crate::support::app::TestApp;
use crate::support::persona::{KICK_SEAT, Persona};
use crate::support::world::token;

const MICROS: &str = "(extract(epoch from COLUMN) * 1000000)::bigint";

const ACTION_FIELDS: [&str; 28] = [
    "id",
    "kind",
    "moderator",
    "moderator_name",
    "issuer",
    "token_id",
    "client_id",
    "actor",
    "user_id",
    "room_id",
    "data",
    "reason",
    "case_ref",
    "supersedes",
    "batch_id",
    "idempotency_key",
    "host(client_ip)",
    "host(peer_ip)",
    "user_agent",
    "trace_id",
    "http_request_id",
    "instance",
    "version",
    "sdk_app_id",
    "tencent_host",
    "requested_at",
    "deadline_ms",
    "tencent_random",
];

const EVENT_FIELDS: [&str; 16] = [
    "action_id",
    "rev",
    "state",
    "at",
    "decided_by",
    "duration_us",
    "attempt",
    "tencent_random",
    "attempt_duration_us",
    "http_status",
    "action_status",
    "error_code",
    "error_info",
    "tencent_request_id",
    "failure",
    "next_random",
];

/// What version 2 adds to the columns of each.
const ACTION_FIELDS_OF_2: [&str; 2] = ["batch_index", "parameters"];
const EVENT_FIELDS_OF_2: [&str; 1] = ["details"];

/// Texts about people: in version 2 they are hashed with the row's salt.
const PERSONAL: [&str; 7] = [
    "moderator_name",
    "data",
    "reason",
    "host(client_ip)",
    "host(peer_ip)",
    "user_agent",
    "error_info",
];

const BATCH_FIELDS: [&str; 26] = [
    "id",
    "moderator",
    "moderator_name",
    "issuer",
    "token_id",
    "client_id",
    "actor",
    "reason",
    "case_ref",
    "total",
    "digest",
    "targets_digest",
    "repeats",
    "needs_approval",
    "idempotency_key",
    "parameters",
    "host(client_ip)",
    "host(peer_ip)",
    "user_agent",
    "trace_id",
    "http_request_id",
    "instance",
    "version",
    "sdk_app_id",
    "submitted_at",
    "expires_at",
];

const BATCH_ITEM_FIELDS: [&str; 9] = [
    "batch_id",
    "batch_index",
    "kind",
    "user_id",
    "room_id",
    "data",
    "reason",
    "case_ref",
    "parameters",
];

const BATCH_EVENT_FIELDS: [&str; 19] = [
    "batch_id",
    "rev",
    "event",
    "at",
    "moderator",
    "moderator_name",
    "issuer",
    "token_id",
    "client_id",
    "actor",
    "reason",
    "details",
    "host(client_ip)",
    "host(peer_ip)",
    "user_agent",
    "trace_id",
    "http_request_id",
    "instance",
    "version",
];

const BRAKE_FIELDS: [&str; 23] = [
    "id",
    "brake",
    "kind",
    "issuer",
    "moderator",
    "reason",
    "requested_at",
    "by_moderator",
    "moderator_name",
    "by_issuer",
    "token_id",
    "client_id",
    "actor",
    "host(client_ip)",
    "host(peer_ip)",
    "user_agent",
    "trace_id",
    "http_request_id",
    "instance",
    "decided_by",
    "operator",
    "host",
    "version",
];

/// The canonical bytes that the columns of a row make, in SQL.
fn bytes_of(version: i32, letter: &str, fields: &[&str]) -> String {
    let fields = fields.iter().map(|field| {
        let text = match *field {
            "requested_at" | "at" | "submitted_at" | "expires_at" => {
                format!("{}::text", MICROS.replace("COLUMN", field))
            }
            field => format!("{field}::text"),
        };
        let mut bytes = format!("convert_to({text}, 'UTF8')");
        if version == 2 && PERSONAL.contains(field) {
            bytes = format!("sha256(salt || {bytes})");
        }
        // A length as four bytes, then the text; NULL is the length of all ones alone.
        format!("coalesce(int4send(octet_length({bytes})) || {bytes}, '\\xffffffff'::bytea)")
    });
    let fields: Vec<String> = fields.collect();
    let start = format!("'\\x00'::bytea || convert_to('modgate.audit.v{version}{letter}', 'UTF8')");
    format!("{start} || {}", fields.join(" || "))
}

/// The canonical bytes that the columns of a row of this letter make, in SQL, whatever its version.
pub(crate) fn canonical(letter: &str) -> String {
    let of_2 = |first: &[&'static str], more: &[&'static str]| {
        let all = [first, more].concat();
        format!(
            "case row_format when 1 then {} when 2 then {} end",
            bytes_of(1, letter, first),
            bytes_of(2, letter, &all)
        )
    };
    match letter {
        "A" => of_2(&ACTION_FIELDS, &ACTION_FIELDS_OF_2),
        "E" => of_2(&EVENT_FIELDS, &EVENT_FIELDS_OF_2),
        "B" => bytes_of(2, letter, &BATCH_FIELDS),
        "I" => bytes_of(2, letter, &BATCH_ITEM_FIELDS),
        "C" => bytes_of(2, letter, &BATCH_EVENT_FIELDS),
        "K" => bytes_of(2, letter, &BRAKE_FIELDS),
        _ => panic!("no such table"),
    }
}

/// The leaf hash of it.
pub(crate) fn leaf(letter: &str) -> String {
    format!("sha256({})", canonical(letter))
}

/// The same for a row of `audit.action`.
pub(crate) fn action_leaf() -> String {
    leaf("A")
}

/// The same for a row of `audit.event`.
pub(crate) fn event_leaf() -> String {
    leaf("E")
}

/// Gives the rows that a test has inserted the leaf hash that a gateway would have given them.
pub(crate) async fn make(sql: &mut PgConnection) {
    for (table, letter) in [("action", "A"), ("event", "E")] {
        let made = leaf(letter);
        let update = format!(
            "do $$ declare month regclass; begin
                 for month in select inhrelid from pg_inherits where inhparent = 'audit.{table}'::regclass loop
                     execute format('alter table %s disable trigger append_only', month);
                 end loop;
                 alter table audit.{table} disable trigger append_only;
                 update audit.{table} set leaf_hash = {made} where leaf_hash = {LEAF};
                 alter table audit.{table} enable always trigger append_only;
                 for month in select inhrelid from pg_inherits where inhparent = 'audit.{table}'::regclass loop
                     execute format('alter table %s enable always trigger append_only', month);
                 end loop;
             end $$"
        );
        run(sql, &update).await.expect("a superuser may");
    }
}

/// How many rows of a table have the leaf hash that their columns make, and how many have not.
async fn compare(sql: &mut PgConnection, table: &str, letter: &str) -> (i64, i64) {
    let made = leaf(letter);
    let query = format!(
        "select count(*) filter (where leaf_hash = made), count(*) filter (where leaf_hash <> made)
         from (select leaf_hash, {made} as made from {table}) leaves"
    );
    sqlx::query_as(AssertSqlSafe(query))
        .fetch_one(sql)
        .await
        .expect("Postgres answers")
}

/// Actions with every column filled, or empty, or ended in another way.
async fn some_actions(app: &TestApp) {
    let alice = app.moderator("alice");
    let body = json!({
        "room_id": "r\u{7e}", "user_id": "bob", "data": "\u{5e9}\n\t\u{1f600}", "reason": "sp\u{e9}m",
        "case_ref": "TS-1", "supersedes": Uuid::now_v7(),
    });
    let request = alice.request(reqwest::Method::POST, KICK_SEAT);
    let request = request
        .header("content-type", "application/json")
        .header("user-agent", "t\u{e9}st");
    let request = request.header("idempotency-key", "key-1");
    let traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = alice
        .send(request.header("traceparent", traced).body(body.to_string()))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(alice.kick_seat("room", "bob", "").await.status, 200);
    assert_eq!(alice.kick_login("bob").await.status, 200);
    app.simulator.declare_account("nobody", false);
    assert_eq!(alice.kick_login("nobody").await.status, 404);
    app.simulator
        .fail(Fault::next(FaultKind::Cut { reset: true }));
    assert_eq!(alice.kick_login("bob").await.status, 504);
    let powerless = Persona::new(app.addr, Some(token("powerless", &[])));
    assert_eq!(powerless.kick_login("bob").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_hash_is_what_the_columns_of_its_row_make() {
    let app = TestApp::start().await;
    some_actions(&app).await;
    let mut sql = app.sql().await;
    assert_eq!(compare(&mut sql, "audit.action", "A").await, (6, 0));
    assert_eq!(compare(&mut sql, "audit.event", "E").await, (6, 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_that_recovery_writes_has_a_leaf_hash_too() {
    let world = crate::support::world::World::new().await;
    let mut sql = world.sql().await;
    let age = std::time::Duration::from_secs(30);
    let row = Row::action(id_of(age)).with("recorded_at", "now() - interval '30 s'");
    row.with("deadline_ms", 1_000)
        .insert(&mut sql)
        .await
        .unwrap();
    assert_eq!(sweep(&audit_log(&world)).await.ended, 1);
    assert_eq!(compare(&mut sql, "audit.event", "E").await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_row_does_not_pass_for_a_leaf() {
    let world = crate::support::world::World::new().await;
    let mut sql = world.sql().await;
    Row::action(id_of(std::time::Duration::ZERO))
        .insert(&mut sql)
        .await
        .unwrap();
    assert_eq!(compare(&mut sql, "audit.action", "A").await, (0, 1));
}
