//! Never over Tencent's limit, and fair to every moderator.
//!
//! # The promise
//! In any one-second window, wherever it starts, at most N calls of one API arrive at Tencent from
//! all replicas together, whatever the network does to them on their way. N is
//! `MODGATE_TENCENT_QPS`. Where replicas are configured with different numbers, as in a rolling
//! restart: no window that holds a call of a replica holds more calls than that replica's own N.
//!
//! # Why a token bucket does not keep it
//! A bucket bounds when calls *leave*. A stall of the network holds calls back and delivers them
//! together with those that leave after it; even without a stall, a bucket of N that refills at N
//! a second lets 2N − 1 through around its first second. Pacing is therefore only for smoothness
//! here; what bounds is the permit.
//!
//! # The permit rule
//! There are N permits, and each replica holds some of them. A call holds one from before its first
//! byte is written until one second after its answer was fully read ([`Permit::answered`]), or,
//! where there is no whole answer, until one second and [`ABANDON_GRACE`] after its socket was
//! closed ([`Permit::abandoned`]). A call that has timed out for its moderator, but is still
//! listened to, has its socket open and so its permit.
//!
//! # The lease rule
//! Who holds how many is in Postgres, one row for each replica (the *holder*), app and API. Since
//! nobody can tell a dead replica from one that is cut off, a row is a lease:
//!
//! 1. A row changes only by renewals of its own holder, in the order of their numbers: an older one
//!    that arrives late has no effect. It is dropped when its life and then its grace are over.
//! 2. A renewal leaves a holder what it keeps of its row, or raises it to what the other rows leave
//!    of N, where N is the least of all rows. All renewals of one API follow one another, each on
//!    what the one before has committed.
//! 3. Before it asks, the holder lowers itself to what it keeps. So whatever becomes of the
//!    question, it uses no more than its row has. It keeps all that are in use or resting.
//! 4. A lease lasts 5 s. The holder counts them from before its question, by its monotonic clock,
//!    and 0.25 s less; the database counts from within it, by its own. So the holder stops first.
//! 5. A turn is sent only in the *term* in which it was handed out: as long as the lease has not
//!    lapsed since. That is looked at when the turn becomes a permit, and once more by the connection
//!    itself, in the step that writes the request. Whoever still listens for a late answer closes the
//!    socket when the term is over.
//! 6. The grace is the attempt's time-out, one second, and [`ABANDON_GRACE`]: what was sent at the
//!    last moment of a lease is given up, and no longer counts, by then.
//! 7. A replica that is done gives its lease up, which then lasts as long as its last permit rests.
//!
//! It is one path for one replica and for many; nobody counts replicas. The rows are renewed each second,
//! in transactions and over connections of their own, never in those of the record.
//!
//! # Proof
//! *A. The rows never add up to more than the N of any holder that has a permit.* When a row first
//! had one, rule 2 made the sum at most the least N. After that each renewal either raises no row, or
//! makes the sum at most the least N of all rows, that one's included.
//!
//! *B. Each call that may still arrive, or arrived less than a second ago, has a permit in its
//! holder's row.* While the lease lasts: it is taken only when there are fewer in use or resting than
//! the holder has, which is never more than its row has (3), and comes back as the permit rule says.
//! A call that is answered arrives between its first byte being written and its answer being read, one
//! that is abandoned before [`ABANDON_GRACE`] is over. After the lease: nothing more is sent (4, 5),
//! and when the row is dropped, the last of what was sent has not counted any more for a while (6).
//! A holder that comes back after that has a new row and a new term, and sends only what is new.
//!
//! *C. The window.* Suppose N + 1 calls arrive within one second, the last of them at moment *t*. Each
//! was sent by *t* and arrived after *t* − 1 s, so at *t* each has its permit in a row (B). So at *t* the
//! rows add up to more than N; but they do not (A), whichever of their holders' N it is. ∎
//!
//! Nothing in it depends on latency, jitter, Tencent's clock, where its windows begin, or the wall clock
//! of any replica. The simulation in `tests` runs this very code against adversaries of all these kinds.
//!
//! # What it assumes
//! - The clock here and the clock that defines Tencent's second differ in speed by less than 0.1 %: a
//!   permit rests a millisecond longer than a second. Those of replica and database differ by less than
//!   5 %: rule 4.
//! - The bytes of a call whose socket was closed without an answer arrive within [`ABANDON_GRACE`] or
//!   never. The kernel gives up unacknowledged bytes after the attempt's time-out (`TCP_USER_TIMEOUT`,
//!   on Linux), also for a process that is stopped.
//! - The database's clock is not set forward by more than rule 4's quarter of a second while leases
//!   run. Set backward, it only makes dead leases last longer.
//! - Postgres is one, and does not forget what it committed.
//!
//! # What is left
//! - A process that is stopped in the very step that writes a request, after its last look at the clock,
//!   sends that request when it goes on: at most one for each of its threads.
//! - Bytes of an abandoned call that arrive later than assumed, out of a proxy's buffer, may find their
//!   permit used again: as many calls more as were abandoned.
//! - A database that fails over to a standby without the last commits forgets renewals, and may have given
//!   the same permits twice until every holder has renewed, which takes a second. A synchronous standby
//!   closes that. A process that starts may meet a database that has forgotten everything; it therefore
//!   grants nothing for [`COLD_START`]: the calls of one that was killed are abandoned ones.
//!
//! # What it costs
//! A replica that dies without giving up its lease takes its permits along for 5 s and the grace: 12 s by
//! default. The others have theirs meanwhile. Permits follow demand within about two seconds. While the
//! database is away there are none after 5 s.
//!
//! # What happens to a request
//! The [moderator's own limit](Limiter::check_moderator) comes first; it keeps one moderator from
//! flooding the record. Then the API's queue hands out *turns*, round robin over the moderators,
//! paced evenly over the second, and only as many as permits are free: a [`Turn`] is a permit set aside.
//! Whoever would have to wait longer than `MODGATE_QUEUE_TIMEOUT` is refused at once. The turn becomes a
//! [`Permit`] right before the call; if the call comes to nothing the permit is free at once.

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

