//! Which keys of a published document are used, and for what.

use aws_lc_rs::signature::RsaPublicKeyComponents;

use super::*;
use crate::auth::keys::{VerificationKey, key_set};

/// A good key of each type, without `use`, `alg` and `kid`.
fn published() -> [Value; 4] {
    let rsa = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(rsa.public_key());
    let point = |curve: &'static EcdsaSigningAlgorithm| {
        let pair = EcdsaKeyPair::generate(curve).unwrap();
        let point = pair.public_key().as_ref()[1..].to_vec();
        let (x, y) = point.split_at(point.len() / 2);
        (base64url(x), base64url(y))
    };
    let (p256, p384) = (
        point(&ECDSA_P256_SHA256_FIXED_SIGNING),
        point(&ECDSA_P384_SHA384_FIXED_SIGNING),
    );
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    [
        json!({"kty": "RSA", "n": base64url(rsa.n), "e": base64url(rsa.e)}),
        json!({"kty": "EC", "crv": "P-256", "x": p256.0, "y": p256.1}),
        json!({"kty": "EC", "crv": "P-384", "x": p384.0, "y": p384.1}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(ed25519.public_key())}),
    ]
}

/// `key` with `changes` made.
fn with(key: &Value, changes: &Value) -> Value {
    let mut key = key.clone();
    for (name, value) in changes.as_object().unwrap() {
        key[name] = value.clone();
    }
    key
}

fn keys(keys: &[Value]) -> Vec<VerificationKey> {
    key_set(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

/// What the only key is used for; empty if it is left out.
fn algorithms(key: &Value) -> Vec<Algorithm> {
    use Algorithm::{
        ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512,
    };
    let all = [
        HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA,
    ];
    let keys = keys(std::slice::from_ref(key));
    all.into_iter()
        .filter(|algorithm| keys.iter().any(|key| key.accepts(*algorithm)))
        .collect()
}

#[test]
fn the_type_of_a_key_fixes_its_algorithms_and_alg_narrows_them() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let [rsa, p256, p384, ed25519] = published();
    assert_eq!(algorithms(&rsa), [RS256, RS384, RS512, PS256, PS384, PS512]);
    assert_eq!(algorithms(&p256), [ES256]);
    assert_eq!(algorithms(&p384), [ES384]);
    assert_eq!(algorithms(&ed25519), [EdDSA]);
    assert_eq!(
        algorithms(&with(&rsa, &json!({"alg": "RS256", "use": "sig"}))),
        [RS256]
    );
    assert_eq!(
        algorithms(&with(&rsa, &json!({"key_ops": ["verify"]}))).len(),
        6
    );
    assert_eq!(
        algorithms(&with(
            &p256,
            &json!({"x5c": ["AA=="], "x5t": "AA", "issuer": "x"})
        )),
        [ES256]
    );
    let n = format!("AA{}", rsa["n"].as_str().unwrap());
    // 22 bits of zeros do not fall on a byte: three bytes of zeros are four characters.
    let padded = URL_SAFE_NO_PAD.encode(
        [
            vec![0],
            URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap(),
        ]
        .concat(),
    );
    assert_ne!(n, padded);
    assert_eq!(algorithms(&with(&rsa, &json!({"n": padded}))).len(), 6);
}

fn for_something_else([rsa, p256, _, _]: &[Value; 4]) -> Vec<(&'static str, Value)> {
    vec![
        ("for encryption", with(rsa, &json!({"use": "enc"}))),
        ("use as a list", with(rsa, &json!({"use": ["sig"]}))),
        ("for signing only", with(rsa, &json!({"key_ops": ["sign"]}))),
        (
            "an algorithm of encryption",
            with(rsa, &json!({"alg": "RSA-OAEP"})),
        ),
        ("HMAC with an RSA key", with(rsa, &json!({"alg": "HS256"}))),
        ("none", with(rsa, &json!({"alg": "none"}))),
        ("alg of another type", with(p256, &json!({"alg": "RS256"}))),
        ("alg of another curve", with(p256, &json!({"alg": "ES384"}))),
        ("a private key", with(p256, &json!({"d": "AA"}))),
        (
            "a shared secret",
            json!({"kty": "oct", "k": base64url(SECRET), "alg": "HS256"}),
        ),
        (
            "a shared secret in an RSA key",
            with(rsa, &json!({"k": base64url(SECRET)})),
        ),
        ("an unknown type", json!({"kty": "ML-DSA", "pub": "AA"})),
        ("no type", json!({"n": rsa["n"], "e": rsa["e"]})),
    ]
}

fn unsound([rsa, p256, p384, ed25519]: &[Value; 4]) -> Vec<(&'static str, Value)> {
    let short = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap();
    vec![
        ("another curve", with(p256, &json!({"crv": "P-384"}))),
        ("secp256k1", with(p256, &json!({"crv": "secp256k1"}))),
        ("X25519", with(ed25519, &json!({"crv": "X25519"}))),
        ("EC of Ed25519", with(p256, &json!({"crv": "Ed25519"}))),
        ("OKP of P-256", with(ed25519, &json!({"crv": "P-256"}))),
        (
            "a point that is not on its curve",
            with(p256, &json!({"y": p256["x"]})),
        ),
        ("a short coordinate", with(p384, &json!({"x": "AAAA"}))),
        ("a short Ed25519 key", with(ed25519, &json!({"x": "AAAA"}))),
        (
            "1024 bits",
            with(rsa, &json!({"n": base64url(&short[..128])})),
        ),
        ("exponent 1", with(rsa, &json!({"e": "AQ"}))),
        ("exponent 2", with(rsa, &json!({"e": "Ag"}))),
        ("exponent 0", with(rsa, &json!({"e": "AA"}))),
        ("no exponent", with(rsa, &json!({"e": ""}))),
        ("padded base64", with(rsa, &json!({"e": "AQAB="}))),
        ("a kid that is a number", with(rsa, &json!({"kid": 7}))),
        (
            "a kid too long",
            with(rsa, &json!({"kid": "k".repeat(256)})),
        ),
        ("not an object", json!("RSA")),
    ]
}

#[test]
fn keys_that_are_for_something_else_or_unsound_are_left_out() {
    let published = published();
    for (name, key) in [for_something_else(&published), unsound(&published)].concat() {
        assert_eq!(algorithms(&key), [], "{name}");
        // It does not take the good ones with it.
        assert_eq!(keys(&[key, published[3].clone()]).len(), 1, "{name}");
    }
}

#[test]
fn a_document_is_a_jwk_set_or_nothing() {
    let [rsa, ..] = published();
    for bad in [
        String::new(),
        "<html>".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"keys": {}}"#.to_owned(),
        rsa.to_string(),
        format!(r#"{{"keys": [], "keys": [{rsa}]}}"#),
        format!(
            r#"{{"keys": [{}]}}"#,
            rsa.to_string().replacen('{', r#"{"kty":"oct","#, 1)
        ),
    ] {
        assert!(key_set(bad.as_bytes()).is_none(), "{bad}");
    }
    assert_eq!(keys(&[]).len(), 0);
    assert_eq!(keys(&vec![rsa; 100]).len(), 64);
}
