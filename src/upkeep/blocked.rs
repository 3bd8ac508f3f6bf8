//! Who keeps the gateway's statements from going on: named while it lasts, once a minute.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Upkeep;
use crate::audit::{Blocked, Blocker};
use crate::telemetry::{OnceAMinute, causes};

/// A statement waits for longer than this before it is given up, and is only seen while it waits.
const EVERY: Duration = Duration::from_millis(500);

/// A session that has not been seen for this long, and is seen again, is another matter.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

impl Upkeep {
    pub(super) async fn look_out(&self) {
        let mut blocking = Blocking::default();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.audit.look_out().await {
                Ok(blocked) => blocking.see(&blocked),
                // Whoever needs the database says so.
                Err(error) => {
                    tracing::debug!(error = causes(&error), "who blocks could not be asked");
                }
            }
        }
    }
}

/// What has been seen and said.
#[derive(Debug, Default)]
struct Blocking {
    sessions: HashMap<Option<i32>, Session>,
    refused: OnceAMinute,
    lock_table: OnceAMinute,
}

#[derive(Debug)]
struct Session {
    first: Instant,
    last: Instant,
    said: OnceAMinute,
}

impl Blocking {
    /// Takes note of what is so now, and says what is news.
    fn see(&mut self, blocked: &Blocked) {
        self.sessions
            .retain(|_, session| session.last.elapsed() < FORGOTTEN_AFTER);
        for blocker in &blocked.by {
            self.see_session(blocker);
        }
        if let Some(refusal) = &blocked.refusal
            && self.refused.is_due()
        {
            tracing::warn!(
                event = "connections_refused",
                error = causes(&refusal.error),
                held_by = list(&refusal.held_by),
                "the database refuses connections; held_by says who has the most"
            );
        }
        if !blocked.lock_table.is_empty() && self.lock_table.is_due() {
            tracing::warn!(
                event = "lock_table_full",
                held_by = list(&blocked.lock_table),
                "the database has no room for more locks; if it is no replica that has the most, end it with pg_terminate_backend"
            );
        }
    }

    fn see_session(&mut self, blocker: &Blocker) {
        let now = Instant::now();
        let session = self.sessions.entry(blocker.pid).or_insert(Session {
            first: now,
            last: now,
            said: OnceAMinute::default(),
        });
        session.last = now;
        if !session.said.is_due() {
            return;
        }
        tracing::warn!(
            event = "record_blocked",
            pid = blocker.pid,
            role = blocker.role,
            application = blocker.application,
            address = blocker.address,
            state = blocker.state,
            since = blocker.since.map(|since| since.to_rfc3339()),
            locks = blocker.locks,
            seen_seconds = session.first.elapsed().as_secs(),
            "statements of the gateway wait for a lock of this session; if it is no replica, end it with pg_terminate_backend"
        );
    }
}

fn list(shares: &[impl ToString]) -> String {
    let shares: Vec<String> = shares.iter().map(ToString::to_string).collect();
    shares.join("; ")
}
