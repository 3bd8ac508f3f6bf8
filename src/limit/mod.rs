//! Never over Tencent's limit, and fair to every moderator.
//!
//! # The promise
//! In any one-second window, wherever it starts, at most N calls of one API arrive at Tencent
//! from this process, whatever the network does to them on their way. N is `MODGATE_TENCENT_QPS`.
//!
//! # Why a token bucket does not keep it
//! A bucket bounds when calls *leave*. A stall of the network holds calls back and delivers them
//! together with those that leave after it; even without a stall, a bucket of N that refills at N
//! a second lets 2N − 1 through around its first second. Pacing is therefore only for smoothness
//! here; what bounds is the permit.
//!
//! # The permit rule
//! There are N permits. A call holds one from before its first byte is written until one second
//! after its answer was fully read ([`Permit::answered`]), or, where there is no whole answer,
//! until one second and [`ABANDON_GRACE`] after its socket was closed ([`Permit::abandoned`]). A call
//! that has timed out for its moderator, but is still listened to, has its socket open and so its
//! permit.
//!
//! # Proof
//! A call that is answered arrives at Tencent at some moment between its first byte being written
//! and its answer being read. Suppose N + 1 calls arrive within one second, the last of them at
//! moment *t*. Each took its permit before it arrived, that is by *t*. Each arrived after *t* − 1 s,
//! so its answer was read after *t* − 1 s, and its permit came back after *t*. So at *t* all N + 1
//! hold a permit; but there are only N. ∎
//!
//! Nothing in it depends on latency, jitter, Tencent's clock or where its windows begin.
//!
//! # What it assumes
//! - The monotonic clock here and the clock that defines Tencent's second differ in speed by less
//!   than 0.1 %: a permit rests a millisecond longer than a second.
//! - The bytes of a call whose socket was closed without an answer arrive within [`ABANDON_GRACE`]
//!   or never.
//! - A process that starts does not know what its predecessor sent just before it was killed. It
//!   therefore grants nothing for [`COLD_START`]: a killed process' sockets are closed with it, so
//!   its calls are abandoned ones.
//!
//! # What happens to a request
//! The [moderator's own limit](Limiter::check_moderator) comes first; it keeps one moderator from
//! flooding the record. Then the API's queue hands out *turns*, round robin over the moderators,
//! paced 1/N apart, and only as many as permits are free: a [`Turn`] is a permit set aside. Whoever
//! would have to wait longer than `MODGATE_QUEUE_TIMEOUT` is refused at once. The turn becomes a
//! [`Permit`] right before the call; if the call comes to nothing the permit is free at once.

mod cut;
mod gate;
mod moderator;
mod permit;
mod permits;
mod queue;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use gate::QueueError;
pub use permit::{Permit, Turn};
pub use permits::Counts;

use crate::domain::{Kind, Moderator};
use gate::Gate;
use moderator::ModeratorLimit;

/// How long after its socket was closed a call without an answer may still reach Tencent.
pub const ABANDON_GRACE: Duration = Duration::from_secs(1);

/// How long a process grants nothing after its start.
pub const COLD_START: Duration = permit::REST.saturating_add(ABANDON_GRACE);

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
}

/// All limits of one process.
#[derive(Debug)]
pub struct Limiter {
    moderators: ModeratorLimit,
    login: Gate,
    seat: Gate,
}

impl Limiter {
    /// Limits that begin now.
    pub fn new(settings: &Settings) -> Self {
        Self {
            moderators: ModeratorLimit::new(settings.moderator_requests_per_second),
            login: Gate::new(settings),
            seat: Gate::new(settings),
        }
    }

    /// Counts one request of `moderator`.
    ///
    /// # Errors
    /// With the time to wait, when the moderator's own limit is reached.
    pub fn check_moderator(&self, moderator: &Moderator) -> Result<(), Duration> {
        self.moderators.check(moderator)
    }

    /// Waits for a turn to call the API of `kind`. Dropping the future leaves the queue.
    pub async fn turn(&self, kind: Kind, moderator: &Moderator) -> Result<Turn, QueueError> {
        self.gate(kind).turn(moderator).await
    }

    /// Waits for another turn of an action whose attempt is worth repeating, ahead of what its
    /// moderator asked for later.
    pub async fn turn_to_repeat(
        &self,
        kind: Kind,
        moderator: &Moderator,
    ) -> Result<Turn, QueueError> {
        self.gate(kind).turn_to_repeat(moderator).await
    }

    /// Tencent throttles the API of `kind`: halves its permits, to no less than
    /// ten, at most once a second. They grow back by 5 % of N a second. How many there are now, if
    /// they were cut.
    pub fn throttled(&self, kind: Kind) -> Option<usize> {
        self.gate(kind).throttled()
    }

    /// Hands out turns until `stop`; then everyone who waits, and whoever comes later, is told
    /// that the service is closing.
    pub async fn dispatch(&self, stop: &CancellationToken) {
        tokio::join!(
            self.login.dispatch(stop),
            self.seat.dispatch(stop),
            self.moderators.forget_idle(stop)
        );
    }

    /// How the permits of the API of `kind` are used at this moment.
    pub fn permits(&self, kind: Kind) -> Counts {
        self.gate(kind).permits()
    }

    /// How many requests wait for a turn.
    pub fn queue_length(&self, kind: Kind) -> usize {
        self.gate(kind).queue_length()
    }

    const fn gate(&self, kind: Kind) -> &Gate {
        match kind {
            Kind::KickLogin => &self.login,
            Kind::KickSeat => &self.seat,
        }
    }
}
