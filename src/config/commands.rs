//! The settings of the commands other than `serve`: each asks only for what it uses.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::variable::Variable;
use super::{Environment, Faults, Reader, auth, database, ports, record};
use crate::audit;

/// The settings of `modgate token`.
#[derive(Debug)]
pub struct TokenSettings {
    /// `MODGATE_JWT_ISSUER`
    pub issuer: String,
    /// `MODGATE_JWT_AUDIENCE`
    pub audience: Vec<String>,
    /// `MODGATE_JWT_SECRET`
    pub secret: Option<SecretString>,
}

/// The settings of `modgate retain`.
#[derive(Debug)]
pub struct RetainSettings {
    /// `MODGATE_OWNER_DATABASE_URL`, else `MODGATE_DATABASE_URL`
    pub database_url: SecretString,
    /// `MODGATE_SEAL_KEY`
    pub seal_keys: Arc<audit::SealKeys>,
    /// `MODGATE_RETENTION`; `None` for ever.
    pub keep: Option<Duration>,
}

/// The settings of `modgate acknowledge` and of what `modgate seals` decides.
#[derive(Debug)]
pub struct DecisionSettings {
    /// `MODGATE_OWNER_DATABASE_URL`, else `MODGATE_DATABASE_URL`
    pub database_url: SecretString,
    /// `MODGATE_SEAL_KEY`
    pub seal_keys: Arc<audit::SealKeys>,
    /// `MODGATE_SEAL_WITNESS_FILE`
    pub witness: Option<audit::seal::Witness>,
    /// Who runs the command, by the environment.
    pub user: String,
    /// The machine that it runs on.
    pub host: String,
}

/// The settings of `modgate verify`.
#[derive(Debug)]
pub struct VerifySettings {
    /// `MODGATE_DATABASE_URL`, if the database is checked.
    pub database_url: Option<SecretString>,
    /// `MODGATE_SEAL_PUBLIC_KEY_FILE`
    pub public_keys: audit::PublicKeys,
    /// `MODGATE_SEAL_KEY`
    pub seal_keys: Arc<audit::SealKeys>,
}

/// The database that `modgate migrate` works on: the owner's URL, else the service's.
pub fn migration_url(environment: &Environment) -> Result<SecretString, Faults> {
    let mut reader = Reader::new(environment);
    let url = database::owner_url(&mut reader);
    reader.finish(url)
}

/// The variable that the owner's URL is taken from.
pub(crate) fn owner_variable(environment: &Environment) -> Variable {
    let reader = &mut Reader::new(environment);
    let owner = database::database_url(reader, database::OWNER_URL);
    owner.map_or(database::SERVICE_URL, |_| database::OWNER_URL)
}

/// The database that `modgate seals` and `modgate export` read.
pub fn database_url(environment: &Environment) -> Result<SecretString, Faults> {
    let mut reader = Reader::new(environment);
    let url = database::service_url(&mut reader);
    reader.finish(url)
}

/// `MODGATE_JWT_ISSUER`, if it is set.
pub fn token_issuer(environment: &Environment) -> Option<String> {
    let issuer = environment.get(auth::ISSUER.name)?.trim();
    (!issuer.is_empty()).then(|| issuer.to_owned())
}

/// `MODGATE_SEAL_KEY` alone.
pub fn seal_keys(environment: &Environment) -> Result<Arc<audit::SealKeys>, Faults> {
    let mut reader = Reader::new(environment);
    let keys = record::seal_keys(&mut reader);
    reader.finish(keys)
}

/// The settings of `modgate verify`; the URL only if it `needs_database`.
pub fn verify_settings(
    environment: &Environment,
    needs_database: bool,
) -> Result<VerifySettings, Faults> {
    let mut reader = Reader::new(environment);
    let database_url = needs_database.then(|| database::service_url(&mut reader));
    let public_keys = record::public_keys(&mut reader);
    let seal_keys = record::seal_keys(&mut reader);
    let settings = public_keys
        .zip(seal_keys)
        .map(|(public_keys, seal_keys)| VerifySettings {
            database_url: database_url.flatten(),
            public_keys,
            seal_keys,
        });
    reader.finish(settings)
}

/// Where `modgate healthcheck` asks: the address of the operations port as seen from this machine.
pub fn ops_listen(environment: &Environment) -> Result<SocketAddr, Faults> {
    let mut reader = Reader::new(environment);
    let ops_listen = reader.parsed(ports::OPS_LISTEN);
    reader.finish(ops_listen)
}

/// The settings of `modgate token`.
pub fn token_settings(environment: &Environment) -> Result<TokenSettings, Faults> {
    let mut reader = Reader::new(environment);
    let issuer = auth::issuer(&mut reader);
    let audience = auth::audience(&mut reader);
    let secret = reader.secret(auth::SECRET);
    let settings = match (issuer, audience) {
        (Some(issuer), Some(audience)) => Some(TokenSettings {
            issuer,
            audience,
            secret,
        }),
        _ => None,
    };
    reader.finish(settings)
}

/// The settings of `modgate acknowledge` and of what `modgate seals` decides.
pub fn decision_settings(environment: &Environment) -> Result<DecisionSettings, Faults> {
    let mut reader = Reader::new(environment);
    let url = database::owner_url(&mut reader);
    let seal_keys = record::seal_keys(&mut reader);
    let witness = record::witness(&mut reader);
    let named = |names: [&str; 2]| {
        let name = names.iter().find_map(|name| environment.get(name));
        name.map(str::to_owned)
    };
    // Containers often name nobody.
    let user_id = || {
        let uid = std::fs::metadata("/proc/self").map(|of_this_process| of_this_process.uid());
        uid.map_or_else(|_| "unknown".to_owned(), |uid| format!("uid {uid}"))
    };
    let settings = match (url, seal_keys, witness) {
        (Some(database_url), Some(seal_keys), Some(witness)) => Some(DecisionSettings {
            database_url,
            seal_keys,
            witness,
            user: named(["USER", "LOGNAME"]).unwrap_or_else(user_id),
            host: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()
                .map(|host| host.trim().to_owned())
                .or_else(|| named(["HOSTNAME", "HOST"]))
                .unwrap_or_else(|| "unknown".to_owned()),
        }),
        _ => None,
    };
    reader.finish(settings)
}

/// The settings of `modgate retain`.
pub fn retain_settings(environment: &Environment) -> Result<RetainSettings, Faults> {
    let mut reader = Reader::new(environment);
    let url = database::owner_url(&mut reader);
    let seal_keys = record::seal_keys(&mut reader);
    let keep = record::retention(&mut reader);
    let settings = match (url, seal_keys, keep) {
        (Some(database_url), Some(seal_keys), Some(keep)) => Some(RetainSettings {
            database_url,
            seal_keys,
            keep,
        }),
        _ => None,
    };
    reader.finish(settings)
}
