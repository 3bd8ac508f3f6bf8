//! What holds for submissions, and what may become of one.

use std::time::Duration;

use uuid::Uuid;

/// What holds for submissions.
#[derive(Clone, Copy, Debug)]
pub struct SubmitLimits {
    /// How many batches of one moderator may be open.
    pub open: usize,
    /// How many items may wait in all.
    pub waiting: i64,
    /// Above so many actions within the hour a second person must approve.
    pub approval_above: Option<u32>,
    /// How many actions one moderator may ask for within the hour, without a second person.
    pub hourly: Option<u32>,
}

/// What was recorded.
#[derive(Clone, Copy, Debug)]
pub enum Recorded {
    /// The batch.
    New,
    /// Nothing: there is one with the same key.
    Same {
        /// That one.
        id: Uuid,
        /// Whether it was asked for with the same request.
        same_request: bool,
    },
}

/// Nothing was recorded, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// An equal one was submitted within a day, and it does not say that it repeats that.
    #[error("it equals batch {0}")]
    Duplicate(Uuid),
    /// What it repeats is not there, or is not equal.
    #[error("it repeats nothing")]
    RepeatsNothing,
    /// The moderator has too many open batches, or too many items wait.
    #[error("there are too many batches")]
    TooMany,
    /// The moderator would have asked for more than they may within the hour.
    #[error("the moderator's hourly limit would be passed")]
    HourFull {
        /// When there may be room.
        retry_after: Duration,
    },
    /// The database cannot store what it says.
    #[error("the database cannot store it")]
    Unstorable(#[source] sqlx::Error),
    /// The record could not be reached.
    #[error("it was not recorded")]
    NotRecorded(#[source] sqlx::Error),
    /// The connection broke at the end: it may be recorded.
    #[error("it is unclear whether it was recorded")]
    Unclear(#[source] sqlx::Error),
}

impl From<sqlx::Error> for SubmitError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        // As at begin: a data exception comes again with the same values.
        if code.is_some_and(|code| code.starts_with("22")) {
            Self::Unstorable(error)
        } else {
            Self::NotRecorded(error)
        }
    }
}
