//! Published keys that are not used, and why.

use std::fmt;

use super::LONGEST_KEY_ID;
use crate::domain::printable;

/// A key of a JWK Set that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in the set, from 1.
    pub position: usize,
    /// Its `kid`, fit to be logged, if it has one that is text.
    pub id: Option<String>,
    /// Why it is not used.
    pub why: WhySkipped,
}

impl SkippedKey {
    pub(super) fn new(position: usize, id: Option<&str>, why: WhySkipped) -> Self {
        Self {
            position,
            id: id.map(|id| printable(id, LONGEST_KEY_ID)),
            why,
        }
    }

    /// Whether it may be missed. A key for encryption is not: many providers publish one.
    pub fn is_fault(&self) -> bool {
        self.why != WhySkipped::OtherUse
    }
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {}", self.position)?;
        if let Some(id) = &self.id {
            write!(formatter, " ({id:?})")?;
        }
        write!(formatter, " {}", self.why)
    }
}

/// Why a published key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhySkipped {
    /// Not JSON that means one thing (RFC 7517, 4).
    #[error("is no JSON object, or names a member twice")]
    NotAnObject,
    /// It has `d` or `k`: whoever reads the set can sign with it.
    #[error("is private or a shared secret, and everybody can read it")]
    Private,
    /// `use` or `key_ops` say that it is not for checking signatures (RFC 7517, 4.2 and 4.3).
    #[error("is not for checking signatures")]
    OtherUse,
    /// `kty` or `crv` are not among those of [`KeySource`](crate::auth::KeySource), or a member that
    /// they need is missing or of another type.
    #[error("is no complete RSA, P-256, P-384 or Ed25519 key")]
    Unsupported,
    /// The numbers are no key of that type, or one that is too weak or too large to be used.
    #[error(
        "is not sound: RSA takes a modulus of 2048 to 8192 bits and an odd exponent from 3 to 2^33, a curve a point on it"
    )]
    Unsound,
    /// `alg` is not one that a key of this type can be used with (RFC 7518, 3.1).
    #[error("has an alg that its type is not used with")]
    Algorithm,
    /// No token could name it, and it would be tried for all.
    #[error("has a kid that is not text of at most 255 bytes")]
    KeyId,
    /// There are more keys than a provider has any use for.
    #[error("is beyond the 64 keys that are used at most")]
    TooMany,
}
