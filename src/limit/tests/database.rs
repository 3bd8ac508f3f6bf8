//! The database: what it does with what the keepers of leases ask.

use std::time::Duration;

use uuid::Uuid;

use super::super::lease::store::rest;
use super::super::lease::{LIFETIME, Renewal};
use super::clock::{MILLISECOND, Micros};
use super::flaw::Flaw;
use super::leases::Question;
use super::replica::Deed;
use super::table::{Asked, AskedOf, GivenUp, Shown};
use super::world::{Event, World, micros};

impl World {
    /// The question waits for a stalled database, and for whoever has the lock.
    pub(super) fn reach_the_database(&mut self, request: usize) {
        let stall = (self.stalled_until - self.now).max(0);
        let mut locked = self.dice.between(0, 2 * MILLISECOND);
        if self.flaw == Some(Flaw::SeenBeforeTheLock) {
            self.requests[request].seen = Some(self.table.clone());
            locked = self.dice.between(0, 300 * MILLISECOND);
        }
        if self.plan.works_for > 0 {
            let statements = match (&self.requests[request].question, self.flaw) {
                (Question::Renew(renewals), Some(Flaw::OneStatementForEach)) => renewals.len(),
                _ => 1,
            };
            let statements = Micros::try_from(statements).expect("there are few");
            let begins = self.database_busy_until.max(self.now + stall);
            self.database_busy_until = begins + self.plan.works_for * statements;
            locked += self.database_busy_until - self.now - stall;
        }
        self.later(stall + locked, Event::CarriesOut(request));
    }

    pub(super) fn carry_out(&mut self, request: usize) {
        if self.requests[request].server != self.table.server {
            return;
        }
        let moment = self.clock.reading(self.now);
        match self.requests[request].question.clone() {
            Question::Begin => {
                self.requests[request].all_given_up = self.looks_given_up(moment);
            }
            Question::Renew(renewals) => self.carry_out_renewal(request, moment, &renewals),
            Question::GiveUp(given_up, is_evidence) => {
                self.carry_out_giving_up(request, moment, &given_up, is_evidence);
            }
        }
        self.remember_the_table();
        let it = &self.requests[request];
        let (replica, life) = (it.replica, it.life);
        if let Some(after) = self.transit(replica) {
            self.later(after, Event::Does(replica, life, Deed::IsAnswered(request)));
        }
    }

    fn looks_given_up(&self, moment: Micros) -> bool {
        let mut seen = self.table.clone();
        match self.flaw {
            Some(Flaw::EmptyIsGivenUp) if seen.rows.is_empty() => return true,
            Some(Flaw::OverIsGivenUp) => {
                for row in seen
                    .rows
                    .values_mut()
                    .filter(|row| row.expires_at <= moment)
                {
                    row.given_up_on = Some(seen.server);
                }
            }
            Some(Flaw::GivenUpElsewhere) => {
                for row in seen
                    .rows
                    .values_mut()
                    .filter(|row| row.given_up_on.is_some())
                {
                    row.given_up_on = Some(seen.server);
                }
            }
            _ => {}
        }
        seen.all_given_up(moment)
    }

    fn carry_out_renewal(&mut self, request: usize, moment: Micros, renewals: &[(usize, Renewal)]) {
        let it = &mut self.requests[request];
        let mut asked = asked(self.replicas[it.replica].holder, it.grace, renewals);
        if let Some((_, renewal)) = renewals.first() {
            asked.holder = renewal.holder;
        }
        match self.flaw {
            Some(Flaw::NoGrace) => asked.grace = 0,
            Some(Flaw::Unnumbered) => asked.leases.iter_mut().for_each(|of| of.renewal = moment),
            _ => {}
        }
        let seen = it.seen.take();
        let is_old = self.replicas[it.replica].is_old && self.replicas[it.replica].life == it.life;
        let shown = match seen {
            Some(mut seen) => {
                let shown = seen.renew(moment, &asked);
                for of in &asked.leases {
                    let key = (of.api, asked.holder);
                    self.table
                        .rows
                        .extend(seen.rows.get(&key).map(|row| (key, *row)));
                }
                shown
            }
            None if is_old => {
                let of_each = asked.leases.iter();
                let shown = of_each.map(|of| self.table.renew_one(moment, &asked, of));
                shown.flatten().collect()
            }
            None => self.table.renew(moment, &asked),
        };
        let shown = self.keep_out_of_nothing(&asked, shown);
        let it = &mut self.requests[request];
        it.rows = shown;
        it.expires_at = moment + asked.lifetime;
    }

    fn carry_out_giving_up(
        &mut self,
        request: usize,
        moment: Micros,
        given_up: &[(usize, Renewal, Duration)],
        is_evidence: bool,
    ) {
        let Some((_, Renewal { holder, .. }, _)) = given_up.first() else {
            return;
        };
        let it = &self.requests[request];
        let is_old = self.replicas[it.replica].is_old && self.replicas[it.replica].life == it.life;
        let rests = |rests_for: Duration| match self.flaw {
            Some(Flaw::ReleasedUnrested) => 0,
            _ => micros(rest(rests_for)),
        };
        let rows: Vec<GivenUp> = given_up
            .iter()
            .map(|(api, renewal, rests_for)| GivenUp {
                api: *api,
                renewal: renewal.number,
                calls_per_second: integer(renewal.calls_per_second),
                rests: rests(*rests_for),
            })
            .collect();
        if is_old {
            for row in &rows {
                self.table.release_one(moment, *holder, row);
            }
        } else {
            self.table.give_up(moment, *holder, &rows, is_evidence);
        }
    }

    /// See [`Flaw::KeptOutOfNothing`].
    fn keep_out_of_nothing(&mut self, asked: &Asked, mut shown: Vec<Shown>) -> Vec<Shown> {
        if self.flaw != Some(Flaw::KeptOutOfNothing) {
            return shown;
        }
        for of in &asked.leases {
            let row = self.table.rows.get_mut(&(of.api, asked.holder));
            let own = |shown: &&mut Shown| shown.api == of.api && shown.holder == asked.holder;
            if let (Some(row), Some(shown)) = (row, shown.iter_mut().find(own)) {
                row.permits = row.permits.max(of.keeps);
                shown.permits = row.permits;
            }
        }
        shown
    }
}

fn asked(holder: Uuid, grace: Duration, renewals: &[(usize, Renewal)]) -> Asked {
    let leases = renewals.iter().map(|(api, renewal)| AskedOf {
        api: *api,
        renewal: renewal.number,
        calls_per_second: integer(renewal.calls_per_second),
        demand: integer(renewal.demand),
        keeps: integer(renewal.keeps),
        wants: integer(renewal.wants),
    });
    Asked {
        holder,
        lifetime: micros(LIFETIME),
        grace: micros(grace),
        leases: leases.collect(),
    }
}

fn integer(count: usize) -> i32 {
    i32::try_from(count).expect("counts are small here")
}
