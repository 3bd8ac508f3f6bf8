//! Where the leases are: one statement for each step.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::{HolderRow, LIFETIME, MARGIN, Renewal};
use crate::db::{Connection, Pool};
use crate::domain::Api;

/// The leases of one app, in Postgres.
#[derive(Clone, Debug)]
pub struct Leases {
    pool: Pool,
    sdk_app_id: i64,
}

impl Leases {
    /// The leases of the app with this SDKAppID.
    pub fn new(pool: Pool, sdk_app_id: u32) -> Self {
        Self {
            pool,
            sdk_app_id: sdk_app_id.into(),
        }
    }

    /// Carries out `renewal`. No rows: a later one has already been.
    pub(super) async fn renew(
        &self,
        api: &Api,
        renewal: &Renewal,
        grace: Duration,
    ) -> Result<Vec<HolderRow>, sqlx::Error> {
        let mut connection = Connection::acquire(&self.pool).await?;
        let rows = sqlx::query!(
            r#"select holder as "holder!", calls_per_second as "calls_per_second!", demand as "demand!",
                      permits as "permits!", expired as "expired!"
               from modgate.renew_permit_lease($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"#,
            self.sdk_app_id,
            api.word,
            renewal.holder,
            renewal.number,
            integer(renewal.calls_per_second),
            integer(renewal.demand),
            integer(renewal.keeps),
            integer(renewal.wants),
            interval(LIFETIME),
            interval(grace),
        )
        .fetch_all(&mut *connection)
        .await?;
        connection.release();
        let rows = rows.into_iter().map(|row| HolderRow {
            holder: row.holder,
            calls_per_second: count(row.calls_per_second),
            demand: count(row.demand),
            permits: count(row.permits),
            expired: row.expired,
        });
        Ok(rows.collect())
    }

    /// Ends the lease of a holder that takes no more permits: what it has down is free again when
    /// the last has rested, in `rests_for` from now.
    pub(super) async fn release(
        &self,
        api: &Api,
        holder: Uuid,
        number: i64,
        rests_for: Duration,
    ) -> Result<(), sqlx::Error> {
        let mut connection = Connection::acquire(&self.pool).await?;
        sqlx::query!(
            "update modgate.permit_lease
             set renewal = $4, demand = 0, expires_at = clock_timestamp() + $5, grace = interval '0'
             where sdk_app_id = $1 and api = $2 and holder = $3 and renewal < $4",
            self.sdk_app_id,
            api.word,
            holder,
            number,
            interval(rests_for + MARGIN),
        )
        .execute(&mut *connection)
        .await?;
        connection.release();
        Ok(())
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
