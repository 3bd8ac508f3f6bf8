//! When a lease is asked for, renewed and given up, and what becomes of the answers.

use std::cmp::Reverse;
use std::time::Duration;

use tokio::time::Instant;

use super::super::lease::{EVERY, HolderRow, IN_A_HURRY, Lease, Renewal, Standing, USABLE_FOR};
use super::Ledger;

impl Ledger {
    pub(in super::super) fn standing(&self, now: Instant) -> Standing {
        let since = self.wanted_since;
        match &self.lease {
            Some(lease) if now < lease.until => Standing::Leased,
            Some(_) => Standing::Lapsed,
            // Those who wait for their turn are told the truth as soon as those of a lapsed lease.
            None if since.is_some_and(|since| now >= since + USABLE_FOR) => Standing::Lapsed,
            None => Standing::Waiting,
        }
    }

    /// When the keeper should ask for a renewal, with so many that wait for a turn: at once where a lease
    /// is needed, but no more often than in a hurry. `None` while nobody needs one.
    pub(in super::super) fn due_at(&mut self, now: Instant, queued: usize) -> Option<Instant> {
        if !self.is_kept(now, queued) {
            return None;
        }
        let hurried = self.asked_at.map_or(now, |at| at + IN_A_HURRY);
        let answered = self.answered.filter(|at| Some(*at) == self.asked_at);
        match answered {
            Some(at) if !self.is_urgent(now, queued) => Some(at + EVERY),
            _ => Some(hurried),
        }
    }

    /// Whether there is a lease to renew, or one is needed.
    pub(in super::super) fn is_kept(&mut self, now: Instant, queued: usize) -> bool {
        self.lease.is_some() || self.wanted_since.is_some() || self.demand(now, queued) > 0
    }

    /// What to ask for, now that `queued` actions wait. From here on no more is used than it
    /// keeps, whether or not an answer comes: the database may have given the rest away.
    pub(in super::super) fn renew(
        &mut self,
        now: Instant,
        queued: usize,
        closing: bool,
    ) -> Renewal {
        let (busy, demand) = (self.busy(now), self.demand(now, queued));
        let due = if closing { 0 } else { self.share(demand) };
        // Also after a lapse: the row may still be there, and the last calls under way.
        let row = self.lease.as_ref().map_or(0, |lease| lease.permits);
        let keeps = row.min(due.max(busy));
        match &mut self.lease {
            Some(lease) => (lease.permits, lease.due) = (keeps, due),
            None => self.wanted_since = self.wanted_since.or(Some(now)),
        }
        if demand > 0 {
            self.used_at = now.max(self.used_at);
        }
        self.asked_at = Some(now);
        self.renewal += 1;
        Renewal {
            holder: self.holder,
            number: self.renewal,
            calls_per_second: self.calls_per_second,
            demand,
            keeps,
            wants: due.max(busy),
        }
    }

    /// The answer to `renewal`, asked for at `asked_at`. One to an earlier renewal says nothing.
    pub(in super::super) fn renewed(
        &mut self,
        asked_at: Instant,
        renewal: &Renewal,
        rows: &[HolderRow],
    ) {
        if renewal.number != self.renewal {
            return;
        }
        self.answered = self.asked_at;
        if let Some(lease) = Lease::read(renewal, asked_at, rows) {
            self.term.0 += u64::from(self.valid(asked_at).is_none());
            self.lease = Some(lease);
            self.wanted_since = None;
        }
    }

    /// Whether the lease has not been used for so long, and nothing is under way or rests.
    pub(in super::super) fn is_idle(
        &mut self,
        now: Instant,
        queued: usize,
        idle_for: Duration,
    ) -> bool {
        let unused = now.saturating_duration_since(self.used_at) >= idle_for;
        unused && self.standing(now) == Standing::Leased && self.demand(now, queued) == 0
    }

    /// The renewal that ends the lease, and how long what is still counted will rest; `None` while
    /// a permit is in use. None may be taken from here on, until there is another lease.
    pub(in super::super) fn give_up(&mut self, now: Instant) -> Option<(Renewal, Duration)> {
        let renewal = self.renew(now, 0, true);
        // Whoever needs one next waits for nothing.
        (self.lease, self.wanted_since, self.asked_at) = (None, None, None);
        let last = self.resting.iter().map(|Reverse(until)| *until).max();
        (self.in_use == 0).then(|| (renewal, last.map_or(Duration::ZERO, |last| last - now)))
    }

    /// Whether a renewal should not wait.
    pub(in super::super) fn is_urgent(&mut self, now: Instant, queued: usize) -> bool {
        let demand = self.demand(now, queued);
        let lease = self.valid(now);
        lease.is_none_or(|lease| lease.is_urgent(demand))
    }
}
