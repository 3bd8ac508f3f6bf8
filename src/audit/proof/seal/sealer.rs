//! The sealer: one at a time over any number of replicas.

use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use super::difference::{in_no_seal, left_over};
use super::due::{self, Due};
use super::lock::{holder, lock};
use super::newer::check_tables;
use super::sealed::Sealed;
use super::store::Newest;
use super::{Chain, Entry, Hash, Head, STEP, Seal, SeenHead};
use crate::audit::proof::fetch;
use crate::audit::proof::genuine::Judge;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::Key;
use crate::audit::{AuditLog, Error};
use crate::db::{Connection, within};

/// How many rows one seal holds at most.
const LARGEST: usize = 5_000;

/// Where a seal stands: its number, its epoch, and the head before it.
pub(in crate::audit) type Place = (u64, u32, Hash);

impl AuditLog {
    /// Looks whether the chain of seals is the one that was seen before, and seals what is due,
    /// unless another replica is at it.
    ///
    /// # Errors
    /// [`Error::Broken`], [`Error::NoSealKey`] and [`Error::OtherSealKey`] say why nothing is sealed until
    /// somebody has decided; [`Error::Newer`], until a newer release does it.
    pub async fn seal(&self) -> Result<Sealed, Error> {
        let keys = self.keys.load_full();
        let mut chain = self.chain.lock().await;
        let mut connection = Connection::acquire(&self.sealing).await?;
        let sealed = seal_in_transaction(&mut connection, &keys, &mut chain).await;
        let (is_broken, is_newer) = match &sealed {
            Ok(_) => (Some(false), Some(false)),
            Err(Error::Broken(_)) => (Some(true), None),
            Err(Error::Newer(_)) => (None, Some(true)),
            Err(_) => (None, None),
        };
        for (flag, found) in [(&self.is_broken, is_broken), (&self.is_newer, is_newer)] {
            if let Some(found) = found {
                flag.store(found, Ordering::Relaxed);
            }
        }
        // Whoever is told why nothing may be sealed asks again in a second, on the same connection.
        if !matches!(sealed, Err(Error::Database(_))) {
            connection.release();
        }
        let mut sealed = sealed?;
        sealed.unwitnessed = chain.write_down().await.err();
        Ok(sealed)
    }

    /// Whether seals are signed and rows carry a mac.
    pub fn has_seal_key(&self) -> bool {
        !self.keys.load().is_empty()
    }
}

async fn seal_in_transaction(
    connection: &mut PgConnection,
    keys: &SealKeys,
    chain: &mut Chain,
) -> Result<Sealed, Error> {
    let mut transaction = within(STEP, connection.begin()).await?;
    let is_mine = within(STEP, lock(&mut transaction)).await?;
    let newest = chain.follow(&mut transaction, keys).await?;
    let sealed = if is_mine {
        seal_what_is_due(&mut transaction, newest, keys, chain).await?
    } else {
        let lag = match &newest {
            Some(newest) => due::oldest(&mut transaction, newest).await?,
            None => due::oldest_of_all(&mut transaction).await?,
        };
        Sealed {
            lag: Duration::try_from_secs_f64(lag).unwrap_or_default(),
            held_by: within(STEP, holder(&mut transaction)).await?,
            ..Sealed::default()
        }
    };
    within(STEP, transaction.commit()).await?;
    for (head, is_signed) in &sealed.made {
        chain.see(head.clone(), *is_signed);
    }
    Ok(sealed)
}

async fn seal_what_is_due(
    transaction: &mut PgConnection,
    newest: Option<Newest>,
    keys: &SealKeys,
    chain: &mut Chain,
) -> Result<Sealed, Error> {
    let snapshot = current_snapshot(transaction).await?;
    let Some(newest) = newest else {
        let first = (1, 1, [0; 32]);
        return seal_by_difference(transaction, first, &snapshot, None, &[], keys).await;
    };
    check_tables(transaction).await?;
    let mut due = due::since(transaction, &newest, &snapshot).await?;
    if chain.looks_for_left_over() {
        let left_over = left_over(transaction, &due, &snapshot).await?;
        due.extend(left_over);
    }
    let Seal {
        no, epoch, head, ..
    } = newest.seal;
    let mut making = Making {
        place: (no + 1, epoch, head),
        snapshot: &snapshot,
        keys,
        sealed: Sealed::default(),
    };
    making.seal_all(transaction, due).await?;
    Ok(making.sealed)
}

