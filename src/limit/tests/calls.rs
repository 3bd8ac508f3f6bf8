//! The calls: a turn is held for a while, becomes a call, and arrives at the worst of moments.

use std::time::Duration;

use super::super::ABANDON_GRACE;
use super::super::REST;
use super::super::lease::Standing;
use super::super::ledger::Term;
use super::clock::{MILLISECOND, Micros, SECOND};
use super::flaw::Flaw;
use super::replica::{Deed, State};
use super::world::{Event, World, micros};

/// A turn, and the call that comes of it.
#[derive(Debug)]
pub(super) struct Call {
    replica: usize,
    pub(super) api: usize,
    sender: usize,
    pub(super) term: Term,
    taken_at: Micros,
    /// Until its permit rests, or it turns out to be none.
    has_permit: bool,
    listened_to: bool,
    closed_at: Option<Micros>,
    read_at: Option<Micros>,
    pub(super) arrived_at: Option<Micros>,
    lost: bool,
}

impl Call {
    /// How long its permit was held until the answer.
    pub(super) fn held(&self) -> Option<Micros> {
        Some(self.read_at? - self.taken_at)
    }
}

impl World {
    /// A permit has been set aside for a turn, which is now waiting for its intent to be committed.
    pub(super) fn set_aside(&mut self, replica: usize, api: usize, term: Term) {
        let it = &mut self.replicas[replica];
        it.turns.push(self.calls.len());
        self.calls.push(Call {
            replica,
            api,
            sender: it.sender,
            term,
            taken_at: self.now,
            has_permit: true,
            listened_to: false,
            closed_at: None,
            read_at: None,
            arrived_at: None,
            lost: false,
        });
        let slow = self.now < self.plan.calm_from && self.dice.one_in(self.plan.slow_to_begin);
        let longest = if slow {
            2 * SECOND
        } else {
            self.plan.begins_within
        };
        let after = self.dice.between(0, longest);
        self.does_after(replica, after, Deed::Sends(self.calls.len() - 1));
    }

    /// The lease is checked and the call is sent, with nothing in between.
    pub(super) fn send(&mut self, replica: usize, call: usize) {
        let now = self.instant(replica);
        let unused = !self.plan.greedy && self.dice.one_in(30);
        let (api, term) = (self.calls[call].api, self.calls[call].term);
        let it = &mut self.replicas[replica];
        it.turns.retain(|turn| *turn != call);
        let may = match self.flaw {
            Some(Flaw::OutlivesItsLease) => it.ledger(api).standing(now) == Standing::Leased,
            _ => it.ledger(api).may_send_until(term, now).is_some(),
        };
        if unused || !may {
            it.ledger(api).give_back(now, None);
            self.calls[call].has_permit = false;
            return;
        }
        it.open.push(call);
        let timeout = it.attempt_timeout;
        self.doors[api].sent(it.sender);
        self.does_at(replica, now + timeout, Deed::TimesOut(call));
        self.at(self.now + micros(timeout), Event::IsSevered(call));
        self.answer(replica, call, micros(timeout));
    }

    /// When it arrives, and when its answer does. Most of them as late as can be or at once.
    fn answer(&mut self, replica: usize, call: usize, timeout: Micros) {
        let breaks = self.now < self.plan.calm_from;
        if breaks && self.dice.one_in(self.plan.unanswered) {
            self.do_not_answer(replica, call, timeout);
            return;
        }
        let longest = self.plan.answers_within.min(timeout - MILLISECOND);
        let answered = self.dice.between(MILLISECOND, longest);
        let between = self.dice.between(0, answered);
        let arrives = self.dice.of(&[0, answered, between]);
        self.later(arrives, Event::Arrives(call));
        self.does_after(replica, answered, Deed::Reads(call));
    }

    /// It may have arrived all the same, and its answer may come after all.
    fn do_not_answer(&mut self, replica: usize, call: usize, timeout: Micros) {
        if self.dice.one_in(3) {
            let after = self.dice.between(0, timeout);
            self.later(after, Event::Arrives(call));
        }
        if !self.dice.one_in(3) {
            let after = self.dice.between(timeout, timeout + 8 * SECOND);
            self.does_after(replica, after, Deed::Reads(call));
        }
    }

