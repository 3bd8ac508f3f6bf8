//! The variables that there are.

/// One variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name. A secret may also be given as a file, named by `<NAME>_FILE`.
    pub name: &'static str,
    /// What is in effect when it is not set; empty for nothing.
    pub default: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

const fn plain(name: &'static str, default: &'static str) -> Variable {
    Variable {
        name,
        default,
        secret: false,
    }
}

const fn secret(name: &'static str) -> Variable {
    Variable {
        name,
        default: "",
        secret: true,
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
    secret("MODGATE_JWT_SECRET"),
    plain("MODGATE_JWT_LEEWAY", "30s"),
    plain("MODGATE_JWT_AUDIENCE_CLAIM", "aud"),
    plain("MODGATE_JWT_ACCEPT_ID_TOKENS", "false"),
    plain("MODGATE_JWT_SCOPE_CLAIM", "scope,scp"),
    plain("MODGATE_JWT_SCOPE_MAP", ""),
    plain("MODGATE_JWT_SUBJECT_CLAIM", "sub"),
    plain("MODGATE_JWT_NAME_CLAIM", "preferred_username"),
    plain("MODGATE_TRUSTED_PROXIES", ""),
    plain("MODGATE_CORS_ORIGINS", ""),
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

/// Whether the gateway knows what to do with a variable of that name. Kubernetes injects
/// `MODGATE_PORT…` and `MODGATE_SERVICE_…` into the pods of a Service called `modgate`.
pub fn is_known(name: &str) -> bool {
    find(name).is_some()
        || name
            .strip_suffix("_FILE")
            .and_then(find)
            .is_some_and(|variable| variable.secret)
        || name == "MODGATE_PORT"
        || name.starts_with("MODGATE_PORT_")
        || name.starts_with("MODGATE_SERVICE_")
}
