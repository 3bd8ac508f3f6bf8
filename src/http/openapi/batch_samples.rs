//! The errors that batches are told of in their own way.

use std::time::Duration;

use super::batches::{id, running};
use crate::domain::{Kind, Scope, UserId};
use crate::http::batches::json::NamedBatchJson;
use crate::http::batches::problem::BatchProblem;
use crate::http::code::Code;
use crate::http::fields::Place;
use crate::http::problem::{ApiError, FieldFault, Limit};

const SECOND: Duration = Duration::from_secs(1);

/// What is asked about a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum OfBatch {
    /// To run it.
    Submission,
    /// Which there are.
    List,
    /// To approve or to reject it.
    Judgement,
    /// To cancel or to pause it.
    Stop,
    /// To let it go on.
    Resumption,
}

impl OfBatch {
    /// All of it.
    pub(super) const ALL: [Self; 5] = [
        Self::Submission,
        Self::List,
        Self::Judgement,
        Self::Stop,
        Self::Resumption,
    ];
}

/// All that can carry `code`, where such a request is told something of its own.
pub(super) fn of(code: Code, of: OfBatch) -> Option<Vec<ApiError>> {
    let problem = |problem| vec![ApiError::Batch(problem)];
    let submits = of == OfBatch::Submission;
    Some(match code {
        Code::InvalidRequest if submits => vec![invalid_items(), missing_key()],
        Code::Forbidden => forbidden(of),
        Code::ProtectedTarget if submits => {
            let errors = vec![of_item(
                3,
                "must not be protected: no action may target this user",
            )];
            problem(BatchProblem::ItemsProtected(errors))
        }
        Code::MethodNotAllowed => vec![ApiError::MethodNotAllowed { allow: allow(of) }],
        Code::DuplicateBatch if submits => {
            problem(BatchProblem::Duplicate(NamedBatchJson { id: id() }))
        }
        Code::BatchState if !submits && of != OfBatch::List => {
            problem(BatchProblem::State(Box::new(running())))
        }
        Code::PreconditionRequired if of == OfBatch::Judgement => {
            problem(BatchProblem::PreconditionRequired)
        }
        Code::PreconditionFailed if of == OfBatch::Judgement => {
            problem(BatchProblem::PreconditionFailed)
        }
        Code::PayloadTooLarge if submits => vec![ApiError::PayloadTooLarge { at_most: "4 MiB" }],
        Code::UnsupportedMediaType if submits => vec![
            ApiError::UnsupportedBatchMediaType,
            ApiError::UnsupportedContentCoding,
        ],
        Code::RateLimited => rate_limited(of),
        Code::OutcomeUnknown => problem(BatchProblem::Unclear),
        Code::Internal if submits => vec![ApiError::Internal, ApiError::Unstorable],
        _ => return None,
    })
}

const fn allow(of: OfBatch) -> &'static str {
    match of {
        OfBatch::Submission | OfBatch::List => "GET, POST",
        OfBatch::Judgement | OfBatch::Stop | OfBatch::Resumption => "POST",
    }
}

fn of_item(index: usize, rule: &str) -> FieldFault {
    let index = Some(index);
    Place { index, line: None }.fault("user_id", rule)
}

fn invalid_items() -> ApiError {
    ApiError::InvalidRequest {
        detail: "one or more fields break their rules: nothing was kept".to_owned(),
        errors: vec![of_item(17, UserId::RULE)],
        errors_total: Some(1),
    }
}

fn missing_key() -> ApiError {
    ApiError::InvalidRequest {
        detail: "one or more fields break their rules: nothing was kept".to_owned(),
        errors: vec![Place::default().fault("Idempotency-Key", "is required")],
        errors_total: None,
    }
}

fn forbidden(of: OfBatch) -> Vec<ApiError> {
    let scope = match of {
        OfBatch::Submission => Scope::BATCH_SUBMIT,
        _ => Scope::BATCH_APPROVE,
    };
    let missing = ApiError::Forbidden {
        scope: scope.as_str(),
        action: None,
    };
    let items = |kind: &Kind| BatchProblem::ItemsForbidden {
        scope: kind.scope().as_str(),
        kinds: kind.to_string(),
    };
    let of_items = Kind::ALL.first().map(items);
    let others = match of {
        OfBatch::Submission => [of_items, None],
        OfBatch::Judgement => [Some(BatchProblem::Own), None],
        OfBatch::Resumption => [Some(BatchProblem::PausedByAnother), None],
        OfBatch::Stop | OfBatch::List => [None, None],
    };
    let others = others.into_iter().flatten().map(ApiError::Batch);
    [missing].into_iter().chain(others).collect()
}

fn rate_limited(of: OfBatch) -> Vec<ApiError> {
    let limits: &[Limit] = match of {
        OfBatch::Submission => &[Limit::Moderator, Limit::Batches, Limit::ModeratorHour],
        OfBatch::List => &[Limit::Reads],
        OfBatch::Judgement | OfBatch::Stop | OfBatch::Resumption => &[Limit::Moderator],
    };
    let limits = limits.iter();
    limits
        .map(|limit| ApiError::RateLimited {
            limit: *limit,
            retry_after: SECOND,
            action: None,
        })
        .collect()
}
