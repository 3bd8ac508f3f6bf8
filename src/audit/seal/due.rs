//! Which rows are in no seal yet.

use std::ops::{Range, RangeInclusive};

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
           where not audit.is_shown($1::text::pg_snapshot, brought_by, xid)
             and audit.is_shown($2::text::pg_snapshot, brought_by, xid)"#,
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

/// The rows of the last minutes that are neither sealed nor due: `xid` of a row is in no mac, and one whose
/// `xid` is none of its time is in no window between two snapshots.
pub(super) async fn left_over(
    connection: &mut PgConnection,
    due: &[Due],
    snapshot: &str,
) -> Result<Vec<Due>, sqlx::Error> {
    let seals = "select coalesce(min(no), 1) - 1 from audit.seal where sealed_at > clock_timestamp() - interval '4 minutes'";
    let ids = "select audit.uuid7_floor(clock_timestamp() - interval '2 minutes')";
    let mut last: Option<i64> = Some(
        sqlx::query_scalar(seals)
            .fetch_one(&mut *connection)
            .await?,
    );
    let from: Uuid = sqlx::query_scalar(ids).fetch_one(&mut *connection).await?;
    let mut known: Vec<Key> = due.iter().map(|due| due.key).collect();
    while let Some(no) = last {
        let seals = within(STEP, Seal::after(connection, no.cast_unsigned())).await?;
        let entries = seals.iter().filter_map(Seal::entries).flatten();
        known.extend(entries.map(|entry| entry.key));
        last = seals.last().map(|seal| seal.no.cast_signed());
    }
    known.sort_unstable();
    by_difference(connection, &known, from..Uuid::max(), Some(snapshot)).await
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
           where not audit.is_shown($1::text::pg_snapshot, brought_by, xid)"#,
        newest.snapshot
    );
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

/// The actions and events that are in no seal at all but a `void` one, as far as `snapshot` shows them. Looks at
/// every row there is, month by month, so that the keys of one month are all that is kept.
pub(super) async fn in_no_seal(
    connection: &mut PgConnection,
    snapshot: &str,
    void: &[RangeInclusive<u64>],
) -> Result<Vec<Due>, sqlx::Error> {
    let months = sqlx::query_as(
        "select audit.uuid7_floor(month at time zone 'UTC'),
                audit.uuid7_floor((month + interval '1 month') at time zone 'UTC')
         from pg_inherits
         cross join lateral (select to_date(right(inhrelid::regclass::text, 6), 'YYYYMM') as month) named
         where inhparent = 'audit.action'::regclass order by month",
    );
    let months: Vec<(Uuid, Uuid)> = within(STEP, months.fetch_all(&mut *connection)).await?;
    let mut due = Vec::new();
    for (from, to) in months {
        let sealed = sealed(connection, from..to, void).await?;
        due.extend(by_difference(connection, &sealed, from..to, Some(snapshot)).await?);
    }
    Ok(due)
}

/// The actions and events of these ids that are not among `sealed`, which is sorted, whichever
/// cluster's ids they have; if a snapshot is given, only those it shows.
pub(in crate::audit) async fn by_difference(
    connection: &mut PgConnection,
    sealed: &[Key],
    ids: Range<Uuid>,
    snapshot: Option<&str>,
) -> Result<Vec<Due>, sqlx::Error> {
    let actions = "select id, 0::smallint, recorded_at,
                          $3 is null or audit.is_shown($3::text::pg_snapshot, xmin, xid)
                   from audit.action where id >= $1 and id < $5 and (id, 0::smallint) > ($1, $4)
                   order by id limit $2";
    let events = "select action_id, rev, recorded_at,
                         $3 is null or audit.is_shown($3::text::pg_snapshot, xmin, xid)
                  from audit.event where action_id >= $1 and action_id < $5 and (action_id, rev) > ($1, $4)
                  order by action_id, rev limit $2";
    let mut due = Vec::new();
    for table in [actions, events] {
        let mut last = Some((ids.start, -1_i16));
        while let Some((id, rev)) = last {
            let page = sqlx::query_as(table).bind(id).bind(PAGE).bind(snapshot);
            let page = page.bind(rev).bind(ids.end);
            let page = within(STEP, page.fetch_all(&mut *connection)).await?;
            last = keep_unsealed(&page, sealed, &mut due);
        }
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

/// The rows of these ids that are in a seal that counts, sorted.
async fn sealed(
    connection: &mut PgConnection,
    ids: Range<Uuid>,
    void: &[RangeInclusive<u64>],
) -> Result<Vec<Key>, sqlx::Error> {
    let (mut sealed, mut last) = (Vec::new(), Some(0));
    while let Some(no) = last {
        let seals = within(STEP, Seal::after(connection, no)).await?;
        let counting = seals
            .iter()
            .filter(|seal| !void.iter().any(|void| void.contains(&seal.no)));
        for entries in counting.filter_map(Seal::entries) {
            let keys = entries.iter().map(|entry| entry.key);
            sealed.extend(keys.filter(|key| ids.contains(&key.id)));
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
