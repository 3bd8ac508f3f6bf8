//! What was read of batches becomes what a process knows of them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::state::{All, Open};
use crate::domain::{Batch, BatchEvent, BatchWord};

/// When it is looked again at a batch that is not genuine: the key may come, or the release that reads it.
const READ_AGAIN: Duration = Duration::from_secs(30);

/// Batches that were submitted so long ago are not read again without being asked for.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(26);

impl All {
    /// What was read of the batches with these ids: those that are not among them are not genuine. Those that have ended
    /// and were open are returned.
    pub(super) fn take_in_all(&mut self, batches: Vec<Batch>, ids: &[Uuid]) -> Vec<Arc<Batch>> {
        self.has_looked_back = true;
        let mut ended = Vec::new();
        let genuine: Vec<Uuid> = batches.iter().map(|batch| batch.id).collect();
        for batch in batches.into_iter().map(Arc::new) {
            if batch.state().is_end() {
                self.closed.insert(batch.id, None);
                self.give_back_picked(batch.id);
                if self.open.remove(&batch.id).is_some() {
                    ended.push(batch);
                }
            } else {
                self.take_in(batch);
            }
        }
        for id in ids.iter().filter(|id| !genuine.contains(id)) {
            self.open.remove(id);
            self.closed.insert(*id, Some(Instant::now()));
        }
        ended
    }

    /// Those that need not be read: they have ended, or are not genuine, as it seems.
    pub(super) fn not_to_be_read(&mut self) -> Vec<Uuid> {
        let floor = (Utc::now() - FORGOTTEN_AFTER).timestamp().unsigned_abs();
        let submitted = |id: &Uuid| id.get_timestamp().map_or(0, |at| at.to_unix().0);
        self.closed.retain(|id, _| submitted(id) >= floor);
        let is_due = |at: &Option<Instant>| at.is_some_and(|at| at.elapsed() >= READ_AGAIN);
        let closed = self.closed.iter().filter(|(_, at)| !is_due(at));
        closed.map(|(id, _)| *id).collect()
    }

    /// A batch that is open, as it is now.
    fn take_in(&mut self, batch: Arc<Batch>) {
        let id = batch.id;
        let open = self
            .open
            .entry(id)
            .or_insert_with(|| Open::new(Arc::clone(&batch)));
        let did_begin = open.begins();
        let went_on_before = went_on_at(&open.batch);
        self.closed.remove(&id);
        open.batch = batch;
        if !open.begins() && did_begin {
            self.give_back_picked(id);
        } else if open.begins() && (went_on_at(&open.batch) != went_on_before || !did_begin) {
            // What was before a pause is no reason to wait, nor for another.
            open.begin_anew();
            self.release_all();
        }
    }
}

/// The rev of the last event that let its items begin.
fn went_on_at(batch: &Batch) -> Option<i16> {
    let goes_on =
        |event: &&BatchEvent| matches!(event.word, BatchWord::Started | BatchWord::Resumed);
    batch
        .events
        .iter()
        .rev()
        .find(goes_on)
        .map(|event| event.rev)
}
