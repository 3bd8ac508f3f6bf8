//! What Prometheus scrapes. No label holds an id, a name or anything else without bound.
//!
//! Counters and histograms are updated where things happen; gauges are read at scrape time by
//! whoever renders them.

mod labels;
mod record;
mod registration;
mod zero;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub use labels::Step;
use labels::{
    ActionLabels, ApiLabels, AttemptLabels, PermitLabels, RequestLabels, StepLabels,
    SuspendedLabels,
};

use crate::domain::{Api, Attempt, Kind, State, SuspendedFor, Verdict};

/// The class of an attempt that Tencent answered with success.
const OK: &str = "ok";

type Seconds = Gauge<f64, AtomicU64>;

/// All metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    actions: Family<ActionLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    attempt_duration: Histogram,
    commit_duration: Family<StepLabels, Histogram, fn() -> Histogram>,
    queue_wait: Histogram,
    queue_length: Family<ApiLabels, Gauge>,
    permits: Family<PermitLabels, Gauge>,
    permit_cuts: Family<ApiLabels, Counter>,
    lease_lapsed: Family<ApiLabels, Gauge>,
    suspended: Family<SuspendedLabels, Gauge>,
    pending_oldest: Seconds,
    seal_lag: Seconds,
    /// The lag, and when it was found out.
    seal_lag_known: Mutex<(Duration, Instant)>,
    seal_signed: Gauge,
    record_breaks: Gauge,
    usersig_expires: Seconds,
    jwks_age: Seconds,
    partition_months_ahead: Gauge,
    stream_listeners: Gauge,
}

fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 14))
}

impl Metrics {
    /// A registry with every metric at zero, and with every series whose labels are known.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("modgate");
        let commit: fn() -> Histogram = durations;
        let metrics = Self {
            actions: Family::default(),
            requests: Family::default(),
            attempts: Family::default(),
            attempt_duration: durations(),
            commit_duration: Family::new_with_constructor(commit),
            queue_wait: durations(),
            queue_length: Family::default(),
            permits: Family::default(),
            permit_cuts: Family::default(),
            lease_lapsed: Family::default(),
            suspended: Family::default(),
            pending_oldest: Seconds::default(),
            seal_lag: Seconds::default(),
            seal_lag_known: Mutex::new((Duration::ZERO, Instant::now())),
            seal_signed: Gauge::default(),
            record_breaks: Gauge::default(),
            usersig_expires: Seconds::default(),
            jwks_age: Seconds::default(),
            partition_months_ahead: Gauge::default(),
            stream_listeners: Gauge::default(),
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        metrics.begin_at_zero();
        Self {
            registry,
            ..metrics
        }
    }

    /// An action ended.
    pub fn action_ended(&self, kind: Kind, state: State) {
        self.actions
            .get_or_create(&ActionLabels {
                kind: kind.as_str(),
                state: state.as_str(),
            })
            .inc();
    }

    /// A request was answered; `route` is the pattern, not the path.
    pub fn request_answered(&self, route: String, status: u16) {
        // A bug is to be seen at its first time.
        let bugs = RequestLabels {
            route: route.clone(),
            status: 500,
        };
        drop(self.requests.get_or_create(&bugs));
        self.requests
            .get_or_create(&RequestLabels { route, status })
            .inc();
    }

    /// An attempt is over.
    pub fn attempt_ended(&self, kind: Kind, attempt: &Attempt, verdict: Verdict) {
        let class = match (verdict, attempt.failure()) {
            (_, Some(failure)) => failure.as_str(),
            (Verdict::Refused(class) | Verdict::Unknown(Some(class)), None) => class.as_str(),
            (_, None) => OK,
        };
        self.attempts
            .get_or_create(&AttemptLabels {
                kind: kind.as_str(),
                class,
            })
            .inc();
        self.attempt_duration
            .observe(attempt.duration.as_secs_f64());
    }

    /// A step of the record was committed.
    pub fn committed(&self, step: Step, took: Duration) {
        let step = step.as_str();
        self.commit_duration
            .get_or_create(&StepLabels { step })
            .observe(took.as_secs_f64());
    }

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

    /// Seconds until the `UserSig` expires; negative when it has.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a few years")]
    pub fn set_usersig_expires(&self, seconds: i64) {
        self.usersig_expires.set(seconds as f64);
    }

    /// For how long the identity provider's keys have not been fetched; zero where tokens are not
    /// checked with such keys.
    pub fn set_jwks_age(&self, age: Duration) {
        self.jwks_age.set(age.as_secs_f64());
    }

    /// Somebody began to listen to the stream.
    pub fn listener_came(&self) {
        self.stream_listeners.inc();
    }

    /// Somebody has stopped listening to the stream.
    pub fn listener_left(&self) {
        self.stream_listeners.dec();
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

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
