//! The claims of a token whose signature holds.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::claim::{is_printable, time};
use super::{ClaimPath, Refusal, ScopeMap, id_token};
use crate::domain::{Moderator, Scope, printable};

/// The longest subject in bytes, and the longest kept form of any other claim in characters.
const LONGEST_CLAIM: usize = 255;

/// Which client a token was issued to, by the standards and as large providers name it.
const CLIENT_CLAIMS: [&str; 4] = ["azp", "client_id", "cid", "appid"];

/// What the claims must be, and where the moderator is in them.
#[derive(Debug)]
pub(super) struct ClaimRules {
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
    /// Where the audience is if there is no `aud`.
    pub(super) audience_claim: String,
    pub(super) accept_id_tokens: bool,
    pub(super) leeway: Duration,
    pub(super) scope_claims: Vec<ClaimPath>,
    pub(super) scope_map: ScopeMap,
    pub(super) subject_claim: String,
    pub(super) name_claim: String,
}

impl ClaimRules {
    /// The moderator whom `claims` name, if they keep the rules at the time `now`. The `header` is
    /// that of the same token.
    pub(super) fn moderator(
        &self,
        header: &Value,
        claims: &Value,
        now: DateTime<Utc>,
    ) -> Result<Moderator, Refusal> {
        let audience = claims
            .get("aud")
            .or_else(|| claims.get(&self.audience_claim));
        let client = client(claims);
        // Where ID tokens are accepted, one for another client must not pass for an access token.
        let other_client = !self.accept_id_tokens
            && client.is_some_and(|client| id_token::is_other(client, audience));
        let is_id_token = id_token::is_id_token(header, claims, other_client);
        if is_id_token && !self.accept_id_tokens {
            return Err(Refusal::IdToken);
        }
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(Refusal::WrongIssuer);
        }
        if !self.is_audience(audience) {
            return Err(Refusal::WrongAudience);
        }
        let mut expires_at = self.check_times(claims, now)?;
        if is_id_token {
            expires_at = expires_at.min(id_token::check(claims, now, self.leeway)?);
        }
        Ok(Moderator {
            issuer: self.issuer.clone(),
            subject: subject(claims.get(&self.subject_claim))?,
            name: text(claims.get(&self.name_claim)),
            token_id: text(claims.get("jti")),
            client_id: client.map(|client| printable(client, LONGEST_CLAIM)),
            actor: text(claims.pointer("/act/sub")),
            scopes: self.scopes(claims, is_id_token),
            expires_at,
        })
    }

    /// RFC 7519, 4.1.3: one string, or an array of strings.
    fn is_audience(&self, audience: Option<&Value>) -> bool {
        let is_ours = |one: &Value| self.audience.iter().any(|ours| one == ours);
        match audience {
            Some(Value::Array(several)) => {
                several.iter().all(Value::is_string) && several.iter().any(is_ours)
            }
            Some(one) => is_ours(one),
            None => false,
        }
    }

    /// RFC 7519, 4.1.4 and 4.1.5; the answer is the expiry without the leeway.
    fn check_times(&self, claims: &Value, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
        let expires_at = claims.get("exp").and_then(time).ok_or(Refusal::NoExpiry)?;
        // A negative difference is no std duration: the moment has not come.
        if (now - expires_at)
            .to_std()
            .is_ok_and(|late| late >= self.leeway)
        {
            return Err(Refusal::Expired);
        }
        if let Some(not_before) = claims.get("nbf") {
            let not_before = time(not_before).ok_or(Refusal::MalformedNotBefore)?;
            if (not_before - now)
                .to_std()
                .is_ok_and(|early| early > self.leeway)
            {
                return Err(Refusal::NotYetValid);
            }
        }
        Ok(expires_at)
    }

    /// The claims with scopes that a token with these `claims` has.
    pub(super) fn scope_claims_of(&self, claims: &Value) -> Vec<&ClaimPath> {
        let paths = self.scope_claims.iter();
        paths.filter(|path| path.find(claims).is_some()).collect()
    }

    /// What is found in the scope claims, and what it is mapped to; of an ID token the latter
    /// alone, since it grants nothing by itself.
    fn scopes(&self, claims: &Value, is_id_token: bool) -> BTreeSet<String> {
        let found = self
            .scope_claims
            .iter()
            .filter_map(|path| path.find(claims));
        found
            .flat_map(words)
            .filter(|word| !word.is_empty() && is_printable(word))
            .flat_map(|word| {
                let own = (!is_id_token).then(|| word.to_owned());
                let mapped = self.scope_map.scopes(word).iter();
                own.into_iter().chain(mapped.map(Scope::to_string))
            })
            .collect()
    }
}

/// The words in a scope claim: a string has them between spaces (RFC 6749, 3.3), an array as its
/// strings, an object as the names of its members, unless one is `false`.
fn words(claim: &Value) -> Vec<&str> {
    match claim {
        Value::String(separated) => separated.split(' ').collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Object(members) => {
            let granted = members.iter().filter(|(_, value)| **value != false);
            granted.map(|(name, _)| name.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

/// Which client a token was issued to.
fn client(claims: &Value) -> Option<&str> {
    let named = CLIENT_CLAIMS.iter().filter_map(|name| claims.get(name));
    let mut named = named.filter_map(Value::as_str);
    named.find(|client| !client.is_empty())
}

fn subject(claim: Option<&Value>) -> Result<String, Refusal> {
    // Refused, not cleaned: two subjects must never become one.
    claim
        .and_then(Value::as_str)
        .filter(|subject| (1..=LONGEST_CLAIM).contains(&subject.len()) && is_printable(subject))
        .map(str::to_owned)
        .ok_or(Refusal::NoSubject)
}

fn text(claim: Option<&Value>) -> Option<String> {
    let text = claim.and_then(Value::as_str)?;
    (!text.is_empty()).then(|| printable(text, LONGEST_CLAIM))
}
