//! The action as JSON, the same wherever it appears.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Action, Attempt, Failure, Kind, Slot, State, Word, millis};

/// One request to do something to a user, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Action)]
pub(super) struct ActionJson<'a> {
    /// A UUIDv7 minted by modgate.
    id: Uuid,
    #[schema(value_type = Kind)]
    kind: &'a str,
    #[schema(value_type = State)]
    state: &'a str,
    /// The subject of the token.
    moderator: &'a str,
    #[schema(required)]
    moderator_name: Option<&'a str>,
    /// The user it was done to; null where it was done to a room or a group as a whole.
    #[schema(required)]
    user_id: Option<&'a str>,
    /// The room or the group, where the kind has one.
    #[schema(required)]
    room_id: Option<&'a str>,
    /// What the user was told, where the kind tells.
    #[schema(required)]
    data: Option<&'a str>,
    /// Whether nobody was told, where the kind lets one choose.
    #[schema(required)]
    silent: Option<bool>,
    /// How long it lasts from when Tencent did it, where it is a restriction with an end.
    #[schema(required)]
    seconds: Option<u64>,
    /// True where it is a restriction that lasts until it is lifted.
    #[schema(required)]
    forever: Option<bool>,
    /// When the restriction ends, of an action that succeeded: as Tencent said when it was asked, or else `seconds`
    /// after `completed_at`.
    #[schema(required, value_type = Option<DateTime<Utc>>)]
    until: Option<String>,
    /// The messages that a global mute is about: `all`, `direct` or `groups`.
    #[schema(required)]
    channels: Option<&'a str>,
    /// The id of the action that this one takes back.
    #[schema(required)]
    undoes: Option<&'a str>,
    /// The id of the restriction that this one knowingly shortened.
    #[schema(required)]
    shortens: Option<&'a str>,
    #[schema(required)]
    reason: Option<&'a str>,
    #[schema(required)]
    case_ref: Option<&'a str>,
    /// The id of the earlier action that this one repeats.
    #[schema(required)]
    supersedes: Option<Uuid>,
    #[schema(required)]
    batch_id: Option<Uuid>,
    #[schema(value_type = DateTime<Utc>)]
    requested_at: String,
    #[schema(required, value_type = Option<DateTime<Utc>>)]
    completed_at: Option<String>,
    /// From when the request had been read to the end.
    #[schema(required)]
    duration_ms: Option<f64>,
    #[schema(required)]
    tencent: Option<TencentJson<'a>>,
    attempts: Vec<AttemptJson<'a>>,
    /// What Tencent said last, when it was asked what is in force: a few seconds after an outcome that is unknown, or
    /// because somebody wanted to know.
    #[schema(required)]
    probe: Option<ProbeJson>,
    /// Whether what this says is in the record.
    recorded: bool,
    /// False, and there, only where somebody has acknowledged that no gateway wrote this action or an
    /// event of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    genuine: Option<bool>,
}

/// The last answer that Tencent gave.
#[derive(Serialize, ToSchema)]
#[schema(as = TencentAnswer)]
struct TencentJson<'a> {
    #[schema(required)]
    action_status: Option<&'a str>,
    /// 0 for success.
    error_code: i64,
    error_info: &'a str,
    /// Tencent gives none for a login.
    #[schema(required)]
    request_id: Option<&'a str>,
}

/// One HTTP request to Tencent that is over.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
struct AttemptJson<'a> {
    /// From 1.
    number: u16,
    /// The `random` of its URL, by which Tencent's support finds a call.
    #[schema(format = Int64, maximum = 4_294_967_295_u32)]
    random: u32,
    duration_ms: f64,
    #[schema(required)]
    http_status: Option<u16>,
    #[schema(required)]
    error_code: Option<i64>,
    #[schema(required)]
    error_info: Option<&'a str>,
    #[schema(required)]
    request_id: Option<&'a str>,
    /// Why there is no usable answer.
    #[schema(required, value_type = Option<Failure>)]
    failure: Option<&'a str>,
}

/// What Tencent said was in force on the target of an action.
#[derive(Serialize, ToSchema)]
#[schema(as = Probe)]
struct ProbeJson {
    /// Whether the target was restricted, whoever did it; null where that is not known, or it was in part.
    #[schema(required)]
    in_effect: Option<bool>,
    #[schema(value_type = DateTime<Utc>)]
    at: String,
    /// When that ends; null if it does not, or nothing is in force.
    #[schema(required, value_type = Option<DateTime<Utc>>)]
    until: Option<String>,
}

/// Actions, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub(super) struct PageJson<'a> {
    pub(super) items: Vec<ActionJson<'a>>,
    /// The `cursor` of the next page; null on the last.
    #[schema(required)]
    pub(super) next_cursor: Option<Uuid>,
}

impl<'a> From<&'a Action> for ActionJson<'a> {
    fn from(action: &'a Action) -> Self {
        Self {
            id: action.id,
            kind: action.kind.as_str(),
            state: action.state.as_str(),
            moderator: &action.moderator,
            moderator_name: action.moderator_name.as_deref(),
            user_id: action.user_id.as_deref(),
            room_id: action.room_id.as_deref(),
            data: action.data.as_deref(),
            silent: parameter(action, Slot::Silent).and_then(Value::as_bool),
            seconds: parameter(action, Slot::Seconds).and_then(Value::as_u64),
            forever: parameter(action, Slot::Forever).and_then(Value::as_bool),
            until: until(action).map(time),
            channels: parameter(action, Slot::Channels).and_then(Value::as_str),
            undoes: parameter(action, Slot::Undoes).and_then(Value::as_str),
            shortens: parameter(action, Slot::Shortens).and_then(Value::as_str),
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
            probe: action.probe.map(|probe| ProbeJson {
                in_effect: probe.in_effect,
                at: time(probe.at),
                until: probe.until.map(time),
            }),
            recorded: action.recorded,
            genuine: (!action.genuine).then_some(false),
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
            failure: attempt.failure.as_ref().map(Word::as_str),
        }
    }
}

/// What it has of this field, for which the record has no column.
pub(super) fn parameter(action: &Action, slot: Slot) -> Option<&Value> {
    action.parameters.get(slot.as_str())
}

/// When the restriction that the action has set ends, if it has an end.
pub(super) fn until(action: &Action) -> Option<DateTime<Utc>> {
    let seconds = parameter(action, Slot::Seconds)?.as_i64()?;
    let succeeded = action.state.known() == Some(State::Succeeded);
    let from = action.completed_at.filter(|_| succeeded)?;
    // Where a probe has proved it, the action was completed when nobody knew.
    let counted = || from.checked_add_signed(TimeDelta::try_seconds(seconds)?);
    action.proved_until.or_else(counted)
}

/// The headers of an answer that belongs to a row: a proxy that replaces a body keeps them.
pub(super) fn state_headers(action: &Action) -> [(&'static str, String); 2] {
    [
        ("modgate-action-id", action.id.to_string()),
        ("modgate-state", action.state.as_str().to_owned()),
    ]
}

/// RFC 3339, UTC, microseconds.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
