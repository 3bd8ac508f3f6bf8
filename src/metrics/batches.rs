//! The batches that are open, and those that ran without a second person.

use super::Metrics;
use super::labels::{NeedsLabels, StateLabels};
use super::limit::gauge;
use crate::domain::{BatchState, ItemState};

/// What a batch that is paused waits for.
const NEEDS: [&str; 3] = ["nothing", "person", "operator"];

impl Metrics {
    /// How many open batches there are in each state; none in those that are left out.
    pub fn set_batches(&self, counts: &[(BatchState, usize)]) {
        let states = BatchState::ALL.iter().filter(|state| !state.is_end());
        for state in states {
            let labels = StateLabels {
                state: state.as_str(),
            };
            self.batches
                .get_or_create(&labels)
                .set(gauge(of(counts, state)));
        }
    }

    /// How many batches are paused, by what they wait for; none for what is left out.
    pub fn set_batches_paused(&self, counts: &[(&'static str, usize)]) {
        for needs in NEEDS {
            self.batches_paused
                .get_or_create(&NeedsLabels { needs })
                .set(gauge(of(counts, &needs)));
        }
    }

    /// How many items of open batches there are in each state; none in those that are left out.
    pub fn set_batch_items(&self, counts: &[(ItemState, u64)]) {
        for state in ItemState::ALL {
            let labels = StateLabels {
                state: state.as_str(),
            };
            self.batch_items
                .get_or_create(&labels)
                .set(gauge(of(counts, state)));
        }
    }

    /// Somebody ran a batch without the second person that it would have taken.
    pub fn batch_solo(&self) {
        self.batches_solo.inc();
    }
}

fn of<Of: PartialEq, Count: Copy + Default>(counts: &[(Of, Count)], wanted: &Of) -> Count {
    let found = counts.iter().find(|(of, _)| of == wanted);
    found.map(|(_, count)| *count).unwrap_or_default()
}
