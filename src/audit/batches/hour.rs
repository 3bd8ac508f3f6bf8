//! What a moderator has asked for within the hour, by themselves and in batches.

use std::time::Duration;

use sqlx::PgConnection;

use super::row::Approval;
use super::submission::{SubmitError, SubmitLimits};
use crate::audit::AuditLog;
use crate::domain::{NewBatch, Scope};

impl AuditLog {
    /// Counts `batch` with what its moderator has asked for.
    pub(super) async fn count(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
    ) -> Result<(), sqlx::Error> {
        let (issuer, moderator) = batch.moderator.key();
        let count = sqlx::query_scalar!(
            "select modgate.count_actions($1, $2, $3)",
            issuer,
            moderator,
            i32::try_from(batch.items.len()).unwrap_or(i32::MAX),
        );
        count.fetch_one(connection).await?;
        Ok(())
    }
}

/// What the moderator of `batch` has asked for within the hour, and whether a second person must approve it.
pub(super) async fn approval_of(
    connection: &mut PgConnection,
    batch: &NewBatch,
    limits: SubmitLimits,
) -> Result<(i64, Approval), sqlx::Error> {
    let moderator = batch.moderator.key();
    let mut asked = 0;
    if limits.hourly.is_some() {
        asked = asked_within_the_hour(connection, moderator).await?;
    }
    let approved = approved_within_the_hour(connection, moderator).await?;
    let approval = approval(batch, asked + approved, limits.approval_above);
    Ok((asked, approval))
}

/// By themselves, and in batches that needed no second person.
pub(super) async fn asked_within_the_hour(
    connection: &mut PgConnection,
    (issuer, moderator): (&str, &str),
) -> Result<i64, sqlx::Error> {
    let asked = sqlx::query_scalar!(
        r#"select modgate.asked_within_the_hour($1, $2) as "asked!""#,
        issuer,
        moderator,
    );
    asked.fetch_one(connection).await
}

/// In batches that a second person had to approve, whether or not one has.
async fn approved_within_the_hour(
    connection: &mut PgConnection,
    (issuer, moderator): (&str, &str),
) -> Result<i64, sqlx::Error> {
    let asked = sqlx::query_scalar!(
        r#"select coalesce(sum(total), 0) as "asked!" from audit.batch
           where moderator = $2 and issuer = $1 and needs_approval
             and id >= audit.uuid7_floor(now() - interval '61 minutes')"#,
        issuer,
        moderator,
    );
    asked.fetch_one(connection).await
}

pub(super) async fn check_hour(
    connection: &mut PgConnection,
    batch: &NewBatch,
    asked: i64,
    hourly: u32,
) -> Result<(), SubmitError> {
    let total = i64::try_from(batch.items.len()).unwrap_or(i64::MAX);
    let hourly = i64::from(hourly);
    if asked + total <= hourly {
        return Ok(());
    }
    // More than fits into an hour never will.
    let mut retry_after = Duration::from_hours(1);
    if total <= hourly {
        let (issuer, moderator) = batch.moderator.key();
        let at_most = i32::try_from(hourly - total + 1).unwrap_or(i32::MAX);
        let wait = sqlx::query_scalar!(
            "select extract(epoch from modgate.hourly_limit_wait($1, $2, $3))::float8",
            issuer,
            moderator,
            at_most,
        );
        let wait = wait.fetch_one(connection).await?;
        let wait = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        retry_after = wait.unwrap_or_default();
    }
    Err(SubmitError::HourFull { retry_after })
}

/// Whether a batch of so many actions needs a second person, where so many were asked for already.
fn approval(batch: &NewBatch, asked: i64, above: Option<u32>) -> Approval {
    let total = i64::try_from(batch.items.len()).unwrap_or(i64::MAX);
    if above.is_none_or(|above| asked.saturating_add(total) <= i64::from(above)) {
        Approval::NotNeeded
    } else if batch.moderator.may(Scope::BATCH_SOLO) {
        Approval::DoneWithout
    } else {
        Approval::Needed
    }
}
