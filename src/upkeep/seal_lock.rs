//! Who keeps this replica from sealing: said when it is the same transaction for longer than sealing
//! takes.

use std::time::Duration;

use tokio::time::Instant;

use crate::audit::seal::LockHolder;
use crate::telemetry::OnceAMinute;

/// Sealing takes milliseconds, unless very much is due.
const LONG: Duration = Duration::from_secs(5);

/// The transaction that has the lock, and since when it was seen to.
#[derive(Debug, Default)]
pub(super) struct SealLock {
    held: Option<(LockHolder, Instant)>,
    said: OnceAMinute,
}

impl SealLock {
    /// Takes note of who has it now; `None` if this replica could have it.
    pub(super) fn see(&mut self, holder: Option<LockHolder>) {
        let Some(holder) = holder else {
            self.held = None;
            return;
        };
        let since = match &self.held {
            Some((seen, since)) if seen.transaction == holder.transaction => *since,
            _ => Instant::now(),
        };
        if since.elapsed() >= LONG && self.said.is_due() {
            tracing::warn!(
                event = "seal_lock_held",
                pid = holder.pid,
                role = holder.role,
                application = holder.application,
                address = holder.address,
                held_seconds = since.elapsed().as_secs(),
                "another transaction keeps this replica from sealing; if it is no replica, end it with pg_terminate_backend"
            );
        }
        self.held = Some((holder, since));
    }
}
