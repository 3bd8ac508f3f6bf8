//! What has been looked up for an intent, and must still hold when it begins.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::Kind;

/// What has been looked up for an intent, and must still hold.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The action that holds the `Idempotency-Key` and has freed it; without one the key must be free.
    pub takes_over: Option<Uuid>,
    /// Of an action that restricts or lifts, the turn that it takes.
    pub turn: Option<TargetTurn>,
    /// How many actions the moderator may ask for within 60 minutes, over all replicas.
    pub at_most_hourly: Option<u32>,
    /// Of an item of a batch, what was judged.
    pub item: Option<ItemClaim>,
}

/// What was judged of an item of a batch, and must still hold when it begins.
#[derive(Clone, Debug)]
pub struct ItemClaim {
    /// The actions of it that the record has: genuine, and ended without having done anything.
    pub known: Vec<Uuid>,
    /// The rev of the newest event of its batch.
    pub seen_rev: i16,
    /// From when on it must not begin.
    pub expires_at: DateTime<Utc>,
}

/// The turn of an action on its target.
#[derive(Clone, Copy, Debug)]
pub struct TargetTurn {
    /// The kind that sets what is set here, or lifted.
    pub set_by: Kind,
    /// The action that must still be the last that was begun.
    pub after: Option<Uuid>,
}
