//! Between an attempt and the next: the pause, the turn, and the row that announces it.
//!
//! All that time what was given up is listened to. An answer that leaves no reason for a retry
//! ends the waiting.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::attempts::Attempts;
use super::retry::NoRetry;
use crate::audit::SendToken;
use crate::domain::{Api, Intent};
use crate::limit::{QueueError, Turn};
use crate::moderation::{BOUND, Moderation};
use crate::telemetry::causes;

/// How long a retry waits for its turn while earlier attempts of its action are listened to, and
/// hold permits: the one that it waits for may be among them.
const LISTENING_IN_THE_QUEUE: Duration = Duration::from_secs(1);

impl Moderation {
    /// After the pause gets a turn for another attempt, and commits what is over together with what
    /// comes next.
    pub(super) async fn announce(
        &self,
        intent: &Intent,
        attempts: &mut Attempts,
        deadline: Instant,
        pause: Duration,
    ) -> Result<(SendToken, Turn), NoRetry> {
        if Instant::now() + pause >= deadline {
            return Err(NoRetry::Impossible);
        }
        self.unless_needless(intent, attempts, sleep(pause)).await?;
        let turn = self.turn_to_retry(intent, attempts, deadline).await?;
        let over = attempts.evidence.latest().ok_or(NoRetry::Impossible)?;
        let random = rand::random();
        let announcing = self.audit.retry(&mut attempts.open, intent, over, random);
        match timeout(BOUND, announcing).await {
            Ok(Ok(token)) => Ok((token, turn)),
            Ok(Err(error)) => {
                tracing::warn!(error = causes(&error), action.id = %intent.id, "a repeat was not recorded, and not made");
                Err(NoRetry::Impossible)
            }
            Err(_) => {
                tracing::warn!(action.id = %intent.id, "a repeat was not recorded in time, and not made");
                Err(NoRetry::Impossible)
            }
        }
    }

    /// An item of a batch waits behind people, its repeats too.
    async fn turn_again(&self, api: &Api, intent: &Intent) -> Result<Turn, QueueError> {
        if intent.item.is_none() {
            return self.limiter.turn_to_retry(api, &intent.moderator).await;
        }
        let turn = self.limiter.item_turn(api, true).await;
        turn.ok_or(QueueError::Closed)
    }

    async fn turn_to_retry(
        &self,
        intent: &Intent,
        attempts: &mut Attempts,
        deadline: Instant,
    ) -> Result<Turn, NoRetry> {
        let kind = intent.request.command.kind();
        let waiting = || self.turn_again(kind.api, intent);
        let mut stopped = false;
        if !attempts.listening.is_empty() {
            let patience = deadline.min(Instant::now() + LISTENING_IN_THE_QUEUE);
            let bounded = timeout_at(patience, waiting());
            match self.unless_needless(intent, attempts, bounded).await? {
                Ok(Ok(turn)) => return Ok(turn),
                Ok(Err(QueueError::Unleased | QueueError::Closed)) => {
                    return Err(NoRetry::Impossible);
                }
                Err(_) if patience == deadline => return Err(NoRetry::Impossible),
                Ok(Err(QueueError::Full { .. })) | Err(_) => {
                    attempts.listening.stop();
                    stopped = true;
                }
            }
        }
        let until_there_is_one = async {
            loop {
                match waiting().await {
                    // A permit of its own rests for longer than the queue has patience.
                    Err(QueueError::Full { .. }) if stopped => {}
                    turn => return turn,
                }
            }
        };
        let turn = timeout_at(deadline, until_there_is_one).await;
        turn.ok().and_then(Result::ok).ok_or(NoRetry::Impossible)
    }
}
