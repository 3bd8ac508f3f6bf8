//! What a [`Verifier`](super::Verifier) is made of.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::claim::is_printable;
use super::{Error, JwksSource, ScopeMap};

/// Which tokens are accepted, and where in them the moderator is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What `iss` must be.
    pub issuer: String,
    /// `aud` must hold one of these.
    pub audience: Vec<String>,
    /// The claim that is read as the audience of a token without `aud`.
    pub audience_claim: String,
    /// Whether ID tokens are accepted, by rules of their own.
    pub accept_id_tokens: bool,
    /// What signatures are checked with.
    pub keys: KeySource,
    /// How far the clocks of the issuer and of this machine may be apart.
    pub leeway: Duration,
    /// Where the scopes are: the union of all that are found.
    pub scope_claims: Vec<ClaimPath>,
    /// What the roles or groups that are found there stand for.
    pub scope_map: ScopeMap,
    /// The claim that tells one moderator from every other.
    pub subject_claim: String,
    /// The claim with the moderator's name.
    pub name_claim: String,
}

/// What signatures are checked with. The source fixes the algorithms.
#[derive(Clone)]
pub enum KeySource {
    /// HS256, at least 32 bytes (RFC 7518, 3.2). Whoever can check a token can also forge one.
    Secret(SecretString),
    /// One or more PEM blocks: `PUBLIC KEY` (RFC 5280 `SubjectPublicKeyInfo`) of an RSA, P-256,
    /// P-384 or Ed25519 key, or `RSA PUBLIC KEY` (PKCS#1). RSA keys have 2048 to 8192 bits.
    PublicKeyPem(String),
    /// The keys that an identity provider publishes, fetched again and again.
    Jwks(JwksSource),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even the PEM: someone may have put a private key there by mistake.
        formatter.write_str(match self {
            Self::Secret(_) => "Secret(..)",
            Self::PublicKeyPem(_) => "PublicKeyPem(..)",
            Self::Jwks(_) => "Jwks(..)",
        })
    }
}

/// Where in the claims something is: the name of a claim, or a JSON pointer (RFC 6901) if it starts
/// with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// What is there in `claims`.
    pub(super) fn find<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        if self.0.starts_with('/') {
            claims.pointer(&self.0)
        } else {
            claims.get(&self.0)
        }
    }
}

impl FromStr for ClaimPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let broken_escape = text.starts_with('/')
            && text
                .split('~')
                .skip(1)
                .any(|rest| !rest.starts_with(['0', '1']));
        if text.is_empty() || broken_escape {
            return Err(Error::ClaimPath);
        }
        claim_text(text).map(Self)
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A setting that names a claim, or is compared with one. No provider has a space around such a
/// text, nor a control character in it: a line end that was copied along would refuse every token.
pub fn claim_text(text: &str) -> Result<String, Error> {
    if text.trim() == text && is_printable(text) {
        Ok(text.to_owned())
    } else {
        Err(Error::NotClaimText)
    }
}
