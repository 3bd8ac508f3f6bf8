//! Reads of the record, on the main runtime: a worker of the HTTP server has one of its own, on which no
//! connection to the database may be.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Service;
use crate::audit::{self, DROPPED_READ_ENDS_WITHIN};
use crate::telemetry::causes;

/// The longest that a read of the record may take.
const READ_BOUND: Duration = Duration::from_millis(2500);

/// The record was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read, or not in time. The log says why.
    #[error("the record cannot be read")]
    Unavailable,
    /// A bug ended the read.
    #[error("the read of the record was lost")]
    Lost,
}

/// Reads the record, within a bound.
pub async fn bounded<T>(
    work: impl Future<Output = Result<T, audit::Error>>,
) -> Result<T, ReadError> {
    match tokio::time::timeout(READ_BOUND, work).await {
        Ok(Ok(done)) => Ok(done),
        Err(_) => {
            tracing::error!("the record was not read in time");
            Err(ReadError::Unavailable)
        }
        Ok(Err(error)) => {
            tracing::error!(error = causes(&error), "the record cannot be read");
            Err(ReadError::Unavailable)
        }
    }
}

impl Service {
    /// Reads the record, to its end even if whoever waits goes away, within a bound. Nothing is lost if the
    /// process ends first, so it is none of the tasks that must end.
    pub async fn on_main_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, audit::Error>> + Send + 'static,
    ) -> Result<T, ReadError> {
        let read = self.runtime.spawn(bounded(work)).await;
        // A panic.
        read.unwrap_or(Err(ReadError::Lost))
    }

    /// The same, but if whoever waits goes away what is asked of the database ends as well. `held` is kept
    /// until it has: who comes and goes does not leave more behind than one who waits.
    pub fn while_awaited<T: Send + 'static>(
        &self,
        held: impl Send + 'static,
        work: impl Future<Output = Result<T, audit::Error>> + Send + 'static,
    ) -> impl Future<Output = Result<T, ReadError>> {
        let gone = CancellationToken::new();
        let awaited = gone.clone().drop_guard();
        // Boxed here, or each future that waits for it would be as large.
        let work = Box::pin(work);
        let work = async move {
            let _held = held;
            if let Some(done) = gone.run_until_cancelled_owned(work).await {
                return done;
            }
            // The work is dropped, and its connection closed.
            tokio::time::sleep(DROPPED_READ_ENDS_WITHIN).await;
            Err(audit::Error::Unwanted)
        };
        async move {
            let _awaited = awaited;
            self.on_main_runtime(work).await
        }
    }
}
