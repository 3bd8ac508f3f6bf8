//! What keeps the statements of this role from going on: locks of others, no connections, no room for
//! locks.
//!
//! No right keeps whoever may connect from causing any of that, so the least is to name him.

use std::fmt;
use std::time::Duration;

use sqlx::{Connection as _, FromRow, PgConnection};
use tokio::time::timeout;

use super::blocked::{Blocker, blockers, has_code};
use super::connection::{Connection, in_time, is_broken};
use super::given_up::GivenUp;
use super::pool::Pool;

/// How long the server may take to accept or refuse a connection that is only tried.
const CONNECTED_WITHIN: Duration = Duration::from_secs(2);

/// How much of something one role, and what it calls itself, has.
#[derive(Clone, Debug, FromRow, PartialEq, Eq)]
pub struct Share {
    /// The database role.
    pub role: Option<String>,
    /// What it calls itself.
    pub application: Option<String>,
    /// How many it has.
    pub count: i64,
    /// The server process that has most of them.
    pub pid: Option<i32>,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".to_owned());
        let (role, application) = (named(&self.role), named(&self.application));
        let count = self.count;
        write!(f, "role {role}, application {application:?}: {count}")?;
        self.pid.map_or(Ok(()), |pid| write!(f, " (pid {pid})"))
    }
}

/// The server refuses connections.
#[derive(Debug)]
pub struct Refusal {
    /// In the server's words.
    pub error: sqlx::Error,
    /// Who has the most connections; nobody where that could not be asked, or they are not too many.
    pub held_by: Vec<Share>,
}

/// What keeps this role's statements from going on at this moment.
#[derive(Debug, Default)]
pub struct Blocked {
    /// Those whose locks are waited for.
    pub by: Vec<Blocker>,
    /// That the server takes no more connections.
    pub refusal: Option<Refusal>,
    /// Those who have the most locks, where the server has no room for more.
    pub lock_table: Vec<Share>,
}

impl Blocked {
    /// Whether anything does.
    pub fn is_so(&self) -> bool {
        !self.by.is_empty() || self.refusal.is_some() || !self.lock_table.is_empty()
    }
}

/// Asks on a connection that it keeps, for when there is trouble there may be no other.
#[derive(Clone, Debug)]
pub struct Lookout {
    pool: Pool,
    given_up: GivenUp,
}

impl Lookout {
    pub(super) const fn new(pool: Pool, given_up: GivenUp) -> Self {
        Self { pool, given_up }
    }

    /// The pool that it asks through.
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// What keeps this role's statements from going on. If some work was given up since this was last
    /// asked, also whether that is for want of connections, or of room for locks.
    pub(crate) async fn look(&self) -> Result<Blocked, sqlx::Error> {
        let mut blocked = Blocked::default();
        if self.given_up.take() {
            blocked.refusal = self.refusal().await;
            blocked.lock_table = self.shares(LOCKS).await.unwrap_or_default();
        }
        match self.blockers().await {
            Ok(by) => blocked.by = by,
            // What is known is worth more than this.
            Err(error) if !blocked.is_so() => return Err(error),
            Err(_) => {}
        }
        Ok(blocked)
    }

    async fn blockers(&self) -> Result<Vec<Blocker>, sqlx::Error> {
        self.ask(async |connection| {
            let (_, is_waiting): (i64, bool) =
                sqlx::query_as(WAITING).fetch_one(&mut *connection).await?;
            if is_waiting {
                blockers(connection, None).await
            } else {
                Ok(Vec::new())
            }
        })
        .await
    }

    async fn refusal(&self) -> Option<Refusal> {
        let error = self.try_to_connect().await?;
        let mut held_by = Vec::new();
        if is_too_many(&error) {
            held_by = self.shares(CONNECTIONS).await.unwrap_or_default();
        }
        Some(Refusal { error, held_by })
    }

    /// Why the server refuses a connection, if it does. A pool tries again until its time is up, and does
    /// not say why.
    async fn try_to_connect(&self) -> Option<sqlx::Error> {
        let options = self.pool.connect_options();
        let connecting = PgConnection::connect_with(&options);
        match timeout(CONNECTED_WITHIN, connecting).await.ok()? {
            Ok(connection) => {
                // It is of no further use, and the server sees that it is closed.
                drop(connection);
                None
            }
            Err(error @ sqlx::Error::Database(_)) => Some(error),
            Err(_) => None,
        }
    }

    async fn shares(&self, what: &'static str) -> Result<Vec<Share>, sqlx::Error> {
        self.ask(async |connection| sqlx::query_as(what).fetch_all(connection).await)
            .await
    }

    async fn ask<T>(
        &self,
        ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let mut connection = Connection::acquire(&self.pool).await?;
        let answer = in_time(ask(&mut connection)).await;
        // There may be no other one to be had.
        let is_whole = match &answer {
            Ok(_) => true,
            Err(error @ sqlx::Error::Database(_)) => !is_broken(error),
            Err(_) => false,
        };
        if is_whole {
            connection.release();
        }
        answer
    }
}

// Where there is no room for locks, only functions can be asked: the views read tables of the whole
// server, and to lock one of those takes such room. So does the name of a role that this session has not
// looked up before, which is why `WAITING` looks up all.

/// Whether it is worth asking who blocks: a statement of this role has waited for a lock for a second.
const WAITING: &str = "
    select count(usesysid::regrole::text),
           coalesce(bool_or(wait_event_type = 'Lock' and usesysid = quote_ident(session_user)::regrole
                            and query_start < clock_timestamp() - interval '1 second'), false)
    from pg_stat_get_activity(null)";

/// Background processes have no role.
const CONNECTIONS: &str = "
    select usesysid::regrole::text as role, application_name as application, count(*) as count, null::integer as pid
    from pg_stat_get_activity(null) where usesysid is not null
    group by 1, 2 order by 3 desc limit 5";

/// The server promises room for so many (PostgreSQL, `max_locks_per_transaction`), and has some to spare.
const LOCKS: &str = "
    with held as (
        select pid, count(*) as count, sum(count(*)) over () as total
        from pg_lock_status() where not fastpath group by pid
    )
    select usesysid::regrole::text as role, application_name as application, count, held.pid
    from held left join pg_stat_get_activity(null) a on a.pid = held.pid
    where total >= current_setting('max_locks_per_transaction')::integer
          * (current_setting('max_connections')::integer + current_setting('max_prepared_transactions')::integer)
    order by count desc limit 5";

/// `SQLSTATE` `too_many_connections`: of the server, the database or the role.
fn is_too_many(error: &sqlx::Error) -> bool {
    has_code(error, "53300")
}
