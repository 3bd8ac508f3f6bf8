//! The record as the database has it.

use std::collections::HashMap;

use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection};

use super::checker::Checker;
use super::heap::{self, ByKey};
use super::{Error, Evidence, Report, schema};
use crate::audit::proof::decision;
use crate::audit::proof::fetch;
use crate::audit::proof::seal::{Seal, newest};
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::Key;
use crate::db;

/// How many rows are read at once.
pub(in crate::audit) const ROWS: usize = 4_000;

/// Checks the record in the database of `url`, in one snapshot.
pub async fn verify(url: &SecretString, evidence: Evidence) -> Result<Report, Error> {
    let mut connection = db::connect_to_record(url).await?;
    let mut snapshot = connection
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let now = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
    let now: i64 = sqlx::query_scalar(now).fetch_one(&mut *snapshot).await?;
    let evidence = Evidence {
        now: Some(now),
        ..evidence
    };
    let Checked { report, .. } = check(&mut snapshot, evidence).await?;
    snapshot.rollback().await?;
    report.of_something()
}

/// A report, and what it was about.
pub(in crate::audit) struct Checked {
    pub(in crate::audit) report: Report,
    /// The rows that are in no seal.
    pub(in crate::audit) unsealed: Vec<Key>,
}

/// Checks the record as this transaction sees it, and the schema around it.
pub(in crate::audit) async fn check(
    snapshot: &mut PgConnection,
    evidence: Evidence,
) -> Result<Checked, Error> {
    let schema = schema::check(snapshot).await?;
    let mut checked = match check_rows(snapshot, evidence).await {
        // What was done to the schema may well be why: that was found, and is not lost.
        Err(error @ (Error::Database(_) | Error::Newer(_))) if !schema.is_intact() => Checked {
            report: Report {
                notes: vec![format!("the rows could not be checked: {error}")],
                ..Report::default()
            },
            unsealed: Vec::new(),
        },
        checked => checked?,
    };
    checked.report.add(schema);
    if is_restored(snapshot).await? {
        let note = "the newest seal was not made in this cluster: nothing is sealed here until the restore is accepted \
                    (modgate seals --accept-break)";
        checked.report.notes.push(note.to_owned());
    }
    Ok(checked)
}

/// Whether sealers do not go on from the newest seal, because transaction ids mean nothing here.
async fn is_restored(snapshot: &mut PgConnection) -> Result<bool, Error> {
    match newest(snapshot).await {
        Ok(newest) => Ok(newest.is_some_and(|newest| !newest.is_of_this_cluster)),
        // What was done to the schema may be why.
        Err(sqlx::Error::Database(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn check_rows(snapshot: &mut PgConnection, evidence: Evidence) -> Result<Checked, Error> {
    let decisions = decision::all(snapshot).await?;
    let decisions = decisions.into_iter().map(|decision| decision.row);
    let mut checker = Checker::new(evidence, decisions.collect());
    let mut by_key = ByKey::default();
    heap::find_by_index(snapshot).await?;
    let mut last = Some(0);
    while let Some(no) = last {
        let seals = Seal::after(snapshot, no).await?;
        for batch in batches(&seals) {
            let entries = batch.iter().filter_map(Seal::entries).flatten();
            let keys: Vec<Key> = entries.map(|entry| entry.key).collect();
            let rows = known_rows(snapshot, &keys).await?;
            for seal in batch {
                checker.seal(seal, &rows);
            }
            by_key.add(batch, &keys, |key| rows.contains_key(key));
        }
        last = seals.last().map(|seal| seal.no);
    }
    by_key.sealed = checker.sealed();
    by_key.absent.sort_unstable();
    let mut counted = heap::count(snapshot, &by_key).await?;
    for keys in counted.unsealed.chunks(ROWS) {
        let rows = known_rows(snapshot, keys).await?;
        for key in keys {
            match rows.get(key) {
                Some(row) => checker.unsealed(row),
                None => counted.report.find(heap::hidden(*key)),
            }
        }
    }
    let mut report = checker.finish();
    report.add(counted.report);
    Ok(Checked {
        report,
        unsealed: counted.unsealed,
    })
}

/// The rows with these keys, as far as they are there and this build knows how to check them.
async fn known_rows(
    snapshot: &mut PgConnection,
    keys: &[Key],
) -> Result<HashMap<Key, StoredRow>, Error> {
    let rows = fetch::rows(snapshot, keys).await?;
    match rows.values().find(|row| !row.is_known()) {
        Some(row) => Err(Error::Newer(row.newer())),
        None => Ok(rows),
    }
}

/// Divides seals so that each part has a few thousand rows, or is one seal.
pub(in crate::audit) fn batches(seals: &[Seal]) -> Vec<&[Seal]> {
    let (mut batches, mut start, mut rows) = (Vec::new(), 0, 0);
    for (index, seal) in seals.iter().enumerate() {
        rows += seal.n() as usize;
        if rows >= ROWS {
            batches.push(&seals[start..=index]);
            (start, rows) = (index + 1, 0);
        }
    }
    batches.push(&seals[start..]);
    batches
}
