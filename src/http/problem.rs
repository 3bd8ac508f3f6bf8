//! Every error of the API: one closed enum with stable codes, as RFC 9457 problem details.

use std::time::Duration;

use super::batches::problem::BatchProblem;
use super::code::Code;
use super::problem_body::needed_for;
pub(super) use super::problem_body::{FieldFault, Limit, RestrictionJson};
use crate::auth::Refusal;
use crate::domain::Action;

/// An error of the API. The code never depends on the payload.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// 400: malformed JSON, an unknown or duplicate member, or a field that breaks its rule.
    #[error("{detail}")]
    InvalidRequest {
        /// What is wrong.
        detail: String,
        /// Which fields, and the rules they break.
        errors: Vec<FieldFault>,
        /// How many there are, where not all are told, or some are of items of a batch.
        errors_total: Option<usize>,
    },
    /// 401: no token, or, with the reason, a bad one.
    #[error("{0}")]
    Unauthenticated(Refusal),
    /// 403: the token lacks the scope.
    #[error("the token lacks the scope {scope}{}", needed_for(scope))]
    Forbidden {
        /// Which scope is needed.
        scope: &'static str,
        /// The denied action; none if it was only to be read.
        action: Option<Box<Action>>,
    },
    /// 403: the target must not be acted upon.
    #[error("this user is protected: no action may target it")]
    ProtectedTarget(Box<Action>),
    /// 403: a command froze it.
    #[error("a command froze this, and only a command thaws it (`modgate thaw`): nothing was done")]
    FrozenByCommand,
    /// 404: nothing is frozen with this scope.
    #[error("nothing is frozen with exactly this scope: `GET /v1/limits` shows what is")]
    NothingFrozen,
    /// 404: no such route, or no such action for this moderator.
    #[error("there is nothing here")]
    NotFound,
    /// 405
    #[error("this path answers {allow} only")]
    MethodNotAllowed {
        /// The methods that the path has.
        allow: &'static str,
    },
    /// 413
    #[error("the body must be at most {at_most}")]
    PayloadTooLarge {
        /// How large it may be.
        at_most: &'static str,
    },
    /// 415
    #[error("the body must be application/json")]
    UnsupportedMediaType,
    /// 415: the body of a batch is neither JSON nor CSV, or it says that it is not UTF-8.
    #[error(
        "the body must be application/json or text/csv, in UTF-8 (leave charset out of Content-Type, or say utf-8)"
    )]
    UnsupportedBatchMediaType,
    /// 415: the body is compressed.
    #[error(
        "the body must not be compressed, or coded in any other way: leave Content-Encoding out"
    )]
    UnsupportedContentCoding,
    /// 404: Tencent knows no such user or room.
    #[error("Tencent does not know the user or the room: nothing was done")]
    TargetNotFound(Box<Action>),
    /// 409: there was nothing to do.
    #[error("the target is in a state in which Tencent had nothing to do")]
    TargetConflict(Box<Action>),
    /// 409: the request with the same `Idempotency-Key` is still being carried out.
    #[error("the request with this Idempotency-Key is still being carried out")]
    IdempotencyConflict,
    /// 422: the `Idempotency-Key` stands for another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    /// 409: it would end before a restriction that is in force.
    #[error(
        "a restriction that is in force, or may be, ends later: nothing was done. To end it earlier, name it in `shortens`"
    )]
    WouldShorten {
        /// The restriction.
        restriction: RestrictionJson,
        /// What has set it, if the moderator may see that.
        action: Option<Box<Action>>,
    },
    /// 409: a probe would find out nothing.
    #[error(
        "nothing can be found out about this action: look at the user. Only mutes and bans of users can be read back, \
         and only where the outcome is unknown or they were set"
    )]
    ProbeNotPossible(Box<Action>),
    /// 422: Tencent found the request wrong.
    #[error("Tencent refused the request as wrong: nothing was done")]
    RejectedByTencent(Box<Action>),
    /// 429: nothing was done, a repeat is safe.
    #[error("a limit is reached: nothing was done")]
    RateLimited {
        /// Whose.
        limit: Limit,
        /// When it is worth asking again.
        retry_after: Duration,
        /// The action that Tencent throttled.
        action: Option<Box<Action>>,
    },
    /// 502: Tencent refused the gateway, not the moderator.
    #[error(
        "Tencent refused the gateway itself, not your request: nothing was done; tell the operator"
    )]
    TencentRejectedGateway(Option<Box<Action>>),
    /// 503: a freeze covers it.
    #[error("this is frozen at present: nothing was done")]
    Frozen,
    /// 503: who is frozen thaws nothing.
    #[error("you are frozen at present, and who is frozen thaws nothing: nothing was done")]
    FrozenModerator,
    /// 503: Tencent could not be reached, or calls to it are suspended: nothing was sent.
    #[error("Tencent cannot be reached at present: nothing was sent")]
    TencentUnavailable {
        /// When it is worth asking again.
        retry_after: Duration,
        /// The action, if one was begun.
        action: Option<Box<Action>>,
    },
    /// 503: the record cannot be written or read, or there are no permits because the database is
    /// away.
    #[error("the record cannot be reached: nothing was sent")]
    AuditUnavailable(Option<Box<Action>>),
    /// 503: nobody can tell whether the token is good.
    #[error("the keys that tokens are checked with could not be fetched yet: nothing was done")]
    KeysUnavailable,
    /// 503: draining.
    #[error("this replica is shutting down: nothing was sent")]
    ShuttingDown,
    /// 504: it may or may not have happened.
    #[error(
        "it may or may not have happened. Look at the user's state before you repeat it; a repeat names this \
         action in `supersedes`"
    )]
    OutcomeUnknown(Box<Action>),
    /// 504: a freeze or a thaw may be recorded, and may not be in force everywhere.
    #[error(
        "it may be recorded, and may not hold everywhere yet. A freeze can be repeated without harm; before you repeat a \
         thaw look at what is frozen: `GET /v1/limits`"
    )]
    BrakeUnclear,
    /// What only batches are refused for.
    #[error(transparent)]
    Batch(BatchProblem),
    /// 500: the record can never hold what it says.
    #[error(
        "the record cannot hold this request: nothing was sent; tell the operator, a repeat will not help"
    )]
    Unstorable,
    /// 500: a bug.
    #[error("an error inside the gateway; it has been logged")]
    Internal,
}