/// What a new seal says that its sealer saw.
pub(in crate::audit) async fn current_snapshot(
    transaction: &mut PgConnection,
) -> Result<String, sqlx::Error> {
    let snapshot = sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "snapshot!""#);
    within(STEP, snapshot.fetch_one(transaction)).await
}

/// Begins an epoch at `place`: a seal that holds `decision`, if there is one, or nothing, and those of
/// all rows that are in no seal but a `void` one.
pub(in crate::audit) async fn seal_by_difference(
    transaction: &mut PgConnection,
    place: Place,
    snapshot: &str,
    decision: Option<&StoredRow>,
    void: &[RangeInclusive<u64>],
    keys: &SealKeys,
) -> Result<Sealed, Error> {
    check_tables(transaction).await?;
    let due = in_no_seal(transaction, snapshot, void).await?;
    let mut making = Making {
        place,
        snapshot,
        keys,
        sealed: Sealed::default(),
    };
    // The first seal says from which snapshot on rows are due, also if none is due now.
    if decision.is_some() || due.is_empty() {
        let entries = decision.into_iter().map(Entry::of).collect();
        making.seal(transaction, entries).await?;
    }
    making.seal_all(transaction, due).await?;
    Ok(making.sealed)
}

/// Seals that follow one another, made by one transaction.
struct Making<'a> {
    /// Of the next seal.
    place: Place,
    snapshot: &'a str,
    keys: &'a SealKeys,
    sealed: Sealed,
}

impl Making<'_> {
    /// Makes as many seals as it takes, in the order in which the rows were recorded.
    async fn seal_all(
        &mut self,
        transaction: &mut PgConnection,
        mut due: Vec<Due>,
    ) -> Result<(), Error> {
        due.sort_unstable();
        for chunk in due.chunks(LARGEST) {
            let entries = self.judge(transaction, chunk).await?;
            self.seal(transaction, entries).await?;
        }
        Ok(())
    }

    async fn seal(
        &mut self,
        transaction: &mut PgConnection,
        entries: Vec<Entry>,
    ) -> Result<(), Error> {
        let now = sqlx::query_scalar!(
            r#"select (extract(epoch from clock_timestamp()) * 1000000)::bigint as "now!""#
        );
        let now = within(STEP, now.fetch_one(&mut *transaction)).await?;
        let seal = Seal::new(self.place, entries, now, self.keys);
        within(STEP, seal.insert(transaction, self.snapshot)).await?;
        let (no, epoch, _) = self.place;
        self.place = (no + 1, epoch, seal.head);
        self.sealed.heads.push(Head::from(&seal));
        let made = (SeenHead::from(&seal), seal.signed.is_some());
        self.sealed.made.push(made);
        Ok(())
    }

    /// What a seal says of these rows.
    async fn judge(
        &mut self,
        transaction: &mut PgConnection,
        chunk: &[Due],
    ) -> Result<Vec<Entry>, Error> {
        let keys: Vec<Key> = chunk.iter().map(|due| due.key).collect();
        let rows = within(STEP, fetch::rows(transaction, &keys)).await?;
        if let Some(row) = rows.values().find(|row| !row.is_known()) {
            return Err(Error::Newer(row.newer()));
        }
        let mut judge = Judge::new(self.keys);
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows.values() {
            let is_genuine = within(STEP, judge.is_genuine(transaction, row)).await?;
            if !is_genuine {
                self.sealed.refuse(row);
            }
            entries.push(Entry {
                is_refused: !is_genuine,
                ..Entry::of(row)
            });
        }
        Ok(entries)
    }
}
