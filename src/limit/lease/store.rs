//! Where the leases are: one statement for each step.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::{HolderRow, LIFETIME, MARGIN, Renewal};
use crate::db::{Connection, Pool};

/// The leases of one app, in Postgres.
#[derive(Clone, Debug)]
pub struct Leases {
    pool: Pool,
    sdk_app_id: i64,
}

/// What is asked for of one API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The name of the API, by which all replicas know it.
    pub(super) api: &'static str,
    pub(super) renewal: Renewal,
}

/// What is given up of one API, and how long the last of it rests.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenUp {
    pub(super) api: &'static str,
    pub(super) renewal: Renewal,
    pub(super) rests_for: Duration,
}

impl Leases {
    /// The leases of the app with this SDKAppID.
    pub fn new(pool: Pool, sdk_app_id: u32) -> Self {
        Self {
            pool,
            sdk_app_id: sdk_app_id.into(),
        }
    }

    /// Whether it is certain that no call of before can be under way.
    pub(super) async fn all_given_up(&self) -> Result<bool, sqlx::Error> {
        let mut connection = Connection::acquire(&self.pool).await?;
        let given_up = sqlx::query_scalar!(
            r#"select modgate.all_permit_leases_given_up($1) as "given_up!""#,
            self.sdk_app_id
        )
        .fetch_one(&mut *connection)
        .await?;
        connection.release();
        Ok(given_up)
    }

    /// Carries out these renewals of `holder`, each of another API. No rows of an API: a later one has
    /// already been.
    pub(super) async fn renew(
        &self,
        holder: Uuid,
        asked: &[Asked],
        grace: Duration,
    ) -> Result<Vec<(String, HolderRow)>, sqlx::Error> {
        let apis: Vec<String> = asked.iter().map(|asked| asked.api.to_owned()).collect();
        let column = |count: fn(&Renewal) -> usize| -> Vec<i32> {
            let counts = asked.iter().map(|asked| integer(count(&asked.renewal)));
            counts.collect()
        };
        let numbers: Vec<i64> = asked.iter().map(|asked| asked.renewal.number).collect();
        let mut connection = Connection::acquire(&self.pool).await?;
        let rows = sqlx::query!(
            r#"select api as "api!", holder as "holder!", calls_per_second as "calls_per_second!",
                      demand as "demand!", permits as "permits!", expired as "expired!"
               from modgate.renew_permit_leases($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"#,
            self.sdk_app_id,
            holder,
            interval(LIFETIME),
            interval(grace),
            &apis,
            &numbers,
            &column(|renewal| renewal.calls_per_second),
            &column(|renewal| renewal.demand),
            &column(|renewal| renewal.keeps),
            &column(|renewal| renewal.wants),
        )
        .fetch_all(&mut *connection)
        .await?;
        connection.release();
        let rows = rows.into_iter().map(|row| {
            let shown = HolderRow {
                holder: row.holder,
                calls_per_second: count(row.calls_per_second),
                demand: count(row.demand),
                permits: count(row.permits),
                expired: row.expired,
            };
            (row.api, shown)
        });
        Ok(rows.collect())
    }

    /// Ends the leases of `holder` on these APIs, of which it takes no more permits: what it has down is
    /// free again when the last has rested. `is_evidence`: whether a process that starts may conclude from
    /// them that nothing is under way.
    pub(super) async fn give_up(
        &self,
        holder: Uuid,
        given_up: &[GivenUp],
        is_evidence: bool,
    ) -> Result<(), sqlx::Error> {
        let apis: Vec<String> = given_up.iter().map(|given| given.api.to_owned()).collect();
        let numbers: Vec<i64> = given_up.iter().map(|given| given.renewal.number).collect();
        let limits = given_up.iter().map(|given| given.renewal.calls_per_second);
        let limits: Vec<i32> = limits.map(integer).collect();
        let rests = given_up.iter().map(|given| rest(given.rests_for));
        let rests: Vec<PgInterval> = rests.map(interval).collect();
        let mut connection = Connection::acquire(&self.pool).await?;
        sqlx::query!(
            "select modgate.give_up_permit_leases($1, $2, $3, $4, $5, $6, $7)",
            self.sdk_app_id,
            holder,
            &apis,
            &numbers,
            &limits,
            &rests,
            is_evidence,
        )
        .execute(&mut *connection)
        .await?;
        connection.release();
        Ok(())
    }
}

/// How long the database lets rest what rests for `rests_for` by the holder's clock.
pub(in super::super) const fn rest(rests_for: Duration) -> Duration {
    if rests_for.is_zero() {
        rests_for
    } else {
        rests_for.saturating_add(MARGIN)
    }
}

fn integer(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn count(integer: i32) -> usize {
    usize::try_from(integer).unwrap_or(0)
}

fn interval(duration: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
    }
}
