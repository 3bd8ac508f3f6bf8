//! A batch comes into the record: all of it, or nothing.

use super::hour;
use super::row::Approval;
use super::submission::{Recorded, SubmitError, SubmitLimits};
use crate::audit::AuditLog;
use crate::db::{Connection, is_refused};
use crate::domain::NewBatch;

impl AuditLog {
    /// Records `batch`, with `fingerprint` for its key and `warnings` in its first event.
    ///
    /// # Errors
    /// Why not, or what is not certain.
    pub async fn submit_batch(
        &self,
        batch: &NewBatch,
        fingerprint: &[u8],
        warnings: &serde_json::Value,
        limits: SubmitLimits,
    ) -> Result<Recorded, SubmitError> {
        match self
            .try_to_submit(batch, fingerprint, warnings, limits)
            .await
        {
            // Whether the first was recorded, its key tells.
            Err(SubmitError::Unclear(error)) => {
                match self
                    .try_to_submit(batch, fingerprint, warnings, limits)
                    .await
                {
                    Ok(Recorded::Same { id, .. }) if id == batch.id => Ok(Recorded::New),
                    Ok(recorded) => Ok(recorded),
                    Err(_) => Err(SubmitError::Unclear(error)),
                }
            }
            known => known,
        }
    }

    async fn try_to_submit(
        &self,
        batch: &NewBatch,
        fingerprint: &[u8],
        warnings: &serde_json::Value,
        limits: SubmitLimits,
    ) -> Result<Recorded, SubmitError> {
        let mut connection = Connection::acquire(&self.writing).await?;
        if limits.hourly.is_some() {
            // The rows that it makes must not be waited for until a long transaction ends.
            hour::asked_within_the_hour(&mut connection, batch.moderator.key()).await?;
        }
        let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
        self.lock_submitter(&mut transaction, batch).await?;
        if let Some(same) = self.with_key(&mut transaction, batch, fingerprint).await? {
            transaction.rollback().await?;
            connection.release();
            return Ok(same);
        }
        let checked = self.check(&mut transaction, batch, limits).await;
        let approval = match checked {
            Ok(approval) => approval,
            Err(error) => {
                transaction.rollback().await?;
                connection.release();
                return Err(error);
            }
        };
        self.insert_items(&mut transaction, batch).await?;
        if let Err(error) = self.check_at_the_end(&mut transaction, batch, limits).await {
            transaction.rollback().await?;
            connection.release();
            return Err(error);
        }
        self.insert_batch(&mut transaction, batch, approval, warnings)
            .await?;
        self.claim_key(&mut transaction, batch, fingerprint).await?;
        if limits.hourly.is_some() && approval != Approval::Needed {
            self.count(&mut transaction, batch).await?;
        }
        transaction.commit().await.map_err(unclear)?;
        connection.release();
        Ok(Recorded::New)
    }
}

/// A commit that was not refused may have happened.
fn unclear(error: sqlx::Error) -> SubmitError {
    if is_refused(&error) {
        SubmitError::NotRecorded(error)
    } else {
        SubmitError::Unclear(error)
    }
}
