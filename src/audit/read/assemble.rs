//! An action put together from its rows, as it was at one of its revs.
//!
//! What view `audit.actions` says of the present, this says of any moment since: rows are only
//! ever added.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::audit::Error;
use crate::domain::{Action, Answer, Attempt, DecidedBy, Probe, Word};

const UNKNOWN: &str = "unknown";

/// A row of `audit.action`, as far as an action shows it.
#[derive(Debug, FromRow)]
pub(in crate::audit) struct IntentRow {
    pub(super) id: Uuid,
    kind: String,
    moderator: String,
    moderator_name: Option<String>,
    pub(super) issuer: String,
    user_id: Option<String>,
    room_id: Option<String>,
    data: Option<String>,
    parameters: Option<String>,
    reason: Option<String>,
    case_ref: Option<String>,
    supersedes: Option<Uuid>,
    batch_id: Option<Uuid>,
    pub(super) idempotency_key: Option<String>,
    requested_at: DateTime<Utc>,
    genuine: bool,
}

/// A row of `audit.event`, as far as an action shows it.
#[derive(Debug, FromRow)]
pub(in crate::audit) struct EventRow {
    action_id: Uuid,
    pub(super) rev: i16,
    state: String,
    is_end: bool,
    at: DateTime<Utc>,
    duration_us: Option<i64>,
    attempt: Option<i16>,
    tencent_random: Option<i64>,
    attempt_duration_us: Option<i64>,
    http_status: Option<i16>,
    action_status: Option<String>,
    pub(super) error_code: Option<i64>,
    error_info: Option<String>,
    pub(super) tencent_request_id: Option<String>,
    failure: Option<String>,
    details: Option<String>,
    decided_by: String,
}

impl EventRow {
    /// Whether it says what a probe has shown.
    pub(super) fn is_probe(&self) -> bool {
        self.state == "probed"
    }
}

/// The intents of these actions.
pub(in crate::audit) async fn intents(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, IntentRow>, sqlx::Error> {
    let rows = sqlx::query_as(
        "select id, kind, moderator, moderator_name, issuer, user_id, room_id, data, parameters, reason,
                case_ref, supersedes, batch_id, idempotency_key, requested_at,
                not exists (select from audit.decision d
                            where d.subject = action.id and d.kind = 'acknowledgement') as genuine
         from audit.action where id = any($1)",
    );
    let rows: Vec<IntentRow> = rows.bind(ids).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// The events of these actions, by rev.
pub(in crate::audit) async fn events(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<EventRow>>, sqlx::Error> {
    let rows = sqlx::query_as(
        "select action_id, rev, state, audit.is_end(state) as is_end, at, duration_us, attempt, tencent_random,
                attempt_duration_us, http_status, action_status, error_code, error_info,
                tencent_request_id, failure, details, decided_by
         from audit.event where action_id = any($1) order by action_id, rev",
    );
    let rows: Vec<EventRow> = rows.bind(ids).fetch_all(connection).await?;
    let mut events: HashMap<Uuid, Vec<EventRow>> = HashMap::new();
    for row in rows {
        events.entry(row.action_id).or_default().push(row);
    }
    Ok(events)
}

/// The end that counts. A definite one stands above `unknown`.
pub(super) fn end(so_far: &[EventRow]) -> Option<&EventRow> {
    let ends = so_far.iter().filter(|event| event.is_end);
    ends.max_by_key(|event| (event.state != UNKNOWN, event.rev))
}

/// The action, when no more than `so_far` had become of it.
pub(in crate::audit) fn action(intent: &IntentRow, so_far: &[EventRow]) -> Result<Action, Error> {
    let foreign = |column| Error::Foreign {
        id: intent.id,
        column,
    };
    let end = end(so_far);
    let state = end.map_or("pending", |end| &end.state);
    let duration = end.and_then(|end| end.duration_us).map(duration);
    Ok(Action {
        id: intent.id,
        kind: Word::read(&intent.kind),
        state: Word::read(state),
        moderator: intent.moderator.clone(),
        moderator_name: intent.moderator_name.clone(),
        user_id: intent.user_id.clone(),
        room_id: intent.room_id.clone(),
        data: intent.data.clone(),
        parameters: parameters(intent).ok_or(foreign("parameters"))?,
        reason: intent.reason.clone(),
        case_ref: intent.case_ref.clone(),
        supersedes: intent.supersedes,
        batch_id: intent.batch_id,
        requested_at: intent.requested_at,
        completed_at: end.map(|end| end.at),
        duration: duration
            .map(|known| known.ok_or(foreign("duration_us")))
            .transpose()?,
        attempts: attempts(so_far)?,
        failure: end.and_then(|end| end.failure.as_deref()?.parse().ok()),
        probe: so_far.iter().rev().find_map(probe),
        proved_until: end.and_then(|end| proved_until(so_far, end)),
        recorded: true,
        genuine: intent.genuine,
    })
}

/// What a probe has shown, if `event` is one, and says it as this release does.
fn probe(event: &EventRow) -> Option<Probe> {
    let details: Value = serde_json::from_str(event.details.as_deref()?).ok()?;
    let until = details["until"].as_str();
    let until = until.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    Some(Probe {
        in_effect: details["in_effect"].as_bool(),
        at: event.at,
        until: until.map(Into::into),
    })
}

/// What the probe showed that has proved this `end`.
fn proved_until(so_far: &[EventRow], end: &EventRow) -> Option<DateTime<Utc>> {
    let mut before = so_far.iter().rev().filter(|event| event.rev < end.rev);
    let by_probe = end.decided_by == DecidedBy::Probe.as_str();
    by_probe.then(|| before.find_map(probe))??.until
}

/// What there is no column for.
fn parameters(intent: &IntentRow) -> Option<Map<String, Value>> {
    let text = intent.parameters.as_deref();
    text.map_or_else(|| Some(Map::new()), |text| serde_json::from_str(text).ok())
}

fn attempts(so_far: &[EventRow]) -> Result<Vec<Attempt>, Error> {
    let mut attempts: Vec<Attempt> = Vec::new();
    for event in so_far {
        if let Some(attempt) = attempt(event)? {
            // An answer that came too late tells of the same attempt again, and better.
            attempts.retain(|earlier| earlier.number != attempt.number);
            attempts.push(attempt);
        }
    }
    Ok(attempts)
}

/// The attempt that is over with `event`, if one is.
fn attempt(event: &EventRow) -> Result<Option<Attempt>, Error> {
    let foreign = |column| Error::Foreign {
        id: event.action_id,
        column,
    };
    let (Some(number), Some(random), Some(took)) = (
        event.attempt,
        event.tencent_random,
        event.attempt_duration_us,
    ) else {
        return Ok(None);
    };
    Ok(Some(Attempt {
        number: u16::try_from(number).map_err(|_| foreign("attempt"))?,
        random: u32::try_from(random).map_err(|_| foreign("tencent_random"))?,
        duration: duration(took).ok_or(foreign("attempt_duration_us"))?,
        http_status: event.http_status.map(i16::cast_unsigned),
        answer: event.error_code.map(|error_code| Answer {
            action_status: event.action_status.clone(),
            error_code,
            error_info: event.error_info.clone().unwrap_or_default(),
            request_id: event.tencent_request_id.clone(),
        }),
        failure: event.failure.as_deref().map(Word::read),
    }))
}

fn duration(micros: i64) -> Option<Duration> {
    u64::try_from(micros).ok().map(Duration::from_micros)
}
