//! The permits of one API, for many tasks at once.

#[cfg(test)]
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::by_items::ByItems;
use super::counts::Counts;
use super::lease::{HolderRow, Renewal, Standing};
use super::ledger::{Ledger, Term};

#[derive(Debug)]
pub(super) struct Permits {
    ledger: Mutex<Ledger>,
    by_items: Mutex<ByItems>,
    changed: Notify,
}

impl Permits {
    /// The permits of this holder: none before the cold start is over, nor without a lease.
    pub(super) fn new(holder: Uuid, calls_per_second: usize, cold_until: Instant) -> Self {
        Self {
            ledger: Mutex::new(Ledger::new(holder, calls_per_second, cold_until)),
            by_items: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// See [`Ledger::end_cold_start`].
    pub(super) fn end_cold_start(&self) {
        self.lock().end_cold_start(Instant::now());
        self.changed.notify_one();
    }

    /// Waits for a free permit and takes it, for whoever gives it back.
    pub(super) async fn take(&self) -> Term {
        self.take_by(Ledger::take).await
    }

    /// The same for an item of a batch, which leaves one to people.
    pub(super) async fn take_for_item(&self) -> Term {
        self.take_by(Ledger::take_for_item).await
    }

    async fn take_by(&self, take: fn(&mut Ledger, Instant) -> Option<Term>) -> Term {
        loop {
            let changed = self.changed.notified();
            let now = Instant::now();
            let next_change = {
                let mut ledger = self.lock();
                if let Some(term) = take(&mut ledger, now) {
                    return term;
                }
                ledger.next_change(now)
            };
            match next_change {
                Some(next_change) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(next_change) => {}
                },
                None => changed.await,
            }
        }
    }

    /// An item of a batch has a permit that was reserved.
    pub(super) fn taken_by_item(&self) {
        self.lock_by_items().taken();
    }

    /// How many permits items of batches use.
    pub(super) fn busy_by_items(&self) -> usize {
        self.lock_by_items().busy(Instant::now())
    }

    /// Takes back a permit that was reserved, to rest for this long.
    pub(super) fn give_back(&self, rest: Option<Duration>, of_item: bool) {
        let now = Instant::now();
        self.lock().give_back(now, rest);
        if of_item {
            self.lock_by_items().given_back(now, rest);
        }
        self.changed.notify_one();
    }

    /// Whether what was set aside in `term` may be sent.
    pub(super) fn may_send(&self, term: Term) -> bool {
        self.lock().may_send_until(term, Instant::now()).is_some()
    }

    /// Returns when `term` is over.
    pub(super) async fn lapsed(&self, term: Term) {
        loop {
            let until = self.lock().may_send_until(term, Instant::now());
            match until {
                Some(until) => sleep_until(until).await,
                None => return,
            }
        }
    }

    /// See [`Ledger::due_at`].
    pub(super) fn due_at(&self, now: Instant, queued: usize) -> Option<Instant> {
        self.lock().due_at(now, queued)
    }

    /// See [`Ledger::is_kept`].
    pub(super) fn is_kept(&self, now: Instant, queued: usize) -> bool {
        self.lock().is_kept(now, queued)
    }

    /// See [`Ledger::renew`].
    pub(super) fn renew(&self, asked_at: Instant, queued: usize, closing: bool) -> Renewal {
        self.lock().renew(asked_at, queued, closing)
    }

    /// See [`Ledger::renewed`].
    pub(super) fn renewed(&self, asked_at: Instant, renewal: &Renewal, rows: &[HolderRow]) {
        self.lock().renewed(asked_at, renewal, rows);
        self.changed.notify_one();
    }

    /// See [`Ledger::give_up`].
    pub(super) fn give_up(&self) -> Option<(Renewal, Duration)> {
        self.lock().give_up(Instant::now())
    }

    /// Gives the lease up if it has been idle for so long.
    pub(super) fn give_up_if_idle(
        &self,
        queued: usize,
        idle_for: Duration,
    ) -> Option<(Renewal, Duration)> {
        let (mut ledger, now) = (self.lock(), Instant::now());
        let idle = ledger.is_idle(now, queued, idle_for);
        idle.then(|| ledger.give_up(now)).flatten()
    }

    pub(super) fn standing(&self) -> Standing {
        self.lock().standing(Instant::now())
    }

    /// Whether a renewal should not wait, with so many that wait for a turn.
    pub(super) fn is_urgent(&self, queued: usize) -> bool {
        self.lock().is_urgent(Instant::now(), queued)
    }

    /// Halves what may be taken, unless that has just been done. What is left, if it was.
    pub(super) fn cut(&self) -> Option<usize> {
        self.lock().cut(Instant::now())
    }

    /// See [`Ledger::within_reach`].
    pub(super) fn within_reach(&self) -> usize {
        self.lock().within_reach(Instant::now())
    }

    /// How long until the `nth` permit from now (from 1) is free, as far as can be foreseen.
    pub(super) fn expected_wait(&self, nth: usize) -> Duration {
        self.lock().expected_wait(nth, Instant::now())
    }

    /// See [`Ledger::pace`].
    pub(super) fn pace(&self) -> usize {
        self.lock().pace(Instant::now())
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().counts(Instant::now())
    }

    fn lock_by_items(&self) -> MutexGuard<'_, ByItems> {
        self.by_items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Every change under the lock is a single step, so a panic elsewhere leaves it whole.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Permits {
    /// Permits that nobody else has a share of, for as long as a lease lasts.
    pub(super) fn leased(permits: usize, cold_start: Duration) -> Arc<Self> {
        let leased = Self::new(Uuid::now_v7(), permits, Instant::now() + cold_start);
        leased.renew_alone();
        Arc::new(leased)
    }

    /// A renewal in a database where no other holder is, for all that there is.
    pub(super) fn renew_alone(&self) {
        self.renew_alone_for(usize::MAX / 2);
    }

    /// The same while so many wait.
    fn renew_alone_for(&self, queued: usize) {
        let now = Instant::now();
        let renewal = self.renew(now, queued, false);
        let row = HolderRow {
            holder: renewal.holder,
            calls_per_second: renewal.calls_per_second,
            demand: renewal.demand,
            permits: renewal.wants,
            expired: false,
        };
        self.renewed(now, &renewal, &[row]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::lease::{LIFETIME, MARGIN};
    use super::super::permit::{Permit, Turn};
    use super::super::{ABANDON_GRACE, REST};
    use super::*;

    fn permits(capacity: usize) -> Arc<Permits> {
        Permits::leased(capacity, Duration::ZERO)
    }

    async fn time_to_reserve(permits: &Arc<Permits>) -> Duration {
        let before = Instant::now();
        let turn = Turn::reserve(permits).await;
        drop(turn);
        before.elapsed()
    }

    async fn permit(permits: &Arc<Permits>) -> Permit {
        Turn::reserve(permits)
            .await
            .permit()
            .expect("the lease is valid")
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_comes_back_as_its_call_deserves() {
        let permits = permits(1);
        for (end, expected) in [
            (Permit::unused as fn(Permit), Duration::ZERO),
            (Permit::answered, REST),
            (Permit::abandoned, REST + ABANDON_GRACE),
            (drop, REST + ABANDON_GRACE),
        ] {
            permits.renew_alone();
            end(permit(&permits).await);
            assert_eq!(time_to_reserve(&permits).await, expected);
        }
        drop(Turn::reserve(&permits).await);
        assert_eq!(time_to_reserve(&permits).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_halves_what_may_be_taken_and_grows_back() {
        let permits = permits(100);
        let free = |permits: &Permits| {
            permits.renew_alone();
            permits.counts().free
        };
        assert_eq!(
            (permits.cut(), permits.cut()),
            (Some(50), None),
            "once a second"
        );
        assert_eq!(free(&permits), 50);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(free(&permits), 55, "5 % of N a second");
        for _ in 0..5 {
            permits.cut();
            tokio::time::advance(Duration::from_secs(1)).await;
            permits.renew_alone();
        }
        assert_eq!(free(&permits), 15, "never below ten");
        tokio::time::advance(Duration::from_secs(17)).await;
        assert_eq!(free(&permits), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cold_start_grants_nothing_for_a_second_and_the_grace() {
        let permits = Permits::leased(3, super::super::COLD_START);
        assert_eq!(permits.counts().free, 0);
        assert_eq!(permits.expected_wait(3), super::super::COLD_START);
        assert_eq!(time_to_reserve(&permits).await, super::super::COLD_START);
        assert_eq!(permits.counts().free, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_expected_wait_is_the_time_of_the_nth_permit() {
        let permits = permits(2);
        permit(&permits).await.answered();
        tokio::time::advance(Duration::from_millis(400)).await;
        permit(&permits).await.answered();
        assert_eq!(permits.expected_wait(1), Duration::from_millis(601));
        assert_eq!(permits.expected_wait(2), REST);
        assert!(permits.expected_wait(3) >= REST);
        assert!(permits.expected_wait(9) > permits.expected_wait(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_asked_for_at_once_when_it_is_needed_and_given_up_when_it_is_idle() {
        const IDLE: Duration = Duration::from_mins(1);
        let permits = Arc::new(Permits::new(Uuid::now_v7(), 8, Instant::now()));
        let due = |queued| permits.due_at(Instant::now(), queued);
        assert_eq!((due(0), permits.standing()), (None, Standing::Waiting));
        assert_eq!(due(1), Some(Instant::now()), "somebody waits");
        assert_eq!(permits.within_reach(), 8);
        permits.renew_alone();
        permit(&permits).await.answered();
        for _ in 0..59 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(due(0), Some(Instant::now()), "it is renewed each second");
            permits.renew_alone_for(0);
            assert!(permits.give_up_if_idle(0, IDLE).is_none());
        }
        assert_eq!(permits.counts().held, 6, "a quarter is left to others");
        tokio::time::advance(Duration::from_secs(2)).await;
        permits.renew_alone_for(0);
        assert!(permits.give_up_if_idle(1, IDLE).is_none(), "somebody waits");
        let (_, rests_for) = permits.give_up_if_idle(0, IDLE).expect("it is idle");
        assert_eq!(rests_for, Duration::ZERO);
        assert_eq!((due(0), permits.standing()), (None, Standing::Waiting));
        assert!(!permits.counts().lapsed);
        assert_eq!(due(1), Some(Instant::now()), "somebody needs it again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_needed_and_cannot_be_had_is_missing_as_one_that_has_lapsed() {
        let permits = Permits::new(Uuid::now_v7(), 8, Instant::now());
        permits.renew(Instant::now(), 1, false);
        assert_eq!(permits.standing(), Standing::Waiting);
        tokio::time::advance(LIFETIME).await;
        assert_eq!(permits.standing(), Standing::Lapsed);
        assert!(
            permits.due_at(Instant::now(), 0).is_some(),
            "it is still asked for"
        );
        permits.renew_alone_for(0);
        assert_eq!(permits.standing(), Standing::Leased);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_lease_nothing_is_granted_and_what_was_granted_is_not_sent() {
        let permits = permits(3);
        let (turn, late) = (Turn::reserve(&permits).await, Turn::reserve(&permits).await);
        let later = Turn::reserve(&permits).await;
        drop(turn.permit().expect("the lease is valid"));
        let before = Instant::now();
        permits.lapsed(late.term()).await;
        assert_eq!(before.elapsed() + MARGIN, LIFETIME);
        assert!(late.permit().is_none());
        assert_eq!(permits.standing(), Standing::Lapsed);
        assert_eq!(permits.counts().free, 0);
        permits.renew_alone();
        assert_eq!(permits.counts().free, 2, "both have rested");
        assert!(later.permit().is_none(), "others may have had it meanwhile");
    }
}
