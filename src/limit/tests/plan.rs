//! What a run is made of: how many replicas, how bad the network is, what breaks and when.

use super::clock::{MILLISECOND, Micros, SECOND};
use super::dice::Dice;

/// The longest that anything is on its way between a replica and the database.
pub(super) const SLOWEST: Micros = 15 * SECOND;

/// How long after all faults every permit is leased again: a lease that nobody renews runs out
/// (5 s), so does its grace (7 s at most), and those who live share what is free.
pub(super) const SETTLES_WITHIN: Micros = 17 * SECOND;

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Nothing breaks, and everyone has more to do than may be done.
    Quiet,
    /// Processes are stopped, killed and drained.
    Processes,
    /// Renewals and their answers are late, lost and out of order.
    Network,
    /// Replicas with different N come and go.
    Rollout,
    /// The database stalls until every lease is over, and a replica with a smaller N comes.
    Lapse,
    /// Replicas are stopped by SIGTERM and start again at once, in turn and together.
    Turns,
    /// The database fails over to a standby without the last commits, and the only replica dies with it.
    Failover,
    /// The database takes long for each statement; there are three replicas and so many APIs.
    Slow(usize),
    /// All of it together.
    Everything,
}

impl Subject {
    /// Whether replicas of an earlier version, which know nothing of leases that are given up, are among
    /// the others.
    pub(super) const fn has_old_versions(self) -> bool {
        matches!(self, Self::Rollout | Self::Everything)
    }
}

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Kill(usize),
    Stop(usize, Micros),
    /// It is stopped as soon as it has a turn that is not sent yet.
    Ambush(usize, Micros),
    Drain(usize),
    /// Of the database: whatever it is asked waits.
    Stall(Micros),
    /// Of one replica from the database.
    CutOff(usize, Micros),
    /// Tencent throttles.
    Throttle(usize),
    /// From here on replicas start with this N, and there is one more.
    Configure(usize),
    /// To a standby that lacks what was committed in this time.
    FailOver(Micros),
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) subject: Subject,
    pub(super) replicas: usize,
    pub(super) apis: usize,
    pub(super) calls_per_second: usize,
    /// Whether replicas start with another N now and then.
    pub(super) unequal: bool,
    pub(super) greedy: bool,
    pub(super) faults: Vec<(Micros, Fault)>,
    /// From here on nothing breaks any more.
    pub(super) calm_from: Micros,
    pub(super) end: Micros,
    /// The longest that a turn is held before its call, as a rule.
    pub(super) begins_within: Micros,
    /// The longest that an answer takes, as a rule.
    pub(super) answers_within: Micros,
    /// The longest that a message to the database or back takes, as a rule.
    pub(super) arrives_within: Micros,
    /// How long a lease is kept that nobody uses.
    pub(super) idle_for: Micros,
    /// How long the database is busy with a statement about leases.
    pub(super) works_for: Micros,
    /// One in so many turns is held for long, because its intent is committed slowly.
    pub(super) slow_to_begin: u64,
    /// One in so many calls has no answer in time, or none at all.
    pub(super) unanswered: u64,
    /// One in so many messages between a replica and the database is late, and is lost.
    pub(super) late: u64,
    pub(super) lost: u64,
}

impl Plan {
    pub(super) fn new(subject: Subject, dice: &mut Dice) -> Self {
        let quiet = subject == Subject::Quiet;
        let calm_from = dice.between(15, 40) * SECOND;
        let mut plan = Self {
            subject,
            replicas: dice.of(&[1, 2, 2, 2, 3, 3, 3, 4, 5, 8]),
            apis: dice.of(&[1, 1, 1, 2]),
            calls_per_second: small(dice),
            unequal: subject == Subject::Rollout || (!quiet && dice.one_in(4)),
            greedy: quiet || dice.one_in(4),
            faults: Vec::new(),
            calm_from,
            // Not in all runs: the calm is long, and little happens in it.
            end: calm_from + if dice.one_in(4) { SETTLES_WITHIN } else { 0 },
            begins_within: dice.of(&[0, 5, 50]) * MILLISECOND,
            answers_within: dice.of(&[2, 60, 60, 1_500]) * MILLISECOND,
            arrives_within: dice.of(&[10, 10, 480]) * MILLISECOND,
            idle_for: dice.of(&[500, 2_000, 60_000]) * MILLISECOND,
            works_for: 0,
            slow_to_begin: dice.of(&[2, 10, 40]),
            unanswered: dice.of(&[0, 1, 2, 4, 20]),
            late: dice.of(&[0, 3, 10, 50]),
            lost: dice.of(&[0, 5, 50]),
        };
        match subject {
            Subject::Quiet => plan.keep_quiet(),
            Subject::Slow(apis) => plan.slow_down(apis, dice),
            Subject::Lapse => plan.let_all_lapse(dice),
            Subject::Failover => plan.let_it_fail_over(dice),
            Subject::Turns => plan.let_them_take_turns(dice),
            _ => {
                plan.ask_many_apis(dice);
                plan.let_things_break(subject, dice);
            }
        }
        plan
    }

