//! What is known of the record.

use std::time::Duration;

use super::Metrics;

impl Metrics {
    /// Age of the oldest pending action; zero when there is none.
    pub fn set_pending_oldest(&self, age: Duration) {
        self.pending_oldest.set(age.as_secs_f64());
    }

    /// For how long the oldest row that is in no seal has been there.
    pub fn set_seal_lag(&self, lag: Duration) {
        self.seal_lag.set(lag.as_secs_f64());
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
