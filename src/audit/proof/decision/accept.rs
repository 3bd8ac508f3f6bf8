//! `modgate seals --accept-break`: the chain of seals goes on after it was broken.

use futures_util::TryStreamExt as _;
use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{AcceptedBreak, By, Decision, Error, all, record};
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::seal::{
    Hash, Head, KeyFit, Newest, Seal, SeenHead, current_snapshot, fit, lock_when_free, newest,
    seal_by_difference,
};
use crate::audit::proof::verify::{self, KeptHeads};
use crate::db;

/// A break that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The decision.
    pub id: Uuid,
    /// What was decided: JSON (RFC 8785).
    pub details: String,
    /// The heads of the seals that it begins the new epoch with, to be kept outside.
    pub heads: Vec<Head>,
}

/// Records that the owner of the record in the database of `url` accepts a break of its chain of
/// seals, and begins a new epoch. What is lost is told by the heads that were `kept` outside.
///
/// Seals that no known key made do not count afterwards; `void_from` names the first of them, so that
/// nobody does away by mistake with what a key made that is only not given here.
///
/// # Errors
/// [`Error::NoBreak`] if the chain is whole as far as can be told. Then nothing is changed.
pub async fn accept_break(
    url: &SecretString,
    keys: &SealKeys,
    by: &By,
    kept: KeptHeads,
    void_from: Option<u64>,
) -> Result<Accepted, Error> {
    let mut connection = db::connect_to_record(url)
        .await
        .map_err(verify::Error::from)?;
    let mut transaction = connection
        .begin_with("begin isolation level read committed")
        .await?;
    lock_when_free(&mut transaction).await?;
    let newest = newest(&mut transaction).await?;
    let decided = all(&mut transaction).await?;
    let kept_heads = kept.clone();
    let lost = lost(&mut transaction, kept, &decided).await?;
    let found = find(&mut transaction, newest.as_ref(), &lost, keys).await?;
    check_void(&mut transaction, &found, kept_heads, void_from).await?;
    let details = serde_json::to_string(&found).expect("its members are texts and numbers");
    let snapshot = current_snapshot(&mut transaction).await?;
    let row = record(&mut transaction, "break", None, by, &details, keys).await?;
    let void = decided.iter().filter_map(Decision::void);
    let void: Vec<_> = void.chain(found.void()).collect();
    let place = newest.map_or((1, 1, [0; 32]), |Newest { seal, .. }| {
        (seal.no + 1, seal.epoch + 1, seal.head)
    });
    let sealed = seal_by_difference(&mut transaction, place, &snapshot, Some(&row), &void, keys);
    let heads = sealed.await?.heads;
    transaction.commit().await?;
    Ok(Accepted {
        id: row.key.id,
        details,
        heads,
    })
}

/// What is wrong with the chain.
async fn find(
    transaction: &mut PgConnection,
    newest: Option<&Newest>,
    lost: &[SeenHead],
    keys: &SealKeys,
) -> Result<AcceptedBreak, Error> {
    let mut void_from = None;
    let cause = match (fit(transaction, keys).await?, newest) {
        (KeyFit::NoKey { .. }, _) => return Err(Error::NoSealKey),
        (KeyFit::NothingSealed, _) | (_, None) if lost.is_empty() => {
            return Err(Error::NothingSealed);
        }
        (KeyFit::Foreign { from }, _) => {
            void_from = Some(from);
            "foreign"
        }
        (KeyFit::OtherKey, _) => "key",
        (_, Some(newest)) if !newest.is_of_this_cluster => "restored",
        _ if lost.is_empty() => return Err(Error::NoBreak),
        _ => "gone",
    };
    let last_no = newest.map_or(0, |newest| newest.seal.no);
    let first_lost = lost.iter().map(|head| head.no).min();
    let lost_from = first_lost.into_iter().chain(void_from).min();
    let newest_lost = lost.iter().max_by_key(|head| head.no);
    Ok(AcceptedBreak {
        cause: cause.to_owned(),
        last_head: newest.map(|newest| hex::encode(newest.seal.head)),
        last_no,
        lost_from: lost_from.unwrap_or(last_no + 1),
        lost_head: newest_lost.map(|head| hex::encode(head.head)),
        lost_no: newest_lost.map(|head| head.no),
        void_from,
    })
}

/// Whether what will not count any more was said, and is nothing that a gateway made: whatever is wrong
/// with a seal now, one whose head was kept outside is.
async fn check_void(
    transaction: &mut PgConnection,
    found: &AcceptedBreak,
    mut kept: KeptHeads,
    void_from: Option<u64>,
) -> Result<(), Error> {
    let void = found.void();
    let unsaid = void.as_ref().map_or_else(
        || "every seal is one that a known key made".to_owned(),
        |void| {
            let (from, to) = (void.start(), void.end());
            format!("seals {from} to {to} are not signed with a key in MODGATE_SEAL_KEY")
        },
    );
    if found.void_from != void_from {
        return Err(Error::Void(unsaid));
    }
    let Some(void) = void else {
        return Ok(());
    };
    for seal in Seal::last_hundred(transaction).await? {
        let seen = kept.take(seal.no);
        if void.contains(&seal.no) && seen.iter().any(|seen| seen.head == seal.head) {
            return Err(Error::Void(format!(
                "seal {} has the head that was kept outside, so that a gateway made it",
                seal.no
            )));
        }
    }
    Ok(())
}

/// The heads that were kept, are not in the record, and were not accepted as lost before.
async fn lost(
    transaction: &mut PgConnection,
    mut kept: KeptHeads,
    decided: &[Decision],
) -> Result<Vec<SeenHead>, sqlx::Error> {
    let mut lost = Vec::new();
    let mut heads =
        sqlx::query_as("select no, head from audit.seal order by no").fetch(transaction);
    while let Some((no, head)) = heads.try_next().await? {
        let (no, head): (i64, Vec<u8>) = (no, head);
        let head = Hash::try_from(head).unwrap_or_default();
        let others = kept.take(no.cast_unsigned());
        lost.extend(others.into_iter().filter(|kept| kept.head != head));
    }
    lost.extend(kept.iter().cloned());
    lost.retain(|head| !decided.iter().any(|decision| decision.covers(head)));
    Ok(lost)
}
