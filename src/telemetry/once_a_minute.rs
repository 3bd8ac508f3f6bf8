//! Lines about what goes on all the time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const AT_MOST_EVERY: Duration = Duration::from_mins(1);

/// Lets a line be written once a minute, however often there is a reason for it.
#[derive(Debug, Default)]
pub struct OnceAMinute(Mutex<Option<Instant>>);

impl OnceAMinute {
    /// Whether the line is due. Who is told so writes it: it is not due again for a minute.
    pub fn is_due(&self) -> bool {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = written.is_none_or(|at| at.elapsed() >= AT_MOST_EVERY);
        if due {
            *written = Some(Instant::now());
        }
        due
    }
}
