//! Whether the triggers that guard the record are as the migrations made them.

use std::sync::atomic::Ordering;

use crate::audit::{AuditLog, Error};
use crate::db::{Connection, in_time, trigger_faults};

impl AuditLog {
    /// What is wrong with them, one sentence each: after a restore that had switched them off, for one, some are off in
    /// replica mode until the next `modgate migrate`.
    pub async fn trigger_faults(&self) -> Result<Vec<String>, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        let faults = in_time(trigger_faults(&mut connection)).await?;
        connection.release();
        self.is_unguarded
            .store(!faults.is_empty(), Ordering::Relaxed);
        Ok(faults.iter().map(ToString::to_string).collect())
    }

    /// Whether something was wrong with them when they were last looked at.
    pub fn is_unguarded(&self) -> bool {
        self.is_unguarded.load(Ordering::Relaxed)
    }
}
