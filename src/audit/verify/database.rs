//! The record as the database has it.

use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::checker::Checker;
use super::{Error, Evidence, Report};
use crate::audit::seal::{Seal, due};
use crate::audit::stored::{self, Key, Table};
use crate::db;

/// How many rows are read at once.
pub(in crate::audit) const ROWS: usize = 4_000;

/// Checks the record in the database of `url`, in one snapshot.
pub async fn verify(url: &SecretString, evidence: Evidence) -> Result<Report, Error> {
    let mut connection = db::connect(url).await?;
    let mut snapshot = connection
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let Checked { report, .. } = check(&mut snapshot, evidence).await?;
    snapshot.rollback().await?;
    Ok(report)
}

/// A report, and what it was about.
pub(in crate::audit) struct Checked {
    pub(in crate::audit) report: Report,
    /// The rows that are in no seal.
    pub(in crate::audit) unsealed: Vec<Key>,
}

/// Checks the record as this transaction sees it.
pub(in crate::audit) async fn check(
    snapshot: &mut PgConnection,
    evidence: Evidence,
) -> Result<Checked, Error> {
    let mut checker = Checker::new(evidence);
    let mut last = Some(0);
    while let Some(no) = last {
        let seals = Seal::after(snapshot, no).await?;
        for batch in batches(&seals) {
            let entries = batch.iter().filter_map(Seal::entries).flatten();
            let keys: Vec<Key> = entries.map(|entry| entry.key).collect();
            let rows = stored::rows(snapshot, &keys).await?;
            for seal in batch {
                checker.seal(seal, &rows);
            }
        }
        last = seals.last().map(|seal| seal.no);
    }
    let sealed = checker.sealed();
    let unsealed = unsealed(snapshot, &sealed).await?;
    for keys in unsealed.chunks(ROWS) {
        let rows = stored::rows(snapshot, keys).await?;
        for row in keys.iter().filter_map(|key| rows.get(key)) {
            checker.unsealed(row);
        }
    }
    Ok(Checked {
        report: checker.finish(),
        unsealed,
    })
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

/// The rows that are not among `sealed`, which is sorted.
pub(in crate::audit) async fn unsealed(
    snapshot: &mut PgConnection,
    sealed: &[Key],
) -> Result<Vec<Key>, sqlx::Error> {
    let due = due::by_difference(snapshot, sealed, Uuid::nil()..Uuid::max(), None).await?;
    let mut unsealed: Vec<Key> = due.into_iter().map(|due| due.key).collect();
    let prunes: Vec<Uuid> = sqlx::query_scalar("select id from audit.prune order by id")
        .fetch_all(snapshot)
        .await?;
    let prunes = prunes.into_iter().map(|id| Key {
        id,
        rev: 0,
        table: Table::Prune,
    });
    unsealed.extend(prunes.filter(|key| sealed.binary_search(key).is_err()));
    Ok(unsealed)
}
