//! Whether a batch may be recorded: its limits, and what equals it.

use sqlx::PgConnection;
use uuid::Uuid;

use super::hour::{approval_of, check_hour};
use super::row::Approval;
use super::submission::{SubmitError, SubmitLimits};
use crate::audit::AuditLog;
use crate::db::Connection;
use crate::domain::NewBatch;

impl AuditLog {
    /// A moderator's submissions follow one another from here on.
    pub(super) async fn lock_submitter(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
    ) -> Result<(), sqlx::Error> {
        self.lock(connection, batch.moderator.key()).await
    }

    async fn lock(
        &self,
        connection: &mut PgConnection,
        (issuer, moderator): (&str, &str),
    ) -> Result<(), sqlx::Error> {
        let lock = sqlx::query!(
            "insert into modgate.batch_submitter (sdk_app_id, issuer, moderator) values ($1, $2, $3)
             on conflict on constraint batch_submitter_pkey do update set submitted_at = now()",
            i64::from(self.deployment.sdk_app_id),
            issuer,
            moderator,
        );
        lock.execute(connection).await?;
        Ok(())
    }

    /// Whether a second person would have to approve `batch`, if it were submitted now.
    ///
    /// # Errors
    /// Why it would not be recorded.
    pub async fn would_need_approval(
        &self,
        batch: &NewBatch,
        limits: SubmitLimits,
    ) -> Result<bool, SubmitError> {
        let mut connection = Connection::acquire(&self.lookups).await?;
        let approval = self.check(&mut connection, batch, limits).await;
        connection.release();
        Ok(approval? == Approval::Needed)
    }

    /// What can be said before its items are inserted.
    pub(super) async fn check(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
        limits: SubmitLimits,
    ) -> Result<Approval, SubmitError> {
        self.check_equal(connection, batch).await?;
        if self.open(connection, Some(batch.moderator.key())).await?.0 >= limits.open {
            return Err(SubmitError::TooMany);
        }
        let (asked, approval) = approval_of(connection, batch, limits).await?;
        if let (Some(hourly), false) = (limits.hourly, approval == Approval::Needed) {
            check_hour(connection, batch, asked, hourly).await?;
        }
        Ok(approval)
    }

    /// What others may have changed meanwhile: all submissions follow one another from here on, for a moment.
    pub(super) async fn check_at_the_end(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
        limits: SubmitLimits,
    ) -> Result<(), SubmitError> {
        self.lock(connection, ("", "")).await?;
        self.check_equal(connection, batch).await?;
        let (_, waiting) = self.open(connection, None).await?;
        let total = i64::try_from(batch.items.len()).unwrap_or(i64::MAX);
        if waiting + total > limits.waiting {
            return Err(SubmitError::TooMany);
        }
        Ok(())
    }

    async fn check_equal(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
    ) -> Result<(), SubmitError> {
        let equal = sqlx::query_scalar!(
            "select id from audit.batch
             where targets_digest = $1 and sdk_app_id = $2 and id >= audit.uuid7_floor(now() - interval '24 hours')
             order by id desc limit 100",
            batch.digests.targets,
            i64::from(self.deployment.sdk_app_id),
        );
        let equal = equal.fetch_all(&mut *connection).await?;
        let genuine = self
            .read(connection, &equal, &self.keys.load_full())
            .await?
            .0;
        match (batch.repeats, genuine.iter().map(|one| one.id).max()) {
            (None, None) => Ok(()),
            (Some(repeats), Some(newest)) if repeats == newest => Ok(()),
            (Some(repeats), _) if !genuine.iter().any(|one| one.id == repeats) => {
                Err(SubmitError::RepeatsNothing)
            }
            // Also where somebody has repeated it already.
            (_, newest) => Err(newest.map_or(SubmitError::RepeatsNothing, SubmitError::Duplicate)),
        }
    }

    /// How many batches are open, of everybody or one moderator, and how many of their items are left.
    async fn open(
        &self,
        connection: &mut PgConnection,
        of: Option<(&str, &str)>,
    ) -> Result<(usize, i64), sqlx::Error> {
        let ids = sqlx::query_scalar!(
            "select id from audit.batch batch
             where sdk_app_id = $1 and id >= audit.uuid7_floor(now() - interval '25 hours')
               and ($2::text is null or moderator = $2 and issuer = $3)
               and not exists (select from audit.batch_event event where event.batch_id = batch.id
                               and event.event in ('rejected', 'cancelled', 'expired', 'done'))
             order by id desc limit 1000",
            i64::from(self.deployment.sdk_app_id),
            of.map(|(_, moderator)| moderator),
            of.map(|(issuer, _)| issuer),
        );
        let ids = ids.fetch_all(&mut *connection).await?;
        let (batches, _) = self.read(connection, &ids, &self.keys.load_full()).await?;
        let ids: Vec<Uuid> = batches.iter().map(|batch| batch.id).collect();
        let total: i64 = batches.iter().map(|batch| i64::from(batch.total)).sum();
        let over = sqlx::query_scalar!(
            r#"select count(*) as "over!" from modgate.batch_item where batch_id = any ($1) and is_over"#,
            &ids,
        );
        let over = over.fetch_one(connection).await?;
        Ok((ids.len(), (total - over).max(0)))
    }
}
