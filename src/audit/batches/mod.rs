//! Batches in the record, and the working state that says which of their items are left.
//!
//! A row counts only if it is [genuine]: whoever has the service's database password alone can insert rows, and change
//! everything in schema `modgate`, but make no mac.

mod admit;
mod append;
mod counts;
mod denied;
mod earlier;
mod genuine;
mod hour;
mod insert;
mod items;
mod key;
mod left;
mod pick;
mod read;
mod row;
mod submission;
mod submit;
mod targets;

pub use append::{Appended, Within};
pub use counts::CountedEnds;
pub use earlier::Earlier;
pub use items::{BatchItem, Ended as EndedItem, ItemPage};
pub use left::ItemEnd;
pub use pick::Picked;
pub use read::BatchFilter;
pub use row::NewEvent;
pub use submission::{Recorded, SubmitError, SubmitLimits};
pub use targets::Setting;