impl ApiError {
    /// The code that it is told with.
    #[rustfmt::skip]
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::InvalidRequest { .. }         => Code::InvalidRequest,
            Self::Unauthenticated(_)            => Code::Unauthenticated,
            Self::Forbidden { .. } | Self::FrozenByCommand => Code::Forbidden,
            Self::ProtectedTarget(_)            => Code::ProtectedTarget,
            Self::NotFound | Self::NothingFrozen => Code::NotFound,
            Self::MethodNotAllowed { .. }       => Code::MethodNotAllowed,
            Self::PayloadTooLarge { .. }        => Code::PayloadTooLarge,
            Self::UnsupportedMediaType | Self::UnsupportedBatchMediaType | Self::UnsupportedContentCoding => Code::UnsupportedMediaType,
            Self::TargetNotFound(_)             => Code::TargetNotFound,
            Self::TargetConflict(_)             => Code::TargetConflict,
            Self::WouldShorten { .. }           => Code::WouldShorten,
            Self::ProbeNotPossible(_)           => Code::ProbeNotPossible,
            Self::RejectedByTencent(_)          => Code::RejectedByTencent,
            Self::IdempotencyConflict           => Code::IdempotencyConflict,
            Self::IdempotencyMismatch           => Code::IdempotencyMismatch,
            Self::RateLimited { .. }            => Code::RateLimited,
            Self::TencentRejectedGateway(_)     => Code::TencentRejectedGateway,
            Self::Frozen | Self::FrozenModerator => Code::Frozen,
            Self::TencentUnavailable { .. }     => Code::TencentUnavailable,
            Self::AuditUnavailable(_)           => Code::AuditUnavailable,
            Self::KeysUnavailable               => Code::KeysUnavailable,
            Self::ShuttingDown                  => Code::ShuttingDown,
            Self::OutcomeUnknown(_) | Self::BrakeUnclear => Code::OutcomeUnknown,
            Self::Batch(problem)                => problem.code(),
            Self::Unstorable | Self::Internal   => Code::Internal,
        }
    }

    /// The action that the answer belongs to.
    pub(super) fn action(&self) -> Option<&Action> {
        match self {
            Self::ProtectedTarget(action)
            | Self::TargetNotFound(action)
            | Self::TargetConflict(action)
            | Self::ProbeNotPossible(action)
            | Self::RejectedByTencent(action)
            | Self::OutcomeUnknown(action) => Some(action),
            Self::TencentRejectedGateway(action)
            | Self::AuditUnavailable(action)
            | Self::Forbidden { action, .. }
            | Self::TencentUnavailable { action, .. }
            | Self::RateLimited { action, .. } => action.as_deref(),
            _ => None,
        }
    }
}
