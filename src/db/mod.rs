//! The database: pools, and the migrations that the binary carries.

mod blocked;
mod connection;
mod error;
mod given_up;
mod guard;
mod inspect;
mod lookout;
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
pub use blocked::{Blocker, Waits};
pub(crate) use blocked::{is_locked, watched};
pub(crate) use connection::{Connection, in_time, is_broken, is_cancelled, is_refused, within};
pub use error::Error;
use given_up::GivenUp;
pub use guard::TriggerFault;
pub(crate) use guard::trigger_faults;
pub use inspect::{Inspection, inspect};
pub use lookout::{Blocked, Lookout, Refusal, Share};
pub use migrate::{check_migrate, migrate};
pub(crate) use pool::GONE_NOTICED_WITHIN;
pub use pool::Pool;
use pool::Profile;
pub(crate) use schema::{Schema, schema};
pub(crate) use server::process;

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
    /// For the items of batches: a share of `writing`, so that half of it is left to people.
    pub items: Pool,
    /// For the leases on permits, which must be renewed whatever else the database is asked.
    pub leasing: Pool,
    /// For the seals, which must keep up whatever else the database is asked.
    pub sealing: Pool,
    /// For what is only looked at.
    pub reading: Pool,
    /// For finding out who keeps the others from going on.
    pub lookout: Lookout,
}

/// The leases are asked for one statement at a time; the other connection is for when the answer to one is
/// late.
const LEASING: u32 = 2;

const SEALING: u32 = 1;

const LOOKING_OUT: u32 = 1;

/// The fewest that are left for reading and writing: of fewer connections the lookout has none.
const OTHERS: u32 = 3;

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
    let (others, looks_out) = others(settings.max_connections);
    let readers = others / 3;
    let profile = Profile {
        connections: others - readers,
        statement_timeout: STATEMENT_TIMEOUT,
        trusted_for: TRUSTED_FOR,
        ends_with_client: false,
    };
    let given_up = GivenUp::default();
    let open = |profile| Pool::open(options.clone(), profile, given_up.clone());
    let writing = open(profile);
    let lookups = writing.share(two_thirds(writing.size()));
    let denials = lookups.share(two_thirds(two_thirds(writing.size())));
    let background = |connections, statement_timeout| Profile {
        connections,
        statement_timeout,
        trusted_for: Duration::ZERO,
        ..profile
    };
    let reading = open(Profile {
        connections: readers,
        ends_with_client: true,
        ..profile
    });
    // What it gives up itself is no reason to look again.
    let own = background(LOOKING_OUT, STATEMENT_TIMEOUT);
    let looking = || Pool::open(options.clone(), own, GivenUp::default());
    Ok(Pools {
        items: writing.share((writing.size() / 2).max(1)),
        writing,
        lookups,
        denials,
        leasing: open(background(LEASING, STATEMENT_TIMEOUT)),
        sealing: open(background(SEALING, SEALING_TIMEOUT)),
        lookout: Lookout::new(
            looks_out.then(looking).unwrap_or_else(|| reading.clone()),
            given_up.clone(),
        ),
        reading,
    })
}

/// How many of all connections are for writing and reading, and whether there is one to look out with.
fn others(all: u32) -> (u32, bool) {
    let others = all.saturating_sub(LEASING + SEALING);
    let looks_out = others >= OTHERS + LOOKING_OUT;
    (
        if looks_out {
            others - LOOKING_OUT
        } else {
            OTHERS
        },
        looks_out,
    )
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

/// As [`connect`], but fails unless the database was migrated, and the session is kept.
pub(crate) async fn connect_to_record(url: &SecretString) -> Result<PgConnection, Error> {
    let mut connection = connect(url).await?;
    server::check(url, &mut connection).await?;
    if schema::was_migrated(&mut connection).await? {
        Ok(connection)
    } else {
        Err(Error::NotMigrated)
    }
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
