//! Waiting for a state by asking for it, never by sleeping for long enough.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const LONGEST_PAUSE: Duration = Duration::from_millis(80);

/// Asks until `found` gives something, and panics when `patience` is over.
pub(crate) async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut found: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_millis(10);
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        sleep(pause).await;
        // Whoever asks all the time keeps what it waits for from happening.
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
