//! ID tokens (`OpenID` Connect Core 1.0, 2): what tells them from access tokens, and the rules for
//! those that are accepted where an identity provider offers nothing better.
//!
//! An ID token says that somebody has signed in, to the client that it names; it grants nothing, and
//! is shown to more parties than an access token.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Refusal;
use super::claim::time;

/// How long after `iat` an ID token is accepted, whatever its `exp`: providers issue them for a
/// day, and they are not revoked.
const LONGEST_AGE: Duration = Duration::from_hours(1);

/// Claims of ID tokens (`OpenID` Connect Core 1.0, 2 and 3.1.3.6). Some providers have them in access
/// tokens too: Keycloak up to 24 `nonce`, Dex both.
const ID_TOKEN_CLAIMS: [&str; 2] = ["nonce", "at_hash"];

/// Claims of access tokens: `scope` (RFC 9068, 2.2.3), and as Okta and Microsoft call it.
const ACCESS_TOKEN_CLAIMS: [&str; 2] = ["scope", "scp"];

/// Whether a token is an ID token: because it says so itself, as Keycloak's (`typ`) and Cognito's
/// (`token_use`) do, or because it has a claim of an ID token and nothing of an access token.
/// The `other_client` is one that the token was issued to though it is not in its audience.
pub(super) fn is_id_token(header: &Value, claims: &Value, other_client: bool) -> bool {
    let says = |name: &str, word: &str| is_word(claims.get(name), word);
    if says("typ", "ID") || says("token_use", "id") {
        return true;
    }
    let has = |name: &&str| claims.get(name).is_some();
    let is_scope = |claim: &Value| claim.is_string() || claim.is_array();
    let is_access_token = ACCESS_TOKEN_CLAIMS
        .iter()
        .any(|name| claims.get(name).is_some_and(is_scope))
        || says("typ", "Bearer")
        || is_word(header.get("typ"), "at+jwt")
        || is_word(header.get("typ"), "application/at+jwt")
        || other_client;
    ID_TOKEN_CLAIMS.iter().any(has) && !is_access_token
}

fn is_word(value: Option<&Value>, word: &str) -> bool {
    let text = value.and_then(Value::as_str);
    text.is_some_and(|text| text.eq_ignore_ascii_case(word))
}

/// Whether there is an audience and `client` is not in it. An ID token's audience holds the client
/// that it was issued to.
pub(super) fn is_other(client: &str, audience: Option<&Value>) -> bool {
    match audience {
        Some(Value::Array(several)) => several.iter().all(|one| one != client),
        Some(one) => one != client,
        None => false,
    }
}

/// The rules for ID tokens beyond those for every token. The answer is when the token is too old,
/// without the leeway.
pub(super) fn check(
    claims: &Value,
    now: DateTime<Utc>,
    leeway: Duration,
) -> Result<DateTime<Utc>, Refusal> {
    let client = match claims.get("aud") {
        Some(Value::Array(one)) if one.len() == 1 => one.first(),
        Some(Value::Array(_)) | None => None,
        one => one,
    };
    let client = client.ok_or(Refusal::IdTokenAudience)?;
    if claims.get("azp").is_some_and(|party| party != client) {
        return Err(Refusal::IdTokenAudience);
    }
    let issued_at = claims.get("iat").and_then(time);
    let issued_at = issued_at.ok_or(Refusal::IdTokenAge)?;
    let too_old_at = issued_at + LONGEST_AGE;
    let past = |moment: DateTime<Utc>| (now - moment).to_std().ok();
    let ahead = (issued_at - now).to_std().ok();
    if past(too_old_at).is_some_and(|late| late >= leeway)
        || ahead.is_some_and(|early| early > leeway)
    {
        return Err(Refusal::IdTokenAge);
    }
    Ok(too_old_at)
}
