mod good;
mod hostile;
mod id_tokens;
mod jwk;
mod key_files;
mod public_keys;
mod scope_map;

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use jsonwebtoken::{Algorithm, EncodingKey};
use pem::Pem;
use serde_json::{Value, json};

use super::{KeySource, ScopeMap, Settings, Verifier};

const ISSUER: &str = "https://id.example/realms/mod";
const SECRET: &str = "test secret, thirty-two bytes or more";

/// 2026-11-21T22:13:20Z, when every test takes place.
const NOW: i64 = 1_795_299_200;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_secs(NOW).unwrap()
}

fn settings(keys: KeySource) -> Settings {
    Settings {
        issuer: ISSUER.to_owned(),
        audience: vec!["modgate".to_owned(), "modgate-eu".to_owned()],
        audience_claim: "aud".to_owned(),
        accept_id_tokens: false,
        keys,
        leeway: Duration::from_secs(30),
        scope_claims: ["scope", "scp", "/realm_access/roles"]
            .map(|path| path.parse().unwrap())
            .to_vec(),
        scope_map: ScopeMap::default(),
        subject_claim: "sub".to_owned(),
        name_claim: "preferred_username".to_owned(),
    }
}

trait AtOnce: Future + Sized {
    /// Its outcome, for which it need not wait where the keys are configured.
    fn at_once(self) -> Self::Output {
        self.now_or_never().expect("configured keys are there")
    }
}

impl<Waiting: Future> AtOnce for Waiting {}

fn secret_verifier() -> Verifier {
    Verifier::new(settings(KeySource::Secret(SECRET.into()))).unwrap()
}

/// A verifier with all test keys in one file.
fn public_key_verifier() -> Verifier {
    let file = TEST_KEYS.all().map(|key| key.public_pem.as_str()).concat();
    Verifier::new(settings(KeySource::PublicKeyPem(file))).unwrap()
}

/// Claims that every verifier of these tests accepts, with `changes` made: null removes a claim.
fn claims_with(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "modgate", "sub": "alice", "preferred_username": "Alice W.",
        "scope": "action:kick_login", "iat": NOW - 10, "exp": NOW + 600, "jti": "token-1"
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    claims
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of any header and payload, however wrong, with a right signature.
fn signed(
    header: &str,
    payload: impl AsRef<[u8]>,
    algorithm: Algorithm,
    key: &EncodingKey,
) -> String {
    let message = format!("{}.{}", base64url(header), base64url(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// As [`signed`], by the shared secret.
fn secret_signed(header: &str, payload: impl AsRef<[u8]>) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    signed(header, payload, Algorithm::HS256, &key)
}

struct TestKey {
    public_pem: String,
    /// PKCS#1 for RSA, PKCS#8 for the others: what the library signs with.
    encoding: EncodingKey,
    private_pem: String,
}

struct TestKeys {
    rsa: TestKey,
    p256: TestKey,
    p384: TestKey,
    ed25519: TestKey,
}

impl TestKeys {
    fn all(&self) -> [&TestKey; 4] {
        [&self.rsa, &self.p256, &self.p384, &self.ed25519]
    }
}

static TEST_KEYS: LazyLock<TestKeys> = LazyLock::new(|| TestKeys {
    rsa: rsa_key(),
    p256: ec_key(&ECDSA_P256_SHA256_FIXED_SIGNING),
    p384: ec_key(&ECDSA_P384_SHA384_FIXED_SIGNING),
    ed25519: ed25519_key(),
});

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&Pem::new(tag, der))
}

fn rsa_key() -> TestKey {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    let private_pem = pem("PRIVATE KEY", pair.as_der().unwrap().as_ref());
    TestKey {
        public_pem: pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref()),
        encoding: EncodingKey::from_rsa_pem(private_pem.as_bytes()).unwrap(),
        private_pem,
    }
}

fn ec_key(curve: &'static EcdsaSigningAlgorithm) -> TestKey {
    let pair = EcdsaKeyPair::generate(curve).unwrap();
    let private_der = pair.to_pkcs8v1().unwrap();
    TestKey {
        public_pem: pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref()),
        encoding: EncodingKey::from_ec_der(private_der.as_ref()),
        private_pem: pem("PRIVATE KEY", private_der.as_ref()),
    }
}

fn ed25519_key() -> TestKey {
    let pair = Ed25519KeyPair::generate().unwrap();
    let private_der = pair.to_pkcs8v1().unwrap();
    TestKey {
        public_pem: pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref()),
        encoding: EncodingKey::from_ed_der(private_der.as_ref()),
        private_pem: pem("PRIVATE KEY", private_der.as_ref()),
    }
}
