//! One of Tencent's APIs: its queue, its pacing and its permits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::permit::Turn;
use super::permits::{Counts, Permits};
use super::queue::{Place, Queue};
use crate::domain::Moderator;

/// Calls that may leave back to back; the rest are 1/N apart.
const BURST: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");

/// There is no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The wait would be, or was, longer than the queue's time-out.
    #[error("the API's limit is reached")]
    Full {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// The service is closing.
    #[error("the service is closing")]
    Closed,
}

#[derive(Debug)]
pub(super) struct Gate {
    queue: Queue,
    pacing: DefaultDirectRateLimiter,
    permits: Arc<Permits>,
    calls_per_second: NonZeroU32,
    queue_timeout: Duration,
}

impl Gate {
    pub(super) fn new(settings: &Settings) -> Self {
        let calls_per_second =
            NonZeroU32::new(settings.calls_per_second).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(calls_per_second).allow_burst(BURST.min(calls_per_second));
        Self {
            queue: Queue::default(),
            pacing: RateLimiter::direct(quota),
            permits: Arc::new(Permits::new(
                calls_per_second.get() as usize,
                settings.cold_start,
            )),
            calls_per_second,
            queue_timeout: settings.queue_timeout,
        }
    }

    pub(super) async fn turn(&self, moderator: &Moderator) -> Result<Turn, QueueError> {
        let key = (moderator.issuer.clone(), moderator.subject.clone());
        let mut place = match self.queue.join(key, |ahead| self.accept(ahead)) {
            None => return Err(QueueError::Closed),
            Some(joined) => joined?,
        };
        self.wait(&mut place).await
    }

    /// A turn for a repeat, ahead of the moderator's own line.
    pub(super) async fn turn_to_repeat(&self, moderator: &Moderator) -> Result<Turn, QueueError> {
        let key = (moderator.issuer.clone(), moderator.subject.clone());
        let mut place = self.queue.join_at_head(key).ok_or(QueueError::Closed)?;
        self.wait(&mut place).await
    }

    async fn wait(&self, place: &mut Place<'_>) -> Result<Turn, QueueError> {
        match tokio::time::timeout(self.queue_timeout, place.turn()).await {
            Ok(Some(turn)) => Ok(turn),
            Ok(None) => Err(QueueError::Closed),
            // Slower than expected. Whoever asks again now joins at the end.
            Err(_) => Err(QueueError::Full {
                retry_after: self.expected_wait(self.queue.length()),
            }),
        }
    }

    /// Tencent throttles: somebody else may be spending the same limit.
    pub(super) fn throttled(&self) -> Option<usize> {
        self.permits.cut()
    }

    fn accept(&self, ahead: usize) -> Result<(), QueueError> {
        let expected = self.expected_wait(ahead);
        match expected.checked_sub(self.queue_timeout) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(retry_after) => Err(QueueError::Full { retry_after }),
        }
    }

    fn expected_wait(&self, ahead: usize) -> Duration {
        let turns = u32::try_from(ahead).unwrap_or(u32::MAX);
        let paced = Duration::from_secs(1).saturating_mul(turns) / self.calls_per_second.get();
        self.permits.expected_wait(ahead + 1).max(paced)
    }

    /// Hands out turns until `stop`.
    pub(super) async fn dispatch(&self, stop: &CancellationToken) {
        let hand_out = async {
            loop {
                self.queue.occupied().await;
                self.pacing.until_ready().await;
                self.queue.hand_out(self.permits.reserve().await);
            }
        };
        stop.run_until_cancelled(hand_out).await;
        self.queue.close();
    }

    pub(super) fn permits(&self) -> Counts {
        self.permits.counts()
    }

    pub(super) fn queue_length(&self) -> usize {
        self.queue.length()
    }
}
