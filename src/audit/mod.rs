//! The record: who did what to whom, and what became of it.
//!
//! # Rooms
//! `write` appends, `read` looks things up, and `proof` shows that what is read is what was written. Writing
//! and reading know the proof's rows and keys; the proof knows neither of them. `brakes` keeps what must not begin from
//! beginning: `write` asks it. `batches` has many actions that were asked for as one.
//!
//! # Life of a record
//! [`AuditLog::begin`] commits the intent and hands out a [`SendToken`]; only with that token can
//! Tencent be called, and the call takes it by value. [`AuditLog::finish`] appends the end. A
//! process that dies in between leaves a `pending` row, which [`AuditLog::recover`] of any replica
//! ends as `unknown`, once the action's own deadline has passed by the database's clock.
//!
//! # Why two appended rows and not one updated row
//! What never changes needs no trust: grants, triggers and hashes become one rule each, and the
//! primary key `(action_id, rev)` decides the race between a late gateway and recovery without a
//! lock. It also writes less than an update of a wide row with its indexes.
//!
//! # Why begin is one statement
//! A statement of its own is its own transaction: an error that Postgres reports means that
//! nothing was committed. Only a connection that breaks, or a time-out, leaves it unclear, and
//! then [`AuditLog::settle`] settles the id as `not_sent`, whichever of the two commits
//! first.
//!
//! # Pools
//! `writing` serves begin, finish and recovery; no more than two thirds of it what an action needs to know
//! before it begins (`lookups`), and no more than two thirds of that `denials`. So no flood of either can
//! keep an intent waiting, and no list or export any of them: what is only looked at goes through
//! `reading`. The items of batches take at most half of it (`items`). `sealing` is one connection for the [`seal`]s, and `lookout` one that is kept to ask who
//! blocks the others.
//!
//! # Broken connections
//! A connection that was used a moment ago is used again without being tried out first, so a statement
//! may be the first to learn that Postgres has gone. Whatever is harmless twice is then asked once
//! more on another connection (`again_if_broken`): begin, too, since its id is committed at most once.

mod batches;
mod brakes;
mod proof;
mod read;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::db::{self, Connection, Lookout, Pool, Pools};
use brakes::Known;
use proof::seal::Chain;
use write::blocked::LastBlocked;
use write::recovery::Watermark;

pub use crate::db::{Blocked, Blocker};
pub use batches::{
    Appended, BatchFilter, BatchItem, CountedEnds, Earlier, EndedItem, ItemEnd, ItemPage, NewEvent,
    Picked, Recorded, Setting, SubmitError, SubmitLimits, Within,
};
pub use brakes::{BrakeError, Braked, brake_by_command};
pub use proof::{KeyError, PublicKeys, SealKeys};
pub use proof::{archive, decision, retain, seal, verify};
pub use read::{
    Change, Count, Filter, Page, Position, Probeable, Segment, Standing, Target, Unreadable, User,
};
pub use write::{BeginError, Claims, Holder, ItemClaim, OpenAction, SendToken, Swept, TargetTurn};

/// So long after a read was dropped Postgres has ended it, too.
pub const DROPPED_READ_ENDS_WITHIN: Duration = db::GONE_NOTICED_WITHIN;

