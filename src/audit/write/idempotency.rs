//! Which action an `Idempotency-Key` stands for.

use uuid::Uuid;

use super::fingerprint::fingerprint;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, in_time};
use crate::domain::{Action, IdempotencyKey, Intent};

/// How long a key is kept at least.
const KEPT_HOURS: i32 = 25;

/// The action that has a key.
#[derive(Debug)]
pub struct Holder {
    /// The action, as the record has it now; `None` where retention has dropped it.
    pub action: Option<Action>,
    /// Its id.
    pub action_id: Uuid,
    /// Whether it was asked for with the same request.
    pub same_request: bool,
}

impl AuditLog {
    /// The action that has the key of `intent`, if one has.
    pub async fn holder(&self, intent: &Intent) -> Result<Option<Holder>, Error> {
        again_if_broken(|| self.look_up(intent)).await
    }

    async fn look_up(&self, intent: &Intent) -> Result<Option<Holder>, Error> {
        let moderator = &intent.moderator;
        let mut connection = Connection::acquire(&self.lookups).await?;
        let claimed = sqlx::query!(
            "select action_id, fingerprint from modgate.idempotency
             where issuer = $1 and moderator = $2 and kind = $3 and key = $4",
            moderator.issuer,
            moderator.subject,
            intent.request.command.kind().as_str(),
            intent
                .request
                .idempotency_key
                .as_ref()
                .map(IdempotencyKey::as_str),
        );
        let claimed = claimed.fetch_optional(&mut *connection).await?;
        connection.release();
        let Some(claimed) = claimed else {
            return Ok(None);
        };
        Ok(Some(Holder {
            action: self.action(&self.lookups, claimed.action_id).await?,
            action_id: claimed.action_id,
            same_request: claimed.fingerprint == fingerprint(&intent.request),
        }))
    }

    /// Forgets the keys that are older than a day. How many.
    pub async fn forget_old_keys(&self) -> Result<u64, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let forgotten = sqlx::query!(
            "delete from modgate.idempotency where (issuer, moderator, kind, key) in (
                 select issuer, moderator, kind, key from modgate.idempotency
                 where claimed_at < now() - make_interval(hours => $1) limit 10000)",
            KEPT_HOURS
        );
        let forgotten = in_time(forgotten.execute(&mut *connection))
            .await?
            .rows_affected();
        connection.release();
        Ok(forgotten)
    }
}
