//! Who asks: from an `Authorization` header to a [`Moderator`](crate::domain::Moderator), or to
//! the reason why not.
//!
//! The keys are configured and they fix the algorithms ([`KeySource`]). A token chooses nothing: its
//! `alg` must be one that a configured key has, and `kid`, `jku`, `jwk`, `x5u` and `x5c` are never
//! looked at. Nothing in the claims is read before the signature holds.
//!
//! Signatures are `jsonwebtoken`'s work. The members of header and claims are read here, by one
//! parser that refuses duplicates, because the rules are stricter than that crate's: `iss` is one
//! string, a present `nbf` must be a number, an ID token is not an access token.

mod claims;
mod json;
mod keys;
mod refusal;
mod settings;
pub mod token;
mod verifier;

#[cfg(test)]
mod tests;

pub use keys::check_keys;
pub use refusal::Refusal;
pub use settings::{ClaimPath, Error, KeySource, Settings};
pub use verifier::Verifier;
