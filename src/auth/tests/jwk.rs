//! Which keys of a published document are used, and for what.

use aws_lc_rs::signature::RsaPublicKeyComponents;

use super::*;
use crate::auth::WhySkipped;
use crate::auth::keys::{KeySet, VerificationKey, key_set};

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
    set(keys).keys
}

fn set(keys: &[Value]) -> KeySet {
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
        r#"{"keys": null}"#.to_owned(),
    ] {
        assert!(key_set(bad.as_bytes()).is_none(), "{bad}");
    }
    assert_eq!(keys(&[]).len(), 0);
    assert_eq!(keys(&vec![rsa; 100]).len(), 64);
}

#[test]
fn a_member_that_is_null_is_an_absent_one() {
    let [rsa, p256, p384, ed25519] = published();
    for key in [rsa, p256, p384, ed25519] {
        let plain = algorithms(&key);
        assert!(!plain.is_empty());
        for name in [
            "kid", "use", "key_ops", "alg", "d", "k", "x5c", "x5t", "x5u", "oth", "whatever",
        ] {
            let key = with(&key, &json!({name: null}));
            assert_eq!(algorithms(&key), plain, "{name}");
        }
        let kty = with(&key, &json!({"kty": null}));
        assert_eq!(set(&[kty]).skipped[0].why, WhySkipped::Unsupported);
    }
}

#[test]
fn a_member_that_nobody_needs_makes_no_key_useless() {
    let [rsa, ..] = published();
    let odd = json!({"x5c": "AA", "x5t": 7, "x5u": [], "exp": "never", "nbf": {}});
    assert_eq!(algorithms(&with(&rsa, &odd)).len(), 6);
}

#[test]
fn a_key_that_cannot_be_used_is_skipped_alone_and_the_reason_is_said() {
    use WhySkipped::{Algorithm, KeyId, NotAnObject, OtherUse, Private, Unsound, Unsupported};
    let published = published();
    let [rsa, p256, _, good] = &published;
    let twice = rsa.to_string().replacen('{', r#"{"kty":"oct","#, 1);
    let said = |key: &Value, changes: Value| with(key, &changes).to_string();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (key, why, is_fault) in [
        (twice, NotAnObject, true),
        (r#"{"kty":"RSA","n":1e999}"#.to_owned(), NotAnObject, true),
        (deep, NotAnObject, true),
        ("null".to_owned(), NotAnObject, true),
        (said(p256, json!({"d": "AA"})), Private, true),
        (said(rsa, json!({"use": "enc"})), OtherUse, false),
        (said(rsa, json!({"key_ops": ["encrypt"]})), OtherUse, false),
        (said(p256, json!({"crv": "P-521"})), Unsupported, true),
        (said(p256, json!({"y": p256["x"]})), Unsound, true),
        (said(rsa, json!({"alg": "ES256"})), Algorithm, true),
        (said(rsa, json!({"kid": 7})), KeyId, true),
    ] {
        let document = format!(r#"{{"keys": [{key}, {good}]}}"#);
        let set = key_set(document.as_bytes()).unwrap();
        assert_eq!(set.keys.len(), 1, "{key}");
        let [skipped] = &set.skipped[..] else {
            panic!("{key}: {:?}", set.skipped)
        };
        assert_eq!((skipped.position, skipped.why), (1, why), "{key}");
        assert_eq!(skipped.is_fault(), is_fault, "{key}");
    }
    let beyond = set(&vec![rsa.clone(); 65]);
    assert_eq!(beyond.keys.len(), 64);
    assert_eq!(beyond.skipped[0].why, WhySkipped::TooMany);
    assert_eq!(set(&vec![Value::Null; 1000]).skipped.len(), 64);
    let named = with(p256, &json!({"kid": "a\nb", "crv": "P-521"}));
    assert_eq!(
        set(&[named]).skipped[0].to_string(),
        "key 1 (\"a\u{fffd}b\") is no complete RSA, P-256, P-384 or Ed25519 key"
    );
}
