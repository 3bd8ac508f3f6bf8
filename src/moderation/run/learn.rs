//! What becomes known of an action after its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::attempts::Attempts;
use super::evidence::Ending;
use crate::domain::{Intent, Verdict};
use crate::limit::QueueError;
use crate::moderation::{Moderation, ProbeError, probe};
use crate::telemetry::causes;

/// The longest that a probe waits for a turn.
const PATIENCE: Duration = Duration::from_mins(1);

impl Moderation {
    /// After the end: what there is to record after all, by a late answer; or else by asking, where that can be
    /// found out.
    pub(super) async fn learn(
        self: &Arc<Self>,
        intent: &Intent,
        attempts: &mut Attempts,
        concluded: Instant,
    ) -> Option<Ending> {
        if intent.request.command.kind().probe.is_none() {
            return self.listen(intent, attempts).await;
        }
        let due = (concluded + probe::AFTER).into();
        let listening = self.listen(intent, attempts);
        let learnt = tokio::time::timeout_at(due, listening).await;
        if let Ok(Some(learnt)) = learnt {
            return Some(learnt);
        }
        if matches!(attempts.evidence.whole(), Verdict::Unknown(_)) {
            // What was sent may still arrive as long as its socket is open.
            attempts.listening.stop();
            tokio::time::sleep_until(due).await;
            if let Err(error) = self.probe_once(intent).await {
                tracing::warn!(action.id = %intent.id, error = causes(&error), "an action of unknown outcome was not probed");
            }
        }
        None
    }

    /// However many others wait for a turn, this one does as well.
    async fn probe_once(self: &Arc<Self>, intent: &Intent) -> Result<(), ProbeError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.probe(intent.id, &intent.moderator, false).await {
                Err(ProbeError::Turn(QueueError::Full { retry_after }))
                    if Instant::now() + retry_after < until =>
                {
                    tokio::time::sleep(retry_after).await;
                }
                probed => return probed,
            }
        }
    }
}
