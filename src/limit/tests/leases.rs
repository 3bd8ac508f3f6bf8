//! The leases: what a replica's keeper asks of the database, and what becomes of it on the way.

use std::time::Duration;

use tokio::time::Instant;

use super::super::lease::{HolderRow, LIFETIME, MARGIN, Renewal, Standing, grace};
use super::clock::{MILLISECOND, Micros};
use super::flaw::Flaw;
use super::replica::{Deed, State};
use super::table::{Asked, Shown, Table};
use super::world::{Event, World, micros};

/// As the keeper has them.
const EVERY: Duration = Duration::from_secs(1);
const IN_A_HURRY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(1);

/// A renewal or a release on its way to the database, and its answer on the way back.
#[derive(Debug)]
pub(super) struct Request {
    replica: usize,
    life: u32,
    asked_at: Instant,
    renewal: Renewal,
    grace: Duration,
    /// Of a release: how long what is still counted rests.
    rests_for: Option<Duration>,
    /// What was leased when it waited for the lock.
    seen: Option<Table>,
    rows: Vec<HolderRow>,
    expires_at: Micros,
}

impl World {
    /// As the keeper does.
    pub(super) fn tick(&mut self, replica: usize) {
        let now = self.instant(replica);
        let it = &mut self.replicas[replica];
        it.ticked_at = now;
        let queued = it.queued;
        let due = it.renewed_at.is_none_or(|at| now - at >= EVERY);
        if due || it.ledger().is_unsettled(now, queued) {
            self.renew(replica);
        } else {
            self.does_at(replica, now + IN_A_HURRY, Deed::Ticks);
        }
    }

    fn renew(&mut self, replica: usize) {
        let now = self.instant(replica);
        let it = &mut self.replicas[replica];
        let (queued, closing) = (it.queued, it.ends_by.is_some());
        let lapsed = it.ledger().standing(now) != Standing::Leased;
        let mut renewal = it.ledger().renew(now, queued, closing);
        if self.flaw == Some(Flaw::NotLowered)
            && let Some((asked_at, rows)) = it.last_answer.clone()
        {
            let demand = it.calls_per_second;
            let unlowered = Renewal { demand, ..renewal };
            it.ledger().renewed(asked_at, &unlowered, &rows);
        }
        if self.flaw == Some(Flaw::GivesUpWhatIsBusy) && self.dice.one_in(4) {
            (renewal.keeps, renewal.wants) = (renewal.keeps / 2, renewal.keeps / 2);
        }
        if self.flaw == Some(Flaw::KeepsNothingAfterALapse) && lapsed {
            renewal.keeps = 0;
        }
        let request = self.ask(replica, renewal, None);
        self.replicas[replica].asking = Some(request);
        self.does_at(replica, now + PATIENCE, Deed::GivesUp(request));
    }

    pub(super) fn release(&mut self, replica: usize) {
        let now = self.instant(replica);
        if let Some((renewal, rests_for)) = self.replicas[replica].ledger().release(now) {
            self.ask(replica, renewal, Some(rests_for));
        }
    }

    fn ask(&mut self, replica: usize, renewal: Renewal, rests_for: Option<Duration>) -> usize {
        let it = &self.replicas[replica];
        let request = Request {
            replica,
            life: it.life,
            asked_at: self.instant(replica),
            renewal,
            grace: grace(it.attempt_timeout),
            rests_for,
            seen: None,
            rows: Vec::new(),
            expires_at: 0,
        };
        self.requests.push(request);
        if let Some(after) = self.transit(replica) {
            self.later(after, Event::Asks(self.requests.len() - 1));
        }
        self.requests.len() - 1
    }

    /// The question waits for a stalled database, and for whoever has the lock.
    pub(super) fn reach_the_database(&mut self, request: usize) {
        let stall = (self.stalled_until - self.now).max(0);
        let mut locked = self.dice.between(0, 2 * MILLISECOND);
        if self.flaw == Some(Flaw::SeenBeforeTheLock) {
            self.requests[request].seen = Some(self.table.clone());
            locked = self.dice.between(0, 300 * MILLISECOND);
        }
        self.later(stall + locked, Event::CarriesOut(request));
    }

