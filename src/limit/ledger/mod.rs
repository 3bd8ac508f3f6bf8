//! The account of one API's permits: what the lease allows, and what is used of it.
//!
//! Every method is told the time and none waits, so that the simulation of the protocol drives
//! this very code.

mod renewals;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::REST;
use super::counts::Counts;
use super::cut::Cut;
use super::lease::{Lease, Standing, first_share};

/// The time in which a lease was never over. What was set aside in an earlier one may be others'
/// by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Term(u64);

/// Of fewer permits items of batches take all.
const ONE_IS_LEFT_FROM: usize = 4;

#[derive(Debug)]
pub(super) struct Ledger {
    holder: Uuid,
    /// N, as this process is configured.
    calls_per_second: usize,
    /// The end of the cold start.
    not_before: Instant,
    /// The number of the last renewal that was asked for, when it was, and the last that was answered.
    renewal: i64,
    asked_at: Option<Instant>,
    answered: Option<Instant>,
    lease: Option<Lease>,
    /// Since when a lease has been asked for, where there is none.
    wanted_since: Option<Instant>,
    /// When there was last something to do.
    used_at: Instant,
    term: Term,
    /// Set aside for a turn, or held by a call.
    in_use: usize,
    /// When each resting permit is free again.
    resting: BinaryHeap<Reverse<Instant>>,
    cut: Option<Cut>,
}

impl Ledger {
    /// No permit may be taken before the end of the cold start, nor without a lease.
    pub(super) const fn new(holder: Uuid, calls_per_second: usize, not_before: Instant) -> Self {
        Self {
            holder,
            calls_per_second,
            not_before,
            renewal: 0,
            asked_at: None,
            answered: None,
            lease: None,
            wanted_since: None,
            used_at: not_before,
            term: Term(0),
            in_use: 0,
            resting: BinaryHeap::new(),
            cut: None,
        }
    }

    /// The cold start is over already: no call of before can be under way.
    pub(super) fn end_cold_start(&mut self, now: Instant) {
        self.not_before = self.not_before.min(now);
    }

