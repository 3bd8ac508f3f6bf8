#![doc = include_str!("protocol.md")]

mod by_items;
mod counts;
mod cut;
mod gate;
mod lease;
mod ledger;
mod moderator;
mod pacing;
mod permit;
mod permits;
mod queue;
mod quota;
mod readers;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use counts::Counts;
pub use gate::QueueError;
pub use lease::store::Leases;
pub use ledger::Term;
pub use permit::{Permit, Turn};
pub use quota::Quota;
pub use readers::{Place, Readers};

use crate::domain::{Api, Moderator};
use gate::Gate;
use lease::keeper::Keeper;
use lease::start::Start;
use moderator::ModeratorLimit;

/// How long a permit rests after its answer: the window, and a millisecond for clocks that differ
/// in speed.
const REST: Duration = Duration::from_millis(1001);

/// How long after its socket was closed a call without an answer may still reach Tencent.
pub const ABANDON_GRACE: Duration = Duration::from_secs(1);

/// How long a process grants nothing after its start, unless the database shows that nothing of before
/// can be under way.
pub const COLD_START: Duration = REST.saturating_add(ABANDON_GRACE);

/// How long a lease is kept that nobody uses.
pub const IDLE_LEASE: Duration = Duration::from_mins(1);

/// The limits of one process.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// N: calls per API in any one-second window, at least 1.
    pub calls_per_second: u32,
    /// The longest wait for a turn.
    pub queue_timeout: Duration,
    /// POSTs per moderator and second, and the burst; at least 1.
    pub moderator_requests_per_second: u32,
    /// For how long nothing is granted at first: [`COLD_START`], unless it is certain that nobody
    /// called Tencent before.
    pub cold_start: Duration,
    /// For how long a lease is kept that nobody uses: [`IDLE_LEASE`].
    pub idle_lease: Duration,
    /// The longest that an attempt may take.
    pub attempt_timeout: Duration,
}

/// All limits of one process.
#[derive(Debug)]
pub struct Limiter {
    leases: Leases,
    /// As which this process has its leases.
    holder: Uuid,
    /// See [`lease::grace`].
    grace: Duration,
    idle_lease: Duration,
    start: Start,
    /// Wakes whoever keeps the leases.
    keeper: Arc<Notify>,
    moderators: ModeratorLimit,
    /// One for each API.
    gates: Vec<Gate>,
}

impl Limiter {
    /// The limits of a process that began at `began_at`, with no permits until there is a lease.
    pub fn new(settings: &Settings, leases: Leases, began_at: Instant) -> Self {
        let (holder, keeper) = (Uuid::now_v7(), Arc::default());
        let start = Start::new(began_at, settings.cold_start);
        let cold_until = start.cold_until();
        let gate = |api| Gate::new(api, settings, holder, cold_until, &keeper);
        Self {
            leases,
            holder,
            grace: lease::grace(settings.attempt_timeout),
            idle_lease: settings.idle_lease,
            start,
            moderators: ModeratorLimit::new(settings.moderator_requests_per_second),
            gates: Api::all().iter().copied().map(gate).collect(),
            keeper,
        }
    }

    /// Whether permits are granted to whoever needs them: the database has answered, and the cold start
    /// is over. It stays so.
    pub fn is_ready(&self) -> bool {
        self.start.is_over(Instant::now())
    }

    /// Counts one request of `moderator`.
    ///
    /// # Errors
    /// With the time to wait, when the moderator's own limit is reached.
    pub fn check_moderator(&self, moderator: &Moderator) -> Result<(), Duration> {
        self.moderators.check(moderator)
    }

    /// What is left of the moderator's own limit. Asking takes nothing from it.
    pub fn moderator_quota(&self, moderator: &Moderator) -> Quota {
        self.moderators.quota(moderator)
    }

    /// What is left of this API: the permits that are free and that nobody waits for.
    pub fn api_quota(&self, api: &Api) -> Quota {
        self.gate(api).quota()
    }

    /// Waits for a turn to call this API. Dropping the future leaves the queue.
    pub async fn turn(&self, api: &Api, moderator: &Moderator) -> Result<Turn, QueueError> {
        self.gate(api).turn(moderator).await
    }

    /// Waits for another turn of an action that is retried, ahead of what its moderator asked later.
    pub async fn turn_to_retry(
        &self,
        api: &Api,
        moderator: &Moderator,
    ) -> Result<Turn, QueueError> {
        self.gate(api).turn_to_retry(moderator).await
    }

    /// Waits for a turn of an item of a batch, for as long as moderators wait; ahead of other items if its action is
    /// retried. `None` when the service is closing.
    pub async fn item_turn(&self, api: &Api, is_retry: bool) -> Option<Turn> {
        self.gate(api).item_turn(is_retry).await
    }

    /// So many items of batches are to call this API: what this process asks the others to leave it.
    pub fn set_backlog(&self, api: &Api, items: usize) {
        self.gate(api).set_backlog(items);
    }

    /// Tencent throttles this API: halves its permits, to no less than ten, at most once a
    /// second; they grow back by 5 % of N a second. How many there are now, if they were cut.
    pub fn throttled(&self, api: &Api) -> Option<usize> {
        self.gate(api).throttled()
    }

    /// Hands out turns until `stop`; then everyone who waits, and whoever comes later, is told
    /// that the service is closing.
    pub async fn dispatch(&self, stop: &CancellationToken) {
        let gates = join_all(self.gates.iter().map(|gate| gate.dispatch(stop)));
        tokio::join!(gates, self.moderators.forget_idle(stop));
    }

    /// Keeps the leases until `end`, and gives them up. From `closing` on no more is asked for than
    /// what is under way needs.
    pub async fn keep_leases(&self, closing: &CancellationToken, end: &CancellationToken) {
        let keeper = Keeper {
            holder: self.holder,
            apis: self.gates.iter().map(Gate::kept).collect(),
            leases: &self.leases,
            start: &self.start,
            wake: &self.keeper,
            grace: self.grace,
            idle_lease: self.idle_lease,
            start_asked_at: None,
            answered: true,
        };
        keeper.keep(closing, end).await;
    }

    /// Returns when the lease that a turn to call this API belonged to has run out:
    /// whoever still listens for an answer closes the socket now.
    pub async fn lapsed(&self, api: &Api, term: Term) {
        self.gate(api).lapsed(term).await;
    }

    /// How the permits of this API are used at this moment.
    pub fn permits(&self, api: &Api) -> Counts {
        self.gate(api).permits()
    }

    /// How many requests wait for a turn.
    pub fn queue_length(&self, api: &Api) -> usize {
        self.gate(api).queue_length()
    }

    fn gate(&self, api: &Api) -> &Gate {
        let mut gates = self.gates.iter();
        gates
            .find(|gate| gate.api() == api)
            .expect("there is a gate for each API that a kind calls")
    }
}