    pub(super) fn arrive(&mut self, call: usize) -> Result<(), String> {
        let it = &mut self.calls[call];
        let late = it
            .closed_at
            .is_some_and(|at| self.now > at + micros(ABANDON_GRACE));
        if late || it.lost || it.arrived_at.is_some() {
            return Ok(());
        }
        it.arrived_at = Some(self.now);
        self.doors[it.api].arrives(self.now, it.sender)
    }

    pub(super) fn lose(&mut self, call: usize) {
        let it = &mut self.calls[call];
        if it.arrived_at.is_none() && !it.lost {
            it.lost = true;
            self.doors[it.api].lost(it.sender);
        }
    }

    /// The answer has been read: so the call has arrived.
    pub(super) fn read(&mut self, replica: usize, call: usize) -> Result<(), String> {
        let it = &mut self.calls[call];
        if it.closed_at.is_some() || !it.has_permit {
            return Ok(());
        }
        it.read_at = Some(self.now);
        self.arrive(call)?;
        let rest = Some(REST).filter(|_| self.flaw != Some(Flaw::NoRest));
        self.end(replica, call, rest);
        Ok(())
    }

    pub(super) fn time_out(&mut self, replica: usize, call: usize) {
        let now = self.instant(replica);
        let it = &mut self.calls[call];
        if !it.has_permit {
            return;
        }
        if it.closed_at.is_some() || self.dice.one_in(3) {
            self.close(call);
            return;
        }
        it.listened_to = true;
        let after = self.dice.between(0, 10 * SECOND);
        self.does_after(replica, after, Deed::StopsListening(call));
        self.does_at(replica, now, Deed::Lapses(call));
    }

    /// Whoever is listened to after its time-out is given up with the lease.
    pub(super) fn lapse(&mut self, replica: usize, call: usize) {
        let now = self.instant(replica);
        if !self.calls[call].has_permit {
            return;
        }
        let (api, term) = (self.calls[call].api, self.calls[call].term);
        match self.replicas[replica].ledger(api).may_send_until(term, now) {
            Some(until) => self.does_at(replica, until, Deed::Lapses(call)),
            None => self.close(call),
        }
    }

    /// The process closes the socket, if the kernel has not, and its permit begins to rest.
    pub(super) fn close(&mut self, call: usize) {
        if self.calls[call].has_permit {
            let replica = self.calls[call].replica;
            self.end(replica, call, Some(REST + ABANDON_GRACE));
        }
    }

    fn end(&mut self, replica: usize, call: usize, rest: Option<Duration>) {
        let (now, api) = (self.instant(replica), self.calls[call].api);
        self.shut(call);
        self.calls[call].has_permit = false;
        let it = &mut self.replicas[replica];
        it.ledger(api).give_back(now, rest);
        it.open.retain(|open| *open != call);
    }

    /// The socket is closed. What has not arrived may do so for a while.
    pub(super) fn shut(&mut self, call: usize) {
        let it = &mut self.calls[call];
        if it.closed_at.is_some() {
            return;
        }
        it.closed_at = Some(self.now);
        if it.arrived_at.is_some() {
            return;
        }
        let grace = micros(ABANDON_GRACE);
        let any = self.dice.between(0, grace);
        let after = self.dice.of(&[grace, grace, any, grace + 1]);
        self.later(after, Event::Arrives(call));
        self.later(grace + 1, Event::IsLost(call));
    }

    /// Of a process that is stopped, the kernel closes what has not been answered in the time of an
    /// attempt; what was listened to for longer, with the lease.
    pub(super) fn leave_to_the_kernel(&mut self, call: usize) {
        let (replica, api, term) = {
            let it = &self.calls[call];
            (it.replica, it.api, it.term)
        };
        if !self.calls[call].listened_to {
            return;
        }
        let now = self.instant(replica);
        let it = &mut self.replicas[replica];
        let until = it.ledger(api).may_send_until(term, now).unwrap_or(now);
        let left = micros(until.saturating_duration_since(now));
        self.later(left, Event::IsSevered(call));
    }

    pub(super) fn sever(&mut self, call: usize) {
        let it = &self.calls[call];
        let of = &self.replicas[it.replica];
        if of.state == State::Stopped && of.open.contains(&call) {
            self.shut(call);
        }
    }
}
