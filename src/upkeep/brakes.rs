//! What is frozen, for those who watch this replica.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Upkeep;
use crate::domain::{BrakeRow, BrakedBy};
use crate::telemetry::causes;

/// An action finds out by itself; this is for `/readyz`, the metric and the log.
const EVERY: Duration = Duration::from_secs(2);

impl Upkeep {
    pub(super) async fn watch_brakes(&self) {
        let mut said: Vec<BrakeRow> = Vec::new();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.audit.brakes().await {
                Ok(brakes) => {
                    let frozen = brakes.in_force();
                    for freeze in frozen.iter().filter(|freeze| !said.contains(freeze)) {
                        say_frozen(freeze);
                    }
                    for freeze in said.iter().filter(|freeze| !frozen.contains(freeze)) {
                        say_thawed(freeze);
                    }
                    said = frozen.to_vec();
                }
                Err(error) => tracing::warn!(
                    error = causes(&error),
                    "it could not be found out what is frozen"
                ),
            }
        }
    }
}

fn say_frozen(freeze: &BrakeRow) {
    let (moderator, operator) = match &freeze.by {
        BrakedBy::Moderator { moderator, .. } => (Some(moderator), None),
        BrakedBy::Command { operator, .. } => (None, Some(operator)),
    };
    tracing::warn!(
        event = "frozen",
        brake.id = %freeze.id,
        scope.kind = freeze.scope.kind,
        scope.issuer = freeze.scope.issuer,
        scope.moderator = freeze.scope.moderator,
        by.moderator = moderator,
        by.operator = operator,
        "actions are frozen: {}", freeze.scope.reach()
    );
}

fn say_thawed(freeze: &BrakeRow) {
    tracing::info!(
        event = "thawed",
        brake.id = %freeze.id,
        scope.kind = freeze.scope.kind,
        scope.issuer = freeze.scope.issuer,
        scope.moderator = freeze.scope.moderator,
        "a freeze has ended: {}", freeze.scope.reach()
    );
}
