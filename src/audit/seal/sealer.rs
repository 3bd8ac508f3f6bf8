//! The sealer: one at a time over any number of replicas.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use super::due::{self, Due};
use super::store::{Newest, lock, newest};
use super::{Entry, Head, STEP, Seal};
use crate::audit::genuine::Judge;
use crate::audit::keys::SealKeys;
use crate::audit::stored::{self, Key};
use crate::audit::{AuditLog, Error};
use crate::db::{Connection, within};

/// How many rows one seal holds at most.
const LARGEST: usize = 5_000;

/// How many refused rows are named at once.
const NAMED: usize = 20;

/// What a sealer did.
#[derive(Debug, Default)]
pub struct Sealed {
    /// The heads of the seals that it made.
    pub heads: Vec<Head>,
    /// The first rows in them that no gateway with the key wrote.
    pub refused: Vec<String>,
    /// How many such rows there are.
    pub refused_count: u64,
    /// For how long the oldest row that is still in no seal has been there.
    pub lag: Duration,
}

impl AuditLog {
    /// Seals what is due, unless another replica is at it.
    pub async fn seal(&self) -> Result<Sealed, Error> {
        let keys = self.keys.load();
        let mut connection = Connection::acquire(&self.sealing).await?;
        let sealed = seal_in_transaction(&mut connection, &keys).await?;
        connection.release();
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
) -> Result<Sealed, Error> {
    let mut transaction = within(STEP, connection.begin()).await?;
    let sealed = if within(STEP, lock(&mut transaction)).await? {
        seal_what_is_due(&mut transaction, keys).await?
    } else {
        let lag = match within(STEP, newest(&mut transaction)).await? {
            Some(newest) => due::oldest(&mut transaction, &newest).await?,
            None => 0.0,
        };
        Sealed {
            lag: Duration::try_from_secs_f64(lag).unwrap_or_default(),
            ..Sealed::default()
        }
    };
    within(STEP, transaction.commit()).await?;
    Ok(sealed)
}

async fn seal_what_is_due(
    transaction: &mut PgConnection,
    keys: &SealKeys,
) -> Result<Sealed, Error> {
    let newest = within(STEP, newest(transaction)).await?;
    if keys.is_empty()
        && newest
            .as_ref()
            .is_some_and(|newest| newest.seal.signed.is_some())
    {
        return Err(Error::NoSealKey);
    }
    let snapshot = sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "snapshot!""#);
    let snapshot = within(STEP, snapshot.fetch_one(&mut *transaction)).await?;
    let goes_on = newest.as_ref().filter(|newest| goes_on_from(newest, keys));
    let mut due = if let Some(newest) = goes_on {
        due::since(transaction, newest, &snapshot).await?
    } else {
        due::in_no_seal(transaction, &snapshot).await?
    };
    let last = newest
        .as_ref()
        .map(|Newest { seal, .. }| (seal.no, seal.epoch, seal.head));
    let mut place = last.unwrap_or((0, 0, [0; 32]));
    place.1 += u32::from(goes_on.is_none());
    due.sort_unstable();
    let mut chunks: Vec<&[Due]> = due.chunks(LARGEST).collect();
    if goes_on.is_none() && chunks.is_empty() {
        // The epoch's first seal says from which snapshot on rows are due.
        chunks.push(&[]);
    }
    let mut sealed = Sealed::default();
    for chunk in chunks {
        place.0 += 1;
        let seal = make(transaction, place, chunk, keys, &mut sealed).await?;
        within(STEP, seal.insert(transaction, &snapshot)).await?;
        place.2 = seal.head;
        sealed.heads.push(Head::from(&seal));
    }
    Ok(sealed)
}

/// Whether the snapshot of the newest seal says which rows are due: it was made in this cluster,
/// and by one who has the key, if there is one.
fn goes_on_from(newest: &Newest, keys: &SealKeys) -> bool {
    let believed = keys.is_empty() || newest.seal.is_signed_by(&keys.public_keys()) == Some(true);
    believed && newest.is_of_this_cluster
}

/// Makes the seal at `place` of the rows of `chunk`.
async fn make(
    transaction: &mut PgConnection,
    place: (u64, u32, super::Hash),
    chunk: &[Due],
    keys: &SealKeys,
    sealed: &mut Sealed,
) -> Result<Seal, Error> {
    let keys_of_chunk: Vec<Key> = chunk.iter().map(|due| due.key).collect();
    let rows = within(STEP, stored::rows(transaction, &keys_of_chunk)).await?;
    let mut judge = Judge::new(keys);
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows.values() {
        let is_genuine = within(STEP, judge.is_genuine(transaction, row)).await?;
        if !is_genuine {
            sealed.refused_count += 1;
            if sealed.refused.len() < NAMED {
                sealed.refused.push(row.key.to_string());
            }
        }
        entries.push(Entry {
            key: row.key,
            is_refused: !is_genuine,
            hash: row.hash(),
        });
    }
    let now = sqlx::query_scalar!(
        r#"select (extract(epoch from clock_timestamp()) * 1000000)::bigint as "now!""#
    );
    let now = within(STEP, now.fetch_one(transaction)).await?;
    Ok(Seal::new(place, entries, now, keys))
}
