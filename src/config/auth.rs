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
    let scope_claims = reader.full_list("MODGATE_JWT_SCOPE_CLAIM", str::parse::<auth::ClaimPath>);
    let scope_map = scope_map(reader);
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
        scope_map: scope_map?,
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
    reader.full_list("MODGATE_JWT_AUDIENCE", auth::claim_text)
}

fn scope_map(reader: &mut Reader<'_>) -> Option<auth::ScopeMap> {
    const NAME: &str = "MODGATE_JWT_SCOPE_MAP";
    let text = reader.text(NAME).unwrap_or_default();
    let parsed = auth::ScopeMap::parse(&text);
    let note = |faults: Vec<(usize, auth::ScopeMapError)>| {
        for (number, rule) in faults {
            reader.fault(NAME, format_args!("item {number}: {rule}"));
        }
    };
    parsed.map_err(note).ok()
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
    let faults = auth::faults_of_keys(keys.clone());
    for fault in &faults {
        reader.fault(name, telemetry::causes(fault));
    }
    faults.is_empty().then_some(keys)
}
