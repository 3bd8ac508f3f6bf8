//! Why an action was not even tried, or nothing could be read, as the moderator is told.

use std::time::Duration;

use super::json::time;
use super::problem::{ApiError, FieldFault, Limit, RestrictionJson};
use crate::domain::{Action, Failure, Kind, Scope, Slot, SuspendedFor};
use crate::moderation::{Refusal, Suspended};
use crate::service::ReadError;

const fn busy(retry_after: Duration) -> ApiError {
    ApiError::RateLimited {
        limit: Limit::Api,
        retry_after,
        action: None,
    }
}

fn names_nothing(slot: Slot, set_by: Kind) -> ApiError {
    let what = match slot {
        Slot::Undoes => "was done, or may have been",
        _ => "is in force, or may be",
    };
    let rule = format!("must be the id of a {set_by} of the same target that {what}");
    ApiError::InvalidRequest {
        detail: "one or more fields break their rules".to_owned(),
        errors: vec![FieldFault::new(slot.as_str(), rule)],
        errors_total: None,
    }
}

fn denied(action: Box<Action>, because: Failure) -> ApiError {
    let scope = match because {
        Failure::ProtectedTarget => return ApiError::ProtectedTarget(action),
        Failure::MissingLift => Scope::LIFT,
        _ => {
            let kind = action.kind.known();
            let kind = kind.expect("an action that is denied is of a kind that was asked for");
            kind.scope()
        }
    };
    ApiError::Forbidden {
        scope: scope.as_str(),
        action: Some(action),
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable => Self::AuditUnavailable(None),
            ReadError::Lost => Self::Internal,
        }
    }
}

impl From<Suspended> for ApiError {
    fn from(suspended: Suspended) -> Self {
        match suspended.reason {
            SuspendedFor::Credential => Self::TencentRejectedGateway(None),
            SuspendedFor::Unavailable | SuspendedFor::LockedOut => Self::TencentUnavailable {
                retry_after: suspended.retry_after,
                action: None,
            },
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied { action, because } => denied(action, because),
            Refusal::WouldShorten {
                restriction,
                until,
                action,
            } => Self::WouldShorten {
                restriction: RestrictionJson {
                    id: restriction,
                    until: until.map(time),
                },
                action,
            },
            Refusal::NamesNothing { slot, set_by } => names_nothing(slot, set_by),
            Refusal::Busy { retry_after } => busy(retry_after),
            Refusal::Frozen => Self::Frozen,
            Refusal::HourFull { retry_after } => Self::RateLimited {
                limit: Limit::ModeratorHour,
                retry_after,
                action: None,
            },
            // It was tried for as long as an action is.
            Refusal::Overtaken => busy(Duration::ZERO),
            Refusal::Suspended(suspended) => suspended.into(),
            Refusal::KeyInUse => Self::IdempotencyConflict,
            Refusal::KeyMismatch => Self::IdempotencyMismatch,
            Refusal::AuditUnavailable | Refusal::RefusedBySchema => Self::AuditUnavailable(None),
            Refusal::Unstorable => Self::Unstorable,
            Refusal::Closing => Self::ShuttingDown,
            // The last two are of items, for which nobody waits.
            Refusal::Lost | Refusal::BatchStopped | Refusal::ItemTaken => Self::Internal,
        }
    }
}
