//! The database's half of the protocol as a plain value: what `modgate.renew_permit_lease` and the
//! release do to the leases of one API, statement by statement.
//!
//! Told the time, and with nothing of ours in it: the simulation runs on it, and a test beside the
//! real Postgres holds it against the function in `migrations/`.

use std::collections::BTreeMap;

use uuid::Uuid;

/// A moment by the database's clock, or an interval.
pub(crate) type Micros = i64;

/// A lease, as the database has it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) renewal: i64,
    pub(crate) calls_per_second: i32,
    pub(crate) demand: i32,
    pub(crate) permits: i32,
    pub(crate) expires_at: Micros,
    pub(crate) grace: Micros,
}

/// The arguments of a renewal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) holder: Uuid,
    pub(crate) renewal: i64,
    pub(crate) calls_per_second: i32,
    pub(crate) demand: i32,
    pub(crate) keeps: i32,
    pub(crate) wants: i32,
    pub(crate) lifetime: Micros,
    pub(crate) grace: Micros,
}

/// A row of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) holder: Uuid,
    pub(crate) calls_per_second: i32,
    pub(crate) demand: i32,
    pub(crate) permits: i32,
    pub(crate) expired: bool,
}

/// The leases of one API, by holder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: BTreeMap<Uuid, Row>,
}

impl Table {
    /// What the function does when it has the lock at `moment`.
    pub(crate) fn renew(&mut self, moment: Micros, asked: &Asked) -> Vec<Shown> {
        self.rows
            .retain(|_, row| row.expires_at + row.grace >= moment);
        let own = self.rows.get(&asked.holder);
        if own.is_some_and(|own| own.renewal >= asked.renewal) {
            return Vec::new();
        }
        let others = self.rows.iter().filter(|(of, _)| **of != asked.holder);
        let (mut leased, mut n) = (0, asked.calls_per_second);
        for (_, row) in others {
            leased += row.permits;
            n = n.min(row.calls_per_second);
        }
        let keeps = asked.keeps.min(own.map_or(0, |own| own.permits));
        let row = Row {
            renewal: asked.renewal,
            calls_per_second: asked.calls_per_second,
            demand: asked.demand,
            permits: keeps.max(asked.wants.min(n - leased)),
            expires_at: moment + asked.lifetime,
            grace: asked.grace,
        };
        self.rows.insert(asked.holder, row);
        self.shown(moment)
    }

    /// What the release does at `moment`.
    pub(crate) fn release(
        &mut self,
        moment: Micros,
        holder: Uuid,
        renewal: i64,
        rests_for: Micros,
    ) {
        let row = self.rows.get_mut(&holder);
        if let Some(row) = row.filter(|row| row.renewal < renewal) {
            row.renewal = renewal;
            row.demand = 0;
            row.expires_at = moment + rests_for;
            row.grace = 0;
        }
    }

    /// Who has what at `moment`.
    pub(crate) fn shown(&self, moment: Micros) -> Vec<Shown> {
        let show = |(holder, row): (&Uuid, &Row)| Shown {
            holder: *holder,
            calls_per_second: row.calls_per_second,
            demand: row.demand,
            permits: row.permits,
            expired: row.expires_at <= moment,
        };
        self.rows.iter().map(show).collect()
    }
}
