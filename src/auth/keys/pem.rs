//! Keys from a file: one or more PEM blocks.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use jsonwebtoken::DecodingKey;

use super::{ED25519_ONLY, ES256, ES384, RSA, RSA_BITS, VerificationKey, bits};
use crate::auth::Error;

/// What opens a PEM block, and a mistaken "secret".
pub(super) const PEM_BEGIN: &str = "-----BEGIN ";

/// The length of an Ed25519 public key without any encoding around it.
const RAW_ED25519_LENGTH: usize = 32;

/// The keys of a PEM text: at least one.
pub(in crate::auth) fn public_keys(text: &str) -> Result<Vec<VerificationKey>, Error> {
    blocks(text).into_iter().collect()
}

/// What is wrong with a PEM text, block by block.
pub(in crate::auth) fn faults(text: &str) -> Vec<Error> {
    let blocks = blocks(text).into_iter();
    blocks.filter_map(Result::err).collect()
}

fn blocks(text: &str) -> Vec<Result<VerificationKey, Error>> {
    // Cut here and not by the PEM parser: that one drops an unfinished last block in silence, and
    // with it a key.
    let starts: Vec<usize> = text
        .match_indices(PEM_BEGIN)
        .map(|(start, _)| start)
        .collect();
    if starts.is_empty() {
        return vec![Err(Error::NoPemBlock)];
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
        return Ok(VerificationKey::new(ES256, DecodingKey::from_ec_der(der)));
    }
    if holds(&ECDSA_P384_SHA384_FIXED) {
        return Ok(VerificationKey::new(ES384, DecodingKey::from_ec_der(der)));
    }
    if holds(&ED25519) {
        let key = DecodingKey::from_ed_der(der);
        return Ok(VerificationKey::new(ED25519_ONLY, key));
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
    let bits = bits(&RsaPublicKeyComponents::<Vec<u8>>::from(&key).n);
    if !RSA_BITS.contains(&bits) {
        return Err(Error::RsaKeySize { block, bits });
    }
    let key = DecodingKey::from_rsa_der(key.as_ref());
    Ok(VerificationKey::new(RSA, key))
}
