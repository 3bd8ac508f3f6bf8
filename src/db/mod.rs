//! The database: pools, and the migrations that the binary carries.

mod connection;
mod guard;
mod inspect;
mod migrate;
mod pool;
mod rights;
mod schema;
mod server;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection as _, PgConnection};
use tracing::subscriber::{NoSubscriber, with_default};

use crate::domain::is_loopback;
pub(crate) use connection::{Connection, in_time, is_broken, within};
pub use guard::TriggerFault;
pub(crate) use guard::trigger_faults;
pub use inspect::{Inspection, inspect};
pub use migrate::{check_migrate, migrate};
pub(crate) use pool::GONE_NOTICED_WITHIN;
pub use pool::Pool;
use pool::Profile;
pub(crate) use schema::{Schema, schema};

/// The longest that a statement of the service may run. Below the two seconds in which begin must
/// have answered, so that Postgres' own word that nothing was committed comes first.
const STATEMENT_TIMEOUT: &str = "1800ms";

/// In the way of a click a connection is tried out, which takes a round trip, only if it was idle for
/// this long.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// The database settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where, and as whom.
    pub url: SecretString,
    /// Connections of this process, over all pools; at least 6.
    pub max_connections: u32,
}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is not one of Postgres.
    #[error(
        "must be a URL as postgres://user:password@host:port/database?sslmode=verify-full, its user name and password \
         percent-encoded"
    )]
    Url,
    /// No connection, or a statement failed.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// A migration failed, or the database was migrated by another build.
    #[error("the database cannot be migrated")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// It stores texts in this encoding, which lacks most characters.
    #[error(
        "the database has the encoding {0}, and must have UTF8: `create database … encoding 'UTF8' template template0`"
    )]
    Encoding(String),
    /// A pooler that does not keep sessions is in between.
    #[error("a pooler in transaction mode is in between: it must be in session mode, or left out")]
    Pooling,
    /// This role may not read which migrations the database has.
    #[error(
        "this role may not read which migrations the database has: run `modgate migrate`, which grants the roles of deploy/roles.sql what they need"
    )]
    Unreadable,
    /// The schema is older than this build.
    #[error("{0} migrations are pending: run `modgate migrate`, or set MODGATE_MIGRATE=true")]
    Pending(usize),
    /// The role lacks rights without which nothing can be recorded or read.
    #[error(
        "this role may not do what the service does ({}): connect as modgate_service of deploy/roles.sql, and run \
         `modgate migrate`, which grants it what it needs", .0.join(", ")
    )]
    Rights(Vec<String>),
    /// The role lacks rights without which the schema cannot be brought up to date.
    #[error("this role cannot migrate ({}): connect as modgate_owner of deploy/roles.sql", several(.0))]
    MayNotMigrate(Vec<String>),
}

/// The first of these, and how many more there are: of a stranger's schema each thing is in the way.
fn several(reasons: &[String]) -> String {
    const NAMED: usize = 3;
    let named = reasons.iter().take(NAMED).cloned();
    let others = reasons.len().saturating_sub(NAMED);
    let others = (others > 0).then(|| format!("{others} more of the kind"));
    named.chain(others).collect::<Vec<_>>().join(", ")
}

/// The pools of a service.
#[derive(Clone, Debug)]
pub struct Pools {
    /// For begin, finish and recovery.
    pub writing: Pool,
    /// For what an action needs to know before it begins: a share of `writing`, so that what has begun
    /// does not wait for it.
    pub lookups: Pool,
    /// For denials: a share of `lookups`, so that many of them hold up no action.
    pub denials: Pool,
    /// For the leases on permits, which must be renewed whatever else the database is asked.
    pub leasing: Pool,
    /// For the seals, which must keep up whatever else the database is asked.
    pub sealing: Pool,
    /// For what is only looked at.
    pub reading: Pool,
}

/// One connection for each API.
const LEASING: u32 = 2;

const SEALING: u32 = 1;

/// After a restore the sealer looks at every row, page by page.
const SEALING_TIMEOUT: &str = "20s";

/// Reads a database URL. Its text is in no error: it holds the password.
pub fn parse_url(url: &SecretString) -> Result<PgConnectOptions, Error> {
    let text = url.expose_secret();
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(Error::Url);
    }
    // sqlx logs parameters that it does not know, with their values: `sslpassword` is one of libpq's.
    let silence = NoSubscriber::default();
    let options: PgConnectOptions =
        with_default(silence, || text.parse()).map_err(|_| Error::Url)?;
    let options = options.application_name("modgate");
    // PgBouncer refuses this start-up parameter, and nothing here reads floats as text.
    Ok(options.extra_float_digits(None))
}

/// Whether passwords and rows travel in clear over a network: not TLS-verified, and not on this
/// machine.
pub fn is_exposed(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    // A path is that of a socket.
    let here = host.starts_with('/') || is_loopback(host);
    let verified = matches!(
        options.get_ssl_mode(),
        PgSslMode::VerifyFull | PgSslMode::VerifyCa
    );
    !here && !verified
}

/// Opens the pools. Connects at first use.
pub fn open(settings: &Settings) -> Result<Pools, Error> {
    let options = parse_url(&settings.url)?;
    let others = settings.max_connections.saturating_sub(LEASING + SEALING);
    let others = others.max(3);
    let readers = others / 3;
    let profile = Profile {
        connections: others - readers,
        statement_timeout: STATEMENT_TIMEOUT,
        trusted_for: TRUSTED_FOR,
        ends_with_client: false,
    };
    let writing = Pool::open(options.clone(), profile);
    let lookups = writing.share(two_thirds(writing.size()));
    let denials = lookups.share(two_thirds(two_thirds(writing.size())));
    let background = |connections, statement_timeout| Profile {
        connections,
        statement_timeout,
        trusted_for: Duration::ZERO,
        ..profile
    };
    let reading = Profile {
        connections: readers,
        ends_with_client: true,
        ..profile
    };
    Ok(Pools {
        writing,
        lookups,
        denials,
        leasing: Pool::open(options.clone(), background(LEASING, STATEMENT_TIMEOUT)),
        sealing: Pool::open(options.clone(), background(SEALING, SEALING_TIMEOUT)),
        reading: Pool::open(options, reading),
    })
}

fn two_thirds(connections: u32) -> u32 {
    (connections * 2 / 3).max(1)
}

/// Fails if the database behind `url` is not one that this build can serve with.
pub async fn check(url: &SecretString) -> Result<(), Error> {
    let Inspection {
        pending, missing, ..
    } = inspect(url).await?;
    if pending > 0 {
        return Err(Error::Pending(pending));
    }
    if !missing.is_empty() {
        return Err(Error::Rights(missing));
    }
    Ok(())
}

/// A connection of its own, without the time-outs of the service. What is asked for is what it is
/// called, whatever the search path of the server, the database or the role puts first.
pub(crate) async fn connect(url: &SecretString) -> Result<PgConnection, Error> {
    let options = parse_url(url)?;
    let connecting = async {
        let mut connection = PgConnection::connect_with(&options).await?;
        sqlx::raw_sql("set search_path = pg_catalog, pg_temp")
            .execute(&mut connection)
            .await?;
        Ok(connection)
    };
    match tokio::time::timeout(Duration::from_secs(10), connecting).await {
        Ok(connected) => connected.map_err(Error::Unreachable),
        Err(_) => Err(Error::Unreachable(sqlx::Error::PoolTimedOut)),
    }
}