    fn keep_quiet(&mut self) {
        self.apis = 1;
        self.answers_within = self.answers_within.min(60 * MILLISECOND);
        self.arrives_within = 10 * MILLISECOND;
        (self.slow_to_begin, self.unanswered) = (0, 0);
        (self.late, self.lost) = (0, 0);
        self.end = 30 * SECOND;
    }

    /// Nothing breaks, and everyone is asked now and then.
    fn slow_down(&mut self, apis: usize, dice: &mut Dice) {
        self.keep_quiet();
        (self.apis, self.replicas, self.greedy) = (apis, 3, false);
        self.calls_per_second = dice.count(3, 9);
        self.works_for = dice.between(50, 250) * MILLISECOND;
        self.end = 25 * SECOND;
        self.calm_from = self.end;
    }

    /// In some runs there are up to fifteen, each with little to do.
    fn ask_many_apis(&mut self, dice: &mut Dice) {
        if dice.one_in(20) {
            (self.apis, self.greedy) = (dice.count(3, 15), false);
            self.replicas = self.replicas.min(3);
            self.calls_per_second = dice.count(3, 6);
        }
    }

    /// One stops and starts, or all together.
    fn let_them_take_turns(&mut self, dice: &mut Dice) {
        self.replicas = dice.count(1, 3);
        (self.late, self.lost) = (0, dice.of(&[0, 0, 20]));
        self.unanswered = dice.of(&[0, 0, 20]);
        let mut at = SECOND;
        while at < self.calm_from {
            let any = dice.count(0, self.replicas - 1);
            let fault = dice.of(&[Fault::Drain(any), Fault::Drain(any), Fault::Kill(any)]);
            if dice.one_in(2) {
                self.faults.push((at, fault));
            } else {
                let all = (0..self.replicas).map(|replica| (at, Fault::Drain(replica)));
                self.faults.extend(all);
            }
            at += dice.between(100 * MILLISECOND, 6 * SECOND);
        }
    }

    /// One replica at a time, that also stops and starts.
    fn let_it_fail_over(&mut self, dice: &mut Dice) {
        (self.replicas, self.unequal) = (1, false);
        (self.greedy, self.late) = (true, 0);
        let mut at = SECOND;
        while at < self.calm_from {
            let lag = dice.of(&[SECOND, 6 * SECOND, 15 * SECOND]);
            let lag = dice.between(0, lag);
            let fault = dice.of(&[Fault::FailOver(lag), Fault::Drain(0)]);
            self.faults.push((at, fault));
            let soon = dice.of(&[SECOND, 4 * SECOND, 14 * SECOND]);
            at += dice.between(0, soon);
        }
    }

    /// Some by themselves, some together.
    fn let_things_break(&mut self, subject: Subject, dice: &mut Dice) {
        let mut at = SECOND;
        for _ in 0..dice.count(0, 4 + self.replicas * 3) {
            let soon = dice.between(0, 2 * SECOND);
            let any = dice.between(SECOND, self.calm_from);
            at = if dice.one_in(2) { any } else { at + soon };
            self.faults.push((at, self.fault(subject, dice)));
        }
    }

    /// With as many calls under way as can be.
    fn let_all_lapse(&mut self, dice: &mut Dice) {
        self.replicas = dice.count(2, 4);
        self.calls_per_second = dice.count(8, 16);
        (self.greedy, self.unanswered) = (true, dice.of(&[1, 1, 2]));
        let mut at = dice.between(3 * SECOND, 6 * SECOND);
        while at < self.calm_from {
            let stall = dice.between(4 * SECOND, 8 * SECOND);
            let comes = at + dice.between(0, stall);
            self.faults.push((at, Fault::Stall(stall)));
            self.faults
                .push((comes, Fault::Configure(dice.count(3, 8))));
            at += stall + dice.between(SECOND, 8 * SECOND);
        }
    }

    fn fault(&self, subject: Subject, dice: &mut Dice) -> Fault {
        let replica = dice.count(0, self.replicas - 1);
        let short = dice.between(0, 8 * SECOND);
        let enough_to_lose_the_lease = dice.between(8 * SECOND, 20 * SECOND);
        let long = dice.of(&[short, enough_to_lose_the_lease]);
        let kind = match subject {
            Subject::Processes => dice.of(&[0, 1, 7, 7, 2]),
            Subject::Network => dice.of(&[3, 4, 4, 5]),
            Subject::Rollout => dice.of(&[0, 2, 3, 3, 4, 6, 6]),
            _ => dice.count(0, 8),
        };
        match kind {
            0 => Fault::Kill(replica),
            1 | 8 => Fault::Stop(replica, long),
            7 => Fault::Ambush(replica, long),
            2 => Fault::Drain(replica),
            3 => Fault::Stall(long),
            4 => Fault::CutOff(replica, long),
            5 => Fault::Throttle(replica),
            _ => Fault::Configure(small(dice)),
        }
    }
}

/// An N: mostly small, because a run with few calls is as hard as one with many, and sooner over.
fn small(dice: &mut Dice) -> usize {
    match dice.count(0, 9) {
        0 => dice.count(20, 40),
        1 | 2 => dice.count(10, 20),
        _ => dice.count(3, 9),
    }
}
