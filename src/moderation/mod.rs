//! The use case: one moderator's action, from the right to do it to the recorded end.
//!
//! The order is the whole point, and it is here and nowhere else: authorise → protected target →
//! repeat of an earlier request? → suspended? → queue → **begin** → permit → attempt, perhaps
//! another → **finish** → answer.
//!
//! Until begin, the work belongs to the request: a client that goes away takes it along, and
//! nothing was recorded or sent. From begin on it belongs to a task of its own on the main
//! runtime, which no disconnect and no dying worker thread can stop.

mod announce;
mod attempts;
mod budget;
mod carry_out;
mod denial;
mod ending;
mod evidence;
mod listening;
mod reading;
mod refusal;
mod repeat;
mod retry;
mod steps;
mod suspension;
mod sweep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::AuditLog;
use crate::domain::{Action, Intent, Moderator, Origin, Request, Verdict};
use crate::limit::Limiter;
use crate::metrics;
use crate::tencent;
pub use budget::RetryBudget;
use carry_out::Ready;
pub use refusal::{Refusal, throttled_for};
use repeat::Repeat;
pub use suspension::{Suspended, Suspensions};

/// What may be done to whom, and for how long it is tried.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Users that no action may target, beside the admin identifier. ASCII case is ignored.
    pub protected_users: Vec<String>,
    /// From when a request has been read to the end of the last attempt.
    pub action_deadline: Duration,
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

/// Everything that carrying out an action takes.
#[derive(Debug)]
pub struct Moderation {
    /// The limits.
    pub limiter: Limiter,
    /// The record.
    pub audit: AuditLog,
    /// Tencent.
    pub tencent: tencent::Client,
    /// Who may not be touched, and for how long it is tried.
    pub rules: Rules,
    /// What is counted.
    pub metrics: metrics::Shared,
    /// Which APIs must not be called for the moment.
    pub suspensions: Suspensions,
    /// How many attempts may be repeats.
    pub retry_budget: RetryBudget,
    /// The tasks that must end before the process may.
    pub tasks: TaskTracker,
    /// The main runtime: a worker of the HTTP server has one of its own that ends with it.
    pub runtime: Handle,
    /// Set when the service should get no new requests, though it still answers them.
    pub draining: CancellationToken,
    /// Set when the service is closing: nothing new is begun.
    pub closing: CancellationToken,
}

impl Moderation {
    /// Does what `request` asks, and says what became of it.
    pub async fn act(
        self: &Arc<Self>,
        moderator: Moderator,
        request: Request,
        origin: Origin,
    ) -> Result<Outcome, Refusal> {
        let arrived = Instant::now();
        let intent = Intent::new(moderator, request, origin, self.rules.action_deadline);
        if let Some(because) = self.denial(&intent) {
            return Err(self.deny(intent, because, arrived).await);
        }
        let takes_over = match self.repeats(&intent).await {
            Repeat::New { takes_over } => takes_over,
            Repeat::Answered(answer) => return *answer,
        };
        let api = intent.request.command.kind().api;
        let leave = self.suspensions.ask(api).map_err(Refusal::Suspended)?;
        let steps = steps::Steps::of(&intent);
        let waiting = self.limiter.turn(api, &intent.moderator);
        let turn = steps.queue(waiting).await?;
        self.metrics.queue_left(arrived.elapsed());
        if let Some(suspended) = self.suspensions.forbids(api, leave) {
            return Err(Refusal::Suspended(suspended));
        }
        let (answer, answered) = oneshot::channel();
        let (this, asked) = (Arc::clone(self), intent.clone());
        let ready = Ready {
            intent,
            takes_over,
            leave,
            turn,
            arrived,
            answer,
            steps,
        };
        self.tasks
            .spawn_on(async move { this.carry_out(ready).await }, &self.runtime);
        match answered.await.unwrap_or(Err(Refusal::Lost)) {
            // Another request with the same key was faster.
            Err(Refusal::KeyInUse) => match self.repeats(&asked).await {
                Repeat::Answered(answer) => *answer,
                Repeat::New { .. } => Err(Refusal::KeyInUse),
            },
            answer => answer,
        }
    }
}
