//! A row of `audit.event`: what became of an action.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::brakes::Unjudged;
use crate::audit::proof::canonical::{Canonical, ROW_FORMAT, Salt};
use crate::audit::proof::keys::SealKeys;
use crate::domain::{Attempt, Command, DecidedBy, End, Failure};

/// What goes into a row of `audit.event`.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) state: &'static str,
    pub(super) at: DateTime<Utc>,
    pub(super) decided_by: DecidedBy,
    pub(super) duration_us: Option<i64>,
    pub(super) attempt: Option<i16>,
    pub(super) tencent_random: Option<i64>,
    pub(super) attempt_duration_us: Option<i64>,
    pub(super) http_status: Option<i16>,
    pub(super) action_status: Option<&'a str>,
    pub(super) error_code: Option<i64>,
    pub(super) error_info: Option<&'a str>,
    pub(super) tencent_request_id: Option<&'a str>,
    pub(super) failure: Option<&'a str>,
    pub(super) next_random: Option<i64>,
    /// JSON in the form of RFC 8785.
    pub(super) details: Option<&'a str>,
    /// The target on which no other action may have been begun since. It is no part of the row.
    pub(super) turn_on: Option<TargetKey<'a>>,
    /// The brakes that must be all that there are. They are no part of the row.
    pub(super) unjudged: Option<&'a Unjudged>,
}

/// The target of an action that restricts or lifts: a key of `modgate.target`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TargetKey<'a> {
    pub(super) sdk_app_id: u32,
    /// The kind that sets what is set here, or lifted.
    pub(super) restriction: &'static str,
    pub(super) room_id: &'a str,
    pub(super) user_id: &'a str,
}

impl<'a> TargetKey<'a> {
    /// That of `command`, if there is one.
    pub(super) fn of(command: &'a Command, sdk_app_id: u32) -> Option<Self> {
        Some(Self {
            sdk_app_id,
            restriction: command.kind().restriction()?.as_str(),
            room_id: command.room_id().unwrap_or_default(),
            user_id: command.user_id().unwrap_or_default(),
        })
    }
}

impl<'a> Event<'a> {
    /// An attempt that is over, and the `random` of the next.
    pub(super) fn retrying(over: &'a Attempt, next_random: u32, since_begin: Duration) -> Self {
        Self {
            state: "retrying",
            at: Utc::now().trunc_subsecs(6),
            decided_by: DecidedBy::Gateway,
            duration_us: Some(micros(since_begin)),
            next_random: Some(i64::from(next_random)),
            ..Self::of_attempt(Some(over))
        }
    }

    fn of_attempt(attempt: Option<&'a Attempt>) -> Self {
        let answer = attempt.and_then(|attempt| attempt.answer.as_ref());
        Self {
            state: "",
            at: DateTime::UNIX_EPOCH,
            decided_by: DecidedBy::Gateway,
            duration_us: None,
            attempt: attempt.map(|attempt| attempt.number.cast_signed()),
            tencent_random: attempt.map(|attempt| i64::from(attempt.random)),
            attempt_duration_us: attempt.map(|attempt| micros(attempt.duration)),
            http_status: attempt
                .and_then(|attempt| attempt.http_status)
                .map(u16::cast_signed),
            action_status: answer.and_then(|answer| answer.action_status.as_deref()),
            error_code: answer.map(|answer| answer.error_code),
            error_info: answer.map(|answer| answer.error_info.as_str()),
            tencent_request_id: answer.and_then(|answer| answer.request_id.as_deref()),
            failure: attempt.and_then(Attempt::failure).map(Failure::as_str),
            next_random: None,
            details: None,
            turn_on: None,
            unjudged: None,
        }
    }

    /// What a probe has shown. It is no end.
    pub(super) fn probed(at: DateTime<Utc>, details: &'a str) -> Self {
        Self {
            state: "probed",
            at,
            decided_by: DecidedBy::Probe,
            details: Some(details),
            ..Self::of_attempt(None)
        }
    }
}

impl<'a> From<&'a End> for Event<'a> {
    fn from(end: &'a End) -> Self {
        let of_attempt = Self::of_attempt(end.attempt.as_ref());
        Self {
            state: end.state.as_str(),
            at: end.completed_at,
            decided_by: end.decided_by,
            duration_us: end.duration.map(micros),
            failure: of_attempt.failure.or(end.failure.map(Failure::as_str)),
            ..of_attempt
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The bytes of the row that `event` becomes.
fn canonical(action_id: Uuid, rev: i16, event: &Event<'_>, salt: &[u8]) -> Canonical {
    let mut canonical = Canonical::new(b'E', ROW_FORMAT);
    canonical
        .uuid(Some(action_id))
        .integer(Some(i64::from(rev)))
        .text(Some(event.state))
        .time(event.at)
        .text(Some(event.decided_by.as_str()))
        .integer(event.duration_us)
        .integer(event.attempt.map(i64::from))
        .integer(event.tencent_random)
        .integer(event.attempt_duration_us)
        .integer(event.http_status.map(i64::from))
        .text(event.action_status)
        .integer(event.error_code)
        .personal(salt, event.error_info)
        .text(event.tencent_request_id)
        .text(event.failure)
        .integer(event.next_random)
        .text(event.details);
    canonical
}

/// Appends the row, unless its rev, or an end like it, is there already, another action was begun on the target that
/// it takes a turn on, or there is a brake that was not judged. How many were appended.
#[expect(
    clippy::too_many_lines,
    reason = "one statement and its parameters in order"
)]
pub(super) async fn insert_event(
    connection: &mut PgConnection,
    action_id: Uuid,
    rev: i16,
    event: &Event<'_>,
    keys: &SealKeys,
) -> Result<u64, sqlx::Error> {
    let salt: Salt = rand::random();
    let canonical = canonical(action_id, rev, event, &salt);
    let inserted = sqlx::query!(
        "insert into audit.event
             (action_id, rev, state, at, decided_by, duration_us, attempt, tencent_random,
              attempt_duration_us, http_status, action_status, error_code, error_info,
              tencent_request_id, failure, next_random, leaf_hash, mac, row_format, salt, details)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21
         where ($22::text is null or not exists (select from modgate.target
             where sdk_app_id = $23 and restriction = $22 and room_id = $24 and user_id = $25 and last_action <> $1))
           and not case when $26::text is not null
                        then modgate.has_unjudged_brake($26::text::xid8, $27::uuid[]) else false end
         on conflict do nothing",
        action_id,
        rev,
        event.state,
        event.at,
        event.decided_by.as_str(),
        event.duration_us,
        event.attempt,
        event.tencent_random,
        event.attempt_duration_us,
        event.http_status,
        event.action_status,
        event.error_code,
        event.error_info,
        event.tencent_request_id,
        event.failure,
        event.next_random,
        canonical.leaf(),
        canonical.mac(keys),
        ROW_FORMAT,
        salt.as_slice(),
        event.details,
        event.turn_on.map(|target| target.restriction),
        event.turn_on.map(|target| i64::from(target.sdk_app_id)),
        event.turn_on.map(|target| target.room_id),
        event.turn_on.map(|target| target.user_id),
        event.unjudged.map(|unjudged| unjudged.seen_before.as_str()),
        event.unjudged.map(|unjudged| unjudged.judged_since.as_slice()),
    );
    Ok(inserted.execute(connection).await?.rows_affected())
}
