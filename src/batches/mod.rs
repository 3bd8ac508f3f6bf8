//! Many actions that were asked for as one: a batch is submitted, perhaps approved, run by all replicas below people's
//! clicks, and its items end as actions do.
//!
//! # The record is the queue
//! What was asked for are rows of the record, each with a mac: `audit.batch`, `audit.batch_item`, `audit.batch_event`.
//! Whatever decides whether an item may begin is read from them, so that the service's database password alone makes
//! nothing run. An item begins in the statement that inserts its intent, and only if the record has no action of it that
//! counts, and no event of its batch that this process has not judged ([`AuditLog::begin`](crate::audit::AuditLog)).
//! `modgate.batch_item` says which replica means to begin which item: it may be wrong without harm.
//!
//! # Stopping
//! A pause or a cancellation is an event. Whoever has committed one waits until each transaction is over that was about to
//! begin an action; what begins later sees the event. So nothing of the batch begins after the answer, at any replica.
//!
//! # Rooms
//! `submit` takes a batch in, and `check` says whether it may; `decide` is what people do with one, and `rights` who may;
//! `run` carries it out, `board` knows how the open ones stand, and `seen` shows them.

mod before;
mod board;
mod check;
mod decide;
mod digest;
mod ended;
mod refusal;
mod report;
mod rights;
mod run;
mod seen;
mod shown;
mod submit;
mod undo;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::domain::{CaseRef, IdempotencyKey, Item, Kind, Moderator, Origin, Reason, UndoOf};
use crate::moderation::Moderation;
use crate::service::Service;
use crate::telemetry::OnceAMinute;
pub use board::BatchNews;
use board::Board;
pub use decide::{Decision, Deed};
pub use refusal::BatchRefusal;
pub use shown::{BatchPage, Estimate, Items, Seen, SeenItem, Warnings};
pub use submit::Valid;

/// How many batches are taken in at a time: each is held in memory until it is recorded.
const TAKEN_IN_AT_ONCE: usize = 2;

/// What holds for batches.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Above so many actions within the hour a second person must approve; `None` for never.
    pub approval_above: Option<u32>,
    /// The kinds of action that there are here.
    pub kinds: Vec<Kind>,
}

/// A batch that somebody asks for.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Who asks.
    pub moderator: Moderator,
    /// From where.
    pub origin: Origin,
    /// For what.
    pub content: Content,
    /// Why.
    pub reason: Option<Reason>,
    /// The case it belongs to.
    pub case_ref: Option<CaseRef>,
    /// For how long it may run; `None` for as long as is usual.
    pub expires_in: Option<Duration>,
    /// The earlier batch that this one repeats on purpose.
    pub repeats: Option<uuid::Uuid>,
}

/// What a batch is to do.
#[derive(Clone, Debug)]
pub enum Content {
    /// These actions, in this order.
    Items(Vec<Item>),
    /// To lift what somebody has set and is still in force.
    Undo(UndoOf),
}

/// What became of a submission.
#[derive(Debug)]
pub struct Submitted {
    /// The batch.
    pub seen: Seen,
    /// Whether it was submitted before with the same key.
    pub replayed: bool,
}

/// A submission and the key that makes a repeat of it the same batch.
pub type Keyed = (Submission, IdempotencyKey);

/// The batches of one process.
#[derive(Debug)]
pub struct Batches {
    service: Arc<Service>,
    moderation: Arc<Moderation>,
    rules: Rules,
    board: Arc<Board>,
    /// Told when there may be something to run.
    wake: Arc<Notify>,
    taken_in: Semaphore,
    told_of_false_rows: OnceAMinute,
    told_of_clock: OnceAMinute,
}

impl Batches {
    /// With what `service` has, carried out by `moderation`.
    pub fn new(service: &Arc<Service>, moderation: &Arc<Moderation>, rules: Rules) -> Self {
        Self {
            service: Arc::clone(service),
            moderation: Arc::clone(moderation),
            rules,
            board: Arc::default(),
            wake: Arc::default(),
            taken_in: Semaphore::new(TAKEN_IN_AT_ONCE),
            told_of_false_rows: OnceAMinute::default(),
            told_of_clock: OnceAMinute::default(),
        }
    }

    /// Whether there are batches here: they need a seal key.
    pub fn are_there(&self) -> bool {
        self.service.audit.has_seal_key()
    }

    /// Above so many actions within the hour a second person must approve; `None` for never.
    pub const fn approval_above(&self) -> Option<u32> {
        self.rules.approval_above
    }
}
