//! The world of a run: replicas, their database, the calls on their way, and what happens next.
//!
//! Nothing waits: time goes from one event to the next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::as_float;
use super::calls::Call;
use super::clock::{Clock, MILLISECOND, Micros, SECOND, WORST};
use super::dice::Dice;
use super::door::Door;
use super::flaw::Flaw;
use super::leases::Request;
use super::plan::{Fault, Plan, SLOWEST, Subject};
use super::replica::{Deed, Replica, State};
use super::table::Table;

/// How much of the past a failure shows.
const REMEMBERED: usize = 120;

/// More than any run has. One that has more goes round in circles at one moment.
const TOO_MANY: u64 = 400_000;

/// The longest that a message takes when nothing is broken.
const AT_REST: Micros = 10 * MILLISECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A process does something. One that is stopped does it later, one that is dead never.
    Does(usize, u32, Deed),
    Starts(usize),
    GoesOn(usize, u32),
    Breaks(Fault),
    /// A request reaches the database, and has the lock.
    Asks(usize),
    CarriesOut(usize),
    /// A call arrives at Tencent, cannot any more, or loses its socket to the kernel.
    Arrives(usize),
    IsLost(usize),
    IsSevered(usize),
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Micros,
    pub(super) dice: Dice,
    pub(super) plan: Plan,
    pub(super) flaw: Option<Flaw>,
    /// Of each API.
    pub(super) doors: Vec<Door>,
    pub(super) table: Table,
    /// What the table was, where the database may fail over to a standby.
    pub(super) before: Vec<(Micros, Table)>,
    /// The database's.
    pub(super) clock: Clock,
    pub(super) stalled_until: Micros,
    pub(super) database_busy_until: Micros,
    pub(super) requests: Vec<Request>,
    pub(super) replicas: Vec<Replica>,
    pub(super) calls: Vec<Call>,
    /// Of each API: whether all permits were leased again after everything that broke.
    pub(super) settled: Vec<bool>,
    /// How often a lease was lost.
    pub(super) lapses: usize,
    pub(super) quick_starts: usize,
    pub(super) idle_leases: usize,
    events: BinaryHeap<Reverse<(Micros, u64, Event)>>,
    scheduled: u64,
    past: VecDeque<(Micros, Event)>,
    /// What every replica's `Instant` is counted from.
    origin: Instant,
}

/// What a run without a violation was like.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) plan: Plan,
    arrivals: Vec<Micros>,
    /// How long a call held its permit until it had its answer, in seconds.
    pub(super) mean_hold: f64,
    /// What each replica had of the first API at the end.
    pub(super) held: Vec<usize>,
    /// How often a lease was lost.
    pub(super) lapses: usize,
    /// How often a cold start was ended early, and a lease given up before the end.
    pub(super) quick_starts: usize,
    pub(super) idle_leases: usize,
}

impl Outcome {
    /// Calls that arrived in a second, from `warm` on.
    pub(super) fn rate_from(&self, warm: Micros) -> f64 {
        let counted = self.arrivals.iter().filter(|at| **at >= warm).count();
        as_float(counted) / seconds(self.plan.end - warm)
    }
}

/// Plays the run with this seed, up to the first violation.
pub(super) fn play(subject: Subject, seed: u64, flaw: Option<Flaw>) -> Result<Outcome, String> {
    let mut dice = Dice::new(seed);
    let plan = Plan::new(subject, &mut dice);
    World::new(dice, plan, flaw).run(seed)
}

impl World {
    fn new(mut dice: Dice, plan: Plan, flaw: Option<Flaw>) -> Self {
        let clock = any_clock(&mut dice);
        // One is there only when another configuration brings it.
        let replicas = (0..=plan.replicas).map(|_| any_clock(&mut dice));
        let mut world = Self {
            now: 0,
            replicas: replicas.map(Replica::new).collect(),
            dice,
            plan,
            flaw,
            doors: Vec::new(),
            table: Table::default(),
            before: vec![(0, Table::default())],
            clock,
            stalled_until: 0,
            database_busy_until: 0,
            requests: Vec::new(),
            calls: Vec::new(),
            settled: Vec::new(),
            lapses: 0,
            quick_starts: 0,
            idle_leases: 0,
            events: BinaryHeap::new(),
            scheduled: 0,
            past: VecDeque::new(),
            origin: Instant::now(),
        };
        world.doors.resize_with(world.plan.apis, Door::default);
        world.settled.resize(world.plan.apis, false);
        for replica in 0..world.plan.replicas {
            let late = world.plan.unequal || world.dice.one_in(4);
            let latest = if late { 9 * SECOND } else { SECOND / 2 };
            let at = world.dice.between(0, latest);
            world.at(at, Event::Starts(replica));
        }
        for (at, fault) in std::mem::take(&mut world.plan.faults) {
            world.at(at.min(world.plan.calm_from), Event::Breaks(fault));
        }
        world
    }

