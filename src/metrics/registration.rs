//! The name, the unit and the help of every metric.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;

impl Metrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "actions",
            "Actions by the state they ended in",
            self.actions.clone(),
        );
        registry.register(
            "http_requests",
            "HTTP requests answered",
            self.requests.clone(),
        );
        registry.register(
            "tencent_attempts",
            "HTTP requests to Tencent",
            self.attempts.clone(),
        );
        registry.register(
            "queue_length",
            "Actions that wait for a turn",
            self.queue_length.clone(),
        );
        registry.register(
            "permits",
            "Permits of each API by what holds them",
            self.permits.clone(),
        );
        let cuts = "Times that Tencent's throttling cut the permits of an API";
        registry.register("permit_cuts", cuts, self.permit_cuts.clone());
        let suspended = "Whether calls to the API are suspended for the reason";
        registry.register("suspended", suspended, self.suspended.clone());
        let months = "Whole months after this one that the record has partitions for";
        registry.register(
            "partition_months_ahead",
            months,
            self.partition_months_ahead.clone(),
        );
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "This build", version);
        self.register_seconds(registry);
        self.register_proof_lease_and_stream(registry);
    }

    fn register_proof_lease_and_stream(&self, registry: &mut Registry) {
        let help = "Whether the seals of the record are signed";
        registry.register("seal_signed", help, self.seal_signed.clone());
        let help = "Breaks of the chain of seals that nobody has accepted, as this replica sees it: 0 or 1";
        registry.register("record_breaks", help, self.record_breaks.clone());
        let lapsed = "Whether this replica needs a lease on permits of the API and could not have it in time";
        registry.register("lease_lapsed", lapsed, self.lease_lapsed.clone());
        let listeners = "Who listens to the stream of this replica";
        registry.register("stream_listeners", listeners, self.stream_listeners.clone());
    }

    fn register_seconds(&self, registry: &mut Registry) {
        let unit = || Unit::Seconds;
        let help = "From the first byte to the end of Tencent's answer";
        let attempt = self.attempt_duration.clone();
        registry.register_with_unit("tencent_attempt_duration", help, unit(), attempt);
        let help = "Time to commit a step of the record";
        let commit = self.commit_duration.clone();
        registry.register_with_unit("audit_commit_duration", help, unit(), commit);
        let help = "Time that actions waited for their turn";
        registry.register_with_unit("queue_wait", help, unit(), self.queue_wait.clone());
        let help = "Age of the oldest action without an end";
        registry.register_with_unit("pending_oldest", help, unit(), self.pending_oldest.clone());
        let help = "Age of the oldest row of the record that is in no seal";
        registry.register_with_unit("seal_lag", help, unit(), self.seal_lag.clone());
        let help = "Time since the keys of the identity provider were fetched";
        registry.register_with_unit("jwks_age", help, unit(), self.jwks_age.clone());
        let help = "Time until the UserSig in use expires";
        registry.register_with_unit(
            "usersig_expires",
            help,
            unit(),
            self.usersig_expires.clone(),
        );
    }
}
