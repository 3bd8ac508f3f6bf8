//! One of each error, as it really occurs: what the schemas and examples of problems are made from.

use std::iter;
use std::time::Duration;

use uuid::Uuid;

use super::batch_samples::{self, OfBatch};
use super::ends::{End, action};
use crate::auth::Refusal;
use crate::domain::{Action, Class, Failure, Kind, Scope, Slot, UserId};
use crate::http::code::Code;
use crate::http::problem::{ApiError, FieldFault, Limit, RestrictionJson};

const SECOND: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Clone, Copy)]
pub(in crate::http) enum Of {
    /// An action of this kind.
    Action(Kind),
    /// A freeze or a thaw.
    Brake,
    /// Something about a batch.
    Batch(OfBatch),
    /// What is there.
    Read,
}

/// All that can carry `code`, as answers to a request of this sort.
pub(in crate::http) fn errors(code: Code, of: Of) -> Vec<ApiError> {
    match of {
        Of::Action(kind) => of_others(code, Some(kind)),
        Of::Brake => of_brake(code).unwrap_or_else(|| of_others(code, None)),
        Of::Batch(of) => batch_samples::of(code, of).unwrap_or_else(|| of_others(code, None)),
        Of::Read => of_others(code, None),
    }
}

/// As answers to a request for an action of `kind`, or to a read.
fn of_others(code: Code, kind: Option<Kind>) -> Vec<ApiError> {
    let action = || kind.map(|kind| Box::new(action(kind, &end(code, kind))));
    // Those that always have an action never occur in an answer to a read.
    let about = |variant: fn(Box<Action>) -> ApiError| action().map(variant).into_iter().collect();
    let with_and_without = |variant: fn(Option<Box<Action>>) -> ApiError| {
        let actions = iter::once(None).chain(action().map(Some));
        actions.map(variant).collect()
    };
    match code {
        Code::InvalidRequest => vec![invalid(kind)],
        Code::Unauthenticated => [Refusal::NoToken, Refusal::Expired]
            .map(ApiError::Unauthenticated)
            .into(),
        Code::Forbidden => vec![forbidden(kind, action())],
        Code::ProtectedTarget => about(ApiError::ProtectedTarget),
        Code::NotFound => vec![ApiError::NotFound],
        Code::MethodNotAllowed => vec![ApiError::MethodNotAllowed {
            allow: if kind.is_some() { "POST" } else { "GET" },
        }],
        Code::PayloadTooLarge => vec![ApiError::PayloadTooLarge { at_most: "16 KiB" }],
        Code::UnsupportedMediaType => unsupported(),
        Code::TargetNotFound => about(ApiError::TargetNotFound),
        Code::TargetConflict => about(ApiError::TargetConflict),
        Code::WouldShorten => would_shorten(kind),
        Code::ProbeNotPossible => probe_not_possible(kind),
        Code::RejectedByTencent => about(ApiError::RejectedByTencent),
        Code::IdempotencyConflict => vec![ApiError::IdempotencyConflict],
        Code::IdempotencyMismatch => vec![ApiError::IdempotencyMismatch],
        Code::RateLimited if kind.is_none() => vec![ApiError::too_many_reads(SECOND)],
        Code::RateLimited => rate_limited(action()),
        Code::TencentRejectedGateway => with_and_without(ApiError::TencentRejectedGateway),
        Code::Frozen => vec![ApiError::Frozen],
        Code::TencentUnavailable => with_and_without(tencent_unavailable),
        Code::AuditUnavailable => with_and_without(ApiError::AuditUnavailable),
        Code::KeysUnavailable => vec![ApiError::KeysUnavailable],
        Code::ShuttingDown => vec![ApiError::ShuttingDown],
        Code::OutcomeUnknown => about(ApiError::OutcomeUnknown),
        Code::Internal => internal(kind),
        // Of batches alone.
        _ => Vec::new(),
    }
}

/// Where a freeze or a thaw is told something of its own.
fn of_brake(code: Code) -> Option<Vec<ApiError>> {
    let limited = |limit| ApiError::RateLimited {
        limit,
        retry_after: SECOND,
        action: None,
    };
    let forbidden = ApiError::Forbidden {
        scope: Scope::FREEZE.as_str(),
        action: None,
    };
    Some(match code {
        Code::Forbidden => vec![forbidden, ApiError::FrozenByCommand],
        Code::NotFound => vec![ApiError::NothingFrozen, ApiError::NotFound],
        Code::MethodNotAllowed => vec![ApiError::MethodNotAllowed { allow: "POST" }],
        Code::RateLimited => [Limit::Moderator, Limit::Freezes].map(limited).into(),
        Code::Frozen => vec![ApiError::FrozenModerator],
        Code::OutcomeUnknown => vec![ApiError::BrakeUnclear],
        _ => return None,
    })
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

fn internal(kind: Option<Kind>) -> Vec<ApiError> {
    let unstorable = kind.map(|_| ApiError::Unstorable);
    [ApiError::Internal].into_iter().chain(unstorable).collect()
}

fn forbidden(kind: Option<Kind>, action: Option<Box<Action>>) -> ApiError {
    let scope = kind.map_or(Scope::AUDIT_READ, Kind::scope).as_str();
    ApiError::Forbidden { scope, action }
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

fn invalid(kind: Option<Kind>) -> ApiError {
    let (field, rule) = match kind {
        Some(_) => ("user_id", UserId::RULE),
        None => ("colour", "is not a field of this request"),
    };
    ApiError::InvalidRequest {
        detail: "one or more fields break their rules".to_owned(),
        errors: vec![FieldFault::new(field, rule)],
        errors_total: None,
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
        (Limit::ModeratorHour, None),
    ]
    .map(|(limit, action)| ApiError::RateLimited {
        limit,
        retry_after: SECOND,
        action,
    })
    .into()
}
