//! Actions as they end, for examples.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::{Action, Answer, Attempt, Failure, Kind, Slot, State};

/// The first of the kinds with most fields: it shows most.
pub(in crate::http) fn richest() -> Kind {
    let kinds = Kind::ALL.iter().copied().rev();
    let richest = kinds.max_by_key(|kind| kind.fields.len());
    richest.expect("there are kinds")
}

/// How an action of the examples ends.
pub(in crate::http) enum End {
    Succeeded,
    Refused(i64, &'static str),
    NotSent(Failure),
    Unknown,
    Denied,
}

impl End {
    const fn state(&self) -> State {
        match self {
            Self::Succeeded => State::Succeeded,
            Self::Refused(..) => State::Refused,
            Self::NotSent(_) => State::NotSent,
            Self::Unknown => State::Unknown,
            Self::Denied => State::Denied,
        }
    }

    /// Tencent's answer, if there was one, and why there was no usable one.
    fn attempt(&self) -> Option<(Option<Answer>, Option<Failure>)> {
        match self {
            Self::Succeeded => Some((Some(answer(0, "")), None)),
            Self::Refused(code, info) => Some((Some(answer(*code, info)), None)),
            Self::NotSent(failure) => Some((None, Some(*failure))),
            Self::Unknown => Some((None, Some(Failure::TimedOut))),
            Self::Denied => None,
        }
    }
}

fn answer(error_code: i64, error_info: &str) -> Answer {
    let status = if error_code == 0 { "OK" } else { "FAIL" };
    Answer {
        action_status: Some(status.to_owned()),
        error_code,
        error_info: error_info.to_owned(),
        request_id: Some("Id-ba54d9e519d55a9a4ff9a5777b52e8a8-O-Seq-2".to_owned()),
    }
}

/// An action that ended so.
pub(in crate::http) fn action(kind: Kind, end: &End) -> Action {
    let requested_at = DateTime::from_timestamp_micros(1_795_300_000_123_456);
    let requested_at = requested_at.expect("it is a valid time");
    let took = Duration::from_micros(41_200);
    let has = |slot: Slot, text: &str| kind.has(slot).then(|| text.to_owned());
    let attempt = |(answer, failure): (Option<Answer>, Option<Failure>)| Attempt {
        number: 1,
        random: 4_123_456_789,
        duration: Duration::from_millis(38),
        http_status: answer.is_some().then_some(200),
        answer,
        failure: failure.map(Into::into),
    };
    Action {
        id: Uuid::from_u128(0x01a2_0038_017b_7000_8000_0000_0000_0001),
        kind: kind.into(),
        state: end.state().into(),
        moderator: "alice".to_owned(),
        moderator_name: Some("Alice W.".to_owned()),
        user_id: has(Slot::UserId, "user2"),
        room_id: has(Slot::RoomId, "room-test"),
        data: has(Slot::Data, "time over"),
        parameters: parameters(kind),
        reason: Some("spam".to_owned()),
        case_ref: Some("TS-1".to_owned()),
        supersedes: None,
        batch_id: None,
        requested_at,
        completed_at: Some(requested_at + took),
        duration: Some(took),
        attempts: end.attempt().map(attempt).into_iter().collect(),
        failure: None,
        probe: None,
        proved_until: None,
        recorded: true,
        genuine: true,
    }
}

/// The examples of its fields that the record has no column for.
fn parameters(kind: Kind) -> Map<String, Value> {
    let columns = [Slot::UserId, Slot::RoomId, Slot::Data].map(Slot::as_str);
    let fields = kind.example().into_iter();
    fields
        .filter(|(name, _)| !columns.contains(&name.as_str()))
        .collect()
}
