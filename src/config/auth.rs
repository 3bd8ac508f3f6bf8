//! The settings of tokens.

use std::time::Duration;

use super::{Reader, parse};
use crate::{auth, telemetry};

pub(super) fn settings(
    reader: &mut Reader<'_>,
    further_roots: Option<Vec<u8>>,
) -> Option<auth::Settings> {
    let issuer = issuer(reader);
    let audience = audience(reader);
    let keys = keys(reader, further_roots);
    let leeway = reader.with("MODGATE_JWT_LEEWAY", |text| {
        parse::duration_or_zero(text, Duration::from_mins(10))
    });
    let audience_claim = reader.with("MODGATE_JWT_AUDIENCE_CLAIM", auth::claim_text);
    let accept_id_tokens = reader.with("MODGATE_JWT_ACCEPT_ID_TOKENS", parse::flag);
    let scope_claims = reader.with("MODGATE_JWT_SCOPE_CLAIM", scope_claims);
    let scope_map = reader.text("MODGATE_JWT_SCOPE_MAP").unwrap_or_default();
    let scope_map = scope_map.parse().map_err(|rule: auth::ScopeMapError| {
        reader.fault("MODGATE_JWT_SCOPE_MAP", rule);
    });
    let subject_claim = reader.with("MODGATE_JWT_SUBJECT_CLAIM", auth::claim_text);
    let name_claim = reader.with("MODGATE_JWT_NAME_CLAIM", auth::claim_text);
    Some(auth::Settings {
        issuer: issuer?,
        audience: audience?,
        audience_claim: audience_claim?,
        accept_id_tokens: accept_id_tokens?,
        keys: keys?,
        leeway: leeway?,
        scope_claims: scope_claims?,
        scope_map: scope_map.ok()?,
        subject_claim: subject_claim?,
        name_claim: name_claim?,
    })
}

pub(super) fn issuer(reader: &mut Reader<'_>) -> Option<String> {
    let issuer = reader.required("MODGATE_JWT_ISSUER")?;
    let checked = auth::claim_text(&issuer);
    checked
        .map_err(|rule| reader.fault("MODGATE_JWT_ISSUER", rule))
        .ok()
}

pub(super) fn audience(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let audience = parse::list(&reader.required("MODGATE_JWT_AUDIENCE")?);
    if audience.is_empty() {
        reader.fault("MODGATE_JWT_AUDIENCE", "must name at least one audience");
        return None;
    }
    let checked: Result<_, auth::Error> =
        audience.iter().map(|one| auth::claim_text(one)).collect();
    checked
        .map_err(|rule| reader.fault("MODGATE_JWT_AUDIENCE", rule))
        .ok()
}

fn scope_claims(text: &str) -> Result<Vec<auth::ClaimPath>, String> {
    let claims = parse::list(text);
    if claims.is_empty() {
        return Err("must name at least one claim".to_owned());
    }
    let claims = claims.iter().map(|item| item.parse::<auth::ClaimPath>());
    claims
        .collect::<Result<_, _>>()
        .map_err(|rule| rule.to_string())
}

/// The three variables of which one says what signatures are checked with.
const KEYS: [&str; 3] = [
    "MODGATE_JWT_JWKS_URL",
    "MODGATE_JWT_PUBLIC_KEY_FILE",
    "MODGATE_JWT_SECRET",
];

fn keys(reader: &mut Reader<'_>, further_roots: Option<Vec<u8>>) -> Option<auth::KeySource> {
    let url = reader.text(KEYS[0]);
    let path = reader.text(KEYS[1]);
    let secret = reader.secret(KEYS[2]);
    let (name, keys) = match (url, path, secret) {
        (Some(url), None, None) => {
            let url = url.parse().map_err(|error: auth::Error| {
                reader.fault(KEYS[0], error);
            });
            let url = url.ok()?;
            let source = auth::JwksSource {
                url,
                further_roots,
                pace: auth::Pace::default(),
            };
            (KEYS[0], auth::KeySource::Jwks(source))
        }
        (None, Some(path), None) => {
            let pem = reader.file(KEYS[1], &path)?;
            (KEYS[1], auth::KeySource::PublicKeyPem(pem))
        }
        (None, None, Some(secret)) => (KEYS[2], auth::KeySource::Secret(secret)),
        (None, None, None) if reader.is_faulty(KEYS[2]) => return None,
        (url, path, _) => {
            let set = [(url, KEYS[0]), (path, KEYS[1])];
            let set = set.iter().find(|(value, _)| value.is_some());
            let name = set.map_or(KEYS[0], |(_, name)| *name);
            let rule = format!("exactly one of {} must be set", KEYS.join(", "));
            reader.fault(name, rule);
            return None;
        }
    };
    let checked = auth::check_keys(keys.clone());
    let fault = |error| reader.fault(name, telemetry::causes(&error));
    checked.map_err(fault).ok().map(|()| keys)
}
