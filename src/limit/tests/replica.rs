//! A replica: a process that begins, is stopped, goes on, is drained or killed, and begins again.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::super::COLD_START;
use super::super::lease::HolderRow;
use super::super::lease::start::Start;
use super::super::ledger::Ledger;
use super::clock::{Clock, MILLISECOND, Micros, SECOND};
use super::plan::Subject;
use super::world::{Event, World};

/// How long a drained replica waits for what has begun.
const SHUTDOWN: Micros = 10 * SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Dead,
    Running,
    Stopped,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// Looks whether its leases should be renewed.
    Ticks,
    /// Has the answer to a request, or waits for it no longer.
    IsAnswered(usize),
    GivesUp(usize),
    /// Actions of an API come, or go.
    IsAsked(usize),
    /// A permit of an API may be free.
    Wakes(usize),
    /// With a call: checks the lease and sends, has the answer, has waited for long enough, has
    /// listened for long enough, looks whether its lease has run out.
    Sends(usize),
    Reads(usize),
    TimesOut(usize),
    StopsListening(usize),
    Lapses(usize),
    /// Has been told to end: looks whether all that has begun is over.
    Drains,
}

#[derive(Debug)]
pub(super) struct Replica {
    pub(super) clock: Clock,
    pub(super) state: State,
    /// How many times it has begun: what an earlier life began is over.
    pub(super) life: u32,
    /// Whether it is of an earlier version, which has a statement for each lease.
    pub(super) is_old: bool,
    pub(super) start: Option<Start>,
    pub(super) start_asked_at: Option<Instant>,
    pub(super) holder: Uuid,
    /// Of each API; none while it is dead.
    pub(super) ledgers: Vec<Ledger>,
    /// Of which it has been said that the lease is lost.
    pub(super) lapsed: Vec<bool>,
    /// Its number at Tencent's door.
    pub(super) sender: usize,
    pub(super) calls_per_second: usize,
    pub(super) attempt_timeout: Duration,
    /// How far its wall clock is off: nothing may come of it.
    pub(super) wall_clock_error: Micros,
    pub(super) greedy: bool,
    pub(super) queued: Vec<usize>,
    /// Turns that have not become calls yet, and calls whose socket is open.
    pub(super) turns: Vec<usize>,
    pub(super) open: Vec<usize>,
    pub(super) wakes_at: Vec<Option<Instant>>,
    pub(super) ticks_at: Option<Instant>,
    /// For how long it is stopped when it has its next turn.
    pub(super) ambushed: Option<Micros>,
    pub(super) cut_off_until: Micros,
    /// When it ends at the latest, once it has been told to.
    pub(super) ends_by: Option<Micros>,
    /// The request whose answer is waited for.
    pub(super) asking: Option<usize>,
    /// Of each API: when the last answer was asked for, and what it was.
    pub(super) last_answers: Vec<Option<(Instant, Vec<HolderRow>)>>,
    put_off: Vec<Deed>,
}

impl Replica {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: State::Dead,
            life: 0,
            is_old: false,
            start: None,
            start_asked_at: None,
            holder: Uuid::nil(),
            ledgers: Vec::new(),
            lapsed: Vec::new(),
            sender: 0,
            calls_per_second: 0,
            attempt_timeout: Duration::ZERO,
            wall_clock_error: 0,
            greedy: false,
            queued: Vec::new(),
            turns: Vec::new(),
            open: Vec::new(),
            wakes_at: Vec::new(),
            ticks_at: None,
            ambushed: None,
            cut_off_until: 0,
            ends_by: None,
            asking: None,
            last_answers: Vec::new(),
            put_off: Vec::new(),
        }
    }

    pub(super) fn ledger(&mut self, api: usize) -> &mut Ledger {
        &mut self.ledgers[api]
    }

    pub(super) fn start(&self) -> &Start {
        self.start.as_ref().expect("whoever does something lives")
    }
}

