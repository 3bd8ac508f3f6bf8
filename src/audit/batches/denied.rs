//! Tries that somebody had no right to.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::append::insert;
use super::row::{self, NewEvent};
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, in_time};
use crate::domain::{BatchWord, Moderator, Origin};

impl AuditLog {
    /// Records that somebody was denied what `details` says. It stands under an id of its own: however often they try, the
    /// batch that it is about has room for what becomes of it.
    pub async fn record_batch_denied(
        &self,
        by: (Moderator, Origin),
        details: Map<String, Value>,
    ) -> Result<(), Error> {
        let event = NewEvent {
            by: Some(Box::new(by)),
            details,
            ..NewEvent::new(BatchWord::Denied)
        };
        let keys = self.keys.load_full();
        let row = row::event(Uuid::now_v7(), 1, &event, &self.deployment, &keys);
        let recording = || async {
            let mut connection = Connection::acquire(&self.denials).await?;
            in_time(insert(&mut connection, &row, (None, None))).await?;
            connection.release();
            Ok(())
        };
        again_if_broken(recording).await
    }
}
