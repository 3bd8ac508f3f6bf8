//! The keys that signatures are checked with.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::{ExposeSecret, SecretString};

use super::{Error, KeySource};

/// RFC 7518, 3.2: a key of the size of the hash output or larger.
const SHORTEST_SECRET: usize = 32;

/// What opens a PEM block, and a mistaken "secret".
const PEM_BEGIN: &str = "-----BEGIN ";

/// The length of an Ed25519 public key without any encoding around it.
const RAW_ED25519_LENGTH: usize = 32;

const HS256: &[Algorithm] = &[Algorithm::HS256];
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
#[derive(Debug)]
pub(super) struct VerificationKey {
    algorithms: &'static [Algorithm],
    key: DecodingKey,
}

impl VerificationKey {
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

/// Whether `source` holds keys that tokens can be checked with.
pub fn check_keys(source: &KeySource) -> Result<(), Error> {
    load(source).map(drop)
}

/// The keys of `source`: at least one.
pub(super) fn load(source: &KeySource) -> Result<Vec<VerificationKey>, Error> {
    match source {
        KeySource::Secret(secret) => {
            let key = DecodingKey::from_secret(checked_secret(secret)?);
            Ok(vec![VerificationKey {
                algorithms: HS256,
                key,
            }])
        }
        KeySource::PublicKeyPem(text) => public_keys(text),
    }
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

fn public_keys(text: &str) -> Result<Vec<VerificationKey>, Error> {
    // Cut here and not by the PEM parser: that one drops an unfinished last block in silence, and
    // with it a key.
    let starts: Vec<usize> = text
        .match_indices(PEM_BEGIN)
        .map(|(start, _)| start)
        .collect();
    if starts.is_empty() {
        return Err(Error::NoPemBlock);
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let blocks = starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &text[start..end]);
    blocks
        .enumerate()
        .map(|(index, block)| public_key(index + 1, block))
        .collect()
}

fn public_key(block: usize, text: &str) -> Result<VerificationKey, Error> {
    let pem = pem::parse(text).map_err(|_| Error::MalformedPem { block })?;
    match pem.tag() {
        "PUBLIC KEY" => subject_public_key(block, pem.contents()),
        "RSA PUBLIC KEY" => rsa_key(block, pem.contents(), |key| Some(key.as_ref().to_vec())),
        tag if tag.ends_with("PRIVATE KEY") => Err(Error::PrivateKey { block }),
        _ => Err(Error::NotAPublicKey { block }),
    }
}

fn subject_public_key(block: usize, der: &[u8]) -> Result<VerificationKey, Error> {
    // The library also takes bare curve points and bare Ed25519 keys, which name no algorithm.
    if der.first() != Some(&0x30) || der.len() <= RAW_ED25519_LENGTH {
        return Err(Error::UnsupportedKey { block });
    }
    let holds = |algorithm: &'static dyn VerificationAlgorithm| {
        UnparsedPublicKey::new(algorithm, der).parse().is_ok()
    };
    if holds(&ECDSA_P256_SHA256_FIXED) {
        return Ok(VerificationKey {
            algorithms: ES256,
            key: DecodingKey::from_ec_der(der),
        });
    }
    if holds(&ECDSA_P384_SHA384_FIXED) {
        return Ok(VerificationKey {
            algorithms: ES384,
            key: DecodingKey::from_ec_der(der),
        });
    }
    if holds(&ED25519) {
        return Ok(VerificationKey {
            algorithms: ED25519_ONLY,
            key: DecodingKey::from_ed_der(der),
        });
    }
    rsa_key(block, der, |key| Some(key.as_der().ok()?.as_ref().to_vec()))
}

/// An RSA key whose DER form is exactly what `encode` makes of it again. The library reads PKCS#1
/// and `SubjectPublicKeyInfo` alike, and takes a key restricted to PSS for an unrestricted one.
fn rsa_key(
    block: usize,
    der: &[u8],
    encode: impl Fn(&rsa::PublicKey) -> Option<Vec<u8>>,
) -> Result<VerificationKey, Error> {
    let key = rsa::PublicKey::from_der(der)
        .ok()
        .filter(|key| encode(key).as_deref() == Some(der))
        .ok_or(Error::UnsupportedKey { block })?;
    let modulus = RsaPublicKeyComponents::<Vec<u8>>::from(&key).n;
    let leading_zeros = modulus
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = modulus.len() * 8 - leading_zeros;
    if !(2048..=8192).contains(&bits) {
        return Err(Error::RsaKeySize { block, bits });
    }
    Ok(VerificationKey {
        algorithms: RSA,
        key: DecodingKey::from_rsa_der(key.as_ref()),
    })
}
