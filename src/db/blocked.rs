//! Who keeps others waiting for a lock.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::{FromRow, PgConnection};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{Error, connect};

const BLOCKERS: &str = include_str!("blockers.sql");

/// How often a session that takes its time is looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(500);

/// A session that others wait for, as far as Postgres tells this role.
#[derive(Clone, Debug, FromRow, PartialEq, Eq)]
pub struct Blocker {
    /// Its server process; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// The database role.
    pub role: Option<String>,
    /// What it calls itself.
    pub application: Option<String>,
    /// The other end of its connection; `None` where that is not this role's to know.
    pub address: Option<String>,
    /// As `idle in transaction`; `None` where that is not this role's to know.
    pub state: Option<String>,
    /// When its transaction began; `None` where that is not this role's to know.
    pub since: Option<DateTime<Utc>>,
    /// What it holds, or waits for, of what is waited for; `None` where that is no table.
    pub locks: Option<String>,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}")?,
            None => f.write_str("a prepared transaction")?,
        }
        for (what, value) in [
            ("role", &self.role),
            ("application", &self.application),
            ("state", &self.state),
        ] {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                write!(f, ", {what} {value}")?;
            }
        }
        if let Some(since) = self.since {
            write!(f, ", in a transaction since {}", since.to_rfc3339())?;
        }
        if let Some(locks) = &self.locks {
            write!(f, ": {locks}")?;
        }
        Ok(())
    }
}

/// Who keeps the session of `process` waiting, or those of this role.
pub(super) async fn blockers(
    connection: &mut PgConnection,
    process: Option<i32>,
) -> Result<Vec<Blocker>, sqlx::Error> {
    let blockers = sqlx::query_as(BLOCKERS).bind(process);
    blockers.fetch_all(connection).await
}

/// Is told of each session that keeps some work waiting, once.
pub type Waits<'a> = &'a (dyn Fn(&Blocker) + Sync);

/// `work` of the session of `process`, and who kept it waiting when it last did. Tells `waits` of them
/// while it does.
pub(crate) async fn watched<T>(
    url: &SecretString,
    process: i32,
    waits: Waits<'_>,
    work: impl Future<Output = T>,
) -> (T, Vec<Blocker>) {
    let (mut seen, mut told) = (Vec::new(), HashSet::new());
    let looking = async {
        let mut ticks = interval_at(Instant::now() + LOOKED_AT_EVERY, LOOKED_AT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut connection = connect(url).await?;
        loop {
            ticks.tick().await;
            let blockers = blockers(&mut connection, Some(process)).await;
            let blockers = blockers.map_err(Error::Unreachable)?;
            for blocker in &blockers {
                if told.insert(blocker.pid) {
                    waits(blocker);
                }
            }
            if !blockers.is_empty() {
                seen = blockers;
            }
        }
    };
    let mut work = std::pin::pin!(work);
    let done: Result<T, Result<Infallible, Error>> = tokio::select! {
        done = &mut work => Ok(done),
        failed = looking => Err(failed),
    };
    match done {
        Ok(done) => (done, seen),
        // Nobody is named then, and it goes on all the same.
        Err(_) => (work.await, seen),
    }
}

/// `SQLSTATE` `lock_not_available`.
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    has_code(error, "55P03")
}

pub(super) fn has_code(error: &sqlx::Error, code: &str) -> bool {
    let said = error.as_database_error();
    said.and_then(sqlx::error::DatabaseError::code).as_deref() == Some(code)
}

/// Who they are, in one line.
pub(super) fn list(blockers: &[Blocker]) -> String {
    let names: Vec<String> = blockers.iter().map(ToString::to_string).collect();
    names.join("; ")
}
