//! Waiting for a state by asking for it, never by sleeping for long enough.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Asks until `found` gives something, and panics when `patience` is over.
pub(crate) async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut found: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
