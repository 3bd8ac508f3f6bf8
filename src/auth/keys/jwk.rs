//! Keys as an identity provider publishes them: a JWK Set (RFC 7517, 5).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::skipped::{SkippedKey, WhySkipped};
use super::{ED25519_ONLY, ES256, ES384, LONGEST_KEY_ID, RSA, RSA_BITS, VerificationKey, bits};
use crate::auth::nulls::without_nulls;
use crate::members::object;

/// The most keys that are taken from one document. A provider in the middle of a rotation has a
/// handful; a token without `kid` is tried with each.
const MOST_KEYS: usize = 64;

/// The members that say what a key is and what it is for, besides `alg` and `kid`. No other is
/// looked at, so none can make a key useless.
const MEMBERS: [&str; 8] = ["kty", "use", "key_ops", "crv", "n", "e", "x", "y"];

/// What a document publishes.
#[derive(Debug, Default)]
pub(in crate::auth) struct KeySet {
    /// The keys that check signatures of tokens.
    pub(in crate::auth) keys: Vec<VerificationKey>,
    /// The others, in order: as many at most as there may be keys.
    pub(in crate::auth) skipped: Vec<SkippedKey>,
}

/// A JWK Set. Each key is read on its own, so that one that cannot be read costs no other.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// The keys in `document`; `None` if it is no JWK Set. What is meant for something else, or is not
/// understood, is skipped, as RFC 7517, 5 asks for.
pub(in crate::auth) fn key_set(document: &[u8]) -> Option<KeySet> {
    let document: Document<'_> = serde_json::from_slice(document).ok()?;
    let mut set = KeySet::default();
    for (index, raw) in document.keys.iter().enumerate() {
        let value = object(raw.get().as_bytes()).map(without_nulls);
        let read = value.as_ref().ok_or(WhySkipped::NotAnObject).and_then(key);
        match read {
            Ok(key) if set.keys.len() < MOST_KEYS => set.keys.push(key),
            read => {
                let why = read.err().unwrap_or(WhySkipped::TooMany);
                let id = value.as_ref().and_then(|value| value.get("kid")?.as_str());
                if set.skipped.len() < MOST_KEYS {
                    set.skipped.push(SkippedKey::new(index + 1, id, why));
                }
            }
        }
    }
    Some(set)
}

fn key(value: &Value) -> Result<VerificationKey, WhySkipped> {
    // A private or symmetric key that was published checks nothing: anyone can sign with it.
    if value.get("d").is_some() || value.get("k").is_some() {
        return Err(WhySkipped::Private);
    }
    let members = MEMBERS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), value.get(name)?.clone())));
    let jwk: Jwk = serde_json::from_value(Value::Object(members.collect()))
        .map_err(|_| WhySkipped::Unsupported)?;
    let signs =
        !matches!(&jwk.common.public_key_use, Some(other) if *other != PublicKeyUse::Signature);
    let verifies = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
    if !signs || !jwk.common.key_operations.as_ref().is_none_or(verifies) {
        return Err(WhySkipped::OtherUse);
    }
    let possible = algorithms(&jwk.algorithm).ok_or(WhySkipped::Unsupported)?;
    let key = material(&jwk.algorithm).ok_or(WhySkipped::Unsound)?;
    Ok(VerificationKey {
        id: key_id(value)?,
        algorithms: narrowed(possible, value.get("alg"))?,
        key,
    })
}

/// Of the `possible` algorithms the one that `alg` names, or all if it names none.
fn narrowed(possible: &[Algorithm], alg: Option<&Value>) -> Result<Vec<Algorithm>, WhySkipped> {
    let Some(alg) = alg else {
        return Ok(possible.to_vec());
    };
    let only = alg.as_str().and_then(|alg| alg.parse().ok());
    let only = only.filter(|only| possible.contains(only));
    only.map(|only| vec![only]).ok_or(WhySkipped::Algorithm)
}

fn key_id(value: &Value) -> Result<Option<String>, WhySkipped> {
    let Some(id) = value.get("kid") else {
        return Ok(None);
    };
    let id = id.as_str().filter(|id| id.len() <= LONGEST_KEY_ID);
    id.map(|id| Some(id.to_owned())).ok_or(WhySkipped::KeyId)
}

/// What a key of that type can be used with (RFC 7518, 6; RFC 8037, 2), if with anything.
fn algorithms(parameters: &AlgorithmParameters) -> Option<&'static [Algorithm]> {
    match parameters {
        AlgorithmParameters::RSA(_) => Some(RSA),
        AlgorithmParameters::EllipticCurve(point) => match point.curve {
            EllipticCurve::P256 => Some(ES256),
            EllipticCurve::P384 => Some(ES384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(pair) => {
            (pair.curve == EllipticCurve::Ed25519).then_some(ED25519_ONLY)
        }
        _ => None,
    }
}

/// The key, if it is sound.
fn material(parameters: &AlgorithmParameters) -> Option<DecodingKey> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            let (n, e) = (number(&rsa.n)?, number(&rsa.e)?);
            let sound = RSA_BITS.contains(&bits(&n)) && is_exponent(&e);
            sound.then(|| DecodingKey::from_rsa_raw_components(&n, &e))
        }
        AlgorithmParameters::EllipticCurve(point) => {
            let algorithm: &'static dyn VerificationAlgorithm = match point.curve {
                EllipticCurve::P256 => &ECDSA_P256_SHA256_FIXED,
                EllipticCurve::P384 => &ECDSA_P384_SHA384_FIXED,
                _ => return None,
            };
            let uncompressed = [vec![0x04], decode(&point.x)?, decode(&point.y)?].concat();
            let sound = UnparsedPublicKey::new(algorithm, &uncompressed)
                .parse()
                .is_ok();
            let key = DecodingKey::from_ec_components(&point.x, &point.y).ok()?;
            sound.then_some(key)
        }
        AlgorithmParameters::OctetKeyPair(pair) => {
            let sound = UnparsedPublicKey::new(&ED25519, decode(&pair.x)?)
                .parse()
                .is_ok();
            let key = DecodingKey::from_ed_components(&pair.x).ok()?;
            sound.then_some(key)
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
