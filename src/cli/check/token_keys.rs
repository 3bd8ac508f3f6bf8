//! Whether there are keys that tokens can be checked with.

use super::findings::Findings;
use crate::auth::{KeySource, Verifier};
use crate::config::Settings;
use crate::telemetry::causes;

pub(super) async fn check(settings: &Settings, found: &mut Findings) {
    let setting = setting(&settings.auth.keys);
    let verifier = match Verifier::new(settings.auth.clone()) {
        Ok(verifier) => verifier,
        Err(error) => return found.wrong(setting, causes(&error)),
    };
    let Some(jwks) = verifier.jwks() else {
        return found.ok("they can be used");
    };
    match jwks.published().await {
        Ok((keys, skipped)) => {
            let unused = skipped.iter().filter(|key| key.is_fault());
            let unused = unused.map(|key| format!("not used: {key}"));
            let published = format!("the identity provider publishes {keys}");
            let parts: Vec<_> = std::iter::once(published).chain(unused).collect();
            found.ok(parts.join("; "));
        }
        Err(error) => {
            let causes = causes(&error);
            // A certificate that is not trusted has no type that could be asked for, only a text.
            let untrusted = causes.contains("certificate");
            let setting = if untrusted {
                "MODGATE_CA_FILE"
            } else {
                setting
            };
            found.wrong(setting, causes);
        }
    }
}

const fn setting(keys: &KeySource) -> &'static str {
    match keys {
        KeySource::Jwks(_) => "MODGATE_JWT_JWKS_URL",
        KeySource::PublicKeyPem(_) => "MODGATE_JWT_PUBLIC_KEY_FILE",
        KeySource::Secret(_) => "MODGATE_JWT_SECRET",
    }
}
