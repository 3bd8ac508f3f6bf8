//! A batch that is about to be submitted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Item, UndoOf};
use crate::domain::{CaseRef, IdempotencyKey, Moderator, Origin, Reason};

/// A batch as it is submitted.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// A `UUIDv7` minted from `submitted_at`.
    pub id: Uuid,
    /// When it was submitted, by the gateway's clock, cut to microseconds.
    pub submitted_at: DateTime<Utc>,
    /// From when on none of its items begins.
    pub expires_at: DateTime<Utc>,
    /// Who asks.
    pub moderator: Moderator,
    /// From where.
    pub origin: Origin,
    /// Why.
    pub reason: Option<Reason>,
    /// The case it belongs to.
    pub case_ref: Option<CaseRef>,
    /// In their order.
    pub items: Vec<Item>,
    /// Where they come from, if they undo what somebody did.
    pub undo: Option<UndoOf>,
    /// The earlier batch that this one repeats on purpose.
    pub repeats: Option<Uuid>,
    /// What makes a repeat of this very submission the same batch.
    pub idempotency_key: IdempotencyKey,
    /// SHA-256, in hexadecimal, of its items in order; and of their kinds and targets alone, sorted.
    pub digests: Digests,
}

/// What tells the contents of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Of the items in order, with reason and case.
    pub items: String,
    /// Of their kinds and targets, sorted.
    pub targets: String,
}

/// How many items are of each kind.
pub type Kinds = BTreeMap<String, u32>;

impl NewBatch {
    /// How many items are of each kind.
    pub fn kinds(&self) -> Kinds {
        let mut kinds = Kinds::new();
        for item in &self.items {
            *kinds
                .entry(item.command.kind().as_str().to_owned())
                .or_default() += 1;
        }
        kinds
    }
}
