//! Waiting for whoever may not have seen a freeze.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::{Instant, sleep};

use super::BrakeError;
use crate::audit::Error;
use crate::db::in_time;

/// The longest that a freeze waits. Postgres gives a statement of a service less.
const PATIENCE: Duration = Duration::from_secs(4);

const PAUSE: Duration = Duration::from_millis(5);

/// Returns when each transaction is over that was about to begin or to repeat an action when this was called.
///
/// # Errors
/// [`BrakeError::StillBeginning`] where that takes too long.
pub(in crate::audit) async fn for_those_who_begin(
    connection: &mut PgConnection,
) -> Result<(), BrakeError> {
    let deadline = Instant::now() + PATIENCE;
    let mut before: Option<Vec<String>> = None;
    loop {
        let holders = in_time(holders(connection)).await;
        let holders = holders.map_err(|error| BrakeError::Unclear(Error::Database(error)))?;
        let left = match before {
            None => holders,
            Some(mut before) => {
                before.retain(|one| holders.contains(one));
                before
            }
        };
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(BrakeError::StillBeginning);
        }
        before = Some(left);
        sleep(PAUSE).await;
    }
}

/// The transactions that are about to: each is told from every other, also of the same session.
async fn holders(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let holders = sqlx::query_scalar!(
        r#"select virtualtransaction as "transaction!" from pg_locks
           where locktype = 'relation' and relation = 'modgate.begin_lock'::regclass
             and database = (select oid from pg_database where datname = current_database())
             and mode = 'RowShareLock'"#
    );
    holders.fetch_all(connection).await
}
