//! The variables that there are.

use std::sync::LazyLock;

use regex::Regex;

pub use super::variable::Variable;
use super::{
    Environment, Reader, auth, batches, database, front, limit, log, moderation, ports, record,
    requests, shutdown, tencent,
};

/// All of them, in the order of the README's table. What is not in it cannot be set.
pub const ALL: &[Variable] = &[
    ports::LISTEN,
    ports::OPS_LISTEN,
    database::SERVICE_URL,
    database::OWNER_URL,
    database::MAX_CONNECTIONS,
    database::MIGRATE,
    tencent::URL,
    tencent::ALLOW_HTTP,
    tencent::PROXY,
    tencent::CA_FILE,
    tencent::SDK_APP_ID,
    tencent::ADMIN,
    tencent::SECRET_KEY,
    tencent::USERSIG,
    tencent::USERSIG_TTL,
    tencent::KICK_FIELD,
    limit::TENCENT_QPS,
    tencent::TIMEOUT,
    moderation::ACTION_DEADLINE,
    limit::QUEUE_TIMEOUT,
    limit::MODERATOR_QPS,
    moderation::MODERATOR_HOURLY,
    batches::APPROVAL_ABOVE,
    auth::ISSUER,
    auth::AUDIENCE,
    auth::JWKS_URL,
    auth::PUBLIC_KEY_FILE,
    auth::SECRET,
    auth::LEEWAY,
    auth::AUDIENCE_CLAIM,
    auth::ACCEPT_ID_TOKENS,
    auth::SCOPE_CLAIM,
    auth::SCOPE_MAP,
    auth::SUBJECT_CLAIM,
    auth::NAME_CLAIM,
    front::TRUSTED_PROXIES,
    front::CORS_ORIGINS,
    requests::KINDS,
    moderation::PROTECTED_USERS,
    requests::USER_ID_PATTERN,
    requests::REQUIRE_REASON,
    record::RETENTION,
    record::SEAL_KEY,
    record::PUBLIC_KEY_FILE,
    record::WITNESS_FILE,
    log::LOG,
    log::FORMAT,
    shutdown::TIMEOUT,
    shutdown::DRAIN_DELAY,
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

impl<'a> Reader<'a> {
    /// A reader that has already noted every unknown variable.
    pub fn new(environment: &'a Environment) -> Self {
        Self::noting(environment, |name, value| {
            name.starts_with("MODGATE_") && !is_known(name) && !is_of_kubernetes(name, value)
        })
    }
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
/// as `tcp://10.0.0.1:5432`: one with a number is what somebody took for a setting.
pub fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let is_url = || {
        let scheme = value.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some("tcp" | "udp" | "sctp"))
    };
    OF_A_SERVICE.is_match(name)
        || name.starts_with("MODGATE_") && name.ends_with("_PORT") && is_url()
}
