//! Every row that a table has counts, whatever its indexes say.
//!
//! Rows are checked by their keys, and keys are found by indexes. Whoever can switch off or bypass a
//! unique index can put a second row beside one that is sealed, or hide one. So the keys of all rows
//! are read once more without any index, month by month, and compared with what was found by key.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::Report;
use super::months::month_of;
use crate::audit::proof::layout::Layout;
use crate::audit::proof::seal::Seal;
use crate::audit::proof::table::{Key, Table};

/// Without any index. One process reads one table after the other, so that those of a month come together.
const WITHOUT_INDEXES: &str = "
    set local enable_seqscan = on; set local enable_indexscan = off; set local enable_indexonlyscan = off;
    set local enable_bitmapscan = off; set local max_parallel_workers_per_gather = 0;
    set local enable_async_append = off; set local jit = off";

/// By index wherever there is one: what it hides must be missed, also from a small table.
const BY_INDEX: &str = "
    set local enable_seqscan = off; set local enable_indexscan = on; set local enable_indexonlyscan = on;
    set local enable_bitmapscan = on";

/// Makes this transaction find rows by index alone.
pub(in crate::audit) async fn find_by_index(
    snapshot: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(BY_INDEX).execute(snapshot).await.map(drop)
}

/// What was found by key.
#[derive(Debug, Default)]
pub(in crate::audit) struct ByKey {
    /// The rows that are in a seal, sorted.
    pub(in crate::audit) sealed: Vec<Key>,
    /// Those of them that were not found, sorted.
    pub(in crate::audit) absent: Vec<Key>,
    /// The numbers of the seals, sorted.
    pub(in crate::audit) seals: Vec<u64>,
}

impl ByKey {
    /// Adds seals, the keys of their rows, and which of those were found.
    pub(in crate::audit) fn add(
        &mut self,
        seals: &[Seal],
        keys: &[Key],
        is_found: impl Fn(&Key) -> bool,
    ) {
        self.seals.extend(seals.iter().map(|seal| seal.no));
        self.absent.extend(keys.iter().filter(|key| !is_found(key)));
    }
}

/// What the tables have.
#[derive(Debug, Default)]
pub(in crate::audit) struct Counted {
    /// The rows that are in no seal, table by table.
    pub(in crate::audit) unsealed: Vec<Key>,
    /// What is there more than once, or not where it is looked for.
    pub(in crate::audit) report: Report,
}

/// Reads the keys of all rows, and leaves the transaction finding rows by index.
pub(in crate::audit) async fn count(
    snapshot: &mut PgConnection,
    by_key: &ByKey,
) -> Result<Counted, sqlx::Error> {
    sqlx::raw_sql(WITHOUT_INDEXES)
        .execute(&mut *snapshot)
        .await?;
    let mut counted = Counted::default();
    for table in Table::monthly() {
        counted.months(snapshot, table, by_key).await?;
    }
    for table in Table::ALL
        .into_iter()
        .filter(|table| !table.layout().is_monthly)
    {
        let ids = AssertSqlSafe(format!("select id from audit.{}", table.name()));
        let ids: Vec<Uuid> = sqlx::query_scalar(ids).fetch_all(&mut *snapshot).await?;
        let keys = ids.into_iter().map(|id| Key { id, rev: 0, table });
        counted.take(keys.collect(), by_key);
    }
    counted.seals(snapshot, by_key).await?;
    find_by_index(snapshot).await?;
    Ok(counted)
}

