//! One of each error, as it really occurs: what the schemas and examples of problems are made from.

use std::iter;
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::auth::Refusal;
use crate::domain::{Action, Answer, Attempt, Class, Failure, Kind, Scope, Slot, State, UserId};
use crate::http::code::Code;
use crate::http::problem::{ApiError, FieldFault, Limit, RestrictionJson};

const SECOND: Duration = Duration::from_secs(1);

/// All that can carry `code`: as answers to a request for an action of `kind`, or to a read.
pub(in crate::http) fn errors(code: Code, kind: Option<Kind>) -> Vec<ApiError> {
    let action = || kind.map(|kind| Box::new(action(kind, &end(code, kind))));
    // Those that always have an action never occur in an answer to a read.
    let of = |variant: fn(Box<Action>) -> ApiError| action().map(variant).into_iter().collect();
    let with_and_without = |variant: fn(Option<Box<Action>>) -> ApiError| {
        let actions = iter::once(None).chain(action().map(Some));
        actions.map(variant).collect()
    };
    match code {
        Code::InvalidRequest => vec![invalid(kind)],
        Code::Unauthenticated => [Refusal::NoToken, Refusal::Expired]
            .map(ApiError::Unauthenticated)
            .into(),
        Code::Forbidden => vec![ApiError::Forbidden {
            scope: kind.map_or(Scope::AUDIT_READ, Kind::scope).as_str(),
            action: action(),
        }],
        Code::ProtectedTarget => of(ApiError::ProtectedTarget),
        Code::NotFound => vec![ApiError::NotFound],
        Code::MethodNotAllowed => vec![ApiError::MethodNotAllowed {
            allow: if kind.is_some() { "POST" } else { "GET" },
        }],
        Code::PayloadTooLarge => vec![ApiError::PayloadTooLarge],
        Code::UnsupportedMediaType => unsupported(),
        Code::TargetNotFound => of(ApiError::TargetNotFound),
        Code::TargetConflict => of(ApiError::TargetConflict),
        Code::WouldShorten => would_shorten(kind),
        Code::ProbeNotPossible => probe_not_possible(kind),
        Code::RejectedByTencent => of(ApiError::RejectedByTencent),
        Code::IdempotencyConflict => vec![ApiError::IdempotencyConflict],
        Code::IdempotencyMismatch => vec![ApiError::IdempotencyMismatch],
        Code::RateLimited if kind.is_none() => vec![ApiError::too_many_reads(SECOND)],
        Code::RateLimited => rate_limited(action()),
        Code::TencentRejectedGateway => with_and_without(ApiError::TencentRejectedGateway),
        Code::TencentUnavailable => with_and_without(tencent_unavailable),
        Code::AuditUnavailable => with_and_without(ApiError::AuditUnavailable),
        Code::KeysUnavailable => vec![ApiError::KeysUnavailable],
        Code::ShuttingDown => vec![ApiError::ShuttingDown],
        Code::OutcomeUnknown => of(ApiError::OutcomeUnknown),
        Code::Internal if kind.is_none() => vec![ApiError::Internal],
        Code::Internal => vec![ApiError::Internal, ApiError::Unstorable],
    }
}

fn would_shorten(kind: Option<Kind>) -> Vec<ApiError> {
    let restriction = RestrictionJson {
        id: Uuid::from_u128(0x01a2_0038_017b_7000_8000_0000_0000_0002),
        until: Some("2026-11-22T23:46:40.123456Z".to_owned()),
    };
    let Some(kind) = kind.filter(|kind| kind.has(Slot::Shortens)) else {
        return Vec::new();
    };
    let seen = action(kind, &End::Succeeded);
    [Some(Box::new(seen)), None]
        .map(|action| ApiError::WouldShorten {
            restriction: restriction.clone(),
            action,
        })
        .into()
}

fn probe_not_possible(kind: Option<Kind>) -> Vec<ApiError> {
    let without = Kind::ALL.iter().find(|kind| kind.probe.is_none());
    let without = without.filter(|_| kind.is_none());
    without
        .map(|kind| ApiError::ProbeNotPossible(Box::new(action(*kind, &End::Unknown))))
        .into_iter()
        .collect()
}

fn unsupported() -> Vec<ApiError> {
    vec![
        ApiError::UnsupportedMediaType,
        ApiError::UnsupportedContentCoding,
    ]
}

/// How the action ends that is told of with `code`.
fn end(code: Code, kind: Kind) -> End {
    match code {
        Code::TargetNotFound => refused(kind, Class::NotFound),
        Code::TargetConflict => refused(kind, Class::Conflict),
        Code::RejectedByTencent => End::Refused(70402, "illegal parameter"),
        Code::RateLimited => End::Refused(60007, "frequency limit"),
        Code::TencentRejectedGateway => End::Refused(70003, "the signature is not valid"),
        Code::TencentUnavailable => End::NotSent(Failure::Connect),
        Code::AuditUnavailable => End::NotSent(Failure::LeaseLapsed),
        Code::OutcomeUnknown => End::Unknown,
        _ => End::Denied,
    }
}

/// With the refusal of this class that the table of kinds has.
fn refused(kind: Kind, class: Class) -> End {
    let mut refusals = kind.refusals.iter();
    let (_, code, info) = refusals
        .find(|(of, ..)| *of == class)
        .expect("each kind has a refusal of each class that is asked for; a test checks it");
    End::Refused(*code, info)
}

/// The first of the kinds with most fields: it shows most.
pub(in crate::http) fn richest() -> Kind {
    let kinds = Kind::ALL.iter().copied().rev();
    let richest = kinds.max_by_key(|kind| kind.fields.len());
    richest.expect("there are kinds")
}

fn invalid(kind: Option<Kind>) -> ApiError {
    let (field, rule) = match kind {
        Some(_) => ("user_id", UserId::RULE),
        None => ("colour", "is not a field of this request"),
    };
    ApiError::InvalidRequest {
        detail: "one or more fields break their rules".to_owned(),
        errors: vec![FieldFault {
            field: field.to_owned(),
            rule: rule.to_owned(),
        }],
    }
}

const fn tencent_unavailable(action: Option<Box<Action>>) -> ApiError {
    ApiError::TencentUnavailable {
        retry_after: SECOND,
        action,
    }
}

fn rate_limited(throttled: Option<Box<Action>>) -> Vec<ApiError> {
    [
        (Limit::Moderator, None),
        (Limit::Api, None),
        (Limit::Tencent, throttled),
    ]
    .map(|(limit, action)| ApiError::RateLimited {
        limit,
        retry_after: SECOND,
        action,
    })
    .into()
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