    /// Sets a free permit aside, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> Option<Term> {
        let free = self.free(now) > 0;
        self.in_use += usize::from(free);
        self.used_at = now.max(self.used_at);
        free.then_some(self.term)
    }

    /// The same for an item of a batch: of several permits one is left to people, who would wait for the next otherwise.
    pub(super) fn take_for_item(&mut self, now: Instant) -> Option<Term> {
        let left = usize::from(self.capacity(now) >= ONE_IS_LEFT_FROM);
        (self.free(now) > left).then(|| self.take(now)).flatten()
    }

    /// Takes back a permit that was set aside, to rest for this long.
    pub(super) fn give_back(&mut self, now: Instant, rest: Option<Duration>) {
        self.in_use -= 1;
        self.resting.extend(rest.map(|rest| Reverse(now + rest)));
    }

    /// Until when what was set aside in `term` may be sent; `None` if it may not.
    pub(super) fn may_send_until(&self, term: Term, now: Instant) -> Option<Instant> {
        let lease = self.valid(now)?;
        (term == self.term).then_some(lease.until)
    }

    /// Halves what may be taken, unless that has just been done. What is left, if it was.
    pub(super) fn cut(&mut self, now: Instant) -> Option<usize> {
        if self.cut.is_some_and(|cut| cut.is_fresh(now)) {
            return None;
        }
        let held = self.held(now);
        let cut = Cut::half_of(self.cut, held, now);
        self.cut = Some(cut);
        Some(cut.of(held, now))
    }

    /// How many may be taken.
    pub(super) fn free(&mut self, now: Instant) -> usize {
        self.capacity(now).saturating_sub(self.busy(now))
    }

    /// How many more calls there would be permits for by the next renewal: the free ones, and what the
    /// others would leave.
    pub(super) fn within_reach(&mut self, now: Instant) -> usize {
        if now < self.not_before {
            return 0;
        }
        self.reach(now).saturating_sub(self.busy(now))
    }

    /// When another may be free by itself: a permit has rested, or one has grown back.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        let rested = self.resting.peek().map(|Reverse(until)| *until);
        let regrown = self.cut.map(|_| now + Duration::from_millis(100));
        let warm = (now < self.not_before).then_some(self.not_before);
        [rested, regrown, warm].into_iter().flatten().min()
    }

    /// How long until the `nth` permit from now (from 1) is free, as far as can be foreseen: what is
    /// within reach is leased at once, a permit in use is taken to come back a second from now, and each
    /// later one at the full rate.
    pub(super) fn expected_wait(&mut self, nth: usize, now: Instant) -> Duration {
        let (cold, busy, reach) = (self.cold_for(now), self.busy(now), self.reach(now));
        // After a cut, more may be out than there are to come back to.
        let excess = busy.saturating_sub(reach);
        let free = reach.saturating_sub(busy);
        let beyond = (nth + excess).checked_sub(free + 1);
        let Some(beyond) = beyond.filter(|_| reach > 0) else {
            return cold;
        };
        let mut times: Vec<Instant> = self.resting.iter().map(|Reverse(until)| *until).collect();
        if let Some(foreseen) = beyond.checked_sub(times.len()) {
            let rounds = u32::try_from(foreseen).unwrap_or(u32::MAX);
            let wait =
                REST + REST.saturating_mul(rounds) / u32::try_from(reach).unwrap_or(u32::MAX);
            let rested = times.into_iter().max().unwrap_or(now);
            return rested.saturating_duration_since(now).max(cold + wait);
        }
        let (_, until, _) = times.select_nth_unstable(beyond);
        until.saturating_duration_since(now).max(cold)
    }

    /// Permits in a second at which turns may be handed out: all that are held, or, while there
    /// are none, all that are due.
    pub(super) fn pace(&mut self, now: Instant) -> usize {
        match self.capacity(now) {
            0 => self.share(self.calls_per_second).max(1),
            capacity => capacity,
        }
    }

    pub(super) fn counts(&mut self, now: Instant) -> Counts {
        let (held, free) = (self.held(now), self.free(now));
        let lapsed = self.standing(now) == Standing::Lapsed;
        let lease = self.lease.as_ref();
        Counts {
            held,
            free,
            in_use: self.in_use,
            resting: self.resting.len(),
            cut: self.cut.map_or(0, |cut| held - cut.of(held, now)),
            leased_to_others: lease.map_or(0, |lease| lease.others),
            calls_per_second: lease.map_or(self.calls_per_second, |lease| lease.calls_per_second),
            lapsed,
        }
    }

    fn valid(&self, now: Instant) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| now < lease.until)
    }

    fn held(&self, now: Instant) -> usize {
        self.valid(now).map_or(0, |lease| lease.permits)
    }

    fn capacity(&mut self, now: Instant) -> usize {
        if now < self.not_before {
            return 0;
        }
        // What it is not due is not taken again, or it would never be free for others.
        let lease = self.valid(now);
        let due = lease.map_or(0, |lease| lease.permits.min(lease.due));
        self.less_the_cut(due, now)
    }

    /// What this process would have if it needed all it could get; nothing while the lease is lost.
    fn reach(&mut self, now: Instant) -> usize {
        if self.standing(now) == Standing::Lapsed {
            return 0;
        }
        let (capacity, share) = (self.capacity(now), self.share(self.calls_per_second));
        self.less_the_cut(share, now).max(capacity)
    }

    fn less_the_cut(&mut self, permits: usize, now: Instant) -> usize {
        self.cut = self.cut.filter(|cut| !cut.is_over(now));
        self.cut.map_or(permits, |cut| cut.of(permits, now))
    }

    fn cold_for(&self, now: Instant) -> Duration {
        self.not_before.saturating_duration_since(now)
    }

    /// In use or resting.
    fn busy(&mut self, now: Instant) -> usize {
        let rested = |until: &Reverse<Instant>| until.0 <= now;
        while self.resting.peek().is_some_and(rested) {
            self.resting.pop();
        }
        self.in_use + self.resting.len()
    }

    fn demand(&mut self, now: Instant, queued: usize) -> usize {
        (self.busy(now) + queued).min(self.calls_per_second)
    }

    /// What this process should have, as far as it knows the others.
    fn share(&self, demand: usize) -> usize {
        let lease = self.lease.as_ref();
        lease.map_or_else(
            || first_share(self.calls_per_second, demand),
            |lease| lease.share(demand),
        )
    }
}
