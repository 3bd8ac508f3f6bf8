//! Whether a decision of the record explains what is missing in it.

use sqlx::PgConnection;

use super::{AcceptedBreak, Decision, What, all};
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::seal::{Entry, Seal};

/// The seal that holds an accepted break of which `explains` is true, if there is one that a known key
/// made. The newest, if there are several.
pub(in crate::audit) async fn covering(
    connection: &mut PgConnection,
    keys: &SealKeys,
    explains: impl Fn(&Decision) -> bool,
) -> Result<Option<Seal>, sqlx::Error> {
    for decision in all(&mut *connection).await?.into_iter().rev() {
        let What::Break(accepted) = &decision.what else {
            continue;
        };
        if !explains(&decision) || !is_genuine(&decision, keys) {
            continue;
        }
        let sealed = Seal::after(&mut *connection, accepted.last_no).await?;
        let sealed = sealed.into_iter().next();
        if let Some(seal) = sealed.filter(|seal| holds(seal, &decision, accepted, keys)) {
            return Ok(Some(seal));
        }
    }
    Ok(None)
}

fn is_genuine(decision: &Decision, keys: &SealKeys) -> bool {
    let (row, canonical) = (&decision.row, decision.row.canonical());
    let mac = row.mac.as_deref();
    canonical.leaf() == row.leaf_hash
        && (keys.is_empty() || mac.is_some_and(|mac| canonical.is_authentic(keys, mac)))
}

/// Whether this is the seal that the decision was made with.
fn holds(seal: &Seal, decision: &Decision, accepted: &AcceptedBreak, keys: &SealKeys) -> bool {
    let is_signed = keys.is_empty() || seal.is_signed_by(&keys.public_keys()) == Some(true);
    let entry = Entry::of(&decision.row);
    is_signed
        && seal.make_head() == seal.head
        && accepted.precedes(seal)
        && seal
            .entries()
            .is_some_and(|entries| entries.contains(&entry))
}
