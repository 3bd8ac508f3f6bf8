//! What actions wait for: the queue and the permits of each API, and what keeps them from beginning.

use std::time::Duration;

use super::Metrics;
use super::labels::{ApiLabels, FrozenLabels, PermitLabels, SuspendedLabels};
use crate::domain::{Api, BrakeRow, Reach, SuspendedFor};

impl Metrics {
    /// An action got its turn.
    pub fn queue_left(&self, waited: Duration) {
        self.queue_wait.observe(waited.as_secs_f64());
    }

    /// Tencent's throttling cut the permits of an API.
    pub fn permits_cut(&self, api: &'static Api) {
        let api = api.word;
        self.permit_cuts.get_or_create(&ApiLabels { api }).inc();
    }

    /// The state of one API's queue, and of the lease on its permits.
    pub fn set_queue(&self, api: &'static Api, queued: usize, lapsed: bool) {
        let api = api.word;
        self.queue_length
            .get_or_create(&ApiLabels { api })
            .set(gauge(queued));
        self.lease_lapsed
            .get_or_create(&ApiLabels { api })
            .set(lapsed.into());
    }

    /// How many permits of one API there are in each state, by its word.
    pub fn set_permits(&self, api: &'static Api, by_state: &[(&'static str, usize)]) {
        let api = api.word;
        for (state, count) in by_state.iter().copied() {
            self.permits
                .get_or_create(&PermitLabels { api, state })
                .set(gauge(count));
        }
    }

    /// Why calls to one API are suspended, if they are.
    pub fn set_suspended(&self, api: &'static Api, because: Option<SuspendedFor>) {
        for reason in SuspendedFor::ALL {
            let labels = SuspendedLabels {
                api: api.word,
                reason: reason.as_str(),
            };
            self.suspended
                .get_or_create(&labels)
                .set(i64::from(because == Some(*reason)));
        }
    }

    /// The freezes that are in force.
    pub fn set_frozen(&self, freezes: &[BrakeRow]) {
        for reach in Reach::ALL {
            let labels = FrozenLabels {
                scope: reach.as_str(),
            };
            let of_reach = freezes.iter().filter(|one| one.scope.reach() == *reach);
            self.frozen
                .get_or_create(&labels)
                .set(gauge(of_reach.count()));
        }
    }
}

pub(super) fn gauge(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
