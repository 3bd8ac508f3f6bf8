//! The settings of tokens.

use std::time::Duration;

use super::variable::Variable;
use super::{Reader, parse};
use crate::{auth, telemetry};

pub(super) const LEEWAY: Variable = Variable::plain("MODGATE_JWT_LEEWAY", "30s");
pub(super) const AUDIENCE_CLAIM: Variable = Variable::plain("MODGATE_JWT_AUDIENCE_CLAIM", "aud");
pub(super) const ACCEPT_ID_TOKENS: Variable =
    Variable::plain("MODGATE_JWT_ACCEPT_ID_TOKENS", "false");
pub(super) const SCOPE_CLAIM: Variable = Variable::plain("MODGATE_JWT_SCOPE_CLAIM", "scope,scp");
pub(super) const SUBJECT_CLAIM: Variable = Variable::plain("MODGATE_JWT_SUBJECT_CLAIM", "sub");
pub(super) const NAME_CLAIM: Variable =
    Variable::plain("MODGATE_JWT_NAME_CLAIM", "preferred_username");

pub(super) fn settings(
    reader: &mut Reader<'_>,
    further_roots: Option<Vec<u8>>,
) -> Option<auth::Settings> {
    let issuer = issuer(reader);
    let audience = audience(reader);
    let keys = keys(reader, further_roots);
    let leeway = reader.with(LEEWAY, |text| {
        parse::duration_or_zero(text, Duration::from_mins(10))
    });
    let audience_claim = reader.with(AUDIENCE_CLAIM, auth::claim_text);
    let accept_id_tokens = reader.with(ACCEPT_ID_TOKENS, parse::flag);
    let scope_claims = reader.full_list(SCOPE_CLAIM, str::parse::<auth::ClaimPath>);
    let scope_map = scope_map(reader);
    let subject_claim = reader.with(SUBJECT_CLAIM, auth::claim_text);
    let name_claim = reader.with(NAME_CLAIM, auth::claim_text);
    Some(auth::Settings {
        issuer: issuer?,
        audience: audience?,
        audience_claim: audience_claim?,
        accept_id_tokens: accept_id_tokens?,
        keys: keys?,
        leeway: leeway?,
        scope_claims: scope_claims?,
        scope_map: scope_map?,
        subject_claim: subject_claim?,
        name_claim: name_claim?,
    })
}

pub(super) const ISSUER: Variable = Variable::plain("MODGATE_JWT_ISSUER", "");

pub(super) fn issuer(reader: &mut Reader<'_>) -> Option<String> {
    let issuer = reader.required(ISSUER)?;
    let checked = auth::claim_text(&issuer);
    checked.map_err(|rule| reader.fault(ISSUER, rule)).ok()
}

pub(super) const AUDIENCE: Variable = Variable::plain("MODGATE_JWT_AUDIENCE", "");

pub(super) fn audience(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    reader.full_list(AUDIENCE, auth::claim_text)
}

pub(super) const SCOPE_MAP: Variable = Variable::plain("MODGATE_JWT_SCOPE_MAP", "");

fn scope_map(reader: &mut Reader<'_>) -> Option<auth::ScopeMap> {
    let text = reader.text(SCOPE_MAP).unwrap_or_default();
    let parsed = auth::ScopeMap::parse(&text);
    let note = |faults: Vec<(usize, auth::ScopeMapError)>| {
        for (number, rule) in faults {
            reader.fault(SCOPE_MAP, format_args!("item {number}: {rule}"));
        }
    };
    parsed.map_err(note).ok()
}

// The three variables of which one says what signatures are checked with.
pub(super) const JWKS_URL: Variable = Variable::plain("MODGATE_JWT_JWKS_URL", "");
pub(super) const PUBLIC_KEY_FILE: Variable = Variable::plain("MODGATE_JWT_PUBLIC_KEY_FILE", "");
pub(super) const SECRET: Variable = Variable::exact_secret("MODGATE_JWT_SECRET");

fn keys(reader: &mut Reader<'_>, further_roots: Option<Vec<u8>>) -> Option<auth::KeySource> {
    let url = reader.text(JWKS_URL);
    let path = reader.text(PUBLIC_KEY_FILE);
    let secret = reader.secret(SECRET);
    let (variable, keys) = match (url, path, secret) {
        (Some(url), None, None) => {
            let url = url.parse().map_err(|error: auth::Error| {
                reader.fault(JWKS_URL, error);
            });
            let url = url.ok()?;
            let source = auth::JwksSource {
                url,
                further_roots,
                pace: auth::Pace::default(),
            };
            (JWKS_URL, auth::KeySource::Jwks(source))
        }
        (None, Some(path), None) => {
            let pem = reader.file(PUBLIC_KEY_FILE, &path)?;
            (PUBLIC_KEY_FILE, auth::KeySource::PublicKeyPem(pem))
        }
        (None, None, Some(secret)) => (SECRET, auth::KeySource::Secret(secret)),
        (None, None, None) if reader.is_faulty(SECRET) => return None,
        (url, path, _) => {
            let set = [(url, JWKS_URL), (path, PUBLIC_KEY_FILE)];
            let set = set.iter().find(|(value, _)| value.is_some());
            let variable = set.map_or(JWKS_URL, |(_, variable)| *variable);
            let rule =
                format!("exactly one of {JWKS_URL}, {PUBLIC_KEY_FILE}, {SECRET} must be set");
            reader.fault(variable, rule);
            return None;
        }
    };
    let faults = auth::faults_of_keys(keys.clone());
    for fault in &faults {
        reader.fault(variable, telemetry::causes(fault));
    }
    faults.is_empty().then_some(keys)
}
