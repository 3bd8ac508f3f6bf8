//! The record as Postgres keeps it: what it refuses, what it shows, and what becomes of silence.

mod append_only;
mod bound_early;
pub(crate) mod leaves;
mod months_bounded;
mod own;
mod pages;
mod partitions;
mod plans;
mod questions;
mod recovery;
mod retention;
mod rights;
pub(crate) mod roles;
mod rules;
mod sealing;
mod users;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::{NoContext, Timestamp, Uuid};

/// A row of the record, each column an SQL expression.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    table: String,
    columns: BTreeMap<String, String>,
}

impl Row {
    fn new(table: &str, columns: &[(&str, &str)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            table: table.to_owned(),
            columns: columns.collect(),
        }
    }

    /// An intent of now that breaks no rule.
    pub(crate) fn action(id: Uuid) -> Self {
        let row = Self::new(
            "audit.action",
            &[
                ("kind", "'kick_login'"),
                ("moderator", "'alice'"),
                ("issuer", "'test'"),
                ("user_id", "'bob'"),
                ("client_ip", "'127.0.0.1'"),
                ("peer_ip", "'::1'"),
                ("http_request_id", "'r'"),
                ("instance", "'i'"),
                ("version", "'0'"),
                ("sdk_app_id", "1400000001"),
                ("tencent_host", "'h'"),
                ("deadline_ms", "10000"),
                ("tencent_random", "7"),
                ("leaf_hash", LEAF),
            ],
        );
        row.with("id", format!("'{id}'"))
            .with("requested_at", format!("audit.uuid7_time('{id}')"))
    }

    /// A row of `audit.event` without an attempt.
    pub(crate) fn event(action: Uuid, rev: i16, state: &str) -> Self {
        let row = Self::new(
            "audit.event",
            &[
                ("at", "now()"),
                ("decided_by", "'gateway'"),
                ("leaf_hash", LEAF),
            ],
        );
        row.with("action_id", format!("'{action}'"))
            .with("rev", rev)
            .with("state", format!("'{state}'"))
    }

    /// A row of `audit.event` with Tencent's answer to an attempt.
    fn answered(action: Uuid, rev: i16, state: &str, error_code: i64) -> Self {
        let row = Self::event(action, rev, state)
            .with("attempt", rev)
            .with("http_status", 200);
        let row = row
            .with("tencent_random", 7)
            .with("attempt_duration_us", 1_000);
        row.with("error_code", error_code).with("error_info", "''")
    }

    /// An attempt that is over and the announcement of the next.
    fn retrying(action: Uuid, rev: i16) -> Self {
        Self::answered(action, rev, "retrying", 60008).with("next_random", 8)
    }

    /// What a probe of its effect read.
    pub(crate) fn probed(action: Uuid, rev: i16) -> Self {
        Self::event(action, rev, "probed")
            .with("row_format", 2)
            .with("salt", "decode(repeat('5a', 16), 'hex')")
            .with("decided_by", "'probe'")
            .with("details", r#"'{"in_effect":true}'"#)
    }

    pub(crate) fn with(mut self, column: &str, value: impl fmt::Display) -> Self {
        self.columns.insert(column.to_owned(), value.to_string());
        self
    }

    /// The same row for one month's table.
    fn into_table(mut self, table: &str) -> Self {
        table.clone_into(&mut self.table);
        self
    }

    pub(crate) async fn insert(&self, sql: &mut PgConnection) -> sqlx::Result<()> {
        let (names, values): (Vec<&str>, Vec<&str>) = self
            .columns
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .unzip();
        let (table, names, values) = (&self.table, names.join(", "), values.join(", "));
        run(
            sql,
            &format!("insert into {table} ({names}) values ({values})"),
        )
        .await
    }
}

const LEAF: &str = "decode(repeat('ab', 32), 'hex')";

/// The id of an action that was requested that long ago.
pub(crate) fn id_of(age: Duration) -> Uuid {
    let then = SystemTime::now() - age;
    let then = then
        .duration_since(UNIX_EPOCH)
        .expect("tests run after 1970");
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        then.as_secs(),
        then.subsec_nanos(),
    ))
}

pub(crate) async fn run(sql: &mut PgConnection, statement: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(sql)
        .await
        .map(drop)
}

/// The name of the rule that Postgres names, or else its error code.
pub(crate) fn refusal(outcome: sqlx::Result<()>) -> String {
    match outcome {
        Ok(()) => "nothing was refused".to_owned(),
        Err(error) => {
            let Some(error) = error.as_database_error() else {
                return error.to_string();
            };
            let code = error.code().unwrap_or_default().into_owned();
            let checked = error
                .constraint()
                .filter(|_| code == "23514")
                .map(str::to_owned);
            checked.unwrap_or(code)
        }
    }
}
