//! What is known of the record.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Metrics;
use super::labels::{KindLabels, Step, StepLabels};
use crate::domain::Kind;

impl Metrics {
    /// A step of the record was committed.
    pub fn committed(&self, step: Step, took: Duration) {
        let step = step.as_str();
        self.audit_commit_duration
            .get_or_create(&StepLabels { step })
            .observe(took.as_secs_f64());
    }

    /// Age of the oldest pending action; zero when there is none.
    pub fn set_pending_oldest(&self, age: Duration) {
        self.pending_oldest.set(age.as_secs_f64());
    }

    /// How many actions of each kind nobody has found out about; none of the kinds that are left out.
    pub fn set_unresolved(&self, counts: &[(Kind, i64)]) {
        for kind in Kind::ALL {
            let count = counts.iter().find(|(of, _)| of == kind);
            self.unresolved
                .get_or_create(&KindLabels {
                    kind: kind.as_str(),
                })
                .set(count.map_or(0, |(_, count)| *count));
        }
    }

    /// For how long the oldest row that is in no seal has been there, as far as is known now. It goes on
    /// growing until more is known: whoever finds it out may be kept from it.
    pub fn set_seal_lag(&self, lag: Duration) {
        *self.lock_seal_lag() = (lag, Instant::now());
    }

    /// For how long it has been there by now.
    pub(super) fn refresh_seal_lag(&self) {
        let (lag, known_at) = *self.lock_seal_lag();
        self.seal_lag.set((lag + known_at.elapsed()).as_secs_f64());
    }

    fn lock_seal_lag(&self) -> MutexGuard<'_, (Duration, Instant)> {
        let known = self.seal_lag_known.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is sealed because the chain of seals was found broken.
    pub fn set_record_broken(&self, broken: bool) {
        self.record_breaks.set(i64::from(broken));
    }

    /// Whether seals are signed.
    pub fn set_seal_signed(&self, signed: bool) {
        self.seal_signed.set(i64::from(signed));
    }

    /// Months for which partitions are ready.
    pub fn set_partition_months_ahead(&self, months: i32) {
        self.partition_months_ahead.set(i64::from(months));
    }
}
