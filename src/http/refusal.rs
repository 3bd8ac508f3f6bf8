//! Why an action was not even tried, as the moderator is told.

use std::time::Duration;

use super::json::time;
use super::problem::{ApiError, FieldFault, Limit, RestrictionJson};
use crate::domain::{Action, Failure, Kind, Scope, Slot, SuspendedFor};
use crate::moderation::{Refusal, Suspended};

const fn busy(retry_after: Duration) -> ApiError {
    ApiError::RateLimited {
        limit: Limit::Api,
        retry_after,
        action: None,
    }
}

fn undoes_nothing(set_by: Kind) -> ApiError {
    let rule =
        format!("must be the id of a {set_by} of the same target that was done, or may have been");
    ApiError::InvalidRequest {
        detail: "one or more fields break their rules".to_owned(),
        errors: vec![FieldFault {
            field: Slot::Undoes.as_str().to_owned(),
            rule,
        }],
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

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied { action, because } => denied(action, because),
            Refusal::WouldShorten { restriction, until } => Self::WouldShorten(RestrictionJson {
                id: restriction,
                until: until.map(time),
            }),
            Refusal::UndoesNothing(set_by) => undoes_nothing(set_by),
            Refusal::Busy { retry_after } => busy(retry_after),
            // It was tried for as long as an action is.
            Refusal::Overtaken => busy(Duration::ZERO),
            Refusal::Suspended(Suspended {
                reason: SuspendedFor::Credential,
                ..
            }) => Self::TencentRejectedGateway(None),
            Refusal::Suspended(Suspended { retry_after, .. }) => Self::TencentUnavailable {
                retry_after,
                action: None,
            },
            Refusal::KeyInUse => Self::IdempotencyConflict,
            Refusal::KeyMismatch => Self::IdempotencyMismatch,
            Refusal::AuditUnavailable => Self::AuditUnavailable(None),
            Refusal::Unstorable => Self::Unstorable,
            Refusal::Closing => Self::ShuttingDown,
            Refusal::Lost => Self::Internal,
        }
    }
}
