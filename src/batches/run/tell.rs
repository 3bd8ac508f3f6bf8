//! How far batches are, for the metrics and for those who listen.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::Utc;

use super::Runner;
use crate::domain::{Batch, BatchState, ItemState};

impl Runner {
    /// Counts, for the metrics and for those who listen.
    pub(super) async fn count(&self, for_metrics: bool) {
        let open: Vec<Arc<Batch>> = {
            let all = self.state.lock();
            all.open
                .values()
                .map(|open| Arc::clone(&open.batch))
                .collect()
        };
        let mut items: HashMap<ItemState, u64> = HashMap::new();
        for batch in &open {
            let Ok(seen) = self.batches.seen(Arc::clone(batch)).await else {
                continue;
            };
            for (state, count) in seen.counts.all() {
                *items.entry(state).or_default() += u64::from(count);
            }
            self.batches.board.tell(seen);
        }
        if for_metrics {
            self.show(&open, &items);
            self.batches.board.forget_old();
        }
    }

    fn show(&self, open: &[Arc<Batch>], items: &HashMap<ItemState, u64>) {
        let metrics = &self.batches.service.metrics;
        let in_state =
            |state: BatchState| open.iter().filter(|batch| batch.state() == state).count();
        let states = BatchState::ALL.iter().filter(|state| !state.is_end());
        let counts: Vec<(BatchState, usize)> =
            states.map(|state| (*state, in_state(*state))).collect();
        metrics.set_batches(&counts);
        let mut needs: HashMap<&'static str, usize> = HashMap::new();
        for pause in open.iter().filter_map(|batch| batch.progress().paused) {
            *needs.entry(pause.needs(Utc::now()).as_str()).or_default() += 1;
        }
        let needs: Vec<(&'static str, usize)> = needs.into_iter().collect();
        metrics.set_batches_paused(&needs);
        let items: Vec<(ItemState, u64)> = items
            .iter()
            .map(|(state, count)| (*state, *count))
            .collect();
        metrics.set_batch_items(&items);
    }

    pub(super) async fn tell(&self, batch: Arc<Batch>) {
        if self.batches.board.is_listened_to()
            && let Ok(seen) = self.batches.seen(batch).await
        {
            self.batches.board.tell(seen);
        }
    }
}
