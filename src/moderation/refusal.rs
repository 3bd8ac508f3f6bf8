//! Why an action was not even tried.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Suspended;
use crate::domain::{Action, Failure, Kind, Slot};
use crate::limit::QueueError;
use crate::service::ReadError;
use crate::tencent::is_quota_of_the_day;

/// Nothing was sent, and nobody tried.
#[derive(Debug)]
pub enum Refusal {
    /// The moderator may not do it: the action is recorded as denied.
    Denied {
        /// The action.
        action: Box<Action>,
        /// A scope is missing, or the target is protected.
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
    /// It would end before a restriction that is in force, and does not say that it is to.
    WouldShorten {
        /// The action that has set the restriction; of several that which ends last.
        restriction: Uuid,
        /// When that ends; `None` if it does not.
        until: Option<DateTime<Utc>>,
        /// The action, if the moderator may see it.
        action: Option<Box<Action>>,
    },
    /// What it is to undo, or to shorten, is not there.
    NamesNothing {
        /// The field that names it.
        slot: Slot,
        /// The kind that it must be of.
        set_by: Kind,
    },
    /// It is frozen.
    Frozen,
    /// The moderator has asked for as much as they may within the hour.
    HourFull {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// Of an item: its batch has stopped, or does not run any more as far as was judged.
    BatchStopped,
    /// Of an item: the record has another action of it.
    ItemTaken,
    /// Another action was begun on its target since it was admitted.
    Overtaken,
    /// The intent could not be recorded, or there are no permits, because the database is away.
    AuditUnavailable,
    /// The schema refused the intent: the clocks of this machine and the database's may be apart.
    RefusedBySchema,
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

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable => Self::AuditUnavailable,
            ReadError::Lost => Self::Lost,
        }
    }
}

/// When it is worth asking again for an action that Tencent throttled. Tencent names no time: most of its limits are by
/// the second, one is by the day.
pub fn throttled_for(action: &Action) -> Duration {
    let code = action.last_answer().map(|answer| answer.error_code);
    if code.is_some_and(is_quota_of_the_day) {
        Duration::from_hours(1)
    } else {
        Duration::from_secs(1)
    }
}
