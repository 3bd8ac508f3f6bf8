//! What became of items is written down, many at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use super::state::All;
use super::{IN_FLIGHT, PUTS_BACK_EVERY, Runner};
use crate::audit::{ItemEnd, Picked};
use crate::telemetry::causes;

/// The longest that an action takes from its begin to its end.
const LEAVES_WITHIN: Duration = Duration::from_secs(15);

impl Runner {
    pub(super) async fn put_back_ended(self: &Arc<Self>) {
        let mut ticks = interval(PUTS_BACK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.put_back().await;
        }
    }

    /// What cannot be written down now is looked up in the record by whoever picks the item next.
    async fn put_back(&self) {
        let ended = std::mem::take(&mut self.state.lock().ended);
        for (id, ends) in ended {
            if let Err(error) = self.batches.service.audit.put_back(id, &ends).await {
                tracing::warn!(error = causes(&error), batch.id = %id, "what became of items was not noted; the record has it");
            }
        }
    }

    /// The service closes: what was picked is left to others at once, once what is under way has ended.
    pub(super) async fn leave(&self) {
        let all_slots = u32::try_from(IN_FLIGHT).unwrap_or(u32::MAX);
        let _none_is_under_way =
            timeout(LEAVES_WITHIN, self.in_flight.acquire_many(all_slots)).await;
        {
            let mut all = self.state.lock();
            all.give_back_all();
            for (_, (id, index)) in std::mem::take(&mut all.in_hand) {
                all.put_back_now(id, vec![index]);
            }
        }
        self.put_back().await;
    }

    /// What was picked while the service closes.
    pub(super) async fn leave_to_others(&self, id: Uuid, picked: &[Picked]) {
        let end = |one: &Picked| ItemEnd {
            index: one.index,
            again_after: Some(Duration::ZERO),
            answered: false,
        };
        let ends: Vec<ItemEnd> = picked.iter().map(end).collect();
        if let Err(error) = self.batches.service.audit.put_back(id, &ends).await {
            tracing::warn!(error = causes(&error), batch.id = %id, "items were not given back: others take them after 20 seconds");
        }
    }
}

impl All {
    /// Leaves to others what was picked of this batch and not begun.
    pub(super) fn give_back_picked(&mut self, id: Uuid) {
        let indexes = self.open.get_mut(&id).map(super::state::Open::take_picked);
        self.put_back_now(id, indexes.unwrap_or_default());
    }

    pub(super) fn give_back_all(&mut self) {
        let ids: Vec<Uuid> = self.open.keys().copied().collect();
        for id in ids {
            self.give_back_picked(id);
        }
    }

    pub(super) fn put_back_now(&mut self, id: Uuid, indexes: Vec<u32>) {
        if indexes.is_empty() {
            return;
        }
        let ends = indexes.into_iter().map(|index| ItemEnd {
            index,
            again_after: Some(Duration::ZERO),
            answered: false,
        });
        self.ended.entry(id).or_default().extend(ends);
    }
}
