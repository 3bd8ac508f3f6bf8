//! What becomes of a batch is recorded.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::row::{self, NewEvent};
use crate::audit::proof::canonical::ROW_FORMAT;
use crate::audit::proof::stored::StoredRow;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, in_time};
use crate::domain::Batch;

/// When an event may be recorded, by the clock of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// At any time.
    Any,
    /// Until the time of the batch is over.
    ItsTime,
    /// Once the time of the batch is over.
    AfterItsTime,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is recorded.
    Done,
    /// The batch has another event by now: what may follow is to be judged anew.
    Overtaken,
    /// The time of the batch is over, or is not.
    NotInTime,
    /// The clock of this process tells another time than the database's: nobody would believe the event.
    ClockIsOff,
}

impl AuditLog {
    /// Records `event` as the next of `batch`, if it has no other by now.
    pub async fn append_batch_event(
        &self,
        batch: &Batch,
        event: &NewEvent,
        within: Within,
    ) -> Result<Appended, Error> {
        let keys = self.keys.load_full();
        let number = batch.last_rev + 1;
        let row = row::event(batch.id, number, event, &self.deployment, &keys);
        let time = match within {
            Within::Any => (None, None),
            Within::ItsTime => (Some(batch.expires_at), None),
            Within::AfterItsTime => (None, Some(batch.expires_at)),
        };
        again_if_broken(|| self.append_row(&row, time)).await
    }

    async fn append_row(&self, row: &StoredRow, time: Time) -> Result<Appended, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let inserted = in_time(insert(&mut connection, row, time)).await?;
        let appended = if inserted == 1 {
            Appended::Done
        } else {
            let at = row.field("at").and_then(|micros| micros.parse().ok());
            let there = sqlx::query!(
                r#"select (select leaf_hash from audit.batch_event where batch_id = $1 and rev = $2) as leaf,
                          abs(extract(epoch from clock_timestamp()) * 1000000 - $3::bigint) >= 55000000 as "is_off!""#,
                row.key.id,
                row.key.rev.cast_signed(),
                at.unwrap_or(i64::MAX),
            );
            let there = in_time(there.fetch_one(&mut *connection)).await?;
            match there.leaf {
                // By a try that nobody heard the end of.
                Some(leaf) if leaf == row.leaf_hash => Appended::Done,
                Some(_) => Appended::Overtaken,
                None if there.is_off => Appended::ClockIsOff,
                None => Appended::NotInTime,
            }
        };
        connection.release();
        Ok(appended)
    }

    /// Whether the time of `batch` is over, by the clock of the database.
    pub async fn has_expired(&self, batch: &Batch) -> Result<bool, Error> {
        let mut connection = Connection::acquire(&self.items).await?;
        let expired = sqlx::query_scalar!(
            r#"select clock_timestamp() >= $1 as "expired!""#,
            batch.expires_at
        );
        let expired = in_time(expired.fetch_one(&mut *connection)).await?;
        connection.release();
        Ok(expired)
    }

    /// Returns when each transaction is over that was about to begin or to repeat an action when this was called: what
    /// has been committed before holds for all that begins from here on, at any replica.
    pub async fn wait_for_begins(&self) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let waited = crate::audit::brakes::for_those_who_begin(&mut connection).await;
        if waited.is_err() {
            return Err(Error::Database(sqlx::Error::Io(
                std::io::ErrorKind::TimedOut.into(),
            )));
        }
        connection.release();
        Ok(())
    }
}

const INSERT: &str = "
    insert into audit.batch_event
        (batch_id, rev, event, at, moderator, moderator_name, issuer, token_id, client_id, actor, reason, details,
         client_ip, peer_ip, user_agent, trace_id, http_request_id, instance, version, row_format, salt, leaf_hash, mac)
    select $1::uuid, $2::smallint, $3, timestamptz 'epoch' + $4::bigint * interval '1 us', $5, $6, $7, $8, $9, $10, $11,
           $12, $13::inet, $14::inet, $15, $16, $17, $18, $19, $20, $21, $22, $23
    where ($24::timestamptz is null or clock_timestamp() < $24)
      and ($25::timestamptz is null or clock_timestamp() >= $25)
      and abs(extract(epoch from clock_timestamp()) * 1000000 - $4::bigint) < 55000000
    on conflict do nothing";

/// Before this, and not before that.
pub(super) type Time = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Inserts `row`, of `audit.batch_event`, unless its rev is taken or it is not the time. How many were inserted.
pub(super) async fn insert(
    connection: &mut PgConnection,
    row: &StoredRow,
    (before, from): Time,
) -> Result<u64, sqlx::Error> {
    let mut insert = sqlx::query(INSERT);
    for field in &row.fields {
        insert = insert.bind(field);
    }
    let inserted = insert
        .bind(ROW_FORMAT)
        .bind(&row.salt)
        .bind(&row.leaf_hash)
        .bind(&row.mac)
        .bind(before)
        .bind(from);
    Ok(inserted.execute(connection).await?.rows_affected())
}
