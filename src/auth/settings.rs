//! What a [`Verifier`](super::Verifier) is made of, and what can be wrong with it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::claims::is_printable;
use super::{JwksSource, ScopeMap};

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

/// The settings make no verifier. No variant holds any part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An empty issuer would match an empty `iss`.
    #[error("the issuer is empty")]
    NoIssuer,
    /// Without an audience every token is refused; an empty one would match an empty `aud`.
    #[error("the audience is empty, or has an empty item")]
    NoAudience,
    /// RFC 7518, 3.2.
    #[error("the secret is shorter than the 32 bytes that HS256 needs")]
    SecretTooShort,
    /// A public key as a secret would let everyone who knows it forge tokens.
    #[error("the secret holds a PEM block; a key in PEM form is not a shared secret")]
    SecretIsPem,
    /// Neither a claim's name nor a JSON pointer.
    #[error("a claim is named by its name or, from a leading slash on, by a JSON pointer")]
    ClaimPath,
    /// Such a text in a setting is a slip, and no claim would ever be equal to it.
    #[error(
        "must not begin or end with white space, nor hold line ends or other control characters"
    )]
    NotClaimText,
    /// Whoever can change the answer on its way can make tokens.
    #[error("must be an https URL, or an http one to this machine, without user name and fragment")]
    JwksUrl,
    /// They are checked with those of Tencent's client, so this is hardly ever seen.
    #[error("the further root certificates must be certificates in PEM")]
    FurtherRoots,
    /// TLS or the resolver could not be set up.
    #[error("the client that fetches keys cannot be set up")]
    JwksClient,
    /// There is nothing to check signatures with.
    #[error("there is no PEM block in it")]
    NoPemBlock,
    /// Cut short, not base64, or the tags differ.
    #[error("PEM block {block} is malformed")]
    MalformedPem {
        /// From 1.
        block: usize,
    },
    /// It must not be on this machine at all.
    #[error("PEM block {block} is a private key; only the public key belongs here")]
    PrivateKey {
        /// From 1.
        block: usize,
    },
    /// A certificate, parameters, an SSH key and so on.
    #[error("PEM block {block} is neither a PUBLIC KEY nor an RSA PUBLIC KEY")]
    NotAPublicKey {
        /// From 1.
        block: usize,
    },
    /// Another kind or curve, a key restricted to PSS, or bytes that are no key.
    #[error("PEM block {block} holds no plain RSA, P-256, P-384 or Ed25519 public key")]
    UnsupportedKey {
        /// From 1.
        block: usize,
    },
    /// RFC 7518, 3.3 and 3.5 ask for 2048 bits; more than 8192 is not supported.
    #[error("the RSA key of PEM block {block} has {bits} bits; 2048 to 8192 are accepted")]
    RsaKeySize {
        /// From 1.
        block: usize,
        /// Of the modulus.
        bits: usize,
    },
}
