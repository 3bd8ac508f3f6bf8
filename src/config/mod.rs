//! Settings: read from the environment once, typed, with every fault reported at once.
//!
//! [`variables::ALL`] is the list of what there is; [`Reader`] takes values out of an
//! [`Environment`], notes what is wrong with each, and remembers what was in effect, for
//! `modgate check`. Each command reads only what it uses. No other module reads the environment.

mod auth;
mod batches;
mod commands;
mod database;
mod front;
mod limit;
mod lists;
mod log;
mod moderation;
mod parse;
mod ports;
mod reader;
mod record;
mod requests;
mod sdk;
mod shutdown;
mod tencent;
mod traces;
mod variable;
pub mod variables;
mod warnings;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::http::{Front, RequestRules};
use crate::{audit, db, telemetry};
pub(crate) use commands::owner_variable;
pub use commands::{
    DecisionSettings, RetainSettings, TokenSettings, VerifySettings, database_url,
    decision_settings, migration_url, ops_listen, retain_settings, seal_keys, token_issuer,
    token_settings, verify_settings,
};
pub(crate) use database::SERVICE_URL;
pub(crate) use ports::{LISTEN, OPS_LISTEN};
pub use reader::{Effective, Reader};
pub(crate) use warnings::warnings;

/// The variables of a process, by name.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Result<String, NotUnicode>>);

#[derive(Clone, Copy)]
struct NotUnicode;

impl Environment {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the environment"
        )]
        let variables = std::env::vars_os();
        let texts = variables.filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.into_string().map_err(|_| NotUnicode)))
        });
        Self(texts.collect())
    }

    /// The files that hold secrets, or keys that are rotated like them.
    pub fn secret_files(&self) -> Vec<PathBuf> {
        let secrets = variables::ALL.iter().filter(|variable| variable.secret);
        let names = secrets.map(|variable| variable.file_name());
        names
            .chain([self::auth::PUBLIC_KEY_FILE.name.to_owned()])
            .filter_map(|name| Some(PathBuf::from(self.get(&name)?.trim())))
            .collect()
    }

    /// The value of a variable that is not one of the gateway's own, such as `PATH`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref().ok()
    }
}

impl<Name: Into<String>, Value: Into<String>> FromIterator<(Name, Value)> for Environment {
    fn from_iter<Pairs: IntoIterator<Item = (Name, Value)>>(pairs: Pairs) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), Ok(value.into())))
                .collect(),
        )
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Everything that is wrong with the settings, one line each, each naming its variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Faults(pub Vec<String>);

/// The settings of `modgate serve`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `MODGATE_LISTEN`
    pub listen: SocketAddr,
    /// `MODGATE_OPS_LISTEN`
    pub ops_listen: SocketAddr,
    /// `MODGATE_DATABASE_*`
    pub database: db::Settings,
    /// `MODGATE_MIGRATE`: with whose rights, if at all.
    pub migrate: Option<SecretString>,
    /// `MODGATE_TENCENT_*`
    pub tencent: crate::tencent::Settings,
    /// `MODGATE_TENCENT_QPS`, `MODGATE_QUEUE_TIMEOUT`, `MODGATE_MODERATOR_QPS`
    pub limit: crate::limit::Settings,
    /// `MODGATE_JWT_*`
    pub auth: crate::auth::Settings,
    /// `MODGATE_PROTECTED_USERS`, `MODGATE_ACTION_DEADLINE`, `MODGATE_MODERATOR_HOURLY`
    pub rules: crate::moderation::Rules,
    /// `MODGATE_KINDS`, `MODGATE_USER_ID_PATTERN`, `MODGATE_REQUIRE_REASON`
    pub request_rules: RequestRules,
    /// `MODGATE_BATCH_APPROVAL_ABOVE`, `MODGATE_KINDS`
    pub batch_rules: crate::batches::Rules,
    /// `MODGATE_TRUSTED_PROXIES`, `MODGATE_CORS_ORIGINS`
    pub front: Front,
    /// `MODGATE_SEAL_KEY`
    pub seal_keys: Arc<audit::SealKeys>,
    /// `MODGATE_SEAL_WITNESS_FILE`
    pub seal_witness: Option<audit::seal::Witness>,
    /// `MODGATE_LOG`, `MODGATE_LOG_FORMAT`, and where traces go.
    pub log: telemetry::Settings,
    /// `MODGATE_SHUTDOWN_TIMEOUT`
    pub shutdown_timeout: Duration,
    /// `MODGATE_DRAIN_DELAY`: not ready, but still accepting, for this long after SIGTERM.
    pub drain_delay: Duration,
    /// Where all of it comes from, to be read again when a secret file changes.
    pub environment: Environment,
}

impl Settings {
    /// The settings of `modgate serve`, from `environment`.
    pub fn read(environment: &Environment) -> Result<Self, Faults> {
        let mut reader = Reader::new(environment);
        let settings = Self::from_reader(&mut reader);
        reader.finish(settings)
    }

    /// As [`Settings::read`], leaving the faults in `reader`: `None` if there is any.
    pub fn from_reader(reader: &mut Reader<'_>) -> Option<Self> {
        // Every section is read before any is missed, so that all faults come at once.
        let ports = ports::ports(reader);
        let database = self::database::database(reader);
        let migrate = self::database::migrate(reader);
        let further_roots = self::tencent::further_roots(reader);
        let tencent = self::tencent::settings(reader, further_roots.clone());
        let attempt_timeout = tencent.as_ref().map(|tencent| tencent.timeout);
        let limit = self::limit::limit(reader, attempt_timeout);
        let auth = self::auth::settings(reader, further_roots);
        let rules = self::moderation::rules(reader);
        let request_rules = requests::request_rules(reader);
        let batch_rules = self::batches::rules(reader, request_rules.as_ref());
        let front = front::front(reader);
        let seal_keys = record::seal_keys(reader);
        let seal_witness = record::witness(reader);
        let others = record::of_other_commands(reader);
        let log = self::log::log(reader);
        let shutdown_timeout = shutdown::timeout(reader);
        let drain_delay = shutdown::drain_delay(reader);
        let (listen, ops_listen) = ports?;
        let (tencent, rules, ()) = (tencent?, rules?, others?);
        one_attempt_fits(reader, &tencent, &rules)?;
        Some(Self {
            listen,
            ops_listen,
            database: database?,
            migrate: migrate?,
            tencent,
            limit: limit?,
            auth: auth?,
            rules,
            request_rules: request_rules?,
            batch_rules: batch_rules?,
            front: front?,
            seal_keys: seal_keys?,
            seal_witness: seal_witness?,
            log: log?,
            shutdown_timeout: shutdown_timeout?,
            drain_delay: drain_delay?,
            environment: reader.environment().clone(),
        })
    }
}

fn one_attempt_fits(
    reader: &mut Reader<'_>,
    tencent: &crate::tencent::Settings,
    rules: &crate::moderation::Rules,
) -> Option<()> {
    let fits = tencent.timeout <= rules.action_deadline;
    if !fits {
        let rule = format!("must not exceed {}", self::moderation::ACTION_DEADLINE);
        reader.fault(self::tencent::TIMEOUT, rule);
    }
    fits.then_some(())
}

/// What the records of one process say about where they were made.
pub fn deployment(settings: &Settings) -> audit::Deployment {
    audit::Deployment {
        instance: settings.log.instance.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sdk_app_id: settings.tencent.sdk_app_id,
        tencent_host: settings.tencent.url.host().to_owned(),
    }
}
