//! Months are made ahead of time.

use chrono::{DateTime, Utc};

use crate::audit::{AuditLog, Error};
use crate::db::{Connection, in_time};

impl AuditLog {
    /// Makes the partitions of the month of `moment` and of the three after it, where they are
    /// missing, and says how many whole months after the present one are ready. Safe to race; a
    /// reader or writer of the record does not wait for it.
    pub async fn ensure_partitions(&self, moment: DateTime<Utc>) -> Result<i32, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let ensure = sqlx::query_scalar!("select audit.ensure_partitions($1)", moment);
        in_time(ensure.fetch_one(&mut *connection)).await?;
        connection.release();
        self.partition_months_ahead(moment).await
    }

    /// How many whole months after that of `moment` have their partitions.
    pub async fn partition_months_ahead(&self, moment: DateTime<Utc>) -> Result<i32, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let ahead = sqlx::query_scalar!(
            r#"select audit.partition_months_ahead($1) as "months!""#,
            moment
        );
        let ahead = in_time(ahead.fetch_one(&mut *connection)).await?;
        connection.release();
        Ok(ahead)
    }
}
