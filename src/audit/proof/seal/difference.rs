//! Which rows are in no seal, by comparing all that there are with all that are sealed: whatever their
//! transactions say.

use std::ops::{Range, RangeInclusive};

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::due::{Due, key};
use super::{STEP, Seal};
use crate::audit::proof::table::{Key, Table};
use crate::db::within;

/// How many keys one statement reads.
const PAGE: i64 = 50_000;

/// The rows that are in no seal at all but a `void` one, as far as `snapshot` shows them. Looks at
/// every row there is, month by month, so that the keys of one month are all that is kept.
pub(super) async fn in_no_seal(
    connection: &mut PgConnection,
    snapshot: &str,
    void: &[RangeInclusive<u64>],
) -> Result<Vec<Due>, sqlx::Error> {
    let parents: Vec<String> = Table::monthly()
        .map(|table| format!("audit.{}", table.name()))
        .collect();
    let months = sqlx::query_as(
        "select distinct audit.uuid7_floor(month at time zone 'UTC'),
                audit.uuid7_floor((month + interval '1 month') at time zone 'UTC')
         from pg_inherits join pg_class c on c.oid = inhrelid
         cross join lateral (select to_date(right(c.relname::text, 6), 'YYYYMM') as month) named
         where inhparent = any($1::text[]::regclass[]) order by 1",
    );
    let months = months.bind(parents).fetch_all(&mut *connection);
    let months: Vec<(Uuid, Uuid)> = within(STEP, months).await?;
    let monthly: Vec<Table> = Table::monthly().collect();
    let whole: Vec<Table> = Table::sealed_later()
        .filter(|table| !monthly.contains(table))
        .collect();
    let months = months.into_iter().map(|(from, to)| (from..to, &monthly));
    let ranges = months.chain([(Uuid::nil()..Uuid::max(), &whole)]);
    let mut due = Vec::new();
    for (ids, tables) in ranges {
        let sealed = sealed(connection, tables, &ids, void).await?;
        due.extend(by_difference(connection, tables, &sealed, ids, snapshot).await?);
    }
    Ok(due)
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
    let tables: Vec<Table> = Table::sealed_later().collect();
    by_difference(connection, &tables, &known, from..Uuid::max(), snapshot).await
}

/// The rows of these tables and ids that are not among `sealed`, which is sorted, whichever cluster's ids
/// they have, as far as `snapshot` shows them.
pub(super) async fn by_difference(
    connection: &mut PgConnection,
    tables: &[Table],
    sealed: &[Key],
    ids: Range<Uuid>,
    snapshot: &str,
) -> Result<Vec<Due>, sqlx::Error> {
    let mut due = Vec::new();
    for &table in tables {
        let sql = page(table);
        let mut last = Some((ids.start, -1));
        while let Some((id, rev)) = last {
            let page = sqlx::query_as(AssertSqlSafe(sql.as_str()));
            let page = page.bind(id).bind(PAGE).bind(snapshot);
            let page = page.bind(rev).bind(ids.end);
            let page = within(STEP, page.fetch_all(&mut *connection)).await?;
            last = keep_unsealed(table, &page, sealed, &mut due);
        }
    }
    Ok(due)
}

/// The rows after an id and rev, in the order of the primary key.
fn page(table: Table) -> String {
    let layout = table.layout();
    let (name, id) = (layout.name, layout.id);
    let (rev, after, order) = layout.rev.map_or_else(
        || ("0", format!("({id}, 0) > ($1, $4)"), id.to_owned()),
        |rev| {
            (
                rev,
                format!("({id}, {rev}) > ($1, $4)"),
                format!("{id}, {rev}"),
            )
        },
    );
    format!(
        "select {id}, {rev}::integer, recorded_at, audit.is_shown($3::text::pg_snapshot, xmin, xid)
         from audit.{name} where {id} >= $1 and {id} < $5 and {after} order by {order} limit $2"
    )
}

/// An id, a rev, when it was recorded, and whether the snapshot shows it.
type Found = (Uuid, i32, DateTime<Utc>, bool);

/// Adds to `due` what of a page is not sealed, and says where the next page begins.
fn keep_unsealed(
    table: Table,
    page: &[Found],
    sealed: &[Key],
    due: &mut Vec<Due>,
) -> Option<(Uuid, i32)> {
    for (id, rev, recorded_at, is_shown) in page {
        let key = key(table, *id, *rev);
        if *is_shown && sealed.binary_search(&key).is_err() {
            due.push(Due {
                recorded_at: *recorded_at,
                key,
            });
        }
    }
    page.last().map(|(id, rev, ..)| (*id, *rev))
}

/// The rows of these tables and ids that are in a seal that counts, sorted.
async fn sealed(
    connection: &mut PgConnection,
    tables: &[Table],
    ids: &Range<Uuid>,
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
            sealed.extend(keys.filter(|key| tables.contains(&key.table) && ids.contains(&key.id)));
        }
        last = seals.last().map(|seal| seal.no);
    }
    sealed.sort_unstable();
    Ok(sealed)
}