impl Counted {
    /// Reads one month after the other: the keys of one are all that is kept.
    async fn months(
        &mut self,
        snapshot: &mut PgConnection,
        table: Table,
        by_key: &ByKey,
    ) -> Result<(), sqlx::Error> {
        let names = "select inhrelid, inhrelid::regclass::text from pg_inherits where inhparent = to_regclass($1)";
        let names = sqlx::query_as(names).bind(format!("audit.{}", table.name()));
        let names: Vec<(Oid, String)> = names.fetch_all(&mut *snapshot).await?;
        let names: HashMap<Oid, String> = names.into_iter().collect();
        let Layout { name, id, rev, .. } = table.layout();
        let rev = rev.unwrap_or("0");
        let keys = format!("select tableoid, {id}, {rev}::integer from audit.{name}");
        let mut rows = sqlx::query_as(AssertSqlSafe(keys)).fetch(snapshot);
        let (mut of, mut keys) = (Oid(0), Vec::new());
        while let Some((oid, id, rev)) = rows.try_next().await? {
            let (oid, id, rev): (Oid, Uuid, i32) = (oid, id, rev);
            if oid != of {
                self.month(names.get(&of), std::mem::take(&mut keys), by_key);
                of = oid;
            }
            let rev = u16::try_from(rev).unwrap_or(u16::MAX);
            keys.push(Key { id, rev, table });
        }
        self.month(names.get(&of), keys, by_key);
        Ok(())
    }

    /// Takes the rows of one month's table. By key a row is looked for in the table of its month alone.
    fn month(&mut self, name: Option<&String>, keys: Vec<Key>, by_key: &ByKey) {
        let keys = self.take(keys, by_key);
        let name = name.map_or("a table that is not its", String::as_str);
        let month = name.get(name.len().saturating_sub(6)..).unwrap_or_default();
        let is_elsewhere = |key: &&Key| month_of(**key).replace('-', "") != month;
        // They are sorted by time: with the first and the last, all are of the month.
        if !keys.first().iter().chain(&keys.last()).any(is_elsewhere) {
            return;
        }
        for key in keys.iter().filter(is_elsewhere) {
            self.report.find(format_args!(
                "{key}: in {name}, and not in the table of its month"
            ));
        }
    }

    /// Takes the rows of one table, gives back their keys, sorted.
    fn take(&mut self, mut keys: Vec<Key>, by_key: &ByKey) -> Vec<Key> {
        keys.sort_unstable();
        self.find_twice_in(&keys, Key::to_string);
        keys.dedup();
        let start = keys
            .first()
            .map_or(0, |first| by_key.sealed.partition_point(|key| key < first));
        let mut sealed = by_key.sealed[start..].iter().peekable();
        for key in &keys {
            while sealed.next_if(|other| *other < key).is_some() {}
            if sealed.peek() != Some(&key) {
                self.unsealed.push(*key);
            } else if by_key.absent.binary_search(key).is_ok() {
                self.report.find(hidden(*key));
            }
        }
        keys
    }

    fn find_twice<T: Ord>(&mut self, mut keys: Vec<T>, name: impl Fn(&T) -> String) {
        keys.sort_unstable();
        self.find_twice_in(&keys, name);
    }

    fn find_twice_in<T: Eq>(&mut self, sorted: &[T], name: impl Fn(&T) -> String) {
        for same in sorted.chunk_by(T::eq).filter(|same| same.len() > 1) {
            self.report.find(twice(name(&same[0]), same.len()));
        }
    }

    async fn seals(
        &mut self,
        snapshot: &mut PgConnection,
        by_key: &ByKey,
    ) -> Result<(), sqlx::Error> {
        let numbers: Vec<i64> = sqlx::query_scalar("select no from audit.seal")
            .fetch_all(snapshot)
            .await?;
        for no in &numbers {
            let is_known =
                u64::try_from(*no).is_ok_and(|no| by_key.seals.binary_search(&no).is_ok());
            if !is_known {
                self.report.find(format_args!(
                    "seal {no}: there, but not found by its number"
                ));
            }
        }
        self.find_twice(numbers, |no| format!("seal {no}"));
        Ok(())
    }
}

/// The finding about a row that is there more than once.
pub(in crate::audit) fn twice(what: impl std::fmt::Display, times: usize) -> String {
    format!("{what}: there {times} times")
}

/// The finding about a row that an index hides.
pub(in crate::audit) fn hidden(key: Key) -> String {
    format!("{key}: there, but not found by its key")
}
