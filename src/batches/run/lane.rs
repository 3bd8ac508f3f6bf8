//! The lane of an API: items are picked ahead, and each gets its turn behind people.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Runner;
use super::state::Open;
use crate::audit::Picked;
use crate::domain::{Api, Batch, Kind, MOST_ITEMS};
use crate::telemetry::causes;

/// How many items are picked at a time, and at how few left more are.
const PICKED_AT_ONCE: i64 = 40;
const PICKS_BELOW: usize = 20;

/// When it is worth picking again where less was left than was asked for: some may be to begin again.
const PICKS_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How long a lane without items waits for word that some came.
const WAITS: Duration = Duration::from_millis(500);

impl Runner {
    /// Begins items that call `api`, one after the other.
    pub(super) async fn lane(self: &Arc<Self>, api: &'static Api) {
        loop {
            let came = self.items_came.notified();
            let held = self.state.lock().held_for(api);
            let suspended = self.batches.moderation.holds_items_back(api);
            if let Some(wait) = held.or(suspended.map(|suspended| suspended.retry_after)) {
                // Others can use the permits.
                self.batches.service.limiter.set_backlog(api, 0);
                sleep(wait.min(WAITS)).await;
                continue;
            }
            self.pick_ahead(api);
            let Some((batch, picked)) = self.state.lock().next(api) else {
                let _ = timeout(WAITS, came).await;
                continue;
            };
            if !self.begin(api, batch, picked).await {
                return;
            }
        }
    }

    /// Gets the item its turn, and lets it run; false if the service is closing.
    async fn begin(self: &Arc<Self>, api: &'static Api, batch: Arc<Batch>, picked: Picked) -> bool {
        let Some(asked) = self.what_to_begin(&batch, picked) else {
            return true;
        };
        // If the service closes while it waits, it is left to others.
        let in_hand = (batch.id, asked.index());
        self.state.lock().in_hand.insert(api.word, in_hand);
        let of_api = self.in_flight_of(api).acquire_owned().await;
        let slot = Arc::clone(&self.in_flight).acquire_owned().await;
        let turn = self.batches.service.limiter.item_turn(api, false).await;
        let (Ok(of_api), Ok(slot), Some(turn)) = (of_api, slot, turn) else {
            return false;
        };
        self.state.lock().in_hand.remove(api.word);
        let this = Arc::clone(self);
        let running = async move {
            this.run_item(batch, asked, turn).await;
            drop((of_api, slot));
        };
        let service = &self.batches.service;
        service.tasks.spawn_on(running, &service.runtime);
        true
    }

    /// Picks more where few are left.
    fn pick_ahead(self: &Arc<Self>, api: &'static Api) {
        let mut all = self.state.lock();
        let mut backlog = 0;
        for open in all.open.values_mut() {
            if !open.is_to_be_picked_from() {
                continue;
            }
            let kinds = open.kinds_of(api, &self.batches.rules.kinds);
            if kinds.is_empty() {
                continue;
            }
            let batch = Arc::clone(&open.batch);
            let now = Instant::now();
            let buffer = open.picked.entry(api.word).or_default();
            let is_due = buffer.next_pick.is_none_or(|next| next <= now);
            // As many as there may be, where the last pick was not short.
            backlog += if buffer.next_pick.is_none() {
                MOST_ITEMS
            } else {
                buffer.len()
            };
            if buffer.is_being_filled() || !is_due || buffer.len() >= PICKS_BELOW {
                continue;
            }
            buffer.begin_to_fill();
            let this = Arc::clone(self);
            let picking = async move { this.pick(api, &batch, &kinds).await };
            drop(self.batches.service.runtime.spawn(picking));
        }
        drop(all);
        self.batches.service.limiter.set_backlog(api, backlog);
    }

    async fn pick(self: Arc<Self>, api: &'static Api, batch: &Batch, kinds: &[Kind]) {
        let (at, id) = (Instant::now(), batch.id);
        let audit = &self.batches.service.audit;
        let picked = audit.pick_items(batch, kinds, PICKED_AT_ONCE).await;
        if let (Ok(picked), true) = (&picked, self.batches.service.closing.is_cancelled()) {
            return self.leave_to_others(id, picked).await;
        }
        let mut all = self.state.lock();
        let Some(open) = all.open.get_mut(&id) else {
            return;
        };
        let still_runs = open.is_to_be_picked_from();
        let buffer = open.picked.entry(api.word).or_default();
        buffer.end_filling();
        match picked {
            Ok(picked) => {
                let is_short = i64::try_from(picked.len()).unwrap_or(i64::MAX) < PICKED_AT_ONCE;
                buffer.next_pick = is_short.then(|| at + PICKS_AGAIN_AFTER);
                let indexes: Vec<u32> = picked.iter().map(|one| one.index).collect();
                if still_runs {
                    for one in picked {
                        buffer.push(at, one);
                    }
                } else {
                    all.put_back_now(id, indexes);
                }
            }
            Err(error) => {
                buffer.next_pick = Some(at + super::LOOKS_EVERY);
                tracing::warn!(error = causes(&error), batch.id = %id, "items could not be picked");
            }
        }
        drop(all);
        self.items_came.notify_waiters();
    }
}

impl Open {
    /// Whether items of it are begun here.
    fn is_to_be_picked_from(&self) -> bool {
        self.items_left && self.begins()
    }
}
