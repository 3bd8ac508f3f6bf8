//! Tokens of our own making, for development and tests. Production tokens come from an identity
//! provider.

use std::time::Duration;

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use uuid::Uuid;

use super::keys::checked_secret;

/// What a token shall say.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: Vec<String>,
    /// `sub`
    pub subject: String,
    /// `preferred_username`
    pub name: Option<String>,
    /// `scope`, joined by spaces.
    pub scopes: Vec<String>,
    /// From `now` to `exp`; fractions of a second are cut.
    pub ttl: Duration,
    /// `iat`
    pub now: DateTime<Utc>,
}

/// No token could be made. Holds nothing of the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The secret could not be checked with either.
    #[error("the secret cannot sign tokens")]
    Secret(#[source] super::Error),
    /// Something else than one unencrypted PKCS#8 block of a supported key.
    #[error(
        "the private key is not one unencrypted PKCS#8 PEM block (PRIVATE KEY) of an RSA key of 2048 to 8192 bits or a P-256, P-384 or Ed25519 key; openssl pkcs8 -topk8 -nocrypt converts other forms"
    )]
    PrivateKey,
    /// The token would outlive the calendar.
    #[error("the lifetime is too long")]
    Lifetime,
    /// The library refused to sign.
    #[error("the token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Makes tokens with one key. The key fixes the algorithm: HS256, RS256, ES256, ES384 or `EdDSA`.
#[derive(Debug)]
pub struct Minter {
    algorithm: Algorithm,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    aud: &'a [String],
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    scope: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

impl Minter {
    /// Signs with HS256 and a secret of at least 32 bytes.
    pub fn from_secret(secret: &SecretString) -> Result<Self, Error> {
        let secret = checked_secret(secret).map_err(Error::Secret)?;
        Ok(Self {
            algorithm: Algorithm::HS256,
            key: EncodingKey::from_secret(secret),
        })
    }

    /// Signs with the private key of a PKCS#8 PEM block.
    pub fn from_private_key_pem(text: &SecretString) -> Result<Self, Error> {
        let text = text.expose_secret();
        let pem = pem::parse(text).map_err(|_| Error::PrivateKey)?;
        if pem.tag() != "PRIVATE KEY" {
            return Err(Error::PrivateKey);
        }
        let der = pem.contents();
        let is_on =
            |curve: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::from_pkcs8(curve, der).is_ok();
        let (algorithm, key) = if is_on(&ECDSA_P256_SHA256_FIXED_SIGNING) {
            (Algorithm::ES256, EncodingKey::from_ec_der(der))
        } else if is_on(&ECDSA_P384_SHA384_FIXED_SIGNING) {
            (Algorithm::ES384, EncodingKey::from_ec_der(der))
        } else if Ed25519KeyPair::from_pkcs8(der).is_ok() {
            (Algorithm::EdDSA, EncodingKey::from_ed_der(der))
        } else if rsa::KeyPair::from_pkcs8(der).is_ok() {
            // The library signs with the PKCS#1 form that is inside, and knows how to get at it.
            let key = EncodingKey::from_rsa_pem(text.as_bytes()).map_err(|_| Error::PrivateKey)?;
            (Algorithm::RS256, key)
        } else {
            return Err(Error::PrivateKey);
        };
        Ok(Self { algorithm, key })
    }

    /// A token that says `claims`, with a `jti` of its own.
    pub fn mint(&self, claims: &Claims) -> Result<SecretString, Error> {
        let expires_at = chrono::TimeDelta::from_std(claims.ttl)
            .ok()
            .and_then(|ttl| claims.now.checked_add_signed(ttl))
            .ok_or(Error::Lifetime)?;
        let payload = Payload {
            iss: &claims.issuer,
            aud: &claims.audience,
            sub: &claims.subject,
            preferred_username: claims.name.as_deref(),
            scope: claims.scopes.join(" "),
            iat: claims.now.timestamp(),
            exp: expires_at.timestamp(),
            jti: Uuid::now_v7(),
        };
        jsonwebtoken::encode(&Header::new(self.algorithm), &payload, &self.key)
            .map(SecretString::from)
            .map_err(Error::Sign)
    }
}
