//! One of Tencent's APIs: its queue, its pacing and its permits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Settings;
use super::counts::Counts;
use super::lease::Standing;
use super::lease::keeper::Kept;
use super::ledger::Term;
use super::pacing::Pacing;
use super::permit::Turn;
use super::permits::Permits;
use super::queue::{Place, Queue};
use super::quota::Quota;
use crate::domain::{Api, Moderator};

/// There is no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The wait would be, or was, longer than the queue's time-out.
    #[error("the API's limit is reached")]
    Full {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// There are no permits, because the database that the replicas share them by is away.
    #[error("there is no lease on permits")]
    Unleased,
    /// The service is closing.
    #[error("the service is closing")]
    Closed,
}

#[derive(Debug)]
pub(super) struct Gate {
    api: &'static Api,
    queue: Queue,
    permits: Arc<Permits>,
    queue_timeout: Duration,
    /// Wakes whoever keeps the lease.
    keeper: Arc<Notify>,
}

impl Gate {
    /// The gate of this API, for a process that is this holder of leases and grants nothing
    /// before `cold_until`.
    pub(super) fn new(
        api: &'static Api,
        settings: &Settings,
        holder: Uuid,
        cold_until: Instant,
        keeper: &Arc<Notify>,
    ) -> Self {
        let calls_per_second = settings.calls_per_second.max(1) as usize;
        Self {
            api,
            queue: Queue::default(),
            permits: Arc::new(Permits::new(holder, calls_per_second, cold_until)),
            queue_timeout: settings.queue_timeout,
            keeper: Arc::clone(keeper),
        }
    }

    pub(super) const fn api(&self) -> &'static Api {
        self.api
    }

    pub(super) async fn turn(&self, moderator: &Moderator) -> Result<Turn, QueueError> {
        let key = (moderator.issuer.clone(), moderator.subject.clone());
        let mut place = match self.queue.join(key, |ahead| self.accept(ahead)) {
            None => return Err(QueueError::Closed),
            Some(joined) => joined?,
        };
        self.wait(&mut place).await
    }

    /// A turn for a retry, ahead of the moderator's own line.
    pub(super) async fn turn_to_retry(&self, moderator: &Moderator) -> Result<Turn, QueueError> {
        let key = (moderator.issuer.clone(), moderator.subject.clone());
        let mut place = self.queue.join_at_head(key).ok_or(QueueError::Closed)?;
        self.wait(&mut place).await
    }

    /// A turn for an item of a batch, behind all moderators; ahead of other items if its action is retried. `None` when the
    /// service is closing.
    pub(super) async fn item_turn(&self, is_retry: bool) -> Option<Turn> {
        let mut place = self.queue.join_behind(is_retry)?;
        if self.permits.is_urgent(self.queue.demand()) {
            self.keeper.notify_one();
        }
        place.turn().await.map(Turn::for_item)
    }

    pub(super) fn set_backlog(&self, items: usize) {
        self.queue.set_backlog(items);
    }

    async fn wait(&self, place: &mut Place<'_>) -> Result<Turn, QueueError> {
        if self.permits.is_urgent(self.queue.length()) {
            self.keeper.notify_one();
        }
        match tokio::time::timeout(self.queue_timeout, place.turn()).await {
            Ok(Some(turn)) => Ok(turn),
            Ok(None) => Err(QueueError::Closed),
            Err(_) if self.permits.standing() != Standing::Leased => Err(QueueError::Unleased),
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
        if self.permits.standing() == Standing::Lapsed {
            return Err(QueueError::Unleased);
        }
        let expected = self.expected_wait(ahead);
        match expected.checked_sub(self.queue_timeout) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(retry_after) => Err(QueueError::Full { retry_after }),
        }
    }

    fn expected_wait(&self, ahead: usize) -> Duration {
        let turns = u32::try_from(ahead).unwrap_or(u32::MAX);
        let pace = u32::try_from(self.permits.pace()).unwrap_or(u32::MAX);
        let paced = Duration::from_secs(1).saturating_mul(turns) / pace;
        self.permits.expected_wait(ahead + 1).max(paced)
    }

    /// Hands out turns until `stop`.
    pub(super) async fn dispatch(&self, stop: &CancellationToken) {
        let hand_out = async {
            let (mut of_people, mut of_items) = (Pacing::default(), Pacing::default());
            loop {
                self.queue.occupied().await;
                let pace = self.permits.pace();
                // Nobody waits because an item has just left.
                tokio::select! {
                    biased;
                    () = self.queue.has_people() => of_people.next(pace).await,
                    () = of_items.next(pace) => {}
                }
                self.queue.hand_out(self.reserve().await);
            }
        };
        stop.run_until_cancelled(hand_out).await;
        self.queue.close();
    }

    /// A turn for whoever is next: while only items wait, one of several permits stays free.
    async fn reserve(&self) -> Turn {
        tokio::select! {
            biased;
            turn = Turn::reserve_for_item(&self.permits) => turn,
            () = self.queue.has_people() => Turn::reserve(&self.permits).await,
        }
    }

    /// What is kept of this API by whoever keeps the leases.
    pub(super) fn kept(&self) -> Kept<'_> {
        Kept {
            api: self.api.word,
            permits: &self.permits,
            queue: &self.queue,
            said: self.permits.standing(),
        }
    }

    /// Returns when `term` is over.
    pub(super) async fn lapsed(&self, term: Term) {
        self.permits.lapsed(term).await;
    }

    pub(super) fn permits(&self) -> Counts {
        self.permits.counts()
    }

    pub(super) fn queue_length(&self) -> usize {
        self.queue.length()
    }

    pub(super) fn quota(&self) -> Quota {
        let (waiting, counts) = (self.queue.length(), self.permits.counts());
        // What items use is left to people: they come first.
        let within_reach = self.permits.within_reach() + self.permits.busy_by_items();
        let left = within_reach
            .min(counts.calls_per_second)
            .saturating_sub(waiting);
        let reset = if left == 0 {
            self.expected_wait(waiting)
        } else {
            Duration::ZERO
        };
        Quota {
            limit: u32::try_from(counts.calls_per_second).unwrap_or(u32::MAX),
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset,
        }
    }
}

#[cfg(test)]
impl Gate {
    /// See [`Permits::renew_alone`].
    pub(super) fn renew_alone(&self) {
        self.permits.renew_alone();
    }
}
