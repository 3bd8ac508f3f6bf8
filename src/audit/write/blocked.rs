//! Whether others keep this role's statements from going on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::audit::{AuditLog, Error};
use crate::db;

/// Statements are given up, and others begin to wait: in between nobody may be seen to wait.
const REMEMBERED_FOR: Duration = Duration::from_secs(5);

/// When something was last seen to keep them from it.
#[derive(Clone, Debug, Default)]
pub(in crate::audit) struct LastBlocked(Arc<Mutex<Option<Instant>>>);

impl AuditLog {
    /// What keeps the statements of this role from going on, at this moment.
    pub async fn look_out(&self) -> Result<db::Blocked, Error> {
        let blocked = self.lookout.look().await?;
        if blocked.is_so() {
            let mut last = self.last_blocked.lock();
            *last = Some(Instant::now());
        }
        Ok(blocked)
    }

    /// Whether something kept them from it when that was last looked at, or a moment before.
    pub fn is_blocked(&self) -> bool {
        let last = *self.last_blocked.lock();
        last.is_some_and(|at| at.elapsed() < REMEMBERED_FOR)
    }
}

impl LastBlocked {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
