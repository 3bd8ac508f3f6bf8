//! Keys as an identity provider publishes them: a JWK Set (RFC 7517, 5).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::{ED25519_ONLY, ES256, ES384, RSA, RSA_BITS, VerificationKey, bits};
use crate::auth::json;

/// The most keys that are taken from one document. A provider in the middle of a rotation has a
/// handful; a token without `kid` is tried with each.
const MOST_KEYS: usize = 64;

/// The longest `kid` in bytes.
pub(in crate::auth) const LONGEST_KEY_ID: usize = 255;

/// The keys in `document` that check signatures of tokens. What is meant for something else, or
/// is not understood, is left out, as RFC 7517, 5 asks for; `None` if it is no JWK Set.
pub(in crate::auth) fn key_set(document: &[u8]) -> Option<Vec<VerificationKey>> {
    let document = json::object(document)?;
    let keys = document.get("keys")?.as_array()?;
    Some(keys.iter().filter_map(key).take(MOST_KEYS).collect())
}

fn key(value: &Value) -> Option<VerificationKey> {
    // A private or symmetric key that was published checks nothing: anyone can sign with it.
    if value.get("d").is_some() || value.get("k").is_some() {
        return None;
    }
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let signs =
        !matches!(&jwk.common.public_key_use, Some(other) if *other != PublicKeyUse::Signature);
    let verifies = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
    if !signs || !jwk.common.key_operations.as_ref().is_none_or(verifies) {
        return None;
    }
    let (possible, key) = material(&jwk.algorithm)?;
    let algorithms = match value.get("alg") {
        None => possible.to_vec(),
        Some(only) => {
            let only: Algorithm = only.as_str()?.parse().ok()?;
            possible.contains(&only).then(|| vec![only])?
        }
    };
    let id = match value.get("kid") {
        None => None,
        Some(id) => Some(id.as_str().filter(|id| id.len() <= LONGEST_KEY_ID)?),
    };
    Some(VerificationKey {
        id: id.map(str::to_owned),
        algorithms,
        key,
    })
}

/// The key, if it is sound, and what it can be used with (RFC 7518, 6; RFC 8037, 2).
fn material(parameters: &AlgorithmParameters) -> Option<(&'static [Algorithm], DecodingKey)> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            let (n, e) = (number(&rsa.n)?, number(&rsa.e)?);
            let sound = RSA_BITS.contains(&bits(&n)) && is_exponent(&e);
            sound.then(|| (RSA, DecodingKey::from_rsa_raw_components(&n, &e)))
        }
        AlgorithmParameters::EllipticCurve(point) => {
            let (possible, algorithm): (_, &'static dyn VerificationAlgorithm) = match point.curve {
                EllipticCurve::P256 => (ES256, &ECDSA_P256_SHA256_FIXED),
                EllipticCurve::P384 => (ES384, &ECDSA_P384_SHA384_FIXED),
                _ => return None,
            };
            let uncompressed = [vec![0x04], decode(&point.x)?, decode(&point.y)?].concat();
            let sound = UnparsedPublicKey::new(algorithm, &uncompressed)
                .parse()
                .is_ok();
            let key = DecodingKey::from_ec_components(&point.x, &point.y).ok()?;
            sound.then_some((possible, key))
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            let sound = UnparsedPublicKey::new(&ED25519, decode(&pair.x)?)
                .parse()
                .is_ok();
            let key = DecodingKey::from_ed_components(&pair.x).ok()?;
            sound.then_some((ED25519_ONLY, key))
        }
        _ => None,
    }
}

/// Odd, from 3 to 2^33: with 1 anybody can sign, and the library takes no larger one.
fn is_exponent(e: &[u8]) -> bool {
    (2..=33).contains(&bits(e)) && e.last().is_some_and(|last| last % 2 == 1)
}

/// RFC 7518, 6.3.1.1 wants no zeros in front; some providers have one all the same.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = decode(text)?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
