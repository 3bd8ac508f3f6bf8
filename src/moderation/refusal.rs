//! Why an action was not even tried.

use std::time::Duration;

use super::Suspended;
use crate::domain::{Action, Failure};
use crate::limit::QueueError;

/// Nothing was sent, and nobody tried.
#[derive(Debug)]
pub enum Refusal {
    /// The moderator may not do it: the action is recorded as denied.
    Denied {
        /// The action.
        action: Box<Action>,
        /// The scope is missing, or the target is protected.
        because: Failure,
    },
    /// The API's limit is reached.
    Busy {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// Calls to Tencent are suspended.
    Suspended(Suspended),
    /// The request with this `Idempotency-Key` is still being carried out.
    KeyInUse,
    /// The `Idempotency-Key` stands for another request.
    KeyMismatch,
    /// The intent could not be recorded, or there are no permits, because the database is away.
    AuditUnavailable,
    /// The database cannot store what the request says.
    Unstorable,
    /// The service is closing.
    Closing,
    /// A bug ended the task.
    Lost,
}

impl From<QueueError> for Refusal {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Full { retry_after } => Self::Busy { retry_after },
            QueueError::Unleased => Self::AuditUnavailable,
            QueueError::Closed => Self::Closing,
        }
    }
}
