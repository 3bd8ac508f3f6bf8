//! The record is sealed once a second, and it is said why where it is not.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Upkeep;
use super::seal_lock::SealLock;
use crate::audit;
use crate::audit::seal::{Break, Sealed, SeenHead};
use crate::telemetry::causes;

const SEAL_EVERY: Duration = Duration::from_secs(1);

/// How often it is said that the chain of seals is broken.
const REPEAT_EVERY: Duration = Duration::from_mins(1);

impl Upkeep {
    pub(super) async fn seal(&self) {
        let (mut fault, mut lock) = (Fault::default(), SealLock::default());
        let mut ticks = interval(SEAL_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.audit.seal().await {
                Ok(mut sealed) => {
                    self.metrics.set_seal_lag(sealed.lag);
                    lock.see(sealed.held_by.take());
                    fault.is_over();
                    report(&sealed);
                }
                Err(error) => fault.report(&error),
            }
            self.metrics.set_record_broken(self.audit.is_broken());
            self.metrics.set_seal_signed(self.audit.has_seal_key());
        }
    }
}

/// Why the record is not sealed. Said when it begins or changes, however long it lasts, because the
/// metric shows how long; that the chain is broken, or the record newer than this replica, once a minute, because
/// somebody has to do something about it.
#[derive(Debug, Default)]
struct Fault(Option<(String, Instant)>);

impl Fault {
    fn is_over(&mut self) {
        if self.0.take().is_some() {
            tracing::info!(event = "sealing_resumed", "this replica can seal again");
        }
    }

    fn report(&mut self, error: &audit::Error) {
        let causes = causes(error);
        let broken = match error {
            audit::Error::Broken(broken) => Some(broken),
            _ => None,
        };
        let is_repeated = broken.is_some() || matches!(error, audit::Error::Newer(_));
        let is_said = self.0.as_ref().is_some_and(|(said, at)| {
            *said == causes && (!is_repeated || at.elapsed() < REPEAT_EVERY)
        });
        if is_said {
            return;
        }
        if let Some(broken) = broken {
            let seen = match broken {
                Break::Gone { seen, .. } => Some(seen),
                _ => None,
            };
            tracing::error!(
                event = "chain_broken",
                seal.no = seen.map(|seen| seen.no),
                seal.head = seen.map(|seen| hex::encode(seen.head)),
                seal.sealed_at = seen.and_then(SeenHead::time),
                advice = broken.way_on(),
                "this replica seals nothing: {broken}"
            );
        } else if matches!(error, audit::Error::Newer(_)) {
            tracing::error!(
                event = "record_newer",
                error = causes,
                advice = "upgrade this replica; one of the newer release seals what is there",
                "this replica seals nothing"
            );
        } else {
            tracing::warn!(
                event = "not_sealed",
                error = causes,
                "the record could not be sealed"
            );
        }
        self.0 = Some((causes, Instant::now()));
    }
}

/// Each head is a line of the log, so that whoever keeps the log is a witness.
fn report(sealed: &Sealed) {
    if let Some(error) = &sealed.unwitnessed {
        tracing::error!(
            event = "not_witnessed",
            error = causes(error),
            "the heads that were seen could not be written into MODGATE_SEAL_WITNESS_FILE"
        );
    }
    for row in &sealed.refused {
        tracing::error!(
            event = "row_refused",
            row,
            refused = sealed.refused_count,
            "a row is not one that a gateway wrote; it is sealed as such"
        );
    }
    for head in &sealed.heads {
        tracing::info!(
            event = "seal",
            seal.no = head.no,
            seal.epoch = head.epoch,
            seal.n = head.n,
            seal.sealed_at = head.sealed_at,
            seal.head = head.head,
            seal.signature = head.signature,
            seal.key_id = head.key_id,
            "rows of the record were sealed"
        );
    }
}
