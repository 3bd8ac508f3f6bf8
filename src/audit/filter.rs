//! Which actions are read, and the SQL that says so.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::domain::{Kind, State};

/// Which actions. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this action.
    pub id: Option<Uuid>,
    /// Only those of this moderator, by issuer and subject: what a moderator without `audit:read` sees.
    pub visible_to: Option<(String, String)>,
    /// Any of these kinds.
    pub kinds: Vec<Kind>,
    /// Any of these states.
    pub states: Vec<State>,
    /// By this subject.
    pub moderator: Option<String>,
    /// Done to this user.
    pub user_id: Option<String>,
    /// In this room.
    pub room_id: Option<String>,
    /// For this case.
    pub case_ref: Option<String>,
    /// An attempt of it got this `RequestId` from Tencent.
    pub tencent_request_id: Option<String>,
    /// Tencent's last `ErrorCode`.
    pub error_code: Option<i64>,
    /// Asked for with this `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Part of this batch.
    pub batch_id: Option<Uuid>,
    /// `requested_at` from here on, inclusive.
    pub since: Option<DateTime<Utc>>,
    /// `requested_at` before this.
    pub until: Option<DateTime<Utc>>,
}

const SELECT: &str = "select id, kind, state, moderator, moderator_name, user_id, room_id, data, \
    reason, case_ref, supersedes, batch_id, requested_at, completed_at, duration_ms \
    from audit.actions where true";

/// The rows that `filter` lets through, after `cursor`.
pub(super) fn select(filter: &Filter, cursor: Option<Uuid>) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(SELECT);
    if let Some(cursor) = cursor {
        query.push(" and id < ").push_bind(cursor);
    }
    let (issuer, subject) = filter.visible_to.clone().unzip();
    let texts = [
        ("issuer", issuer),
        ("moderator", subject),
        ("moderator", filter.moderator.clone()),
        ("user_id", filter.user_id.clone()),
        ("room_id", filter.room_id.clone()),
        ("case_ref", filter.case_ref.clone()),
        ("idempotency_key", filter.idempotency_key.clone()),
    ];
    for (column, text) in texts {
        if let Some(text) = text {
            query.push(format_args!(" and {column} = ")).push_bind(text);
        }
    }
    for (column, id) in [("id", filter.id), ("batch_id", filter.batch_id)] {
        if let Some(id) = id {
            query.push(format_args!(" and {column} = ")).push_bind(id);
        }
    }
    let kinds: Vec<&str> = filter.kinds.iter().copied().map(Kind::as_str).collect();
    let states: Vec<&str> = filter.states.iter().copied().map(State::as_str).collect();
    for (column, words) in [("kind", kinds), ("state", states)] {
        if !words.is_empty() {
            query
                .push(format_args!(" and {column} = any("))
                .push_bind(words)
                .push(")");
        }
    }
    select_by_answer(&mut query, filter);
    select_by_time(&mut query, filter);
    query
}

fn select_by_answer(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(error_code) = filter.error_code {
        query.push(" and error_code = ").push_bind(error_code);
    }
    if let Some(request_id) = filter.tencent_request_id.clone() {
        query
            .push(" and id in (select action_id from audit.event where tencent_request_id = ")
            .push_bind(request_id)
            .push(")");
    }
}

/// By id as well: that is what the months are divided by.
fn select_by_time(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(since) = filter.since {
        query.push(" and requested_at >= ").push_bind(since);
        query
            .push(" and id >= audit.uuid7_floor(")
            .push_bind(since)
            .push(")");
    }
    if let Some(until) = filter.until {
        query.push(" and requested_at < ").push_bind(until);
        query
            .push(" and id < audit.uuid7_floor(")
            .push_bind(until)
            .push("::timestamptz + interval '1 ms')");
    }
}
