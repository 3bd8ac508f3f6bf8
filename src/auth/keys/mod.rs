//! The keys that signatures are checked with.

mod jwk;
mod pem;
mod skipped;

use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::{ExposeSecret, SecretString};

use super::Error;
pub(super) use jwk::{KeySet, key_set};
use pem::PEM_BEGIN;
pub(super) use pem::{faults as faults_of_pem, public_keys};
pub use skipped::{SkippedKey, WhySkipped};

/// The longest `kid` in bytes.
pub(super) const LONGEST_KEY_ID: usize = 255;

/// RFC 7518, 3.2: a key of the size of the hash output or larger.
const SHORTEST_SECRET: usize = 32;

/// RFC 7518, 3.3 and 3.5 ask for 2048 bits; the library takes no more than 8192.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
const ES256: &[Algorithm] = &[Algorithm::ES256];
const ES384: &[Algorithm] = &[Algorithm::ES384];
const ED25519_ONLY: &[Algorithm] = &[Algorithm::EdDSA];

/// A key and the only algorithms it is ever used with.
#[derive(Clone, Debug)]
pub(super) struct VerificationKey {
    /// The `kid` of a published key.
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl VerificationKey {
    fn new(algorithms: &[Algorithm], key: DecodingKey) -> Self {
        Self {
            id: None,
            algorithms: algorithms.to_vec(),
            key,
        }
    }

    /// The name that the issuer gave it.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether a token that names `algorithm` may be checked with this key at all.
    pub(super) fn accepts(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether `signature` (base64url) is this key's over `message`.
    pub(super) fn signed(&self, algorithm: Algorithm, message: &str, signature: &str) -> bool {
        self.accepts(algorithm)
            && jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, algorithm)
                .unwrap_or(false)
    }
}

/// The key that `secret` is, for HS256 alone.
pub(super) fn shared_secret(secret: &SecretString) -> Result<VerificationKey, Error> {
    let key = DecodingKey::from_secret(checked_secret(secret)?);
    Ok(VerificationKey::new(&[Algorithm::HS256], key))
}

/// The bytes of an HS256 secret that is fit to be one.
pub(super) fn checked_secret(secret: &SecretString) -> Result<&[u8], Error> {
    let secret = secret.expose_secret();
    if secret.contains(PEM_BEGIN) {
        return Err(Error::SecretIsPem);
    }
    if secret.len() < SHORTEST_SECRET {
        return Err(Error::SecretTooShort);
    }
    Ok(secret.as_bytes())
}

/// The bits of an unsigned big-endian number.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    (number.len() - zeros) * 8 - first as usize
}
