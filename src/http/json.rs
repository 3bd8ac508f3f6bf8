//! The action as JSON, the same wherever it appears.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::{Action, Attempt, Failure, millis};

#[derive(Serialize)]
pub(super) struct ActionJson<'a> {
    id: Uuid,
    kind: &'static str,
    state: &'static str,
    moderator: &'a str,
    moderator_name: Option<&'a str>,
    user_id: &'a str,
    room_id: Option<&'a str>,
    data: Option<&'a str>,
    reason: Option<&'a str>,
    case_ref: Option<&'a str>,
    supersedes: Option<Uuid>,
    batch_id: Option<Uuid>,
    requested_at: String,
    completed_at: Option<String>,
    duration_ms: Option<f64>,
    tencent: Option<TencentJson<'a>>,
    attempts: Vec<AttemptJson<'a>>,
    recorded: bool,
}

#[derive(Serialize)]
struct TencentJson<'a> {
    action_status: Option<&'a str>,
    error_code: i64,
    error_info: &'a str,
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AttemptJson<'a> {
    number: u16,
    random: u32,
    duration_ms: f64,
    http_status: Option<u16>,
    error_code: Option<i64>,
    error_info: Option<&'a str>,
    request_id: Option<&'a str>,
    failure: Option<&'static str>,
}

impl<'a> From<&'a Action> for ActionJson<'a> {
    fn from(action: &'a Action) -> Self {
        Self {
            id: action.id,
            kind: action.kind.as_str(),
            state: action.state.as_str(),
            moderator: &action.moderator,
            moderator_name: action.moderator_name.as_deref(),
            user_id: &action.user_id,
            room_id: action.room_id.as_deref(),
            data: action.data.as_deref(),
            reason: action.reason.as_deref(),
            case_ref: action.case_ref.as_deref(),
            supersedes: action.supersedes,
            batch_id: action.batch_id,
            requested_at: time(action.requested_at),
            completed_at: action.completed_at.map(time),
            duration_ms: action.duration.map(millis),
            tencent: action.last_answer().map(|answer| TencentJson {
                action_status: answer.action_status.as_deref(),
                error_code: answer.error_code,
                error_info: &answer.error_info,
                request_id: answer.request_id.as_deref(),
            }),
            attempts: action.attempts.iter().map(AttemptJson::from).collect(),
            recorded: action.recorded,
        }
    }
}

impl<'a> From<&'a Attempt> for AttemptJson<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        let answer = attempt.answer.as_ref();
        Self {
            number: attempt.number,
            random: attempt.random,
            duration_ms: millis(attempt.duration),
            http_status: attempt.http_status,
            error_code: answer.map(|answer| answer.error_code),
            error_info: answer.map(|answer| answer.error_info.as_str()),
            request_id: answer.and_then(|answer| answer.request_id.as_deref()),
            failure: attempt.failure.map(Failure::as_str),
        }
    }
}

/// The headers of an answer that belongs to a row: a proxy that replaces a body keeps them.
pub(super) fn state_headers(action: &Action) -> [(&'static str, String); 2] {
    [
        ("modgate-action-id", action.id.to_string()),
        ("modgate-state", action.state.to_string()),
    ]
}

/// RFC 3339, UTC, microseconds.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
