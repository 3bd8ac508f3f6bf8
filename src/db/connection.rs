//! A connection that a stalled network cannot keep.

use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::pool::{Pool, Taken};

/// A pooled connection that goes back to its pool only when its work was completed.
///
/// Dropped in the middle, by a time-out or an error, it is closed instead: returning it would
/// make the pool wait for an answer that may never come, and hold one of the few places.
#[derive(Debug)]
pub(crate) struct Connection(Option<Taken>);

impl Connection {
    pub(crate) async fn acquire(pool: &Pool) -> Result<Self, sqlx::Error> {
        Ok(Self(Some(pool.take().await?)))
    }

    /// The work is completed.
    pub(crate) fn release(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(taken) = self.0.take() {
            taken.give_up();
        }
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        let taken = self.0.as_ref();
        &taken.expect(UNTIL_THE_END).connection
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        let taken = self.0.as_mut();
        &mut taken.expect(UNTIL_THE_END).connection
    }
}

const UNTIL_THE_END: &str = "it is there until it is released or dropped";

/// Whether the session has ended, and not only its statement. A connection is not tried out each time
/// that it is used, so it may have ended long before.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        // `within` says so of a server that does not answer: nor would it the next time.
        sqlx::Error::Io(error) => error.kind() != io::ErrorKind::TimedOut,
        sqlx::Error::Database(said) => said
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|said| matches!(said.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        _ => false,
    }
}

/// Whether Postgres says that the statement, and with it its transaction, came to nothing. Anything but a plain error ends the
/// session, possibly just after the commit.
pub(crate) fn is_refused(error: &sqlx::Error) -> bool {
    let refusal = error.as_database_error();
    refusal
        .and_then(|said| said.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|said| said.severity() == PgSeverity::Error)
}

/// Whether Postgres ended the statement because it took too long (`query_canceled`).
pub(crate) fn is_cancelled(error: &sqlx::Error) -> bool {
    let refusal = error.as_database_error();
    refusal.is_some_and(|said| said.code().as_deref() == Some("57014"))
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
