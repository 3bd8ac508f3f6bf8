//! What Prometheus scrapes. No label holds an id, a name or anything else without bound.
//!
//! Counters and histograms are updated where things happen; gauges are read at scrape time by
//! whoever renders them. [`Metrics::new`] is the list of all of them.

mod actions;
mod batches;
mod clients;
mod labels;
mod limit;
mod record;
mod table;
mod zero;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use labels::{
    ActionLabels, ApiLabels, AttemptLabels, FrozenLabels, KindLabels, NeedsLabels, PermitLabels,
    ProbeLabels, RequestLabels, StateLabels, StepLabels, SuspendedLabels,
};
pub use labels::{ProbeResult, Step};
use table::Table;

type Seconds = Gauge<f64, AtomicU64>;

/// All metrics of one process. Each field has the name of its metric, without prefix and unit.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    actions: Family<ActionLabels, Counter>,
    tencent_attempts: Family<AttemptLabels, Counter>,
    tencent_attempt_duration: Histogram,
    probes: Family<ProbeLabels, Counter>,
    usersig_expires: Seconds,
    queue_length: Family<ApiLabels, Gauge>,
    queue_wait: Histogram,
    permits: Family<PermitLabels, Gauge>,
    permit_cuts: Family<ApiLabels, Counter>,
    lease_lapsed: Family<ApiLabels, Gauge>,
    suspended: Family<SuspendedLabels, Gauge>,
    frozen: Family<FrozenLabels, Gauge>,
    frozen_actions: Family<KindLabels, Counter>,
    batches: Family<StateLabels, Gauge>,
    batches_paused: Family<NeedsLabels, Gauge>,
    batch_items: Family<StateLabels, Gauge>,
    batches_solo: Counter,
    audit_commit_duration: Family<StepLabels, Histogram, fn() -> Histogram>,
    pending_oldest: Seconds,
    unresolved: Family<KindLabels, Gauge>,
    seal_lag: Seconds,
    /// The lag, and when it was found out.
    seal_lag_known: Mutex<(Duration, Instant)>,
    seal_signed: Gauge,
    record_breaks: Gauge,
    partition_months_ahead: Gauge,
    http_requests: Family<RequestLabels, Counter>,
    stream_listeners: Gauge,
    jwks_age: Seconds,
}

fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 14))
}

impl Metrics {
    /// A registry with every metric at zero, and with every series whose labels are known.
    #[expect(clippy::too_many_lines, reason = "the table of all metrics")]
    pub fn new() -> Self {
        let mut table = Table::new("modgate");
        table.constant(
            "build",
            "This build",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let metrics = Self {
            actions: table.add("actions", "Actions by the state they ended in"),
            tencent_attempts: table.add("tencent_attempts", "HTTP requests to Tencent"),
            tencent_attempt_duration: table.add_seconds(
                "tencent_attempt_duration",
                "From the first byte to the end of Tencent's answer",
                durations(),
            ),
            probes: table.add(
                "probes",
                "Questions to Tencent about what became of an action, by what they have shown",
            ),
            usersig_expires: table.add_seconds(
                "usersig_expires",
                "Time until the UserSig in use expires",
                Seconds::default(),
            ),
            queue_length: table.add("queue_length", "Actions that wait for a turn"),
            queue_wait: table.add_seconds(
                "queue_wait",
                "Time that actions waited for their turn",
                durations(),
            ),
            permits: table.add("permits", "Permits of each API by what holds them"),
            permit_cuts: table.add(
                "permit_cuts",
                "Times that Tencent's throttling cut the permits of an API",
            ),
            lease_lapsed: table.add(
                "lease_lapsed",
                "Whether this replica needs a lease on permits of the API and could not have it in time",
            ),
            suspended: table.add(
                "suspended",
                "Whether calls to the API are suspended for the reason",
            ),
            frozen: table.add(
                "frozen",
                "Freezes in force, by how far they reach: all, kind, issuer or moderator",
            ),
            frozen_actions: table.add(
                "frozen_actions",
                "Actions that a freeze kept from beginning",
            ),
            batches: table.add(
                "batches",
                "Open batches by state, as this replica knows the record",
            ),
            batches_paused: table.add(
                "batches_paused",
                "Paused batches by what they wait for: nothing, person or operator",
            ),
            batch_items: table.add("batch_items", "Items of open batches by state"),
            batches_solo: table.add(
                "batches_solo",
                "Batches that ran without the second person that they would have taken",
            ),
            audit_commit_duration: table.add_seconds(
                "audit_commit_duration",
                "Time to commit a step of the record",
                Family::new_with_constructor(durations),
            ),
            pending_oldest: table.add_seconds(
                "pending_oldest",
                "Age of the oldest action without an end",
                Seconds::default(),
            ),
            unresolved: table.add(
                "unresolved",
                "Actions of the last 15 minutes whose outcome is still unknown after a minute, as the record has them",
            ),
            seal_lag: table.add_seconds(
                "seal_lag",
                "Age of the oldest row of the record that is in no seal",
                Seconds::default(),
            ),
            seal_lag_known: Mutex::new((Duration::ZERO, Instant::now())),
            seal_signed: table.add("seal_signed", "Whether the seals of the record are signed"),
            record_breaks: table.add(
                "record_breaks",
                "Breaks of the chain of seals that nobody has accepted, as this replica sees it: 0 or 1",
            ),
            partition_months_ahead: table.add(
                "partition_months_ahead",
                "Whole months after this one that the record has partitions for",
            ),
            http_requests: table.add("http_requests", "HTTP requests answered"),
            stream_listeners: table.add(
                "stream_listeners",
                "Who listens to the stream of this replica",
            ),
            jwks_age: table.add_seconds(
                "jwks_age",
                "Time since the keys of the identity provider were fetched",
                Seconds::default(),
            ),
            registry: table.into_registry(),
        };
        metrics.begin_at_zero();
        metrics
    }

    /// The exposition, in the `OpenMetrics` text format.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        self.refresh_seal_lag();
        let mut rendered = String::new();
        text::encode(&mut rendered, &self.registry)?;
        Ok(rendered)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Shared by all who count.
pub type Shared = Arc<Metrics>;
