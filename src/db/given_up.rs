//! That work on connections came to nothing, for whoever asks why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether any work on a connection has been given up, or none was to be had.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
