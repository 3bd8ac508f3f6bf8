//! What reads the record for people: one action, pages of them, and what changes.

mod actions;
mod assemble;
mod candidates;
mod changes;
mod clauses;
mod filter;
mod own;
mod page;

pub use actions::Page;
pub use changes::{Change, Position, Segment, Unreadable};
pub use filter::Filter;
