//! Whether the seal key is the one that the seals were signed with.

use sqlx::PgConnection;

use super::{STEP, Seal};
use crate::audit::proof::genuine::ROLLOUT;
use crate::audit::proof::genuine::first_signed_at;
use crate::audit::proof::keys::SealKeys;
use crate::audit::{AuditLog, Error};
use crate::db::{Connection, within};

/// How the keys in use go with the newest seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFit {
    /// There is no seal.
    NothingSealed,
    /// None of the newest hundred is signed.
    Unsigned,
    /// One of the keys signed the newest.
    Known,
    /// They are signed, and there is no key.
    NoKey {
        /// Whether the first was signed so lately that not every replica may have its key yet.
        is_rolled_out: bool,
    },
    /// None of the keys signed any of the newest hundred.
    OtherKey,
    /// One of the keys signed an earlier one, but none of them signed those from this number on.
    Foreign {
        /// The first of them.
        from: u64,
    },
}

impl KeyFit {
    /// Why nobody may record or seal anything with these keys.
    pub const fn misfit(self) -> Option<&'static str> {
        match self {
            Self::OtherKey => Some(
                "none of its keys signed any of the newest seals: to change keys, the old one goes in a further line",
            ),
            Self::NoKey {
                is_rolled_out: false,
            } => Some("must be set, as the seals are signed"),
            _ => None,
        }
    }
}

impl AuditLog {
    /// How the keys in use go with the newest seals.
    pub async fn seal_key_fit(&self) -> Result<KeyFit, Error> {
        self.key_fit_of(&self.keys.load_full()).await
    }

    /// How `keys` would go with the newest seals.
    pub async fn key_fit_of(&self, keys: &SealKeys) -> Result<KeyFit, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        let fit = within(STEP, fit(&mut connection, keys)).await?;
        connection.release();
        Ok(fit)
    }
}

/// How `keys` go with the newest seals. A hundred of them, so that one that somebody forged does not
/// make the right key look like a wrong one.
pub(in crate::audit) async fn fit(
    connection: &mut PgConnection,
    keys: &SealKeys,
) -> Result<KeyFit, sqlx::Error> {
    let seals = Seal::last_hundred(&mut *connection).await?;
    if seals.is_empty() {
        return Ok(KeyFit::NothingSealed);
    }
    if seals.iter().all(|seal| seal.signed.is_none()) {
        return Ok(KeyFit::Unsigned);
    }
    if keys.is_empty() {
        let first = first_signed_at(&mut *connection).await?;
        let now = sqlx::query_scalar!(
            r#"select (extract(epoch from clock_timestamp()) * 1000000)::bigint as "now!""#
        );
        let now = now.fetch_one(connection).await?;
        let is_rolled_out = first.is_none_or(|first| now <= first.saturating_add(ROLLOUT));
        return Ok(KeyFit::NoKey { is_rolled_out });
    }
    let public = keys.public_keys();
    let ours =
        |seal: &Seal| seal.make_head() == seal.head && seal.is_signed_by(&public) == Some(true);
    Ok(match seals.iter().position(ours) {
        Some(0) => KeyFit::Known,
        Some(ours) => KeyFit::Foreign {
            from: seals[ours - 1].no,
        },
        None => KeyFit::OtherKey,
    })
}
