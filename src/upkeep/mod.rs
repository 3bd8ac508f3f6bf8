//! What runs beside the requests: recovery, seals, months made ahead of time, and a look at what is frozen.

mod blocked;
mod brakes;
mod seal_lock;
mod sealing;

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit::AuditLog;
use crate::metrics;
use crate::service::Service;
use crate::telemetry::causes;

const RECOVERY_EVERY: Duration = Duration::from_secs(5);

/// By then an action was probed, if its kind can be.
const UNRESOLVED_AFTER: Duration = Duration::from_mins(1);

/// Ten thousand at a time.
const FORGET_EVERY: Duration = Duration::from_mins(1);

const PARTITIONS_EVERY: Duration = Duration::from_hours(1);

const TRIGGERS_EVERY: Duration = Duration::from_mins(1);

/// Keeps the record of a service in order.
#[derive(Debug)]
pub(crate) struct Upkeep {
    audit: AuditLog,
    metrics: metrics::Shared,
    closing: CancellationToken,
}

impl Upkeep {
    /// Of the record of `service`.
    pub(crate) fn new(service: &Service) -> Self {
        Self {
            audit: service.audit.clone(),
            metrics: Arc::clone(&service.metrics),
            closing: service.closing.clone(),
        }
    }

    /// Runs until the service closes.
    pub(crate) async fn run(&self) {
        let upkeep = async {
            tokio::join!(
                self.recover(),
                self.seal(),
                self.ensure_partitions(),
                self.forget(),
                self.watch_triggers(),
                self.watch_brakes(),
                self.look_out()
            )
        };
        Box::pin(self.closing.run_until_cancelled(upkeep)).await;
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
            match self.audit.unresolved(UNRESOLVED_AFTER).await {
                Ok(counts) => self.metrics.set_unresolved(&counts),
                Err(error) => tracing::warn!(
                    error = causes(&error),
                    "it could not be found out what is still of unknown outcome"
                ),
            }
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

    async fn forget(&self) {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            if let Err(error) = self.audit.forget_old_keys().await {
                tracing::warn!(
                    error = causes(&error),
                    "old idempotency keys could not be forgotten"
                );
            }
            if let Err(error) = self.audit.forget_old_batches().await {
                tracing::warn!(
                    error = causes(&error),
                    "the working state of old batches could not be forgotten"
                );
            }
            if let Err(error) = self.audit.forget_old_targets().await {
                tracing::warn!(
                    error = causes(&error),
                    "it could not be forgotten on whom mutes and bans were begun last"
                );
            }
        }
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
