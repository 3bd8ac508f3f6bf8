//! What is shown of batches.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::audit::BatchItem;
use crate::domain::{Batch, Counts, ItemState};

/// How fast a batch runs, and when it will be done if that stays so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Items that ended in a second, over the last half minute.
    pub rate_per_second: f64,
    /// When the last will have ended; `None` if none ends at present.
    pub done_at: Option<DateTime<Utc>>,
}

/// What whoever submits a batch should know before it runs. `None` where it could not be found out in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warnings {
    /// To so many targets the same was done within the last ten minutes.
    pub recently_done: Option<u32>,
    /// So many items would end before a restriction that is in force, and do not name it: they will not be sent.
    pub would_shorten: Option<u32>,
}

/// A batch with how far it is.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The batch.
    pub batch: Arc<Batch>,
    /// Its items by state.
    pub counts: Counts,
    /// When they were counted.
    pub counted_at: DateTime<Utc>,
    /// How fast it runs; `None` until that is known, and when it does not run.
    pub estimate: Option<Estimate>,
}

/// Some batches, newest first.
#[derive(Debug)]
pub struct BatchPage {
    /// The batches.
    pub items: Vec<Seen>,
    /// Where to go on, if there may be more.
    pub next: Option<Uuid>,
}

/// An item of a batch, with its state.
#[derive(Debug)]
pub struct SeenItem {
    /// The item.
    pub item: BatchItem,
    /// Its state.
    pub state: ItemState,
}

/// Some items of a batch, in order.
#[derive(Debug)]
pub struct Items {
    /// The items.
    pub items: Vec<SeenItem>,
    /// The index to go on from, if there are more.
    pub next: Option<u32>,
}

impl Seen {
    /// What was found out when it was submitted.
    pub fn warnings(&self) -> Option<Warnings> {
        let submitted = self.batch.events.first()?;
        let warnings = submitted.details.get("warnings")?.as_object()?;
        Some(Warnings::read(warnings))
    }
}

impl Warnings {
    fn read(members: &Map<String, Value>) -> Self {
        let number = |name: &str| u32::try_from(members.get(name)?.as_u64()?).ok();
        Self {
            recently_done: number("recently_done"),
            would_shorten: number("would_shorten"),
        }
    }
}
