//! The `Idempotency-Key` of a batch.

use sqlx::PgConnection;
use uuid::Uuid;

use super::submission::Recorded;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::Connection;
use crate::domain::{IdempotencyKey, Moderator, NewBatch};

impl AuditLog {
    /// The word under which keys of batches are kept: those of each app by themselves.
    fn key_kind(&self) -> String {
        format!("batch:{}", self.deployment.sdk_app_id)
    }

    /// The batch that `moderator` submitted with this key, and whether with a request of this fingerprint.
    pub async fn batch_with_key(
        &self,
        moderator: &Moderator,
        key: &IdempotencyKey,
        fingerprint: &[u8],
    ) -> Result<Option<(Uuid, bool)>, Error> {
        let looking = || async {
            let mut connection = Connection::acquire(&self.lookups).await?;
            let found = self
                .key_holder(&mut connection, moderator.key(), key)
                .await?;
            connection.release();
            Ok(found.map(|(id, theirs)| (id, theirs == fingerprint)))
        };
        again_if_broken(looking).await
    }

    async fn key_holder(
        &self,
        connection: &mut PgConnection,
        (issuer, moderator): (&str, &str),
        key: &IdempotencyKey,
    ) -> Result<Option<(Uuid, Vec<u8>)>, sqlx::Error> {
        let held = sqlx::query!(
            "select action_id, fingerprint from modgate.idempotency
             where issuer = $1 and moderator = $2 and kind = $3 and key = $4",
            issuer,
            moderator,
            self.key_kind(),
            key.as_str(),
        );
        let held = held.fetch_optional(connection).await?;
        Ok(held.map(|held| (held.action_id, held.fingerprint)))
    }

    pub(super) async fn with_key(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
        fingerprint: &[u8],
    ) -> Result<Option<Recorded>, sqlx::Error> {
        let key = &batch.idempotency_key;
        let held = self
            .key_holder(connection, batch.moderator.key(), key)
            .await?;
        Ok(held.map(|(id, theirs)| Recorded::Same {
            id,
            same_request: theirs == fingerprint,
        }))
    }

    pub(super) async fn claim_key(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
        fingerprint: &[u8],
    ) -> Result<(), sqlx::Error> {
        let (issuer, moderator) = batch.moderator.key();
        let claim = sqlx::query!(
            "insert into modgate.idempotency (issuer, moderator, kind, key, fingerprint, action_id)
             values ($1, $2, $3, $4, $5, $6)",
            issuer,
            moderator,
            self.key_kind(),
            batch.idempotency_key.as_str(),
            fingerprint,
            batch.id,
        );
        claim.execute(connection).await?;
        Ok(())
    }
}
