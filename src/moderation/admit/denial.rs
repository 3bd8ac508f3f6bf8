//! What a moderator may not do, and tried: it is recorded, too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::domain::{Command, End, Failure, Intent, State};
use crate::moderation::{BOUND, Moderation, Refusal, ending};
use crate::telemetry::causes;

/// How long a denial is offered to a record that does not take it: the schema takes none that is
/// older than a minute.
const OFFERED_FOR: Duration = Duration::from_secs(50);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

impl Moderation {
    /// Why `intent` is denied, if it is. What was done to a user who is protected now can be undone.
    pub(in crate::moderation) fn denial(&self, intent: &Intent) -> Option<Failure> {
        let command = &intent.request.command;
        if !intent.moderator.may(command.kind().scope()) {
            Some(Failure::MissingScope)
        } else if self.protects(command) {
            Some(Failure::ProtectedTarget)
        } else {
            None
        }
    }

    /// Whether `command` is against a user whom no action may target.
    pub fn protects(&self, command: &Command) -> bool {
        let target = command.user_id();
        let is_target = |user: &str| target.is_some_and(|target| user.eq_ignore_ascii_case(target));
        let mut protected = self.rules.protected_users.iter();
        let is_protected = is_target(self.tencent.admin()) || protected.any(|user| is_target(user));
        is_protected && command.kind().lifts().is_none()
    }

    /// Records the denial. The answer waits for that no longer than others do; the record does.
    pub(super) async fn deny(
        self: &Arc<Self>,
        intent: Intent,
        because: Failure,
        arrived: Instant,
    ) -> Refusal {
        let this = Arc::clone(self);
        let (answer, answered) = oneshot::channel();
        let denying = async move {
            let (id, end) = (
                intent.id,
                ending::end(State::Denied, arrived, None, Some(because)),
            );
            let recording = timeout(OFFERED_FOR, this.record_denied(&intent, &end));
            let mut recording = Box::pin(recording);
            let recorded = matches!(timeout(BOUND, &mut recording).await, Ok(Ok(())));
            let action = ending::ended(&intent, &end, Vec::new(), recorded);
            ending::report(&this.metrics, &intent, &action, Some(because));
            // Nobody may be there to read it.
            let _ = answer.send(Refusal::Denied {
                action: Box::new(action),
                because,
            });
            if recorded {
                return;
            }
            tracing::error!(action.id = %id, "a denial was not recorded in time");
            if matches!(recording.await, Ok(())) {
                tracing::info!(event = "recorded_late", action.id = %id, state = "denied", "a denial was recorded late");
            } else {
                tracing::error!(event = "end_lost", action.id = %id, state = "denied", "a denial could not be recorded");
            }
        };
        self.tasks.spawn_on(denying, &self.runtime);
        answered.await.unwrap_or(Refusal::Lost)
    }

    /// Offers the denial until the record takes it. Why it does not is said once: whoever is denied can
    /// make many.
    async fn record_denied(&self, intent: &Intent, end: &End) {
        let mut said = false;
        loop {
            match timeout(BOUND, self.audit.record_denied(intent, end)).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) if !said => {
                    said = true;
                    tracing::warn!(error = causes(&error), action.id = %intent.id, "the record did not take a denial");
                }
                _ => {}
            }
            sleep(PAUSE).await;
        }
    }
}
