//! Actions of which nobody has found out what became of them.

use std::time::Duration;

use chrono::Utc;
use sqlx::FromRow;

use crate::audit::{AuditLog, Error};
use crate::db::{Connection, in_time};
use crate::domain::Kind;

/// How far back they are looked for.
const RECENT: Duration = Duration::from_mins(15);

#[derive(FromRow)]
struct Row {
    kind: String,
    count: i64,
}

impl AuditLog {
    /// How many actions of the last quarter of an hour, of kinds that this release knows, are still of unknown outcome
    /// when that has been so for `at_least`: none of a kind that is left out.
    pub async fn unresolved(&self, at_least: Duration) -> Result<Vec<(Kind, i64)>, Error> {
        let mut connection = Connection::acquire(&self.lookups).await?;
        let rows = sqlx::query_as(
            "select a.kind, count(*) as count
             from audit.event e join audit.action a on a.id = e.action_id
             where e.state = 'unknown' and e.action_id >= audit.uuid7_floor($1) and a.id >= audit.uuid7_floor($1)
               and e.recorded_at <= clock_timestamp() - make_interval(secs => $2)
               and not exists (
                   select from audit.event d
                   where d.action_id = e.action_id and d.state in ('succeeded', 'refused', 'not_sent', 'denied')
                     and d.action_id >= audit.uuid7_floor($1))
             group by a.kind",
        );
        let rows = rows.bind(Utc::now() - RECENT).bind(at_least.as_secs_f64());
        let rows: Vec<Row> = in_time(rows.fetch_all(&mut *connection)).await?;
        connection.release();
        let known = rows.into_iter();
        Ok(known
            .filter_map(|row| Some((row.kind.parse().ok()?, row.count)))
            .collect())
    }
}
