//! Why nothing became of what was asked about a batch.

use std::time::Duration;

use uuid::Uuid;

use super::shown::Seen;
use crate::audit;
use crate::domain::{Kind, Scope};
use crate::service::ReadError;
use crate::telemetry::causes;

/// Nothing was done, unless it says that this is not certain.
#[derive(Debug, thiserror::Error)]
pub enum BatchRefusal {
    /// The token lacks the scope.
    #[error("the scope {scope} is missing")]
    MissingScope {
        /// Which.
        scope: Scope,
        /// The kinds of items that it is needed for, if it is needed for items.
        kinds: Vec<Kind>,
    },
    /// Items are against users that no action may target.
    #[error("users that no action may target")]
    Protected {
        /// Which items, from 0; at most ten.
        indexes: Vec<usize>,
    },
    /// Who asks may be who submitted it.
    #[error("a second person must decide")]
    OwnBatch,
    /// Who asks submitted it, and somebody else, or a freeze, has paused it.
    #[error("somebody else paused it")]
    PausedByAnother,
    /// The same was asked for already.
    #[error("the same was asked for within a day")]
    Duplicate {
        /// The batch.
        id: Uuid,
    },
    /// What it repeats is no equal batch of the last day.
    #[error("it repeats nothing")]
    RepeatsNothing,
    /// It is in another state.
    #[error("the batch is in a state in which this cannot be done")]
    WrongState(Box<Seen>),
    /// What is to be approved was not named.
    #[error("If-Match is missing")]
    PreconditionRequired,
    /// What was looked at is not what is there.
    #[error("If-Match names something else")]
    PreconditionFailed,
    /// The `Idempotency-Key` stands for another submission.
    #[error("the key stands for another submission")]
    KeyMismatch,
    /// There are too many batches, or too many are submitted at once.
    #[error("too many batches")]
    TooMany {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// The moderator would have asked for more than they may within the hour.
    #[error("the hourly limit")]
    HourFull {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// It is frozen, or whoever asks is.
    #[error("it is frozen")]
    Frozen,
    /// Nothing that was to be lifted is in force.
    #[error("nothing to undo")]
    NothingToUndo,
    /// More is to be lifted than a batch can hold.
    #[error("too much to undo")]
    TooMuchToUndo,
    /// There is no such batch for this moderator, or there are none here.
    #[error("there is no such batch")]
    NotFound,
    /// The record could not be reached: nothing was recorded.
    #[error("the record cannot be reached")]
    AuditUnavailable,
    /// The database cannot store what was asked.
    #[error("the database cannot store it")]
    Unstorable,
    /// It may have been recorded, or may not hold everywhere yet.
    #[error("it is unclear whether it was recorded")]
    Unclear,
    /// A bug ended the task.
    #[error("the task was lost")]
    Lost,
}

impl From<ReadError> for BatchRefusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable => Self::AuditUnavailable,
            ReadError::Lost => Self::Lost,
        }
    }
}

/// Nothing was recorded, because the record cannot be reached.
pub(super) fn unavailable(error: &audit::Error) -> BatchRefusal {
    tracing::error!(error = causes(error), "the record cannot be reached");
    BatchRefusal::AuditUnavailable
}
