//! A connection that a stalled network cannot keep.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

/// A pooled connection that goes back to its pool only when its work was completed.
///
/// Dropped in the middle, by a time-out or an error, it is closed instead: returning it would
/// make the pool wait for an answer that may never come, and hold one of the few places.
#[derive(Debug)]
pub(super) struct Connection(Option<PoolConnection<Postgres>>);

impl Connection {
    pub(super) async fn acquire(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self(Some(pool.acquire().await?)))
    }

    /// The work is completed.
    pub(super) fn release(mut self) {
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
