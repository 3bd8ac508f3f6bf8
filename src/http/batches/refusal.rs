//! Why nothing became of what was asked about a batch, as the moderator is told.

use std::time::Duration;

use super::json::NamedBatchJson;
use super::problem::BatchProblem;
use crate::batches::BatchRefusal;
use crate::domain::{Kind, MOST_ITEMS, Scope, Slot};
use crate::http::fields::Place;
use crate::http::problem::{ApiError, FieldFault, Limit};

impl From<BatchRefusal> for ApiError {
    fn from(refusal: BatchRefusal) -> Self {
        match refusal {
            BatchRefusal::MissingScope { scope, kinds } => missing(scope, &kinds),
            BatchRefusal::Protected { indexes } => protected(&indexes),
            BatchRefusal::OwnBatch => Self::Batch(BatchProblem::Own),
            BatchRefusal::PausedByAnother => Self::Batch(BatchProblem::PausedByAnother),
            // It may be another's, of whom its id alone is told.
            BatchRefusal::Duplicate { id } => {
                Self::Batch(BatchProblem::Duplicate(NamedBatchJson { id }))
            }
            BatchRefusal::WrongState(seen) => Self::Batch(BatchProblem::State(seen)),
            BatchRefusal::PreconditionRequired => Self::Batch(BatchProblem::PreconditionRequired),
            BatchRefusal::PreconditionFailed => Self::Batch(BatchProblem::PreconditionFailed),
            BatchRefusal::KeyMismatch => Self::IdempotencyMismatch,
            BatchRefusal::TooMany { retry_after } => limited(Limit::Batches, retry_after),
            BatchRefusal::HourFull { retry_after } => limited(Limit::ModeratorHour, retry_after),
            BatchRefusal::Frozen => Self::Frozen,
            BatchRefusal::RepeatsNothing => wrong(
                "repeats",
                "must be the id of an equal batch of the last 24 hours",
            ),
            BatchRefusal::NothingToUndo => wrong("undo", "must name what is in force: nothing is"),
            BatchRefusal::TooMuchToUndo => wrong("undo", &too_much()),
            BatchRefusal::NotFound => Self::NotFound,
            BatchRefusal::AuditUnavailable => Self::AuditUnavailable(None),
            BatchRefusal::Unstorable => Self::Unstorable,
            BatchRefusal::Unclear => Self::Batch(BatchProblem::Unclear),
            BatchRefusal::Lost => Self::Internal,
        }
    }
}

/// If it is needed for items, with their kinds.
fn missing(scope: Scope, kinds: &[Kind]) -> ApiError {
    let scope = scope.as_str();
    if kinds.is_empty() {
        return ApiError::Forbidden {
            scope,
            action: None,
        };
    }
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    ApiError::Batch(BatchProblem::ItemsForbidden {
        scope,
        kinds: kinds.join(", "),
    })
}

fn protected(indexes: &[usize]) -> ApiError {
    let fault = |index: &usize| {
        let place = Place {
            index: Some(*index),
            line: None,
        };
        place.fault(
            Slot::UserId.as_str(),
            "must not be protected: no action may target this user",
        )
    };
    ApiError::Batch(BatchProblem::ItemsProtected(
        indexes.iter().map(fault).collect(),
    ))
}

const fn limited(limit: Limit, retry_after: Duration) -> ApiError {
    ApiError::RateLimited {
        limit,
        retry_after,
        action: None,
    }
}

fn too_much() -> String {
    format!("must name at most {MOST_ITEMS} restrictions: narrow it with kind, since and until")
}

fn wrong(field: &str, rule: &str) -> ApiError {
    ApiError::InvalidRequest {
        detail: "one or more fields break their rules: nothing was kept".to_owned(),
        errors: vec![FieldFault::new(field, rule)],
        errors_total: None,
    }
}
