//! Whether the seal key is the one that the seals were signed with.

use super::{STEP, newest};
use crate::audit::{AuditLog, Error};
use crate::db::{Connection, within};

/// How the keys in use go with the newest seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFit {
    /// There is no seal.
    NothingSealed,
    /// The newest seal is unsigned.
    Unsigned,
    /// One of the keys signed it.
    Known,
    /// It is signed, and there is no key.
    NoKey,
    /// It is signed with a key that is none of these.
    OtherKey,
    /// It says that one of the keys signed it, which is not true.
    Forged,
}

impl AuditLog {
    /// How the keys in use go with the newest seal.
    pub async fn seal_key_fit(&self) -> Result<KeyFit, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        let newest = within(STEP, newest(&mut connection)).await?;
        connection.release();
        let Some(newest) = newest else {
            return Ok(KeyFit::NothingSealed);
        };
        let keys = self.keys.load();
        Ok(match newest.seal.is_signed_by(&keys.public_keys()) {
            _ if newest.seal.signed.is_none() => KeyFit::Unsigned,
            _ if keys.is_empty() => KeyFit::NoKey,
            None => KeyFit::OtherKey,
            Some(true) => KeyFit::Known,
            Some(false) => KeyFit::Forged,
        })
    }
}
