//! Many actions that were asked for as one: what a batch is, and what becomes of it.
//!
//! What a batch is stands in its row, and what became of it in its events, numbered by rev. [`Batch::state`] is made of
//! both. Its items end as actions do; what became of them is counted over the record ([`Counts`]).

mod counts;
mod events;
mod new;
mod pause;
mod progress;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use counts::{Counts, Ends, ItemState, MOST_TRIES, begins_again};
pub use events::{BatchAuthor, BatchEvent, BatchWord};
pub use new::{Digests, Kinds, NewBatch};
pub use pause::{Needs, Pause, PauseCause, Strictness};
pub use progress::Progress;

use super::{CaseRef, Command, Effect, Kind, Moderator, Origin, Reason, Scope, words};

/// The most items of a batch.
pub const MOST_ITEMS: usize = 10_000;

/// The longest that a batch may run, from its submission on.
pub const LONGEST_BATCH: Duration = Duration::from_hours(24);

/// How long one with kicks or removals may run, unless it says otherwise: whoever comes back in the morning must not meet
/// what was asked for at night.
const USUAL_WITH_KICKS: Duration = Duration::from_hours(2);

/// How long after the pause of a batch it may go on by itself.
pub const GOES_ON_WITHIN: Duration = Duration::from_mins(10);

/// The state of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchState {
    /// A second person must look at it.
    AwaitingApproval,
    /// It may run, and waits for its turn.
    Queued,
    /// Its items are begun.
    Running,
    /// None is begun until it is resumed.
    Paused,
    /// None is begun any more; those under way end.
    Cancelling,
    /// It was cancelled.
    Cancelled,
    /// A second person did not approve it.
    Rejected,
    /// Its time was over first.
    Expired,
    /// All items have ended.
    Done,
}

words!(
    BatchState,
    "must be awaiting_approval, queued, running, paused, cancelling, cancelled, rejected, expired or done",
    AwaitingApproval = "awaiting_approval",
    Queued = "queued",
    Running = "running",
    Paused = "paused",
    Cancelling = "cancelling",
    Cancelled = "cancelled",
    Rejected = "rejected",
    Expired = "expired",
    Done = "done"
);

impl BatchState {
    /// Whether nothing can become of it any more.
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Cancelled | Self::Rejected | Self::Expired | Self::Done
        )
    }

    /// Whether no item of it can have begun.
    pub const fn is_before_start(self) -> bool {
        matches!(self, Self::AwaitingApproval | Self::Queued)
    }
}

/// What one action of a batch is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What Tencent is to do.
    pub command: Command,
    /// Why, if not for the reason of the batch.
    pub reason: Option<Reason>,
    /// The case it belongs to, if not to that of the batch.
    pub case_ref: Option<CaseRef>,
}

/// Whose restrictions a batch lifts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoOf {
    /// The subject of who has set them.
    pub moderator: String,
    /// The issuer of their token.
    pub issuer: String,
    /// The kind that has set them; `None` for any.
    pub kind: Option<Kind>,
    /// Asked for at this time or later.
    pub since: DateTime<Utc>,
    /// Asked for before this.
    pub until: Option<DateTime<Utc>>,
}

/// A batch with so many events begins nothing: the function that claims an item says the same.
const MOST_EVENTS: i16 = 990;

/// With so many it is not paused and resumed any more.
const MOST_OF_PEOPLE: i16 = 900;

/// How long a batch of these kinds runs at most, unless it says otherwise.
pub fn usual_span(kinds: impl IntoIterator<Item = Kind>) -> Duration {
    let mut kinds = kinds.into_iter();
    let kicks = kinds.any(|kind| matches!(kind.effect, Effect::Passes));
    if kicks {
        USUAL_WITH_KICKS
    } else {
        LONGEST_BATCH
    }
}

/// A batch as the record has it: its row and its events, as far as they are genuine.
#[derive(Clone, Debug)]
pub struct Batch {
    /// A `UUIDv7`.
    pub id: Uuid,
    /// Who submitted it. `scopes` are those that mattered then; `expires_at` says nothing.
    pub moderator: Moderator,
    /// From where.
    pub origin: Origin,
    /// Why.
    pub reason: Option<Reason>,
    /// The case it belongs to.
    pub case_ref: Option<CaseRef>,
    /// How many items it has.
    pub total: u32,
    /// SHA-256 of its items in order, in hexadecimal.
    pub digest: String,
    /// The earlier batch that it repeats.
    pub repeats: Option<Uuid>,
    /// Whether a second person must approve it.
    pub needs_approval: bool,
    /// Whether it would have had to be approved, and its submitter may do without.
    pub is_solo: bool,
    /// How many items are of each kind.
    pub kinds: Kinds,
    /// When it was submitted.
    pub submitted_at: DateTime<Utc>,
    /// From when on none of its items begins.
    pub expires_at: DateTime<Utc>,
    /// In their order.
    pub events: Vec<BatchEvent>,
    /// The rev of the newest event, genuine or not.
    pub last_rev: i16,
}

impl Batch {
    /// Its state.
    pub fn state(&self) -> BatchState {
        self.progress().state
    }

    /// What its events have made of it.
    pub fn progress(&self) -> Progress<'_> {
        Progress::of(self.needs_approval, &self.events)
    }

    /// Whether it may be paused and resumed once more: a stop must find room after that.
    pub const fn has_room_for_people(&self) -> bool {
        self.last_rev < MOST_OF_PEOPLE
    }

    /// Whether a stop can still be recorded: where it cannot, nothing begins.
    pub const fn has_room_for_a_stop(&self) -> bool {
        self.last_rev < MOST_EVENTS
    }

    /// Whether this issuer and subject submitted it.
    pub fn is_by(&self, moderator: &Moderator) -> bool {
        self.moderator.key() == moderator.key()
    }

    /// Whether `moderator` may be the same person as who submitted it: by the subject of either, or by whoever acts on
    /// behalf of it.
    pub fn may_be_of(&self, moderator: &Moderator) -> bool {
        let of = |one: &Moderator| -> BTreeSet<String> {
            [Some(one.subject.clone()), one.actor.clone()]
                .into_iter()
                .flatten()
                .collect()
        };
        !of(&self.moderator).is_disjoint(&of(moderator))
    }

    /// Whether `moderator` may see it: their own, everyone's with `audit:read`, and each that is open with
    /// `batch:approve`.
    pub fn is_visible_to(&self, moderator: &Moderator) -> bool {
        self.is_by(moderator)
            || moderator.may(Scope::AUDIT_READ)
            || moderator.may(Scope::BATCH_APPROVE) && !self.state().is_end()
    }

    /// The kinds of its items; a word that only a newer release knows is left out.
    pub fn known_kinds(&self) -> impl Iterator<Item = Kind> {
        self.kinds.keys().filter_map(|word| word.parse().ok())
    }

    /// What tells this content in this state from every other: the value of its `ETag`, without the quotes.
    pub fn tag(&self) -> String {
        format!("{}.{}", self.digest, self.state())
    }
}
