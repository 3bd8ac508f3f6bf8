//! Rows as a gateway with the seal key writes them, of tables that none writes yet too.

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::SEED;
use crate::record::leaves::{canonical, leaf};

fn mac(bytes: &[u8]) -> Vec<u8> {
    let seed = hex::decode(SEED).expect("hexadecimal digits");
    let secret = Salt::new(HKDF_SHA256, &[]).extract(&seed);
    let info: &[&[u8]] = &[b"modgate.audit.mac.v1"];
    let key: hmac::Key = secret.expand(info, HMAC_SHA256).expect("32 bytes").into();
    hmac::sign(&key, bytes).as_ref().to_vec()
}

/// When the action or batch with this id was asked for.
fn time_of(id: Uuid) -> DateTime<Utc> {
    let millis = id.as_u128() >> 80;
    let time = DateTime::from_timestamp_millis(i64::try_from(millis).expect("48 bits"));
    time.expect("a time")
}

/// A row to be inserted.
pub(crate) struct Genuine {
    table: &'static str,
    letter: &'static str,
    columns: Value,
}

impl Genuine {
    fn new(table: &'static str, letter: &'static str, columns: Value) -> Self {
        let row = Self {
            table,
            letter,
            columns,
        };
        row.with("row_format", json!(2))
            .with("salt", json!(format!("\\x{}", "5a".repeat(16))))
    }

    pub(crate) fn with(mut self, column: &str, value: Value) -> Self {
        self.columns[column] = value;
        self
    }

    pub(crate) fn action(id: Uuid) -> Self {
        let columns = json!({
            "id": id, "kind": "kick_login", "moderator": "alice", "moderator_name": "Alice", "issuer": "test",
            "user_id": "bob", "reason": "spam", "client_ip": "192.0.2.1", "peer_ip": "::1", "http_request_id": "r",
            "instance": "i", "version": "0", "sdk_app_id": 1_400_000_001, "tencent_host": "h",
            "requested_at": time_of(id), "deadline_ms": 3_600_000, "tencent_random": 7,
        });
        Self::new("action", "A", columns)
    }

    pub(crate) fn batch(id: Uuid) -> Self {
        let expires_at = time_of(id) + chrono::Duration::hours(2);
        let columns = json!({
            "id": id, "moderator": "alice", "moderator_name": "Alice", "issuer": "test", "reason": "raid", "total": 2,
            "digest": "ab".repeat(32), "targets_digest": "cd".repeat(32), "needs_approval": true, "parameters": "{}",
            "client_ip": "192.0.2.1", "peer_ip": "::1", "user_agent": "dashboard/1", "http_request_id": "r",
            "instance": "i", "version": "0", "sdk_app_id": 1_400_000_001, "submitted_at": time_of(id),
            "expires_at": expires_at,
        });
        Self::new("batch", "B", columns)
    }

    pub(crate) fn item(batch: Uuid, index: i32) -> Self {
        let columns = json!({
            "batch_id": batch, "batch_index": index, "kind": "kick_seat", "user_id": format!("user{index}"),
            "room_id": "room", "data": "time over", "reason": null,
        });
        Self::new("batch_item", "I", columns)
    }

    pub(crate) fn batch_event(batch: Uuid, rev: i16, event: &str) -> Self {
        let columns = json!({
            "batch_id": batch, "rev": rev, "event": event, "at": Utc::now(), "moderator": "alice",
            "moderator_name": "Alice", "issuer": "test", "details": "{\"a\":1}", "client_ip": "192.0.2.1",
            "peer_ip": "::1", "http_request_id": "r", "instance": "i", "version": "0",
        });
        Self::new("batch_event", "C", columns)
    }

    pub(crate) fn brake(id: Uuid, brake: &str) -> Self {
        let columns = json!({
            "id": id, "brake": brake, "kind": "kick_login", "reason": "raid", "requested_at": time_of(id),
            "decided_by": "modgate_owner", "operator": "bob", "host": "db1", "version": "0",
        });
        Self::new("brake", "K", columns)
    }

    /// The same over the API.
    pub(crate) fn brake_by(id: Uuid, brake: &str, moderator: &str) -> Self {
        let row = Self::brake(id, brake);
        let row = ["decided_by", "operator", "host"]
            .into_iter()
            .fold(row, |row, column| row.with(column, Value::Null));
        let of_token = [
            ("by_moderator", moderator),
            ("by_issuer", "test"),
            ("client_ip", "192.0.2.1"),
            ("peer_ip", "::1"),
            ("http_request_id", "r"),
            ("instance", "i"),
        ];
        let columns = of_token.into_iter();
        columns.fold(row, |row, (column, value)| row.with(column, json!(value)))
    }

    /// As of that time, without a mac.
    pub(crate) fn of_the_past(self, id: Uuid) -> Self {
        let row = self.with("recorded_at", json!(time_of(id)));
        let row = row.with("mac", Value::Null);
        if row.columns.get("at").is_some() {
            return row.with("at", json!(time_of(id)));
        }
        row
    }

    /// With the leaf hash and the mac that its columns make, unless it was given another.
    pub(crate) async fn insert(mut self, sql: &mut PgConnection) {
        let (table, letter) = (self.table, self.letter);
        let from = format!("from jsonb_populate_record(null::audit.{table}, $1::text::jsonb)");
        let made = format!("select {}, {} {from}", canonical(letter), leaf(letter));
        let made = sqlx::query_as(AssertSqlSafe(made)).bind(self.columns.to_string());
        let (bytes, leaf): (Vec<u8>, Vec<u8>) = made.fetch_one(&mut *sql).await.expect("a row");
        self.columns["leaf_hash"] = json!(format!("\\x{}", hex::encode(leaf)));
        if self.columns.get("mac").is_none() {
            self.columns["mac"] = json!(format!("\\x{}", hex::encode(mac(&bytes))));
        }
        let columns = self.columns.as_object().expect("it is one");
        let columns: Vec<&str> = columns.keys().map(String::as_str).collect();
        let columns = columns.join(", ");
        let insert = format!("insert into audit.{table} ({columns}) select {columns} {from}");
        let insert = sqlx::query(AssertSqlSafe(insert)).bind(self.columns.to_string());
        let inserted = insert.execute(sql).await;
        inserted.unwrap_or_else(|error| panic!("{table}: {error}"));
    }
}
