//! What the owner of the record has decided about it: rows of `audit.decision`.
//!
//! Both decisions are commands of the owner's database role with the seal key, and each is in a seal:
//! [`accept_break`] begins a new epoch after the chain of seals was broken, [`acknowledge`] says that a row
//! which no gateway wrote is known. Neither hides anything: `modgate verify` prints them.

mod accept;
mod acknowledge;
mod evidence;
mod store;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use sqlx::error::DatabaseError;
use uuid::Uuid;

use super::seal::{Hash, Seal, SeenHead};
use super::stored::StoredRow;
use super::table::Key;
use super::verify;

pub use accept::{Accepted, accept_break};
pub use acknowledge::{Known, acknowledge};
pub(in crate::audit) use evidence::covering;
pub(in crate::audit) use store::{all, record};

/// Who decides, and why.
#[derive(Clone, Debug)]
pub struct By {
    /// The person.
    pub operator: String,
    /// The machine that the command runs on.
    pub host: String,
    /// Why.
    pub reason: String,
}

/// Nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The record could not be read or changed.
    #[error("the record cannot be changed")]
    Database(#[source] sqlx::Error),
    /// There is no connection, or the record could not be read.
    #[error(transparent)]
    Record(#[from] verify::Error),
    /// The seals could not be read or made.
    #[error(transparent)]
    Seals(#[from] crate::audit::Error),
    /// The chain of seals is whole, as far as can be told here.
    #[error(
        "there is no break to accept: the newest seal was made here with a known key, and all heads that were given \
         (--seal-file, MODGATE_SEAL_WITNESS_FILE) are in the record"
    )]
    NoBreak,
    /// There is no seal.
    #[error(
        "the record holds no seal: if it held some, give the heads that were seen (--seal-file), else let `modgate \
         serve` make the first"
    )]
    NothingSealed,
    /// The newest seal is signed, and there is no key.
    #[error("MODGATE_SEAL_KEY: must be set, as the seals are signed")]
    NoSealKey,
    /// What would not count must be said.
    #[error(
        "{0}: if that is because keys were changed, add the key; else say which do not count any more, as --void-from \
         with the first of them"
    )]
    Void(String),
    /// The role may not decide.
    #[error(
        "only the owner of the record may: connect as modgate_owner (MODGATE_OWNER_DATABASE_URL or MODGATE_DATABASE_URL)"
    )]
    NotTheOwner,
    /// Something else must be decided first.
    #[error(
        "the chain of seals is broken (event=chain_broken of `modgate serve` says how): that comes first"
    )]
    Broken,
    /// No such row was refused.
    #[error(
        "no row of {0} can be acknowledged: there must be one that a seal holds as refused, unchanged since, and that \
         was not acknowledged before"
    )]
    NotRefused(Uuid),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code);
        // insufficient_privilege
        match code.as_deref() {
            Some("42501") => Self::NotTheOwner,
            _ => Self::Database(error),
        }
    }
}

/// A decision, as far as the proof needs it.
#[derive(Clone, Debug)]
pub(in crate::audit) struct Decision {
    pub(in crate::audit) row: StoredRow,
    pub(in crate::audit) what: What,
}

/// What was decided.
#[derive(Clone, Debug)]
pub(in crate::audit) enum What {
    Break(AcceptedBreak),
    Acknowledgement(Acknowledged),
    /// Something that a later version decides.
    Other,
}

/// `details` of a break. Members in the order of RFC 8785.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::audit) struct AcceptedBreak {
    /// `gone`, `restored`, `foreign` or `key`: for people.
    pub(in crate::audit) cause: String,
    /// The newest seal that was there, in hexadecimal; null if there was none.
    pub(in crate::audit) last_head: Option<String>,
    pub(in crate::audit) last_no: u64,
    /// Heads from this number on that were seen before the decision may be missing.
    pub(in crate::audit) lost_from: u64,
    /// The newest head that is known to be lost.
    pub(in crate::audit) lost_head: Option<String>,
    pub(in crate::audit) lost_no: Option<u64>,
    /// The seals from this number to `last_no` do not count: no known key made them.
    pub(in crate::audit) void_from: Option<u64>,
}

impl AcceptedBreak {
    /// The seals that do not count.
    pub(in crate::audit) fn void(&self) -> Option<RangeInclusive<u64>> {
        self.void_from.map(|from| from..=self.last_no)
    }

    /// Whether `seal` comes right after what the decision found to be the newest.
    pub(in crate::audit) fn precedes(&self, seal: &Seal) -> bool {
        let last = self.last_head.clone().unwrap_or("00".repeat(32));
        seal.no == self.last_no.saturating_add(1) && hex::encode(seal.prev) == last
    }

    /// Whether a head that was seen may be gone.
    fn covers(&self, seen: &SeenHead, decided_at: i64) -> bool {
        seen.no >= self.lost_from && seen.sealed_at.is_some_and(|sealed| sealed < decided_at)
    }
}

/// `details` of an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::audit) struct Acknowledged {
    pub(in crate::audit) rows: Vec<FalseRow>,
}

/// A row that no gateway wrote. Members in the order of RFC 8785.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::audit) struct FalseRow {
    /// What the seal says of it.
    hash: String,
    id: Uuid,
    rev: u16,
    table: String,
}

impl FalseRow {
    fn new(key: Key, hash: &Hash) -> Self {
        Self {
            hash: hex::encode(hash),
            id: key.id,
            rev: key.rev,
            table: key.table.name().to_owned(),
        }
    }

    fn is(&self, key: Key, hash: &Hash) -> bool {
        *self == Self::new(key, hash)
    }
}

impl Decision {
    /// What a row of `audit.decision` says.
    pub(in crate::audit) fn of(row: StoredRow) -> Self {
        let details = row.field("details").unwrap_or_default();
        let what = match row.field("kind") {
            Some("break") => serde_json::from_str(details).map(What::Break).ok(),
            Some("acknowledgement") => serde_json::from_str(details)
                .map(What::Acknowledgement)
                .ok(),
            _ => None,
        };
        Self {
            what: what.unwrap_or(What::Other),
            row,
        }
    }

    pub(in crate::audit) const fn id(&self) -> Uuid {
        self.row.key.id
    }

    /// A column of it, for people.
    pub(in crate::audit) fn text(&self, column: &str) -> &str {
        self.row.field(column).unwrap_or_default()
    }

    /// The seals that it says do not count.
    pub(in crate::audit) fn void(&self) -> Option<RangeInclusive<u64>> {
        match &self.what {
            What::Break(accepted) => accepted.void(),
            What::Acknowledgement(_) | What::Other => None,
        }
    }

    /// Whether it explains that a head which was seen is gone.
    pub(in crate::audit) fn covers(&self, seen: &SeenHead) -> bool {
        match &self.what {
            What::Break(accepted) => accepted.covers(seen, self.row.recorded_at),
            What::Acknowledgement(_) | What::Other => false,
        }
    }

    /// Whether it says that the row with this hash is known to be false.
    pub(in crate::audit) fn acknowledges(&self, key: Key, hash: &Hash) -> bool {
        match &self.what {
            What::Acknowledgement(known) => known.rows.iter().any(|row| row.is(key, hash)),
            What::Break(_) | What::Other => false,
        }
    }
}
