//! Connections that are kept open, each pool for one purpose.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::given_up::GivenUp;

/// The longest wait for a connection. Below the two seconds in which begin must have answered.
const ACQUIRED_WITHIN: Duration = Duration::from_millis(1900);

/// How often Postgres looks, while it carries out a statement, whether its client is still there.
const CLIENT_LOOKED_FOR: &str = "200ms";

/// So long after a reading connection was closed Postgres has ended its statement.
pub(crate) const GONE_NOTICED_WITHIN: Duration = Duration::from_millis(300);

/// What the connections of a pool are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile {
    /// How many there are at most.
    pub(super) connections: u32,
    /// The longest that one statement may run, as Postgres writes it.
    pub(super) statement_timeout: &'static str,
    /// A connection that was idle for as long is tried out before it is used.
    pub(super) trusted_for: Duration,
    /// Whether Postgres ends a statement whose client has closed the connection.
    pub(super) ends_with_client: bool,
}

/// A pool, or a share of one: [`Pool::share`].
#[derive(Clone, Debug)]
pub struct Pool {
    connections: PgPool,
    doubt: Doubt,
    given_up: GivenUp,
    /// One permit of each goes with a connection.
    shares: Vec<Arc<Semaphore>>,
}

/// What goes back to the pool together with a connection.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) connection: PoolConnection<Postgres>,
    doubt: Doubt,
    given_up: GivenUp,
    _shares: Vec<OwnedSemaphorePermit>,
}

impl Pool {
    /// Connects at first use. Notes in `given_up` what comes to nothing.
    pub(super) fn open(options: PgConnectOptions, profile: Profile, given_up: GivenUp) -> Self {
        let doubt = Doubt::default();
        let doubted = doubt.clone();
        let connections = PgPoolOptions::new()
            .max_connections(profile.connections)
            .acquire_timeout(ACQUIRED_WITHIN)
            .idle_timeout(Duration::from_mins(5))
            .test_before_acquire(false)
            .before_acquire(move |connection, is| {
                let trusted = is.idle_for < profile.trusted_for && !doubted.covers(&is);
                // Nothing is asked of one that is refused here.
                Box::pin(async move { Ok(trusted || connection.ping().await.is_ok()) })
            })
            .after_connect(move |connection, _| Box::pin(prepare(connection, profile)))
            .connect_lazy_with(options);
        Self {
            connections,
            doubt,
            given_up,
            shares: Vec::new(),
        }
    }

    /// The same connections, of which at most `connections` at a time are taken through this share,
    /// and through shares of it.
    #[must_use]
    pub fn share(&self, connections: u32) -> Self {
        let mut share = self.clone();
        let permits = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS);
        share.shares.push(Arc::new(Semaphore::new(permits)));
        share
    }

    /// How many connections there are at most.
    pub fn size(&self) -> u32 {
        self.connections.options().get_max_connections()
    }

    pub(super) async fn take(&self) -> Result<Taken, sqlx::Error> {
        let taking = async {
            let mut shares = Vec::with_capacity(self.shares.len());
            // The narrowest first: who waits there keeps nothing from the others.
            for share in self.shares.iter().rev() {
                let permit = Arc::clone(share).acquire_owned().await;
                shares.push(permit.map_err(|_closed| sqlx::Error::PoolClosed)?);
            }
            Ok(Taken {
                connection: self.connections.acquire().await?,
                doubt: self.doubt.clone(),
                given_up: self.given_up.clone(),
                _shares: shares,
            })
        };
        let taken = timeout(ACQUIRED_WITHIN, taking).await;
        let taken = taken.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        if taken.is_err() {
            self.given_up.note();
        }
        taken
    }

    /// How it connects.
    pub(super) fn connect_options(&self) -> Arc<PgConnectOptions> {
        self.connections.connect_options()
    }

    /// Connects so from here on.
    pub fn set_connect_options(&self, options: PgConnectOptions) {
        self.connections.set_connect_options(options);
    }

    /// Closes what is idle, and waits for what is in use.
    pub async fn close(&self) {
        self.connections.close().await;
    }
}

/// For tests of what holds a pool and asks it nothing.
#[cfg(test)]
impl From<PgPool> for Pool {
    fn from(connections: PgPool) -> Self {
        Self {
            connections,
            doubt: Doubt::default(),
            given_up: GivenUp::default(),
            shares: Vec::new(),
        }
    }
}

impl Taken {
    /// Closes it, since its work was not completed, and gives its place free at once.
    pub(super) fn give_up(self) {
        self.doubt.rise();
        self.given_up.note();
        drop(self.connection.detach());
    }
}

/// When a connection was last given up. The others may be broken for the same reason, such as a
/// restart of Postgres: those that have been idle since are tried out before they are used.
#[derive(Clone, Debug, Default)]
struct Doubt(Arc<Mutex<Option<Instant>>>);

impl Doubt {
    fn rise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn covers(&self, connection: &PoolConnectionMetadata) -> bool {
        let risen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        risen.is_some_and(|risen| connection.idle_for >= risen.elapsed())
    }
}

/// Set here and not in the start-up packet, which poolers in session mode refuse.
async fn prepare(connection: &mut PgConnection, profile: Profile) -> Result<(), sqlx::Error> {
    let statement_timeout = profile.statement_timeout;
    // A plan over many months looks dear enough to be compiled, which takes a second; none of the
    // service's statements runs for as long.
    let settings = format!(
        "set synchronous_commit = on; set search_path = pg_catalog, pg_temp; \
         set default_transaction_read_only = off; \
         set default_transaction_isolation = 'read committed'; set jit = off; \
         set statement_timeout = '{statement_timeout}'; \
         set idle_in_transaction_session_timeout = '5s'; set timezone = 'UTC'"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(settings))
        .execute(&mut *connection)
        .await?;
    if profile.ends_with_client {
        let looks = format!("set client_connection_check_interval = '{CLIENT_LOOKED_FOR}'");
        let looks = sqlx::raw_sql(sqlx::AssertSqlSafe(looks));
        match looks.execute(connection).await {
            // Postgres knows it on Linux, macOS, illumos and the BSDs; elsewhere a statement runs to its time-out.
            Ok(_) | Err(sqlx::Error::Database(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
