//! What is told of what becomes of batches.

use serde_json::Value;
use uuid::Uuid;

use super::BatchRefusal;
use crate::domain::{Batch, Counts, ItemState, Moderator};

/// By the words of the states.
pub(super) fn counts_json(counts: &Counts) -> Value {
    let counts = counts.all().filter(|(_, count)| *count > 0);
    let words =
        counts.map(|(state, count): (ItemState, u32)| (state.as_str().to_owned(), count.into()));
    Value::Object(words.collect())
}

/// The line that each event of a batch leaves.
pub(super) fn report(batch: &Batch, what: &str, moderator: &str) {
    tracing::info!(
        event = "batch",
        batch.id = %batch.id,
        what,
        moderator,
        submitted_by = batch.moderator.subject,
        items = batch.total,
        case_ref = batch.case_ref.as_ref().map(tracing::field::display),
        "batch {what}"
    );
}

/// The line that is left of what a freeze forbids: the record has nothing of it.
pub(super) fn frozen(tried: &str, batch: Option<Uuid>, moderator: &Moderator) -> BatchRefusal {
    tracing::warn!(
        event = "batch_frozen",
        tried,
        batch.id = batch.map(tracing::field::display),
        moderator = moderator.subject,
        "nothing was done with a batch, as it is frozen"
    );
    BatchRefusal::Frozen
}
