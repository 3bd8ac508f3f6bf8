//! The database's half of the protocol as a plain value: what the functions of `modgate` that keep leases
//! do to those of one app, statement by statement.
//!
//! Told the time, and with nothing of ours in it: the simulation runs on it, and a test beside the
//! real Postgres holds it against the functions in `migrations/`.

use std::collections::BTreeMap;

use uuid::Uuid;

/// A moment by the database's clock, or an interval.
pub(crate) type Micros = i64;

/// One of the APIs.
pub(crate) type Api = usize;

/// A lease, as the database has it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) renewal: i64,
    pub(crate) calls_per_second: i32,
    pub(crate) demand: i32,
    pub(crate) permits: i32,
    pub(crate) expires_at: Micros,
    pub(crate) grace: Micros,
    /// On which server it was given up.
    pub(crate) given_up_on: Option<i64>,
}

/// The arguments of a renewal.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) holder: Uuid,
    pub(crate) lifetime: Micros,
    pub(crate) grace: Micros,
    pub(crate) leases: Vec<AskedOf>,
}

/// What is asked of one API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedOf {
    pub(crate) api: Api,
    pub(crate) renewal: i64,
    pub(crate) calls_per_second: i32,
    pub(crate) demand: i32,
    pub(crate) keeps: i32,
    pub(crate) wants: i32,
}

/// What is given up of one API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GivenUp {
    pub(crate) api: Api,
    pub(crate) renewal: i64,
    pub(crate) calls_per_second: i32,
    pub(crate) rests: Micros,
}

/// A row of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) api: Api,
    pub(crate) holder: Uuid,
    pub(crate) calls_per_second: i32,
    pub(crate) demand: i32,
    pub(crate) permits: i32,
    pub(crate) expired: bool,
}

/// The leases of one app.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: BTreeMap<(Api, Uuid), Row>,
    /// The process of the server that it is on.
    pub(crate) server: i64,
}

impl Table {
    /// What `renew_permit_leases` does when it has the lock at `moment`.
    pub(crate) fn renew(&mut self, moment: Micros, asked: &Asked) -> Vec<Shown> {
        self.forget(moment);
        let of_each = asked.leases.iter();
        let renewed: Vec<Api> = of_each
            .filter(|of| self.renew_lease(moment, asked, of, None))
            .map(|of| of.api)
            .collect();
        let shown = self
            .rows
            .iter()
            .filter(|((api, _), _)| renewed.contains(api));
        shown.map(|(key, row)| show(*key, row, moment)).collect()
    }

    /// What `renew_permit_lease` of earlier versions does, for the one API that it is asked about.
    pub(crate) fn renew_one(&mut self, moment: Micros, asked: &Asked, of: &AskedOf) -> Vec<Shown> {
        self.rows
            .retain(|(api, _), row| *api != of.api || row.expires_at + row.grace >= moment);
        // It knows nothing of leases that were given up.
        let own = self.rows.get(&(of.api, asked.holder));
        let given_up_on = own.and_then(|own| own.given_up_on);
        if !self.renew_lease(moment, asked, of, given_up_on) {
            return Vec::new();
        }
        let shown = self.rows.iter().filter(|((api, _), _)| *api == of.api);
        shown.map(|(key, row)| show(*key, row, moment)).collect()
    }

    fn renew_lease(
        &mut self,
        moment: Micros,
        asked: &Asked,
        of: &AskedOf,
        given_up_on: Option<i64>,
    ) -> bool {
        let key = (of.api, asked.holder);
        let own = self.rows.get(&key);
        if own.is_some_and(|own| own.renewal >= of.renewal) {
            return false;
        }
        let (mut leased, mut n) = (0, of.calls_per_second);
        for ((api, holder), row) in &self.rows {
            if *api == of.api && *holder != asked.holder {
                leased += row.permits;
                n = n.min(row.calls_per_second);
            }
        }
        let keeps = of.keeps.min(own.map_or(0, |own| own.permits));
        let row = Row {
            renewal: of.renewal,
            calls_per_second: of.calls_per_second,
            demand: of.demand,
            permits: keeps.max(of.wants.min(n - leased)),
            expires_at: moment + asked.lifetime,
            grace: asked.grace,
            given_up_on,
        };
        self.rows.insert(key, row);
        true
    }

    /// What `give_up_permit_leases` does when it has the lock at `moment`.
    pub(crate) fn give_up(
        &mut self,
        moment: Micros,
        holder: Uuid,
        given_up: &[GivenUp],
        is_evidence: bool,
    ) {
        self.forget(moment);
        let server = self.server;
        for of in given_up {
            let row = self.rows.entry((of.api, holder)).or_insert(Row {
                renewal: i64::MIN,
                calls_per_second: of.calls_per_second,
                demand: 0,
                permits: 0,
                expires_at: 0,
                grace: 0,
                given_up_on: None,
            });
            if row.renewal < of.renewal {
                row.renewal = of.renewal;
                row.demand = 0;
                row.expires_at = moment + of.rests;
                row.grace = 0;
                row.given_up_on = is_evidence.then_some(server);
            }
        }
    }

    /// What the release of earlier versions does at `moment`.
    pub(crate) fn release_one(&mut self, moment: Micros, holder: Uuid, of: &GivenUp) {
        let row = self.rows.get_mut(&(of.api, holder));
        if let Some(row) = row.filter(|row| row.renewal < of.renewal) {
            row.renewal = of.renewal;
            row.demand = 0;
            row.expires_at = moment + of.rests;
            row.grace = 0;
        }
    }

    /// What `all_permit_leases_given_up` says at `moment`.
    pub(crate) fn all_given_up(&self, moment: Micros) -> bool {
        let mut rows = self.rows.values();
        rows.all(|row| row.given_up_on.is_some() && row.expires_at <= moment)
            && self
                .rows
                .values()
                .any(|row| row.given_up_on == Some(self.server))
    }

    fn forget(&mut self, moment: Micros) {
        self.rows
            .retain(|_, row| row.expires_at + row.grace >= moment);
    }
}

fn show((api, holder): (Api, Uuid), row: &Row, moment: Micros) -> Shown {
    Shown {
        api,
        holder,
        calls_per_second: row.calls_per_second,
        demand: row.demand,
        permits: row.permits,
        expired: row.expires_at <= moment,
    }
}
