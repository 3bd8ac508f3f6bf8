//! Which rows are in no seal yet.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::PgConnection;
use uuid::Uuid;

use super::store::Newest;
use super::{STEP, Seal};
use crate::audit::stored::{Key, Table};
use crate::db::within;

/// How many keys one statement reads.
const PAGE: i64 = 50_000;

/// A row that is due, by when it was recorded: in that order rows are sealed, so that one that is
/// dated back stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::audit) struct Due {
    recorded_at: DateTime<Utc>,
    pub(in crate::audit) key: Key,
}

/// The rows that `snapshot` shows and that of the newest seal did not.
pub(super) async fn since(
    connection: &mut PgConnection,
    newest: &Newest,
    snapshot: &str,
) -> Result<Vec<Due>, sqlx::Error> {
    let due = sqlx::query!(
        r#"select action_id as "id!", rev as "rev!", recorded_at as "recorded_at!" from (
               select id as action_id, 0::smallint as rev, recorded_at, xid, xmin as brought_by from audit.action
               where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                 and xid < pg_snapshot_xmax($2::text::pg_snapshot)
               union all
               select action_id, rev, recorded_at, xid, xmin from audit.event
               where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                 and xid < pg_snapshot_xmax($2::text::pg_snapshot)) recent
           where not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
             and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
             and brought_by = xid::xid"#,
        newest.snapshot,
        snapshot
    );
    // Row by row: after an outage of the sealers there may be many.
    let due = due.fetch(connection).map_ok(|row| Due {
        recorded_at: row.recorded_at,
        key: key(row.id, row.rev),
    });
    within(STEP, due.try_collect()).await
}

/// For how long, in seconds, the oldest row that is due has been so.
pub(super) async fn oldest(
    connection: &mut PgConnection,
    newest: &Newest,
) -> Result<f64, sqlx::Error> {
    let oldest = sqlx::query_scalar!(
        r#"select coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0)::float8 as "age!"
           from (
               select recorded_at, xid, xmin as brought_by from audit.action
               where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
               union all
               select recorded_at, xid, xmin from audit.event
               where xid >= pg_snapshot_xmin($1::text::pg_snapshot)) recent
           where not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and brought_by = xid::xid"#,
        newest.snapshot
    );
    within(STEP, oldest.fetch_one(connection)).await
}

/// The actions and events that are not among `sealed`, which is sorted, whichever cluster's ids
/// they have; if a snapshot is given, only those it shows. Looks at every row there is.
pub(in crate::audit) async fn by_difference(
    connection: &mut PgConnection,
    sealed: &[Key],
    snapshot: Option<&str>,
) -> Result<Vec<Due>, sqlx::Error> {
    let mut due = Vec::new();
    let mut last = Some((Uuid::nil(), 0_i16));
    while let Some((id, _)) = last {
        let page = sqlx::query_as(
            "select id, 0::smallint, recorded_at,
                    $3 is null or xmin <> xid::xid or pg_visible_in_snapshot(xid, $3::text::pg_snapshot)
             from audit.action where id > $1 order by id limit $2",
        );
        let page = page.bind(id).bind(PAGE).bind(snapshot);
        let page = within(STEP, page.fetch_all(&mut *connection)).await?;
        last = keep_unsealed(&page, sealed, &mut due);
    }
    last = Some((Uuid::nil(), 0));
    while let Some((id, rev)) = last {
        let page = sqlx::query_as(
            "select action_id, rev, recorded_at,
                    $3 is null or xmin <> xid::xid or pg_visible_in_snapshot(xid, $3::text::pg_snapshot)
             from audit.event where (action_id, rev) > ($1, $4) order by action_id, rev limit $2",
        );
        let page = page.bind(id).bind(PAGE).bind(snapshot).bind(rev);
        let page = within(STEP, page.fetch_all(&mut *connection)).await?;
        last = keep_unsealed(&page, sealed, &mut due);
    }
    Ok(due)
}

/// An id, a rev, when it was recorded, and whether the snapshot shows it.
type Found = (Uuid, i16, DateTime<Utc>, bool);

/// Adds to `due` what of a page is not sealed, and says where the next page begins.
fn keep_unsealed(page: &[Found], sealed: &[Key], due: &mut Vec<Due>) -> Option<(Uuid, i16)> {
    for (id, rev, recorded_at, is_shown) in page {
        let key = key(*id, *rev);
        if *is_shown && sealed.binary_search(&key).is_err() {
            due.push(Due {
                recorded_at: *recorded_at,
                key,
            });
        }
    }
    page.last().map(|(id, rev, ..)| (*id, *rev))
}

/// The rows that are in a seal, sorted.
pub(super) async fn sealed(connection: &mut PgConnection) -> Result<Vec<Key>, sqlx::Error> {
    let (mut sealed, mut last) = (Vec::new(), Some(0));
    while let Some(no) = last {
        let seals = within(STEP, Seal::after(connection, no)).await?;
        for entries in seals.iter().filter_map(Seal::entries) {
            sealed.extend(entries.iter().map(|entry| entry.key));
        }
        last = seals.last().map(|seal| seal.no);
    }
    sealed.sort_unstable();
    Ok(sealed)
}

fn key(id: Uuid, rev: i16) -> Key {
    Key {
        id,
        rev: rev.cast_unsigned(),
        table: if rev == 0 {
            Table::Action
        } else {
            Table::Event
        },
    }
}
