//! Things that are allowed, and better changed.

use super::auth::{ACCEPT_ID_TOKENS, SCOPE_MAP, SECRET};
use super::database::SERVICE_URL;
use super::front::TRUSTED_PROXIES;
use super::record::SEAL_KEY;
use super::{Settings, tencent};
use crate::{auth, db};

/// What of `settings` is better changed, one line each, each naming its variable.
pub(crate) fn warnings(settings: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    if db::parse_url(&settings.database.url).is_ok_and(|options| db::is_exposed(&options)) {
        warnings.push(format!(
            "{SERVICE_URL}: the server is not verified by TLS: add sslmode=verify-full"
        ));
    }
    if matches!(settings.auth.keys, auth::KeySource::Secret(_)) {
        warnings.push(format!(
            "{SECRET}: whoever can check tokens with it can also forge them: prefer a public key"
        ));
    }
    if settings.auth.accept_id_tokens && settings.auth.scope_map.is_empty() {
        warnings.push(format!(
            "{ACCEPT_ID_TOKENS}: ID tokens have only the scopes that {SCOPE_MAP} gives them, and it is not set"
        ));
    }
    if settings.seal_keys.is_empty() {
        warnings.push(format!(
            "{SEAL_KEY}: without it there are no batches and no freezes: /v1/batches, /v1/freeze and /v1/thaw answer 404"
        ));
    }
    if settings.front.trusted_proxies.contain_everyone() {
        warnings.push(format!(
            "{TRUSTED_PROXIES}: everyone is trusted, and can forge the client's address in the record"
        ));
    }
    if settings.tencent.url.is_exposed() {
        warnings.push(format!(
            "{}: plain http sends the UserSig in clear: for a simulator only",
            tencent::URL
        ));
    }
    if let Some(traces) = &settings.log.traces {
        warnings.extend(traces.ignored.iter().cloned());
    }
    warnings
}
