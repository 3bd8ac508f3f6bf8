//! Which rows are in no seal yet.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::STEP;
use super::store::Newest;
use crate::audit::proof::table::{Key, Table};
use crate::db::within;

/// A row that is due, by when it was recorded: in that order rows are sealed, so that one that is
/// dated back stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) key: Key,
}

/// What a row is found by: table, id, rev, when it was recorded.
type Found = (String, Uuid, i32, DateTime<Utc>);

/// The rows that a transaction from `$1` on inserted, of all tables that wait for the sealer.
fn recent(bound: &str) -> String {
    let tables = Table::sealed_later().map(|table| {
        let layout = table.layout();
        format!(
            "select '{name}' as source, {id} as id, {rev}::integer as rev, recorded_at, xid, xmin as brought_by
             from audit.{name} where xid >= pg_snapshot_xmin($1::text::pg_snapshot) {bound}",
            name = layout.name,
            id = layout.id,
            rev = layout.rev.unwrap_or("0"),
        )
    });
    let tables: Vec<String> = tables.collect();
    format!("({}) recent", tables.join(" union all "))
}

static SINCE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select source, id, rev, recorded_at from {}
         where not audit.is_shown($1::text::pg_snapshot, brought_by, xid)
           and audit.is_shown($2::text::pg_snapshot, brought_by, xid)",
        recent("and xid < pg_snapshot_xmax($2::text::pg_snapshot)")
    )
});

static OLDEST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0)::float8 from {}
         where not audit.is_shown($1::text::pg_snapshot, brought_by, xid)",
        recent("")
    )
});

/// The rows that `snapshot` shows and that of the newest seal did not.
pub(super) async fn since(
    connection: &mut PgConnection,
    newest: &Newest,
    snapshot: &str,
) -> Result<Vec<Due>, sqlx::Error> {
    let due = sqlx::query_as(AssertSqlSafe(SINCE.as_str()));
    let due = due.bind(&newest.snapshot).bind(snapshot);
    // Row by row: after an outage of the sealers there may be many.
    let due = due
        .fetch(connection)
        .try_filter_map(async |found: Found| Ok(due_row(found)));
    within(STEP, due.try_collect()).await
}

fn due_row((source, id, rev, recorded_at): Found) -> Option<Due> {
    let table = Table::sealed_later().find(|table| table.name() == source)?;
    Some(Due {
        recorded_at,
        key: key(table, id, rev),
    })
}

/// For how long, in seconds, the oldest row that is due has been so.
pub(super) async fn oldest(
    connection: &mut PgConnection,
    newest: &Newest,
) -> Result<f64, sqlx::Error> {
    let oldest = sqlx::query_scalar(AssertSqlSafe(OLDEST.as_str())).bind(&newest.snapshot);
    within(STEP, oldest.fetch_one(connection)).await
}

/// The same where nothing is sealed: the oldest action, which is older than its events.
pub(super) async fn oldest_of_all(connection: &mut PgConnection) -> Result<f64, sqlx::Error> {
    let oldest = "select extract(epoch from clock_timestamp() - recorded_at)::float8
                  from audit.action order by id limit 1";
    let oldest = sqlx::query_scalar(oldest);
    let oldest = within(STEP, oldest.fetch_optional(connection)).await?;
    Ok(oldest.unwrap_or_default())
}

/// Of a table that the sealer looks at.
pub(super) fn key(table: Table, id: Uuid, rev: i32) -> Key {
    Key {
        id,
        // A rule of the schema keeps it small.
        rev: u16::try_from(rev).unwrap_or(u16::MAX),
        table,
    }
}
