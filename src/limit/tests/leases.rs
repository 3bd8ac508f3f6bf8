//! The leases: what a replica's keeper asks of the database, and what becomes of it on the way.

use std::time::Duration;

use tokio::time::Instant;

use super::super::lease::{HolderRow, LIFETIME, MARGIN, PATIENCE, Renewal, Standing, grace};
use super::clock::Micros;
use super::flaw::Flaw;
use super::replica::{Deed, State};
use super::table::{Shown, Table};
use super::world::{Event, World};

/// What is asked of the database.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// Whether the cold start can be ended.
    Begin,
    Renew(Vec<(usize, Renewal)>),
    /// With how long the last of each rests, and whether it is evidence for others.
    GiveUp(Vec<(usize, Renewal, Duration)>, bool),
}

/// A question on its way to the database, and its answer on the way back.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) replica: usize,
    pub(super) life: u32,
    pub(super) server: i64,
    pub(super) asked_at: Instant,
    pub(super) question: Question,
    pub(super) grace: Duration,
    /// What was leased when it waited for the lock.
    pub(super) seen: Option<Table>,
    pub(super) rows: Vec<Shown>,
    /// Whether the cold start can be ended.
    pub(super) all_given_up: bool,
    pub(super) expires_at: Micros,
}

impl World {
    /// As the keeper does: it asks one question at a time.
    pub(super) fn tick(&mut self, replica: usize) {
        let now = self.instant(replica);
        self.note_lapses(replica, now);
        let it = &mut self.replicas[replica];
        if it.ticks_at.is_some_and(|at| at <= now) {
            it.ticks_at = None;
        }
        if it.asking.is_some() {
            return;
        }
        let asks_at = it.start().asks_at(now, it.start_asked_at);
        if asks_at.is_some_and(|at| at <= now) {
            it.start_asked_at = Some(now);
            self.ask_and_wait(replica, Question::Begin);
        } else if !self.give_up_idle(replica) && self.is_due(replica, now) {
            self.renew(replica);
        }
    }

    fn is_due(&mut self, replica: usize, now: Instant) -> bool {
        let due = self.replicas[replica].due_at(now);
        due.is_some_and(|at| at <= now)
    }

    /// Until something is due, or somebody asks for more.
    pub(super) fn keeper_waits(&mut self, replica: usize) {
        let now = self.instant(replica);
        let it = &mut self.replicas[replica];
        if it.state == State::Dead || it.asking.is_some() {
            return;
        }
        let start = it.start().asks_at(now, it.start_asked_at);
        let due = it.due_at(now).into_iter().chain(start).min();
        let due = due.map(|at| at.max(now));
        let sooner = due.filter(|at| it.ticks_at.is_none_or(|before| *at < before));
        if let Some(at) = sooner {
            it.ticks_at = Some(at);
            self.does_at(replica, at, Deed::Ticks);
        }
    }

    fn note_lapses(&mut self, replica: usize, now: Instant) {
        let it = &mut self.replicas[replica];
        for (ledger, was) in it.ledgers.iter().zip(&mut it.lapsed) {
            let is = ledger.standing(now) == Standing::Lapsed;
            self.lapses += usize::from(is && !*was);
            *was = is;
        }
    }

    fn renew(&mut self, replica: usize) {
        let now = self.instant(replica);
        let it = &mut self.replicas[replica];
        let closing = it.ends_by.is_some();
        let mut renewals = Vec::new();
        for api in 0..it.ledgers.len() {
            let queued = it.queued[api];
            if !it.ledger(api).is_kept(now, queued) {
                continue;
            }
            let lapsed = it.ledger(api).standing(now) != Standing::Leased;
            let mut renewal = it.ledger(api).renew(now, queued, closing);
            if self.flaw == Some(Flaw::NotLowered)
                && let Some((asked_at, rows)) = it.last_answers[api].clone()
            {
                let demand = it.calls_per_second;
                let unlowered = Renewal { demand, ..renewal };
                it.ledger(api).renewed(asked_at, &unlowered, &rows);
            }
            if self.flaw == Some(Flaw::GivesUpWhatIsBusy) && self.dice.one_in(4) {
                (renewal.keeps, renewal.wants) = (renewal.keeps / 2, renewal.keeps / 2);
            }
            if self.flaw == Some(Flaw::KeepsNothingAfterALapse) && lapsed {
                renewal.keeps = 0;
            }
            renewals.push((api, renewal));
        }
        self.ask_and_wait(replica, Question::Renew(renewals));
    }

    /// Whether a lease has been idle for long enough, and is given up.
    fn give_up_idle(&mut self, replica: usize) -> bool {
        let (now, idle_for) = (self.instant(replica), self.plan.idle_for);
        let idle_for = Duration::from_micros(idle_for.unsigned_abs());
        let flaw = self.flaw == Some(Flaw::GivenUpInUse);
        let it = &mut self.replicas[replica];
        if it.is_old {
            return false;
        }
        let mut given_up = Vec::new();
        for api in 0..it.ledgers.len() {
            let queued = it.queued[api];
            let idle = it.ledger(api).is_idle(now, queued, idle_for);
            if flaw && queued == 0 && it.ledger(api).standing(now) == Standing::Leased {
                let renewal = it.ledger(api).give_up(now);
                given_up.extend(renewal.map(|(renewal, _)| (api, renewal, Duration::ZERO)));
            } else if idle {
                let (renewal, rests) = it.ledger(api).give_up(now).expect("nothing is under way");
                given_up.push((api, renewal, rests));
            }
        }
        let is_any = !given_up.is_empty();
        self.idle_leases += given_up.len();
        if is_any {
            let is_evidence = it.start().is_over(now);
            self.ask_and_wait(replica, Question::GiveUp(given_up, is_evidence));
        }
        is_any
    }

