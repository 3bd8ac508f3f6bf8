//! What becomes of a batch, one event after the other.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::words;

/// What an event of a batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchWord {
    /// It came into the record.
    Submitted,
    /// A second person approved it.
    Approved,
    /// A second person did not.
    Rejected,
    /// Its turn came.
    Started,
    /// None of its items begins until it is resumed.
    Paused,
    /// They begin again.
    Resumed,
    /// None begins any more.
    Cancelling,
    /// It was cancelled, and nothing of it is under way.
    Cancelled,
    /// Its time was over, and nothing of it is under way.
    Expired,
    /// All its items have ended.
    Done,
    /// Somebody was denied something. It stands under an id of its own, so that it keeps nothing from a batch.
    Denied,
}

words!(
    BatchWord,
    "must be the word of an event of a batch",
    Submitted = "submitted",
    Approved = "approved",
    Rejected = "rejected",
    Started = "started",
    Paused = "paused",
    Resumed = "resumed",
    Cancelling = "cancelling",
    Cancelled = "cancelled",
    Expired = "expired",
    Done = "done",
    Denied = "denied"
);

/// Who made an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchAuthor {
    /// The issuer of the token.
    pub issuer: String,
    /// Its subject.
    pub subject: String,
    /// The name, for people to read.
    pub name: Option<String>,
}

/// A genuine event of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchEvent {
    /// Its number.
    pub rev: i16,
    /// What happened.
    pub word: BatchWord,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it; `None` where the gateway did.
    pub by: Option<BatchAuthor>,
    /// Why.
    pub reason: Option<String>,
    /// What there is no column for.
    pub details: Map<String, Value>,
}