impl World {
    pub(super) fn start(&mut self, replica: usize) {
        if self.replicas[replica].state != State::Dead {
            return;
        }
        let calls_per_second = self.any_calls_per_second();
        let sender = self.sender(calls_per_second);
        let holder = Uuid::from_u64_pair(self.dice.next(), self.dice.next());
        let now = self.instant(replica);
        let cold_start = match self.plan.subject {
            Subject::Failover => COLD_START,
            _ => self.dice.of(&[Duration::ZERO, COLD_START]),
        };
        let timeout = self.dice.of(&[500, 1_000, 3_000, 5_000]);
        let off = self.dice.of(&[-5, -1, 1, 5]) * SECOND;
        let greedy = self.plan.greedy || self.dice.one_in(2);
        let is_old = self.plan.subject.has_old_versions() && self.dice.one_in(3);
        let ledger = || Ledger::new(holder, calls_per_second, now + cold_start);
        let (it, apis) = (&mut self.replicas[replica], self.plan.apis);
        *it = Replica {
            state: State::Running,
            life: it.life + 1,
            is_old,
            start: Some(Start::new(now, cold_start)),
            holder,
            ledgers: std::iter::repeat_with(ledger).take(apis).collect(),
            lapsed: vec![false; apis],
            queued: vec![0; apis],
            wakes_at: vec![None; apis],
            last_answers: vec![None; apis],
            sender,
            calls_per_second,
            attempt_timeout: Duration::from_millis(timeout),
            wall_clock_error: off,
            greedy,
            cut_off_until: it.cut_off_until,
            ..Replica::new(it.clock)
        };
        if is_old {
            it.start().is_answered(now + cold_start, false);
        }
        self.begin(replica);
    }

    fn begin(&mut self, replica: usize) {
        self.does_after(replica, 0, Deed::Ticks);
        for api in 0..self.plan.apis {
            self.does_after(replica, 0, Deed::IsAsked(api));
        }
    }

    /// Its number, which is the same at each door.
    fn sender(&mut self, calls_per_second: usize) -> usize {
        let doors = self.doors.iter_mut();
        let numbers = doors.map(|door| door.sender(calls_per_second));
        numbers.max().expect("there is an API")
    }

    fn any_calls_per_second(&mut self) -> usize {
        let base = self.plan.calls_per_second;
        let another = self.plan.unequal && self.dice.one_in(2);
        let lowest = if another { base.div_ceil(2) } else { base };
        let highest = if another { base * 2 } else { base };
        self.dice.count(lowest, highest)
    }

    pub(super) fn does(&mut self, replica: usize, life: u32, deed: Deed) -> Result<(), String> {
        let it = &mut self.replicas[replica];
        if it.life != life || it.state == State::Dead {
            return Ok(());
        }
        if it.state == State::Stopped {
            it.put_off.push(deed);
            return Ok(());
        }
        match deed {
            Deed::Ticks => self.tick(replica),
            Deed::IsAnswered(request) => self.has_answer(replica, request),
            Deed::GivesUp(request) => self.give_up(replica, request),
            Deed::IsAsked(api) => self.is_asked(replica, api),
            Deed::Wakes(api) => self.replicas[replica].wakes_at[api] = None,
            Deed::Sends(call) => self.send(replica, call),
            Deed::Reads(call) => self.read(replica, call)?,
            Deed::TimesOut(call) => self.time_out(replica, call),
            Deed::StopsListening(call) => self.close(call),
            Deed::Lapses(call) => self.lapse(replica, call),
            Deed::Drains => self.end_if_drained(replica),
        }
        if let Some(api) = self.is_about(deed) {
            self.hand_out(replica, api);
        } else {
            for api in 0..self.plan.apis {
                self.hand_out(replica, api);
            }
        }
        if !matches!(deed, Deed::Sends(_) | Deed::Reads(_) | Deed::Wakes(_)) {
            self.keeper_waits(replica);
        }
        Ok(())
    }

    /// The only API whose calls a deed changes, if it is not about all.
    pub(super) fn is_about(&self, deed: Deed) -> Option<usize> {
        match deed {
            Deed::IsAsked(api) | Deed::Wakes(api) => Some(api),
            Deed::Sends(call)
            | Deed::Reads(call)
            | Deed::TimesOut(call)
            | Deed::StopsListening(call)
            | Deed::Lapses(call) => Some(self.calls[call].api),
            Deed::Ticks | Deed::IsAnswered(_) | Deed::GivesUp(_) | Deed::Drains => None,
        }
    }

