//! `modgate acknowledge`: a row that no gateway wrote is known.

use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{Acknowledged, By, Decision, Error, FalseRow, all, record};
use crate::audit::proof::fetch;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::seal::{
    Entry, Head, KeyFit, Newest, Seal, fit, lock_when_free, newest, seal_one,
};
use crate::audit::proof::verify;
use crate::db;

/// False rows that are known.
#[derive(Debug)]
pub struct Known {
    /// The decision.
    pub id: Uuid,
    /// The rows.
    pub rows: Vec<String>,
    /// The head of the seal that says so, to be kept outside.
    pub head: Head,
}

/// Records that the rows of the action `id` which no gateway wrote, its intent or events of it, are
/// known to the owner of the record in the database of `url`.
///
/// # Errors
/// [`Error::NotRefused`] if there is no such row: one that a seal holds as refused and that is as it was
/// sealed. A missing row, or one that a gateway wrote, cannot be acknowledged.
pub async fn acknowledge(
    url: &SecretString,
    keys: &SealKeys,
    by: &By,
    id: Uuid,
) -> Result<Known, Error> {
    let mut connection = db::connect_to_record(url)
        .await
        .map_err(verify::Error::from)?;
    let mut transaction = connection
        .begin_with("begin isolation level read committed")
        .await?;
    let newest = whole(&mut transaction, keys).await?;
    let refused = refused(&mut transaction, id).await?;
    if refused.is_empty() {
        return Err(Error::NotRefused(id));
    }
    let rows = refused
        .iter()
        .map(|entry| FalseRow::new(entry.key, &entry.hash));
    let known = Acknowledged {
        rows: rows.collect(),
    };
    let details = serde_json::to_string(&known).expect("its members are texts and numbers");
    let row = record(
        &mut transaction,
        "acknowledgement",
        Some(id),
        by,
        &details,
        keys,
    )
    .await?;
    let seal = seal_one(&mut transaction, &newest, &row, keys).await?;
    transaction.commit().await?;
    let named = refused.iter().map(|entry| entry.key.to_string());
    Ok(Known {
        id: row.key.id,
        rows: named.collect(),
        head: Head::from(&seal),
    })
}

/// The newest seal of a chain that is whole, with nobody else sealing.
async fn whole(transaction: &mut PgConnection, keys: &SealKeys) -> Result<Newest, Error> {
    lock_when_free(transaction).await?;
    let newest = newest(transaction).await?;
    let newest = newest.ok_or(Error::NothingSealed)?;
    match fit(transaction, keys).await? {
        KeyFit::NoKey { .. } => Err(Error::NoSealKey),
        KeyFit::OtherKey | KeyFit::Foreign { .. } => Err(Error::Broken),
        _ if !newest.is_of_this_cluster => Err(Error::Broken),
        _ => Ok(newest),
    }
}

/// What seals hold of rows of `id` that were refused, are still as they were, and were not acknowledged.
async fn refused(transaction: &mut PgConnection, id: Uuid) -> Result<Vec<Entry>, Error> {
    let numbers = sqlx::query_scalar!(
        "select no from audit.seal where position(uuid_send($1) in leaves) > 0 order by no",
        id
    );
    let numbers = numbers.fetch_all(&mut *transaction).await?;
    let decided = all(&mut *transaction).await?;
    let mut refused = Vec::new();
    for no in numbers {
        let is_void = |decision: &Decision| {
            let void = decision.void();
            void.is_some_and(|void| void.contains(&no.cast_unsigned()))
        };
        if decided.iter().any(is_void) {
            continue;
        }
        let seals = Seal::after(&mut *transaction, no.cast_unsigned() - 1).await?;
        let entries = seals.first().and_then(Seal::entries).unwrap_or_default();
        let candidates = entries.into_iter().filter(|entry| {
            let known = |decision: &Decision| decision.acknowledges(entry.key, &entry.hash);
            entry.key.id == id && entry.is_refused && !decided.iter().any(known)
        });
        for entry in candidates {
            let rows = fetch::rows(&mut *transaction, &[entry.key]).await?;
            let row = rows.get(&entry.key);
            if row.is_some_and(|row| row.hash() == entry.hash) {
                refused.push(entry);
            }
        }
    }
    Ok(refused)
}
