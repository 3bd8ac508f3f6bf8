//! Retention: whole months are dropped, and the record says so.
//!
//! A month is dropped only if the whole record is what was sealed, and every row of the month is in
//! a seal. First a row of `audit.prune` and a seal that holds it are committed; then the month's
//! actions go, then its events, so that no action ever stands there without its end. A run that
//! was cut short is finished by the next.

mod prune;

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};

use super::keys::SealKeys;
use super::seal::Head;
use super::table::{Key, Table};
use super::verify::months::month_of;
use super::verify::{self, Evidence, database};
use crate::db;

/// Nothing was dropped, or not all that could be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The record could not be read or changed.
    #[error("the record cannot be changed")]
    Database(#[from] sqlx::Error),
    /// The record could not be checked.
    #[error(transparent)]
    Verify(#[from] verify::Error),
    /// Another run is at it.
    #[error("another `modgate retain` is running")]
    Busy,
    /// The record is not what was sealed.
    #[error("the record was tampered with, so that nothing is dropped: {0}; see `modgate verify`")]
    Tampered(String),
    /// A row of the month is in no seal.
    #[error("{month} is not dropped: {row} is in no seal yet")]
    Unsealed {
        /// The month.
        month: String,
        /// The row.
        row: String,
    },
    /// The newest seal is signed, and there is no key to go on with.
    #[error("MODGATE_SEAL_KEY: must be set, as the seals are signed")]
    NoSealKey,
    /// There is no seal, or none of this cluster.
    #[error("the record has not been sealed here yet: let `modgate serve` run first")]
    NotSealed,
}

/// A month that was dropped, or would be.
#[derive(Debug)]
pub struct Dropped {
    /// `YYYY-MM`
    pub month: String,
    rows: Vec<(Table, i64)>,
    /// The head of the seal that says so, to be kept outside; none in a dry run.
    pub head: Option<Head>,
}

impl Dropped {
    /// How many rows a table had.
    fn rows(&self, table: Table) -> i64 {
        let mut rows = self.rows.iter();
        let of_table = rows.find(|(of, _)| *of == table);
        of_table.map_or(0, |(_, rows)| *rows)
    }

    /// What it had, in words.
    pub fn contents(&self) -> String {
        let rows = self.rows.iter();
        let told = rows.filter(|(table, rows)| *rows > 0 || table.is_of_every_month());
        let told = told.map(|(table, rows)| {
            let what = table.counted_in().unwrap_or_default().replace('_', " ");
            format!("{rows} {what}")
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

/// What to drop.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Months that ended longer ago than this.
    pub keep: Duration,
    /// Signs the seals of what is dropped.
    pub seal_keys: Arc<SealKeys>,
    /// Only say what would be dropped.
    pub dry_run: bool,
}

/// Drops months from the record in the database of `url`, whose role owns it, oldest first. `waits` is
/// told who reads or writes what is to go, and keeps it waiting.
pub async fn retain(
    url: &SecretString,
    retention: &Retention,
    waits: db::Waits<'_>,
) -> Result<Vec<Dropped>, Error> {
    let mut connection = db::connect_to_record(url)
        .await
        .map_err(verify::Error::from)?;
    let mut beside = db::connect(url).await.map_err(verify::Error::from)?;
    let _lock = lock(&mut beside).await?;
    let process = db::process(&mut connection).await;
    let process = process.map_err(verify::Error::from)?;
    let dropping = drop_months(&mut connection, retention);
    db::watched(url, process, waits, dropping).await.0
}

async fn drop_months(
    connection: &mut PgConnection,
    retention: &Retention,
) -> Result<Vec<Dropped>, Error> {
    let (left, months) = (
        left_behind(connection).await?,
        past_months(connection, retention.keep).await?,
    );
    if left.is_empty() && months.is_empty() {
        return Ok(Vec::new());
    }
    // Before anything is dropped, also what a prune names: it may have been written by hand.
    let unsealed = check(connection, retention).await?;
    if !retention.dry_run {
        for month in left {
            prune::drop_tables(connection, month).await?;
        }
    }
    let mut dropped = Vec::new();
    for month in months {
        let name = month.format("%Y-%m").to_string();
        if let Some(row) = unsealed.iter().find(|key| month_of(**key) == name) {
            return Err(Error::Unsealed {
                month: name,
                row: row.to_string(),
            });
        }
        dropped.push(drop_month(connection, month, retention).await?);
    }
    Ok(dropped)
}

/// Keeps other runs away until it is dropped. On a connection of its own, because what drops a month
/// is more than one transaction, and a lock that needs a right is held by one.
async fn lock(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, Error> {
    let mut lock = connection.begin().await?;
    let locked = "set local idle_in_transaction_session_timeout = 0;
                  lock table modgate.retain_lock in share row exclusive mode nowait";
    match sqlx::raw_sql(locked).execute(&mut *lock).await {
        Ok(_) => Ok(lock),
        Err(error) if db::is_locked(&error) => Err(Error::Busy),
        Err(error) => Err(error.into()),
    }
}

/// The months that are recorded as dropped and of which a table is still there.
async fn left_behind(connection: &mut PgConnection) -> Result<Vec<NaiveDate>, sqlx::Error> {
    let months = sqlx::query_scalar(
        "select month from audit.prune
         where exists (select from unnest($1::text[]) as parent
                       where to_regclass('audit.' || parent || '_' || to_char(month, 'YYYYMM')) is not null)
         order by month",
    );
    let parents: Vec<&str> = Table::monthly().map(Table::name).collect();
    months.bind(parents).fetch_all(connection).await
}

/// The months that ended `keep` ago or earlier and are still there.
async fn past_months(
    connection: &mut PgConnection,
    keep: Duration,
) -> Result<Vec<NaiveDate>, sqlx::Error> {
    let months = sqlx::query_scalar(
        "select month::date from pg_inherits
         cross join lateral (select to_date(right(inhrelid::regclass::text, 6), 'YYYYMM') as month) named
         where inhparent = 'audit.action'::regclass
           and (month + interval '1 month') at time zone 'UTC' <= now() - make_interval(secs => $1)
           and not exists (select from audit.prune where prune.month = named.month)
         order by month",
    );
    months.bind(keep.as_secs_f64()).fetch_all(connection).await
}

/// Checks the whole record. The rows that are in no seal yet.
async fn check(connection: &mut PgConnection, retention: &Retention) -> Result<Vec<Key>, Error> {
    let mut snapshot = connection
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let evidence = Evidence {
        public_keys: retention.seal_keys.public_keys(),
        seal_keys: Arc::clone(&retention.seal_keys),
        ..Evidence::default()
    };
    let checked = database::check(&mut snapshot, evidence).await?;
    snapshot.rollback().await?;
    match checked.report.findings.into_iter().next() {
        Some(finding) => Err(Error::Tampered(finding)),
        None => Ok(checked.unsealed),
    }
}

async fn drop_month(
    connection: &mut PgConnection,
    month: NaiveDate,
    retention: &Retention,
) -> Result<Dropped, Error> {
    let mut rows = Vec::new();
    for table in Table::monthly() {
        rows.push((table, prune::count(connection, table, month).await?));
    }
    let mut dropped = Dropped {
        month: month.format("%Y-%m").to_string(),
        rows,
        head: None,
    };
    if !retention.dry_run {
        let seal = prune::record(connection, month, &dropped, &retention.seal_keys).await?;
        dropped.head = Some(Head::from(&seal));
        prune::drop_tables(connection, month).await?;
    }
    Ok(dropped)
}
