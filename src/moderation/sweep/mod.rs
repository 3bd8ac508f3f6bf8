//! What runs beside the requests: recovery, seals, and months made ahead of time.

mod blocked;
mod seal_lock;

use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::Moderation;
use crate::audit;
use crate::audit::seal::{Break, Sealed, SeenHead};
use crate::telemetry::causes;
use seal_lock::SealLock;

const SEAL_EVERY: Duration = Duration::from_secs(1);

/// How often it is said that the chain of seals is broken.
const REPEAT_EVERY: Duration = Duration::from_mins(1);

const RECOVERY_EVERY: Duration = Duration::from_secs(5);

/// Ten thousand at a time.
const FORGET_KEYS_EVERY: Duration = Duration::from_mins(1);

const PARTITIONS_EVERY: Duration = Duration::from_hours(1);

const TRIGGERS_EVERY: Duration = Duration::from_mins(1);

impl Moderation {
    /// Runs until the service closes.
    pub async fn sweep(&self) {
        let sweeping = async {
            tokio::join!(
                self.recover(),
                self.seal(),
                self.ensure_partitions(),
                self.forget_old_keys(),
                self.watch_triggers(),
                self.look_out()
            )
        };
        Box::pin(self.closing.run_until_cancelled(sweeping)).await;
    }

    async fn recover(&self) {
        let mut from = Uuid::nil();
        let mut ticks = interval(RECOVERY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.audit.recover(from).await {
                Ok(swept) => {
                    from = swept.next_from;
                    let age = swept
                        .oldest_pending
                        .map(|since| (Utc::now() - since).to_std().unwrap_or_default());
                    self.metrics.set_pending_oldest(age.unwrap_or_default());
                }
                Err(error) => tracing::warn!(error = causes(&error), "recovery could not run"),
            }
        }
    }

    async fn seal(&self) {
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

    async fn ensure_partitions(&self) {
        let mut next = Instant::now();
        loop {
            tokio::time::sleep_until(next).await;
            match self.audit.ensure_partitions(Utc::now()).await {
                Ok(months) => {
                    self.metrics.set_partition_months_ahead(months);
                    next = Instant::now() + PARTITIONS_EVERY;
                }
                Err(error) => {
                    tracing::error!(
                        error = causes(&error),
                        "partitions could not be made ahead of time"
                    );
                    next = Instant::now() + RECOVERY_EVERY;
                }
            }
        }
    }

    async fn watch_triggers(&self) {
        let mut said = Vec::new();
        let mut ticks = interval(TRIGGERS_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.audit.trigger_faults().await {
                Ok(faults) if faults == said => {}
                Ok(faults) => {
                    report_triggers(&faults);
                    said = faults;
                }
                Err(error) => tracing::warn!(
                    error = causes(&error),
                    "it could not be found out whether the record's triggers are in force"
                ),
            }
        }
    }

    async fn forget_old_keys(&self) {
        loop {
            tokio::time::sleep(FORGET_KEYS_EVERY).await;
            if let Err(error) = self.audit.forget_old_keys().await {
                tracing::warn!(
                    error = causes(&error),
                    "old idempotency keys could not be forgotten"
                );
            }
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

fn report_triggers(faults: &[String]) {
    if faults.is_empty() {
        tracing::info!(
            event = "triggers_mended",
            "the triggers that guard the record are as the migrations made them again"
        );
        return;
    }
    tracing::warn!(
        event = "triggers_weak",
        faults = faults.join("; "),
        advice = "`modgate migrate` mends them; find out what changed them: a restore does",
        "triggers that guard the record are not as the migrations made them"
    );
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
