//! What is refused of batches alone.

use super::json::{BatchJson, BatchMember, NamedBatchJson};
use crate::batches::Seen;
use crate::http::code::Code;
use crate::http::problem_body::FieldFault;

/// An error about a batch, and no action.
#[derive(Debug, thiserror::Error)]
pub(in crate::http) enum BatchProblem {
    /// 403: the token lacks the scope that items of these kinds take.
    #[error(
        "the token lacks the scope {scope}, which items of this kind take ({kinds}): nothing was done"
    )]
    ItemsForbidden {
        /// Which scope is needed.
        scope: &'static str,
        /// For which kinds.
        kinds: String,
    },
    /// 403: items are against users that no action may target.
    #[error("some of the users are protected: no action may target them, and nothing was done")]
    ItemsProtected(Vec<FieldFault>),
    /// 403: who asks may be who submitted it.
    #[error(
        "you may be who submitted this batch, by this or another client: somebody else must approve or reject it. \
         To stop it, cancel it"
    )]
    Own,
    /// 403: who asks submitted it, and somebody else, or a freeze, has paused it.
    #[error(
        "somebody else, or a freeze, has paused your batch: somebody else with batch:approve must resume it. To stop it, \
         cancel it"
    )]
    PausedByAnother,
    /// 409: the same was asked for already.
    #[error(
        "a batch that does the same to the same was submitted within 24 hours: nothing was done. If it shall be done once \
         more, name that batch in `repeats`"
    )]
    Duplicate(NamedBatchJson),
    /// 409: it is in another state.
    #[error("this cannot be done in the state that the batch is in: nothing was done")]
    State(Box<Seen>),
    /// 428: what is to be approved was not named.
    #[error("If-Match must name the ETag of what you have looked at: nothing was done")]
    PreconditionRequired,
    /// 412: what was looked at is not what is there.
    #[error(
        "the batch has another content or is in another state than what If-Match names: look at it again. A weak tag (W/), \
         which some proxies make of the ETag, and * never match"
    )]
    PreconditionFailed,
    /// 504: it may or may not be recorded.
    #[error(
        "it may be recorded, and may not hold everywhere yet. Repeat a submission with the same Idempotency-Key; else look \
         at the batch before you repeat this"
    )]
    Unclear,
}

impl BatchProblem {
    /// The code that it is told with.
    pub(in crate::http) const fn code(&self) -> Code {
        match self {
            Self::ItemsForbidden { .. } | Self::Own | Self::PausedByAnother => Code::Forbidden,
            Self::ItemsProtected(_) => Code::ProtectedTarget,
            Self::Duplicate(_) => Code::DuplicateBatch,
            Self::State(_) => Code::BatchState,
            Self::PreconditionRequired => Code::PreconditionRequired,
            Self::PreconditionFailed => Code::PreconditionFailed,
            Self::Unclear => Code::OutcomeUnknown,
        }
    }

    /// Which items break which rule.
    pub(in crate::http) fn errors(&self) -> &[FieldFault] {
        match self {
            Self::ItemsProtected(errors) => errors,
            _ => &[],
        }
    }

    /// The batch that it names.
    pub(in crate::http) fn batch(&self) -> Option<BatchMember<'_>> {
        match self {
            Self::Duplicate(batch) => Some(BatchMember::Named(*batch)),
            Self::State(seen) => {
                let whole = BatchJson::from(&**seen);
                Some(BatchMember::Whole(Box::new(whole)))
            }
            _ => None,
        }
    }
}
