//! What a probe has shown, and the end that it proves.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::event::{Event, insert_event};
use crate::audit::{AuditLog, Error};
use crate::db::Connection;
use crate::domain::{DecidedBy, End, State};

/// Others may append a row at the same moment; there are few.
const TRIES: usize = 5;

impl AuditLog {
    /// Appends what a probe has shown at `at`: `details`, JSON in the form of RFC 8785. Where it `proves` that an
    /// action of unknown outcome was carried out, that is its end.
    pub async fn record_probe(
        &self,
        id: Uuid,
        at: DateTime<Utc>,
        details: &str,
        proves: bool,
    ) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
        self.append_next(&mut transaction, id, &Event::probed(at, details), false)
            .await?;
        if proves {
            let end = End {
                state: State::Succeeded,
                decided_by: DecidedBy::Probe,
                completed_at: at,
                duration: None,
                attempt: None,
                failure: None,
            };
            self.append_next(&mut transaction, id, &Event::from(&end), true)
                .await?;
        }
        transaction.commit().await?;
        connection.release();
        Ok(())
    }

    /// Appends the row with the next rev. If it `ends` what has ended for certain by now, nothing is appended.
    async fn append_next(
        &self,
        connection: &mut PgConnection,
        id: Uuid,
        event: &Event<'_>,
        ends: bool,
    ) -> Result<(), Error> {
        let keys = self.keys.load_full();
        for _ in 0..TRIES {
            let so_far = sqlx::query!(
                r#"select coalesce(max(rev), 0::smallint) as "last!",
                          coalesce(bool_or(audit.is_end(state) and state <> 'unknown'), false) as "has_ended!"
                   from audit.event where action_id = $1"#,
                id
            );
            let so_far = so_far.fetch_one(&mut *connection).await?;
            if ends && so_far.has_ended {
                return Ok(());
            }
            if insert_event(connection, id, so_far.last + 1, event, &keys).await? == 1 {
                return Ok(());
            }
        }
        Err(Error::Ended)
    }
}