    pub(super) fn carry_out(&mut self, request: usize) {
        let moment = self.clock.reading(self.now);
        let mut asked = self.requests[request].asked();
        let it = &mut self.requests[request];
        match self.flaw {
            Some(Flaw::NoGrace) => asked.grace = 0,
            Some(Flaw::Unnumbered) => asked.renewal = moment,
            _ => {}
        }
        if let Some(rests_for) = it.rests_for {
            let rests_for = match self.flaw {
                Some(Flaw::ReleasedUnrested) => 0,
                _ => micros(rests_for + MARGIN),
            };
            self.table
                .release(moment, asked.holder, asked.renewal, rests_for);
            return;
        }
        let shown = match it.seen.take() {
            None => self.table.renew(moment, &asked),
            Some(mut seen) => {
                let shown = seen.renew(moment, &asked);
                if let Some(row) = seen.rows.get(&asked.holder) {
                    self.table.rows.insert(asked.holder, *row);
                }
                shown
            }
        };
        let shown = self.keep_out_of_nothing(moment, &asked, shown);
        let it = &mut self.requests[request];
        it.rows = shown.iter().map(holder_row).collect();
        let row = self.table.rows.get(&asked.holder);
        it.expires_at = row.map_or(0, |row| row.expires_at);
        let (replica, life) = (it.replica, it.life);
        if let Some(after) = self.transit(replica) {
            self.later(after, Event::Does(replica, life, Deed::IsAnswered(request)));
        }
    }

    /// See [`Flaw::KeptOutOfNothing`].
    fn keep_out_of_nothing(
        &mut self,
        moment: Micros,
        asked: &Asked,
        shown: Vec<Shown>,
    ) -> Vec<Shown> {
        if self.flaw != Some(Flaw::KeptOutOfNothing) || shown.is_empty() {
            return shown;
        }
        if let Some(row) = self.table.rows.get_mut(&asked.holder) {
            row.permits = row.permits.max(asked.keeps);
        }
        self.table.shown(moment)
    }

    pub(super) fn has_answer(&mut self, replica: usize, request: usize) {
        let now = self.instant(replica);
        if self.replicas[replica].asking != Some(request) {
            return;
        }
        let wall_clock = self.clock.reading(self.now) + self.replicas[replica].wall_clock_error;
        let it = &self.requests[request];
        let (renewal, rows) = (it.renewal, it.rows.clone());
        let asked_at = match self.flaw {
            Some(Flaw::CountedFromTheAnswer) => now,
            Some(Flaw::WallClock) => {
                let left =
                    Duration::from_micros((it.expires_at - wall_clock).max(0).unsigned_abs());
                now + left - LIFETIME + MARGIN
            }
            _ => it.asked_at,
        };
        let asked = it.asked_at;
        let it = &mut self.replicas[replica];
        it.ledger().renewed(asked_at, &renewal, &rows);
        it.renewed_at = Some(asked);
        if !rows.is_empty() {
            it.last_answer = Some((asked_at, rows));
        }
        self.goes_on_ticking(replica);
        self.look_whether_all_is_leased();
    }

    pub(super) fn give_up(&mut self, replica: usize, request: usize) {
        if self.replicas[replica].asking == Some(request) {
            self.goes_on_ticking(replica);
        }
    }

    fn goes_on_ticking(&mut self, replica: usize) {
        let it = &mut self.replicas[replica];
        it.asking = None;
        let next = it.ticked_at + IN_A_HURRY;
        self.does_at(replica, next, Deed::Ticks);
    }

    /// Whether all of the least N is leased to those who live, after all that has broken.
    fn look_whether_all_is_leased(&mut self) {
        if self.now < self.plan.calm_from || self.settled_at.is_some() {
            return;
        }
        let (mut sum, mut least) = (0, usize::MAX);
        for (permits, calls_per_second) in self.leased() {
            sum += permits;
            least = least.min(calls_per_second);
        }
        self.settled_at = Some(self.now).filter(|_| sum == least);
    }

    /// What each replica that lives holds, and its N.
    pub(super) fn leased(&mut self) -> impl Iterator<Item = (usize, usize)> {
        let living = (0..self.replicas.len()).filter(|at| self.replicas[*at].state != State::Dead);
        let living: Vec<(usize, Instant)> = living.map(|at| (at, self.instant(at))).collect();
        living.into_iter().map(|(at, now)| {
            let it = &mut self.replicas[at];
            (it.ledger().counts(now).held, it.calls_per_second)
        })
    }
}

impl Request {
    fn asked(&self) -> Asked {
        Asked {
            holder: self.renewal.holder,
            renewal: self.renewal.number,
            calls_per_second: integer(self.renewal.calls_per_second),
            demand: integer(self.renewal.demand),
            keeps: integer(self.renewal.keeps),
            wants: integer(self.renewal.wants),
            lifetime: micros(LIFETIME),
            grace: micros(self.grace),
        }
    }
}

fn holder_row(shown: &Shown) -> HolderRow {
    HolderRow {
        holder: shown.holder,
        calls_per_second: count(shown.calls_per_second),
        demand: count(shown.demand),
        permits: count(shown.permits),
        expired: shown.expired,
    }
}

fn integer(count: usize) -> i32 {
    i32::try_from(count).expect("counts are small here")
}

fn count(integer: i32) -> usize {
    usize::try_from(integer).expect("there are no fewer than none")
}
