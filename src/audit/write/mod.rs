//! What appends to the record, and what keeps it writable: intents and ends, the keys that stand for them,
//! recovery of actions whose process fell silent, months made ahead of time, and the checks that nothing
//! but appending is possible.

mod append;
mod begin;
pub(super) mod blocked;
mod claims;
mod event;
mod fingerprint;
mod idempotency;
mod intent;
mod partitions;
mod probed;
pub(super) mod recovery;
mod rights;
mod token;
mod triggers;
mod working;

pub use begin::BeginError;
pub use claims::{Claims, ItemClaim, TargetTurn};
pub use idempotency::Holder;
pub use recovery::Swept;
pub use token::{OpenAction, SendToken};
