//! The one task of a process that asks the record what has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Feed, HandedOut, News, PAUSE};
use crate::audit::{Error, Position};
use crate::telemetry::causes;

const EVERY: Duration = Duration::from_millis(250);

impl Feed {
    /// Runs until `closing`.
    pub async fn poll(&self, closing: &CancellationToken) {
        let polling = async {
            loop {
                while self.news.receiver_count() == 0 {
                    self.somebody_came.notified().await;
                }
                self.follow().await;
            }
        };
        closing.run_until_cancelled(polling).await;
    }

    /// Hands out what changes from now on, as long as somebody listens.
    async fn follow(&self) {
        let mut position = self.begin().await;
        while self.news.receiver_count() > 0 {
            let read = self.audit.changes_after(position).await;
            self.polling_fault.note(read.as_ref().err());
            let pause = match read {
                Ok(Some(segment)) => {
                    let pause = if segment.more { Duration::ZERO } else { EVERY };
                    if segment.end != position {
                        let handed_out = HandedOut::new(position, segment);
                        position = handed_out.end;
                        // In this order: who comes in between hears it again, and skips it.
                        self.present.send_replace(Some(position));
                        let _ = self.news.send(News::Changes(Arc::new(handed_out)));
                    }
                    pause
                }
                Ok(None) => {
                    tracing::warn!(
                        event = "record_replaced",
                        "the record does not have what was seen last: all listeners are told to begin anew"
                    );
                    self.present.send_replace(None);
                    position = self.begin().await;
                    let _ = self.news.send(News::Replaced);
                    EVERY
                }
                Err(_) => PAUSE,
            };
            tokio::time::sleep(pause).await;
        }
        self.present.send_replace(None);
    }

    /// The present, as soon as the record can be read.
    async fn begin(&self) -> Position {
        loop {
            let newest = self.audit.newest_change().await;
            self.polling_fault.note(newest.as_ref().err());
            if let Ok(position) = newest {
                self.present.send_replace(Some(position));
                return position;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Something that fails again and again, and is said once.
#[derive(Debug)]
pub(super) struct Fault {
    what: &'static str,
    present: AtomicBool,
}

impl Fault {
    pub(super) const fn of(what: &'static str) -> Self {
        Self {
            what,
            present: AtomicBool::new(false),
        }
    }

    /// Says it if it begins or ends with this.
    pub(super) fn note(&self, error: Option<&Error>) {
        let before = self.present.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !before => {
                tracing::warn!(
                    event = "stream_interrupted",
                    error = causes(error),
                    "{}",
                    self.what
                );
            }
            None if before => {
                tracing::info!(event = "stream_resumed", "over: {}", self.what);
            }
            _ => {}
        }
    }
}
