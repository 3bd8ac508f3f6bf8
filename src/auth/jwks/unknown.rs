//! Names of keys that the provider did not have a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long such a name is believed to be nobody's.
const BELIEVED_FOR: Duration = Duration::from_secs(30);

/// How many names are kept. They come from tokens that nobody has checked.
const MOST_NAMES: usize = 1000;

/// Keeps a client whose token is of yesterday from causing a fetch with each request.
#[derive(Debug, Default)]
pub(super) struct UnknownIds(Mutex<HashMap<String, Instant>>);

impl UnknownIds {
    pub(super) fn has(&self, id: &str) -> bool {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names
            .get(id)
            .is_some_and(|noted| noted.elapsed() < BELIEVED_FOR)
    }

    pub(super) fn note(&self, id: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MOST_NAMES {
            names.retain(|_, noted| noted.elapsed() < BELIEVED_FOR);
        }
        if names.len() < MOST_NAMES {
            names.insert(id.to_owned(), Instant::now());
        }
    }
}