    fn run(mut self, seed: u64) -> Result<Outcome, String> {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            if at > self.plan.end {
                break;
            }
            self.now = at;
            self.past.push_back((at, event));
            if self.past.len() > REMEMBERED {
                self.past.pop_front();
            }
            let about = self.is_about_one_api(event);
            let whole = self.happen(event).and_then(|()| self.check(about));
            whole.map_err(|violation| self.story(seed, &violation))?;
            if self.scheduled > TOO_MANY {
                return Err(self.story(seed, "it goes round in circles"));
            }
        }
        let calms_down = self.flaw.is_none() && self.plan.end > self.plan.calm_from;
        if calms_down && self.settled.contains(&false) {
            return Err(self.story(seed, "not all permits are leased again"));
        }
        Ok(self.outcome())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Does(replica, life, deed) => return self.does(replica, life, deed),
            Event::Starts(replica) => self.start(replica),
            Event::GoesOn(replica, life) => self.go_on(replica, life),
            Event::Breaks(fault) => self.break_something(fault),
            Event::Asks(request) => self.reach_the_database(request),
            Event::CarriesOut(request) => self.carry_out(request),
            Event::Arrives(call) => return self.arrive(call),
            Event::IsLost(call) => self.lose(call),
            Event::IsSevered(call) => self.sever(call),
        }
        Ok(())
    }

    fn break_something(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(replica) => self.kill(replica),
            Fault::Stop(replica, long) => self.stop(replica, long),
            Fault::Drain(replica) => self.drain(replica),
            Fault::Stall(long) => self.stall(long),
            Fault::CutOff(replica, long) => self.cut_off(replica, long),
            Fault::Throttle(replica) => self.throttle(replica),
            Fault::Ambush(replica, long) => self.replicas[replica].ambushed = Some(long),
            Fault::Configure(calls_per_second) => self.configure(calls_per_second),
            Fault::FailOver(lag) => self.fail_over(lag),
        }
    }

    fn configure(&mut self, calls_per_second: usize) {
        self.plan.calls_per_second = calls_per_second;
        self.plan.unequal = true;
        for replica in 0..self.replicas.len() {
            self.later(0, Event::Starts(replica));
        }
    }

    fn stall(&mut self, long: Micros) {
        let until = self.now + self.broken_for(long);
        self.stalled_until = self.stalled_until.max(until);
    }

    fn cut_off(&mut self, replica: usize, long: Micros) {
        self.replicas[replica].cut_off_until = self.now + self.broken_for(long);
    }

    /// To a standby that has not got the last commits; the replicas die with the server that had.
    fn fail_over(&mut self, lag: Micros) {
        let at = (self.now - lag).max(0);
        let has = self.before.iter().rfind(|(since, _)| *since <= at);
        let server = self.table.server + 1;
        let (_, table) = has.expect("it begins with nothing").clone();
        self.table = Table { server, ..table };
        self.before = vec![(0, self.table.clone())];
        for replica in 0..self.replicas.len() {
            self.kill(replica);
        }
    }

    /// For a standby to fall back to.
    pub(super) fn remember_the_table(&mut self) {
        if self.plan.subject == Subject::Failover {
            self.before.push((self.now, self.table.clone()));
        }
    }

    /// The only API whose calls an event changes, if it is not about all.
    fn is_about_one_api(&self, event: Event) -> Option<usize> {
        match event {
            Event::Does(_, _, deed) => self.is_about(deed),
            Event::Arrives(call) | Event::IsLost(call) | Event::IsSevered(call) => {
                Some(self.calls[call].api)
            }
            _ => None,
        }
    }

    /// Whether the promise is kept for this API, or for all.
    fn check(&mut self, about: Option<usize>) -> Result<(), String> {
        let apis = about.map_or(0..self.plan.apis, |api| api..api + 1);
        for api in apis {
            let mut may_send = Vec::with_capacity(self.replicas.len());
            for replica in 0..self.replicas.len() {
                if self.replicas[replica].state != State::Dead {
                    may_send.push((self.replicas[replica].sender, self.may_send(replica, api)));
                }
            }
            self.doors[api].check(self.now, may_send.into_iter())?;
        }
        Ok(())
    }

    /// What could be sent at once: free permits, and turns.
    fn may_send(&mut self, replica: usize, api: usize) -> usize {
        let now = self.instant(replica);
        let it = &mut self.replicas[replica];
        let (calls, ledger) = (&self.calls, &mut it.ledgers[api]);
        let may_be_sent = |turn: &&usize| {
            let call = &calls[**turn];
            call.api == api && ledger.may_send_until(call.term, now).is_some()
        };
        let turns = it.turns.iter().filter(may_be_sent).count();
        ledger.free(now) + turns
    }

    pub(super) fn at(&mut self, at: Micros, event: Event) {
        self.scheduled += 1;
        self.events
            .push(Reverse((at.max(self.now), self.scheduled, event)));
    }

    pub(super) fn later(&mut self, after: Micros, event: Event) {
        self.at(self.now + after, event);
    }

    /// Something that the process does by itself, when its own clock says so.
    pub(super) fn does_at(&mut self, replica: usize, instant: Instant, deed: Deed) {
        let reading = instant.saturating_duration_since(self.origin);
        let it = &self.replicas[replica];
        let at = it.clock.when(micros(reading));
        self.at(at, Event::Does(replica, it.life, deed));
    }

    /// Something that comes to the process from outside.
    pub(super) fn does_after(&mut self, replica: usize, after: Micros, deed: Deed) {
        let life = self.replicas[replica].life;
        self.later(after, Event::Does(replica, life, deed));
    }

    /// What the replica's monotonic clock says.
    pub(super) fn instant(&self, replica: usize) -> Instant {
        let reading = self.replicas[replica].clock.reading(self.now);
        self.origin + Duration::from_micros(reading.unsigned_abs())
    }

    /// How long a message is on its way; `None` if it never arrives.
    pub(super) fn transit(&mut self, replica: usize) -> Option<Micros> {
        let calm = self.now >= self.plan.calm_from;
        let until = self.replicas[replica].cut_off_until;
        if self.now < until && !calm {
            let arrives = self.dice.one_in(2);
            return arrives.then(|| until - self.now);
        }
        if !calm && self.dice.one_in(self.plan.lost) {
            return None;
        }
        if !calm && self.dice.one_in(self.plan.late) {
            let longest = self.dice.of(&[900 * MILLISECOND, 3 * SECOND, SLOWEST]);
            let late = self.dice.between(0, longest);
            return Some(self.broken_for(late));
        }
        let longest = if calm {
            AT_REST
        } else {
            self.plan.arrives_within
        };
        Some(self.dice.between(MILLISECOND, longest))
    }

    /// Whatever breaks is whole again when the calm begins.
    pub(super) fn broken_for(&self, long: Micros) -> Micros {
        long.min(self.plan.calm_from - self.now).max(0)
    }

    fn outcome(mut self) -> Outcome {
        let answered = self.calls.iter().filter_map(Call::held);
        let held: Vec<f64> = answered.map(seconds).collect();
        let arrivals = self.calls.iter().filter_map(|call| call.arrived_at);
        Outcome {
            arrivals: arrivals.collect(),
            mean_hold: held.iter().sum::<f64>() / as_float(held.len()),
            held: self.leased(0).map(|(permits, _)| permits).collect(),
            lapses: self.lapses,
            quick_starts: self.quick_starts,
            idle_leases: self.idle_leases,
            plan: self.plan,
        }
    }

    fn story(&self, seed: u64, violation: &str) -> String {
        let past = self.past.iter();
        let past: Vec<String> = past
            .map(|(at, event)| format!("{:?} {event:?}", Duration::from_micros(at.unsigned_abs())))
            .collect();
        format!(
            "seed {seed}: {violation}\n{}\n{:?}\n{:#?}",
            past.join("\n"),
            self.plan,
            self.table.rows
        )
    }
}

pub(super) fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).expect("a run is short")
}

fn seconds(interval: Micros) -> f64 {
    Duration::from_micros(interval.unsigned_abs()).as_secs_f64()
}

fn any_clock(dice: &mut Dice) -> Clock {
    Clock {
        offset: dice.between(100, 1_000) * SECOND,
        parts_per_million: dice.of(&[-WORST, 0, WORST]),
    }
}
