//! A lease on permits: what one replica may use of the N that all share.
//!
//! Pure; the database's part is in `migrations/0008_lease_many.sql`, and [`store`] asks for it.

pub(super) mod keeper;
mod share;
pub(super) mod start;
pub(super) mod store;

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::{ABANDON_GRACE, REST};
use share::fair_share;

/// How long a lease lasts without being renewed. Three renewals in a row may go
/// unanswered.
pub(super) const LIFETIME: Duration = Duration::from_secs(5);

/// How much sooner its holder takes it to be over than the database does: for clocks that differ
/// in speed, and for the way from the check to the socket.
pub(super) const MARGIN: Duration = Duration::from_millis(250);

/// How long after it was asked for a lease may be used.
pub(super) const USABLE_FOR: Duration = LIFETIME.saturating_sub(MARGIN);

/// How often the leases are renewed.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// How often they are where permits should change hands, and after a renewal that failed.
pub(super) const IN_A_HURRY: Duration = Duration::from_millis(250);

/// How long an answer is waited for. One that is late says nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long after the end of its lease a holder's calls may still count at Tencent: the last may
/// have been sent just before, is given up after `attempt_timeout`, and counts as abandoned.
pub(super) fn grace(attempt_timeout: Duration) -> Duration {
    attempt_timeout + REST + ABANDON_GRACE
}

/// How things stand between this process and its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none, because nobody has needed one yet, or for a while.
    Waiting,
    Leased,
    /// It could not be had, or renewed, in time.
    Lapsed,
}

/// What a holder asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Renewal {
    pub(super) holder: Uuid,
    /// From 1. One with a lower number than another that was carried out has no effect.
    pub(super) number: i64,
    /// N, as the holder is configured.
    pub(super) calls_per_second: usize,
    /// What it could use.
    pub(super) demand: usize,
    /// What it goes on using whatever the answer is, or if there is none.
    pub(super) keeps: usize,
    /// What it should have.
    pub(super) wants: usize,
}

/// What the database has down for one holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HolderRow {
    pub(super) holder: Uuid,
    pub(super) calls_per_second: usize,
    pub(super) demand: usize,
    pub(super) permits: usize,
    /// Its lease is over, but its grace is not.
    pub(super) expired: bool,
}

/// What the last renewal gave, and what it showed of the others.
#[derive(Debug)]
pub(super) struct Lease {
    /// Never more than the database has down for this holder.
    pub(super) permits: usize,
    /// What of them it should have, the others considered.
    pub(super) due: usize,
    /// By this process' monotonic clock, and before the database thinks so.
    pub(super) until: Instant,
    /// The least that any holder is configured with.
    pub(super) calls_per_second: usize,
    /// Leased to others, silent ones included.
    pub(super) others: usize,
    /// Leased to those who have fallen silent: nobody's for the rest of their grace.
    silent: usize,
    /// What each living holder could use, in an order that all see alike.
    demands: Vec<usize>,
    me: usize,
    /// Whether another could use more than it has.
    others_need: bool,
}

impl Lease {
    /// What `rows` answer to `renewal`, asked for at `asked_at`; `None` if its holder is not among
    /// them.
    pub(super) fn read(renewal: &Renewal, asked_at: Instant, rows: &[HolderRow]) -> Option<Self> {
        let holder = renewal.holder;
        let (silent, living): (Vec<&HolderRow>, Vec<&HolderRow>) = rows
            .iter()
            .partition(|row| row.expired && row.holder != holder);
        let me = living.iter().position(|row| row.holder == holder)?;
        let permits = living[me].permits;
        let sum = |rows: &[&HolderRow]| rows.iter().map(|row| row.permits).sum::<usize>();
        let needs = |row: &&HolderRow| row.holder != holder && row.demand > row.permits;
        let lease = Self {
            permits,
            due: 0,
            until: asked_at + USABLE_FOR,
            calls_per_second: rows.iter().map(|row| row.calls_per_second).min()?,
            others: sum(&living) + sum(&silent) - permits,
            silent: sum(&silent),
            demands: living.iter().map(|row| row.demand).collect(),
            me,
            others_need: living.iter().any(needs),
        };
        Some(Self {
            due: lease.share(renewal.demand),
            ..lease
        })
    }

    /// What this holder should have, now that it could use `demand`.
    pub(super) fn share(&self, demand: usize) -> usize {
        let mut demands = self.demands.clone();
        demands[self.me] = demand;
        let shared = self.calls_per_second.saturating_sub(self.silent);
        fair_share(
            shared,
            free_for_newcomers(self.calls_per_second),
            &demands,
            self.me,
        )
    }

    /// Whether a renewal should not wait: its holder needs more and is due more, or holds more
    /// than it is due while another needs it.
    pub(super) fn is_urgent(&self, demand: usize) -> bool {
        let share = self.share(demand);
        demand.min(share) > self.permits || (share < self.permits && self.others_need)
    }
}

/// What a holder should have of N that knows of no other, and could use `demand`.
pub(super) fn first_share(calls_per_second: usize, demand: usize) -> usize {
    fair_share(
        calls_per_second,
        free_for_newcomers(calls_per_second),
        &[demand],
        0,
    )
}

/// How many of N are left to whoever comes to the API, unless they are needed: the first clicks there
/// should not wait until the others have renewed their leases.
const fn free_for_newcomers(calls_per_second: usize) -> usize {
    calls_per_second / 4
}
