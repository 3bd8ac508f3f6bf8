//! The use case: one moderator's action, from the right to do it to the recorded end.
//!
//! The order is the whole point, and it is here and nowhere else. `admit`: authorise → protected target →
//! replay of an earlier request? → frozen? → would it shorten or lift what it must not? → suspended? `run`: queue → **begin** → permit → attempt, perhaps another →
//! **finish** → answer.
//!
//! Until begin, the work belongs to the request: a client that goes away takes it along, and
//! nothing was recorded or sent. From begin on it belongs to a task of its own on the main
//! runtime, which no disconnect and no dying worker thread can stop.

mod admit;
mod brakes;
mod ending;
mod item;
mod probe;
mod refusal;
mod run;
mod suspension;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::AuditLog;
use crate::domain::{Action, Api, Intent, Moderator, Origin, Request, SuspendedFor, Verdict};
use crate::limit::Limiter;
use crate::metrics;
use crate::service::Service;
use crate::tencent;
pub use admit::restriction::would_shorten;
pub use brakes::BrakeRefusal;
pub use item::ItemOutcome;
pub use probe::{ProbeError, ProbeRefusal};
pub use refusal::{Refusal, throttled_for};
use run::RetryBudget;
pub use suspension::Suspended;
use suspension::Suspensions;

/// The longest that an answer waits for the record, at begin and again at finish.
const BOUND: Duration = Duration::from_secs(2);

/// What may be done to whom, and for how long it is tried.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Users that no action may target, beside the admin identifier. ASCII case is ignored.
    pub protected_users: Vec<String>,
    /// From when a request has been read to the end of the last attempt.
    pub action_deadline: Duration,
    /// How many actions one moderator may ask for within 60 minutes, over all replicas; `None` for any number.
    pub moderator_hourly: Option<u32>,
}

/// What Tencent made of it.
#[derive(Debug)]
pub struct Outcome {
    /// The action, ended.
    pub action: Action,
    /// What is known.
    pub verdict: Verdict,
    /// Whether it is the outcome of an earlier request with the same `Idempotency-Key`.
    pub replayed: bool,
}

/// Carries actions out.
#[derive(Debug)]
pub struct Moderation {
    service: Arc<Service>,
    limiter: Arc<Limiter>,
    audit: AuditLog,
    tencent: Arc<tencent::Client>,
    rules: Rules,
    metrics: metrics::Shared,
    /// Which APIs must not be called for the moment.
    suspensions: Suspensions,
    /// How many calls of each API may be retries.
    retry_budget: RetryBudget,
    tasks: TaskTracker,
    runtime: Handle,
    closing: CancellationToken,
}

impl Moderation {
    /// With what `service` has, under `rules`.
    pub fn new(service: &Arc<Service>, rules: Rules) -> Self {
        Self {
            service: Arc::clone(service),
            limiter: Arc::clone(&service.limiter),
            audit: service.audit.clone(),
            tencent: Arc::clone(&service.tencent),
            rules,
            metrics: Arc::clone(&service.metrics),
            suspensions: Suspensions::default(),
            retry_budget: RetryBudget::default(),
            tasks: service.tasks.clone(),
            runtime: service.runtime.clone(),
            closing: service.closing.clone(),
        }
    }

    /// Why calls to `api` are suspended at this moment, if they are.
    pub fn suspended_for(&self, api: &Api) -> Option<SuspendedFor> {
        self.suspensions.reason(api)
    }

    /// The same, with when the next call may be tried.
    pub fn suspended(&self, api: &Api) -> Option<Suspended> {
        self.suspensions.suspended(api)
    }

    /// How many actions one moderator may ask for within 60 minutes; `None` for any number.
    pub const fn moderator_hourly(&self) -> Option<u32> {
        self.rules.moderator_hourly
    }

    /// There is a new secret: what was refused for the old one may be tried at once.
    pub fn credential_changed(&self) {
        self.suspensions.credential_changed();
    }

    /// Does what `request` asks, and says what became of it.
    pub async fn act(
        self: &Arc<Self>,
        moderator: Moderator,
        request: Request,
        origin: Origin,
    ) -> Result<Outcome, Refusal> {
        let intent = Intent::new(moderator, request, origin, self.rules.action_deadline);
        let answer = self.try_to_act(&intent).await;
        if matches!(answer, Err(Refusal::Frozen)) {
            self.report_frozen(&intent);
        }
        answer
    }

    async fn try_to_act(self: &Arc<Self>, intent: &Intent) -> Result<Outcome, Refusal> {
        let arrived = Instant::now();
        loop {
            let admitted = match self.admit(intent.clone(), arrived).await {
                Ok(admitted) => admitted,
                Err(answer) => return *answer,
            };
            match self.run(admitted).await {
                Err(Refusal::KeyInUse) => return self.answer_of_the_faster(intent).await,
                // What is in force may be another now: whoever overtook it has begun, so this ends.
                Err(Refusal::Overtaken) if arrived.elapsed() < self.rules.action_deadline => {}
                answer => return answer,
            }
        }
    }
}
