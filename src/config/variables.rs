//! The variables that there are.

use std::sync::LazyLock;

use regex::Regex;

/// One variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name. A secret may also be given as a file, named by `<NAME>_FILE`.
    pub name: &'static str,
    /// What is in effect when it is not set; empty for nothing.
    pub default: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether white space around the value would be a part of it, so that nobody but its owner can
    /// take it off.
    pub exact: bool,
}

const fn plain(name: &'static str, default: &'static str) -> Variable {
    Variable {
        name,
        default,
        secret: false,
        exact: false,
    }
}

const fn secret(name: &'static str) -> Variable {
    Variable {
        name,
        default: "",
        secret: true,
        exact: false,
    }
}

/// A secret that may be any text.
const fn exact_secret(name: &'static str) -> Variable {
    Variable {
        exact: true,
        ..secret(name)
    }
}

/// All of them, in the order of the README's table.
pub const ALL: &[Variable] = &[
    plain("MODGATE_LISTEN", "127.0.0.1:8080"),
    plain("MODGATE_OPS_LISTEN", "127.0.0.1:9090"),
    secret("MODGATE_DATABASE_URL"),
    secret("MODGATE_OWNER_DATABASE_URL"),
    plain("MODGATE_DATABASE_MAX_CONNECTIONS", "16"),
    plain("MODGATE_MIGRATE", "false"),
    plain("MODGATE_TENCENT_URL", "https://console.tim.qq.com"),
    plain("MODGATE_TENCENT_ALLOW_HTTP", "false"),
    secret("MODGATE_TENCENT_PROXY"),
    plain("MODGATE_CA_FILE", ""),
    plain("MODGATE_TENCENT_SDK_APP_ID", ""),
    plain("MODGATE_TENCENT_ADMIN", "administrator"),
    secret("MODGATE_TENCENT_SECRET_KEY"),
    secret("MODGATE_TENCENT_USERSIG"),
    plain("MODGATE_TENCENT_USERSIG_TTL", "24h"),
    plain("MODGATE_TENCENT_KICK_FIELD", "Identifier"),
    plain("MODGATE_TENCENT_QPS", "200"),
    plain("MODGATE_TENCENT_TIMEOUT", "5s"),
    plain("MODGATE_ACTION_DEADLINE", "10s"),
    plain("MODGATE_QUEUE_TIMEOUT", "2s"),
    plain("MODGATE_MODERATOR_QPS", "20"),
    plain("MODGATE_JWT_ISSUER", ""),
    plain("MODGATE_JWT_AUDIENCE", ""),
    plain("MODGATE_JWT_JWKS_URL", ""),
    plain("MODGATE_JWT_PUBLIC_KEY_FILE", ""),
    exact_secret("MODGATE_JWT_SECRET"),
    plain("MODGATE_JWT_LEEWAY", "30s"),
    plain("MODGATE_JWT_AUDIENCE_CLAIM", "aud"),
    plain("MODGATE_JWT_ACCEPT_ID_TOKENS", "false"),
    plain("MODGATE_JWT_SCOPE_CLAIM", "scope,scp"),
    plain("MODGATE_JWT_SCOPE_MAP", ""),
    plain("MODGATE_JWT_SUBJECT_CLAIM", "sub"),
    plain("MODGATE_JWT_NAME_CLAIM", "preferred_username"),
    plain("MODGATE_TRUSTED_PROXIES", ""),
    plain("MODGATE_CORS_ORIGINS", ""),
    plain("MODGATE_KINDS", "all"),
    plain("MODGATE_PROTECTED_USERS", ""),
    plain("MODGATE_USER_ID_PATTERN", ""),
    plain("MODGATE_REQUIRE_REASON", "false"),
    plain("MODGATE_RETENTION", "forever"),
    secret("MODGATE_SEAL_KEY"),
    plain("MODGATE_SEAL_PUBLIC_KEY_FILE", ""),
    plain("MODGATE_SEAL_WITNESS_FILE", ""),
    plain("MODGATE_LOG", "info"),
    plain("MODGATE_LOG_FORMAT", "json"),
    plain("MODGATE_SHUTDOWN_TIMEOUT", "20s"),
    plain("MODGATE_DRAIN_DELAY", "0s"),
];

/// The variable of that name.
pub fn find(name: &str) -> Option<&'static Variable> {
    ALL.iter().find(|variable| variable.name == name)
}

/// Whether `name` is that of a setting, or of the file with a secret.
pub fn is_known(name: &str) -> bool {
    let of_file = name.strip_suffix("_FILE").and_then(find);
    find(name).is_some() || of_file.is_some_and(|variable| variable.secret)
}

/// How Kubernetes names variables after each Service that a pod can see, if the Service is called
/// `modgate`, `modgate-postgresql` and the like (Kubernetes, "Service", "Environment variables", and
/// `pkg/kubelet/envvars`).
static OF_A_SERVICE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = "^MODGATE_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?\
        |PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$";
    Regex::new(pattern).expect("it is a regular expression")
});

/// Whether Kubernetes sets a variable of that name and value by itself. Its `…_PORT` holds a URL such
/// as `tcp://10.0.0.1:5432`: with a number, `MODGATE_OPS_PORT` is what somebody took for a setting.
pub fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let is_url = || {
        let scheme = value.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some("tcp" | "udp" | "sctp"))
    };
    OF_A_SERVICE.is_match(name)
        || name.starts_with("MODGATE_") && name.ends_with("_PORT") && is_url()
}