    pub(super) fn give_up_all(&mut self, replica: usize) {
        let now = self.instant(replica);
        let cold = self.flaw == Some(Flaw::ColdEvidence);
        let it = &mut self.replicas[replica];
        let is_evidence = cold || it.start().is_over(now);
        let ledgers = it.ledgers.iter_mut().enumerate();
        let given_up = ledgers.filter_map(|(api, ledger)| {
            let (renewal, rests) = ledger.give_up(now)?;
            Some((api, renewal, rests))
        });
        let given_up = given_up.collect();
        self.ask(replica, Question::GiveUp(given_up, is_evidence));
    }

    fn ask_and_wait(&mut self, replica: usize, question: Question) {
        let request = self.ask(replica, question);
        self.replicas[replica].asking = Some(request);
        let now = self.instant(replica);
        self.does_at(replica, now + PATIENCE, Deed::GivesUp(request));
    }

    fn ask(&mut self, replica: usize, question: Question) -> usize {
        let it = &self.replicas[replica];
        let request = Request {
            replica,
            life: it.life,
            server: self.table.server,
            asked_at: self.instant(replica),
            question,
            grace: grace(it.attempt_timeout),
            seen: None,
            rows: Vec::new(),
            all_given_up: false,
            expires_at: 0,
        };
        self.requests.push(request);
        if let Some(after) = self.transit(replica) {
            self.later(after, Event::Asks(self.requests.len() - 1));
        }
        self.requests.len() - 1
    }

    pub(super) fn has_answer(&mut self, replica: usize, request: usize) {
        if self.replicas[replica].asking != Some(request) {
            return;
        }
        self.replicas[replica].asking = None;
        match self.requests[request].question.clone() {
            Question::Begin => {
                let (now, all) = (self.instant(replica), self.requests[request].all_given_up);
                let it = &mut self.replicas[replica];
                if it.start().is_answered(now, all) {
                    self.quick_starts += 1;
                    it.ledgers
                        .iter_mut()
                        .for_each(|ledger| ledger.end_cold_start(now));
                }
            }
            Question::Renew(renewals) => {
                self.is_renewed(replica, request, &renewals);
                self.look_whether_all_is_leased();
            }
            Question::GiveUp(..) => {}
        }
    }

    fn is_renewed(&mut self, replica: usize, request: usize, renewals: &[(usize, Renewal)]) {
        let now = self.instant(replica);
        let wall_clock = self.clock.reading(self.now) + self.replicas[replica].wall_clock_error;
        let it = &self.requests[request];
        let asked_at = match self.flaw {
            Some(Flaw::CountedFromTheAnswer) => now,
            Some(Flaw::WallClock) => {
                let left =
                    Duration::from_micros((it.expires_at - wall_clock).max(0).unsigned_abs());
                now + left - LIFETIME + MARGIN
            }
            _ => it.asked_at,
        };
        for (api, renewal) in renewals {
            let rows = self.requests[request].rows.iter();
            let rows = rows.filter(|shown| shown.api == *api).map(holder_row);
            let rows: Vec<HolderRow> = rows.collect();
            let it = &mut self.replicas[replica];
            it.ledger(*api).renewed(asked_at, renewal, &rows);
            if !rows.is_empty() {
                it.last_answers[*api] = Some((asked_at, rows));
            }
        }
    }

    pub(super) fn give_up(&mut self, replica: usize, request: usize) {
        let asking = &mut self.replicas[replica].asking;
        *asking = asking.filter(|asked| *asked != request);
    }

    /// Whether of each API all is leased that need not stay free, or nobody needs any, after all that has
    /// broken.
    fn look_whether_all_is_leased(&mut self) {
        if self.now < self.plan.calm_from {
            return;
        }
        for api in 0..self.plan.apis {
            let living = self.replicas.iter().filter(|it| it.state != State::Dead);
            let needed = living.map(|it| it.queued[api]).sum::<usize>() > 0;
            let leased: Vec<(usize, usize)> = self.leased(api).collect();
            let sum: usize = leased.iter().map(|(permits, _)| permits).sum();
            let least = leased
                .iter()
                .map(|(_, calls_per_second)| *calls_per_second)
                .min();
            let all = least.map_or(!needed, |least| (least - least / 4..=least).contains(&sum));
            self.settled[api] |= all;
        }
    }

    /// What each replica that has a lease on an API holds, and its N.
    pub(super) fn leased(&mut self, api: usize) -> impl Iterator<Item = (usize, usize)> {
        let living = (0..self.replicas.len()).filter(|at| self.replicas[*at].state != State::Dead);
        let living: Vec<(usize, Instant)> = living.map(|at| (at, self.instant(at))).collect();
        living.into_iter().filter_map(move |(at, now)| {
            let it = &mut self.replicas[at];
            let leased = it.ledger(api).standing(now) == Standing::Leased;
            leased.then(|| (it.ledger(api).counts(now).held, it.calls_per_second))
        })
    }
}

impl super::replica::Replica {
    /// When the next of its leases is due.
    fn due_at(&mut self, now: Instant) -> Option<Instant> {
        let ledgers = self.ledgers.iter_mut().zip(&self.queued);
        let due = ledgers.filter_map(|(ledger, queued)| ledger.due_at(now, *queued));
        due.min()
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

fn count(integer: i32) -> usize {
    usize::try_from(integer).expect("there are no fewer than none")
}