    fn is_asked(&mut self, replica: usize, api: usize) {
        let it = &mut self.replicas[replica];
        if it.ends_by.is_some() {
            return;
        }
        // Where there are many APIs, most have little to do.
        if it.greedy && api < 2 {
            it.queued[api] = 1_000;
            return;
        }
        let burst = self.dice.count(1, it.calls_per_second * 2);
        it.queued[api] = self.dice.of(&[0, 0, 1, burst]);
        let longest = self.dice.of(&[4 * SECOND, 4 * SECOND, 12 * SECOND]);
        let quiet_for = self.dice.between(100 * MILLISECOND, longest);
        self.does_after(replica, quiet_for, Deed::IsAsked(api));
    }

    /// Hands out as many turns as there are permits for.
    fn hand_out(&mut self, replica: usize, api: usize) {
        let now = self.instant(replica);
        if self.replicas[replica].state != State::Running {
            return;
        }
        while self.replicas[replica].queued[api] > 0 {
            let it = &mut self.replicas[replica];
            if it.ends_by.is_some() {
                break;
            }
            let Some(term) = it.ledger(api).take(now) else {
                break;
            };
            it.queued[api] -= usize::from(!(it.greedy && api < 2));
            self.set_aside(replica, api, term);
            if let Some(long) = self.replicas[replica].ambushed.take() {
                self.stop(replica, long);
                return;
            }
        }
        let it = &mut self.replicas[replica];
        let wakes_at = it.ledger(api).next_change(now);
        let wakes_at = wakes_at.filter(|_| it.queued[api] > 0);
        let sooner = wakes_at.filter(|at| it.wakes_at[api].is_none_or(|before| *at < before));
        if let Some(at) = sooner {
            it.wakes_at[api] = Some(at);
            self.does_at(replica, at, Deed::Wakes(api));
        }
    }

    pub(super) fn throttle(&mut self, replica: usize) {
        let now = self.instant(replica);
        for ledger in &mut self.replicas[replica].ledgers {
            ledger.cut(now);
        }
    }

    pub(super) fn stop(&mut self, replica: usize, long: Micros) {
        let it = &mut self.replicas[replica];
        if it.state != State::Running {
            return;
        }
        it.state = State::Stopped;
        let (life, open) = (it.life, it.open.clone());
        self.later(self.broken_for(long), Event::GoesOn(replica, life));
        for call in open {
            self.leave_to_the_kernel(call);
        }
    }

    /// Everything that is due is done at about the same time, in any order.
    pub(super) fn go_on(&mut self, replica: usize, life: u32) {
        let it = &mut self.replicas[replica];
        if it.life != life || it.state != State::Stopped {
            return;
        }
        it.state = State::Running;
        let slow = self.dice.of(&[MILLISECOND, 300 * MILLISECOND]);
        for deed in std::mem::take(&mut it.put_off) {
            let longest = self.dice.of(&[0, 0, slow, slow, slow]);
            let after = self.dice.between(0, longest);
            self.does_after(replica, after, deed);
        }
    }

    pub(super) fn drain(&mut self, replica: usize) {
        let ends_by = self.now + self.broken_for(SHUTDOWN);
        let it = &mut self.replicas[replica];
        if it.state == State::Dead || it.ends_by.is_some() {
            return;
        }
        it.queued.fill(0);
        it.ends_by = Some(ends_by);
        self.does_after(replica, 0, Deed::Drains);
    }

    fn end_if_drained(&mut self, replica: usize) {
        let it = &self.replicas[replica];
        let late = it.ends_by.is_some_and(|end| end <= self.now);
        let busy = !it.turns.is_empty() || !it.open.is_empty();
        if it.asking.is_some() || (busy && !late) {
            self.does_after(replica, 50 * MILLISECOND, Deed::Drains);
            return;
        }
        self.give_up_all(replica);
        self.kill(replica);
    }

    /// The kernel closes the sockets of whoever dies; it may begin again as somebody else.
    pub(super) fn kill(&mut self, replica: usize) {
        let it = &mut self.replicas[replica];
        if it.state == State::Dead {
            return;
        }
        it.state = State::Dead;
        it.ledgers.clear();
        it.queued.clear();
        for call in std::mem::take(&mut it.open) {
            self.shut(call);
        }
        let longest = self.dice.of(&[0, 0, SECOND, 12 * SECOND]);
        let after = self.dice.between(0, longest);
        self.later(self.broken_for(after), Event::Starts(replica));
    }
}