/// The record could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres refused, or could not be reached.
    #[error("the record cannot be reached")]
    Database(#[from] sqlx::Error),
    /// Somebody has ended the action: recovery, as its deadline has long passed.
    #[error("the action has ended already")]
    Ended,
    /// A freeze covers the action, or came while it was to be repeated.
    #[error("the action is frozen")]
    Frozen,
    /// The newest seal is signed, and there is no key to go on with.
    #[error("the seals are signed, and MODGATE_SEAL_KEY is not set")]
    NoSealKey,
    /// Other keys signed the newest seals.
    #[error("none of the keys in MODGATE_SEAL_KEY signed any of the newest seals")]
    OtherSealKey,
    /// The chain of seals is not what it was.
    #[error("the chain of seals is broken: {0}")]
    Broken(#[from] seal::Break),
    /// A newer release wrote to the record, and only that can seal it.
    #[error("the record holds {0}, which a newer release wrote: only that can seal it")]
    Newer(String),
    /// The heads that were seen cannot be remembered.
    #[error(transparent)]
    Witness(#[from] seal::WitnessError),
    /// Whoever asked has gone.
    #[error("nobody waits for the answer any more")]
    Unwanted,
    /// A stored row is not what the gateway writes.
    #[error("action {id} holds a {column} that the gateway never wrote")]
    Foreign {
        /// The action.
        id: uuid::Uuid,
        /// The column.
        column: &'static str,
    },
}

impl Error {
    /// Whether what was written breaks a rule of the schema, as where the clocks of the gateway and the database are apart.
    pub fn is_refused_by_schema(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        error.is_check_violation()
    }
}

/// What is the same for all actions of one process.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Tells this process from its replicas and predecessors.
    pub instance: String,
    /// The gateway's version.
    pub version: String,
    /// Tencent's `SDKAppID`.
    pub sdk_app_id: u32,
    /// Host (and port) of Tencent's API.
    pub tencent_host: String,
}

/// The record.
#[derive(Clone, Debug)]
pub struct AuditLog {
    writing: Pool,
    lookups: Pool,
    denials: Pool,
    items: Pool,
    sealing: Pool,
    reading: Pool,
    lookout: Lookout,
    deployment: Deployment,
    keys: Arc<ArcSwap<SealKeys>>,
    /// What recovery has found: every action before it has ended.
    ended_before: Watermark,
    chain: Arc<Mutex<Chain>>,
    is_broken: Arc<AtomicBool>,
    is_newer: Arc<AtomicBool>,
    is_unguarded: Arc<AtomicBool>,
    last_blocked: LastBlocked,
    brakes: Arc<Known>,
}

impl AuditLog {
    /// The record in the database behind `pools`.
    pub fn new(pools: &Pools, deployment: Deployment, keys: Arc<SealKeys>) -> Self {
        Self {
            writing: pools.writing.clone(),
            lookups: pools.lookups.clone(),
            denials: pools.denials.clone(),
            items: pools.items.clone(),
            sealing: pools.sealing.clone(),
            reading: pools.reading.clone(),
            lookout: pools.lookout.clone(),
            deployment,
            keys: Arc::new(ArcSwap::new(keys)),
            ended_before: Watermark::default(),
            chain: Arc::default(),
            is_broken: Arc::default(),
            is_newer: Arc::default(),
            is_unguarded: Arc::default(),
            last_blocked: LastBlocked::default(),
            brakes: Arc::default(),
        }
    }

    /// Compares the chain of seals with what `witness` remembers, and lets it remember what is seen.
    #[must_use]
    pub fn with_witness(mut self, witness: Option<seal::Witness>) -> Self {
        self.chain = Arc::new(Mutex::new(Chain::new(witness)));
        self
    }

    /// Whether nothing is sealed because the chain of seals was found broken.
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// Whether this replica seals nothing because a newer release wrote to the record.
    pub fn is_newer(&self) -> bool {
        self.is_newer.load(Ordering::Relaxed)
    }

    /// Uses these keys from here on. Where they are those in use nothing is judged anew.
    pub fn set_seal_keys(&self, keys: Arc<SealKeys>) {
        if !self.keys.load().are(&keys) {
            self.keys.store(keys);
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        sqlx::Connection::ping(&mut *connection).await?;
        connection.release();
        Ok(())
    }
}

impl Error {
    fn is_broken(&self) -> bool {
        matches!(self, Self::Database(error) if db::is_broken(error))
    }

    /// What Postgres said, or that it said nothing of use.
    fn into_database(self) -> sqlx::Error {
        match self {
            Self::Database(error) => error,
            _ => sqlx::Error::RowNotFound,
        }
    }
}

/// `work`, and the same on another connection if that one was broken. For what is harmless twice.
async fn again_if_broken<T, F>(work: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    match work().await {
        Err(error) if error.is_broken() => work().await,
        known => known,
    }
}