use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

pub use gate::QueueError;
pub use lease::store::Leases;
pub use ledger::Term;
pub use permit::{Permit, Turn};
pub use permits::Counts;
pub use quota::Quota;
pub use readers::{Place, Readers};

use crate::domain::{Api, Moderator};
use gate::Gate;
use moderator::ModeratorLimit;

/// How long after its socket was closed a call without an answer may still reach Tencent.
pub const ABANDON_GRACE: Duration = Duration::from_secs(1);

/// How long a process grants nothing after its start, whatever the database says.
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
    /// The longest that an attempt may take.
    pub attempt_timeout: Duration,
}

/// All limits of one process.
#[derive(Debug)]
pub struct Limiter {
    leases: Leases,
    moderators: ModeratorLimit,
    /// One for each API.
    gates: Vec<Gate>,
}

impl Limiter {
    /// Limits that begin now, with no permits until there is a lease.
    pub fn new(settings: &Settings, leases: Leases) -> Self {
        Self {
            leases,
            moderators: ModeratorLimit::new(settings.moderator_requests_per_second),
            gates: Api::all()
                .iter()
                .map(|api| Gate::new(api, settings))
                .collect(),
        }
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

    /// Waits for another turn of an action that is repeated, ahead of what its moderator asked later.
    pub async fn turn_to_repeat(
        &self,
        api: &Api,
        moderator: &Moderator,
    ) -> Result<Turn, QueueError> {
        self.gate(api).turn_to_repeat(moderator).await
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
        let gates = self.gates.iter();
        join_all(gates.map(|gate| gate.keep_lease(&self.leases, closing, end))).await;
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
