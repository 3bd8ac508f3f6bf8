//! A connection that a stalled network cannot keep.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

/// A pooled connection that goes back to its pool only when its work was completed.
///
/// Dropped in the middle, by a time-out or an error, it is closed instead: returning it would
/// make the pool wait for an answer that may never come, and hold one of the few places.
#[derive(Debug)]
pub(crate) struct Connection(Option<PoolConnection<Postgres>>);

impl Connection {
    pub(crate) async fn acquire(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self(Some(pool.acquire().await?)))
    }

    /// The work is completed.
    pub(crate) fn release(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0
            .as_ref()
            .expect("it is taken only when it is released or dropped")
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0
            .as_mut()
            .expect("it is taken only when it is released or dropped")
    }
}

/// How long one statement is waited for. Postgres gives up sooner; a server that has vanished
/// never says so, and what runs beside the requests would wait for it to the end of the process.
const STATEMENT_BOUND: Duration = Duration::from_secs(2);

/// What `statement` gives, if it does in time.
pub(crate) async fn in_time<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    within(STATEMENT_BOUND, statement).await
}

/// What `statement` gives, if it does so within `bound`.
pub(crate) async fn within<T>(
    bound: Duration,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let answered = tokio::time::timeout(bound, statement).await;
    answered.unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into())))
}
