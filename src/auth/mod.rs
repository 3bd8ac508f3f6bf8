//! Who asks: from an `Authorization` header to a [`Moderator`](crate::domain::Moderator), or to
//! the reason why not.
//!
//! The keys are configured, or published where the configuration says ([`Jwks`]), and they fix the
//! algorithms ([`KeySource`]). A token chooses nothing: its `alg` must be one that such a key has; its
//! `kid` at most says which of the published keys is meant, and `jku`, `jwk`, `x5u` and `x5c` are
//! never looked at. Nothing in the claims is read before the signature holds.
//!
//! Signatures are `jsonwebtoken`'s work. The members of header and claims are read here, by one
//! parser that refuses duplicates, because the rules are stricter than that crate's: `iss` is one
//! string, a present `nbf` must be a number, an ID token is not an access token. A claim that is
//! null counts as absent.

mod claim;
mod claims;
mod error;
mod id_token;
mod jwks;
mod keys;
pub mod mint;
mod nulls;
mod refusal;
mod scope_map;
mod settings;
mod verifier;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use jwks::{FetchError, Jwks, JwksSource, JwksUrl, Pace};
pub use keys::{SkippedKey, WhySkipped};
pub use refusal::Refusal;
pub use scope_map::{ScopeMap, ScopeMapError};
pub use settings::{ClaimPath, KeySource, Settings, claim_text};
pub use verifier::{Verifier, faults_of_keys};
