//! What becomes known of an action after its end.

use std::sync::Arc;
use std::time::Instant;

use super::attempts::Attempts;
use super::evidence::Ending;
use crate::domain::{Intent, Verdict};
use crate::moderation::{Moderation, probe};
use crate::telemetry::causes;

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
            if let Err(error) = self.probe(intent.id, &intent.moderator, false).await {
                tracing::warn!(action.id = %intent.id, error = causes(&error), "an action of unknown outcome was not probed");
            }
        }
        None
    }
}
