//! What the gateway talks about: moderators, actions, attempts and their ends.
//!
//! Pure values. Nothing here does I/O or knows HTTP, SQL or Tencent's wire format, and nothing
//! here imports another module of ours: every other module may depend on this one.

mod action;
mod api;
mod attempt;
mod batch;
mod brake;
mod brakes;
mod field;
mod host;
mod in_force;
mod kind;
mod moderator;
mod question;
mod restriction;
mod targets;
mod text;
mod words;

pub use action::{Action, Command, Intent, Origin, Probe, Request};
pub use api::{Api, Packet};
pub use attempt::{Answer, Attempt, Class, DecidedBy, End, Failure, Verdict, millis};
pub use batch::{
    Batch, BatchAuthor, BatchEvent, BatchState, BatchWord, Counts, Digests, Ends, GOES_ON_WITHIN,
    Item, ItemState, Kinds, LONGEST_BATCH, MOST_ITEMS, MOST_TRIES, Needs, NewBatch, Pause,
    PauseCause, Progress, Strictness, UndoOf, begins_again, usual_span,
};
pub use brake::{Brake, BrakeAuthor, BrakeRow, BrakeScope, BrakedBy, NewBrake, Reach};
pub use brakes::{Brakes, ThawRefusal};
pub use field::{Example, Field, Slot};
pub use host::is_loopback;
pub use in_force::{Ended, InForce, LATEST, TargetAction, in_force, not_taken_back};
pub use kind::{Effect, Kind, Repeat, Spec, Wire};
pub use moderator::{Moderator, Scope};
pub use question::{Finding, Question, Until};
pub use restriction::{Channels, Span};
pub use targets::Targets;
pub use text::{CaseRef, Data, IdempotencyKey, Reason, RoomId, UserId, Violation, printable};
pub(crate) use words::words;
pub use words::{State, SuspendedFor, UnknownWord, Word};
