//! What reads the record for people: one action, pages of them, what changes, and what is
//! in force.

mod actions;
pub(super) mod assemble;
mod candidates;
mod changes;
mod clauses;
mod filter;
mod own;
mod page;
mod probe;
mod target;
mod unresolved;
mod user;

pub use actions::Page;
pub use changes::{Change, Position, Segment, Unreadable};
pub use filter::Filter;
pub use probe::Probeable;
pub use target::Target;
pub use user::{Count, Standing, User};
