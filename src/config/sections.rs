//! One function for each group of settings. Each reads all of its variables, whatever is wrong
//! with the first.

use std::time::Duration;

use secrecy::SecretString;

use super::parse::{self, AT_MOST_AN_HOUR};
use super::{Environment, Reader};
use crate::domain::{Kind, UserId};
use crate::http::{RequestRules, WholePattern};
use crate::{auth, db, limit, moderation, telemetry};

/// The variable with the service's database URL.
pub(crate) const SERVICE_URL: &str = "MODGATE_DATABASE_URL";

const OWNER_URL: &str = "MODGATE_OWNER_DATABASE_URL";

pub(super) fn database(reader: &mut Reader<'_>) -> Option<db::Settings> {
    let url = service_url(reader);
    let max_connections = reader.with("MODGATE_DATABASE_MAX_CONNECTIONS", |text| {
        parse::number(text, 6, 1000)
    });
    Some(db::Settings {
        url: url?,
        max_connections: max_connections?,
    })
}

pub(super) fn service_url(reader: &mut Reader<'_>) -> Option<SecretString> {
    let url = database_url(reader, SERVICE_URL);
    if url.is_none() {
        reader.missing(SERVICE_URL);
    }
    url
}

pub(super) fn owner_url(reader: &mut Reader<'_>) -> Option<SecretString> {
    let url = database_url(reader, OWNER_URL).or_else(|| database_url(reader, SERVICE_URL));
    if url.is_none() {
        reader.missing(SERVICE_URL);
    }
    url
}

/// The variable that [`owner_url`] takes.
pub(crate) fn owner_variable(environment: &Environment) -> &'static str {
    let owner = database_url(&mut Reader::new(environment), OWNER_URL);
    owner.map_or(SERVICE_URL, |_| OWNER_URL)
}

fn database_url(reader: &mut Reader<'_>, name: &'static str) -> Option<SecretString> {
    let url = reader.secret(name)?;
    match db::parse_url(&url) {
        Ok(_) => Some(url),
        Err(error) => {
            reader.fault(name, error);
            None
        }
    }
}

/// `Some(None)` when `serve` shall not migrate.
#[expect(clippy::option_option, reason = "faulty, off, or on with these rights")]
pub(super) fn migrate(reader: &mut Reader<'_>) -> Option<Option<SecretString>> {
    let wanted = reader.with("MODGATE_MIGRATE", parse::flag);
    if wanted? {
        owner_url(reader).map(Some)
    } else {
        Some(None)
    }
}

pub(super) fn limit(
    reader: &mut Reader<'_>,
    attempt_timeout: Option<Duration>,
) -> Option<limit::Settings> {
    let calls = reader.with("MODGATE_TENCENT_QPS", |text| {
        parse::number(text, 1, 100_000)
    });
    let queue_timeout = reader.duration("MODGATE_QUEUE_TIMEOUT", AT_MOST_AN_HOUR);
    let moderator = reader.with("MODGATE_MODERATOR_QPS", |text| {
        parse::number(text, 1, 1_000_000)
    });
    Some(limit::Settings {
        calls_per_second: calls?,
        queue_timeout: queue_timeout?,
        moderator_requests_per_second: moderator?,
        cold_start: limit::COLD_START,
        idle_lease: limit::IDLE_LEASE,
        attempt_timeout: attempt_timeout?,
    })
}

pub(super) fn rules(reader: &mut Reader<'_>) -> Option<moderation::Rules> {
    let protected_users = reader.list("MODGATE_PROTECTED_USERS", |item| {
        UserId::try_from(item.to_owned()).map(|user| user.to_string())
    });
    let action_deadline = reader.duration("MODGATE_ACTION_DEADLINE", AT_MOST_AN_HOUR);
    Some(moderation::Rules {
        protected_users: protected_users?,
        action_deadline: action_deadline?,
    })
}

pub(super) fn request_rules(reader: &mut Reader<'_>) -> Option<RequestRules> {
    let pattern = reader
        .text("MODGATE_USER_ID_PATTERN")
        .map(|text| WholePattern::parse(&text));
    let require_reason = reader.with("MODGATE_REQUIRE_REASON", parse::flag);
    let kinds = kinds(reader);
    let user_id_pattern = pattern
        .transpose()
        .map_err(|rule| reader.fault("MODGATE_USER_ID_PATTERN", rule));
    Some(RequestRules {
        kinds: kinds?,
        user_id_pattern: user_id_pattern.ok()?,
        require_reason: require_reason?,
    })
}

/// In the order of the table, however they were named.
fn kinds(reader: &mut Reader<'_>) -> Option<Vec<Kind>> {
    let named = reader.full_list("MODGATE_KINDS", |item| match item {
        "all" => Ok(None),
        _ => item.parse::<Kind>().map(Some),
    })?;
    let is_named = |kind: &Kind| named.contains(&None) || named.contains(&Some(*kind));
    Some(Kind::ALL.iter().copied().filter(is_named).collect())
}

pub(super) fn log(reader: &mut Reader<'_>) -> Option<telemetry::Settings> {
    let directives = reader.full_list("MODGATE_LOG", |item| {
        telemetry::check_directive(item).map(|()| item.to_owned())
    });
    let format = reader.with("MODGATE_LOG_FORMAT", |text| match text {
        "json" => Ok(telemetry::Format::Json),
        "text" => Ok(telemetry::Format::Text),
        _ => Err("must be json or text"),
    });
    let traces = super::traces::settings(reader);
    Some(telemetry::Settings {
        filter: directives?.join(","),
        format: format?,
        instance: uuid::Uuid::now_v7().to_string(),
        traces: traces?,
    })
}

/// Things that are allowed, and better changed.
pub(crate) fn warnings(settings: &super::Settings) -> Vec<&str> {
    let mut warnings = Vec::new();
    if db::parse_url(&settings.database.url).is_ok_and(|options| db::is_exposed(&options)) {
        warnings.push(
            "MODGATE_DATABASE_URL: the server is not verified by TLS: add sslmode=verify-full",
        );
    }
    if matches!(settings.auth.keys, auth::KeySource::Secret(_)) {
        warnings.push("MODGATE_JWT_SECRET: whoever can check tokens with it can also forge them: prefer a public key");
    }
    if settings.auth.accept_id_tokens && settings.auth.scope_map.is_empty() {
        warnings.push(
            "MODGATE_JWT_ACCEPT_ID_TOKENS: ID tokens have only the scopes that MODGATE_JWT_SCOPE_MAP gives them, and it is not set",
        );
    }
    if settings.front.trusted_proxies.contain_everyone() {
        warnings.push(
            "MODGATE_TRUSTED_PROXIES: everyone is trusted, and can forge the client's address in the record",
        );
    }
    if settings.tencent.url.is_exposed() {
        warnings.push(
            "MODGATE_TENCENT_URL: plain http sends the UserSig in clear: for a simulator only",
        );
    }
    if let Some(traces) = &settings.log.traces {
        warnings.extend(traces.ignored.iter().map(String::as_str));
    }
    warnings
}

pub(super) fn drain_delay(reader: &mut Reader<'_>) -> Option<Duration> {
    reader.with("MODGATE_DRAIN_DELAY", |text| {
        parse::duration_or_zero(text, AT_MOST_AN_HOUR)
    })
}
