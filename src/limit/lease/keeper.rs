//! Keeps the lease of one API: renews it until the service ends, then gives it up.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::super::permits::Permits;
use super::Standing;
use super::store::Leases;
use crate::db::within;
use crate::domain::Api;
use crate::telemetry::causes;

/// How often a lease is renewed.
const EVERY: Duration = Duration::from_secs(1);

/// How often it is where permits should change hands, and after a renewal that failed.
const IN_A_HURRY: Duration = Duration::from_millis(250);

/// How long an answer is waited for. One that is late says nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps the lease on the permits of one API.
#[derive(Debug)]
pub(in super::super) struct Keeper<'a> {
    pub(in super::super) api: &'static Api,
    pub(in super::super) permits: &'a Permits,
    pub(in super::super) leases: &'a Leases,
    /// See [`grace`](super::grace).
    pub(in super::super) grace: Duration,
}

impl Keeper<'_> {
    /// Renews the lease until `end`, and gives it up. From `closing` on nothing new is queued, and
    /// what rests is not asked for again.
    pub(in super::super) async fn keep(
        &self,
        queued: impl Fn() -> usize,
        closing: &CancellationToken,
        end: &CancellationToken,
    ) {
        let mut ticks = interval(IN_A_HURRY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut renewed_at, mut standing) = (None, Standing::Waiting);
        while end.run_until_cancelled(ticks.tick()).await.is_some() {
            let due = renewed_at.is_none_or(|at: Instant| at.elapsed() >= EVERY);
            if due || self.permits.is_unsettled(queued()) {
                let asked_at = Instant::now();
                match self.renew(asked_at, queued(), closing.is_cancelled()).await {
                    Ok(()) => renewed_at = Some(asked_at),
                    Err(error) => self.report_failure(renewed_at.take(), &error),
                }
                standing = self.report(standing);
            }
        }
        self.release().await;
    }

    async fn renew(
        &self,
        asked_at: Instant,
        queued: usize,
        closing: bool,
    ) -> Result<(), sqlx::Error> {
        let renewal = self.permits.renew(asked_at, queued, closing);
        let asking = self.leases.renew(self.api, &renewal, self.grace);
        let rows = within(PATIENCE, asking).await?;
        self.permits.renewed(asked_at, &renewal, &rows);
        Ok(())
    }

    /// The first failure after a success is news; the others are not.
    fn report_failure(&self, renewed_at: Option<Instant>, error: &sqlx::Error) {
        let (api, error) = (self.api.word, causes(error));
        if renewed_at.is_some() {
            tracing::warn!(event = "lease_not_renewed", api, error, "trying again");
        } else {
            tracing::debug!(api, error, "a lease was not renewed");
        }
    }

    /// Says when the lease is lost and when there is one again.
    fn report(&self, before: Standing) -> Standing {
        let (standing, api) = (self.permits.standing(), self.api.word);
        match (before, standing) {
            (Standing::Leased, Standing::Lapsed) => tracing::error!(
                event = "lease_lapsed",
                api,
                "no permits until the database is back: actions are answered with 503"
            ),
            (Standing::Lapsed, Standing::Leased) => {
                tracing::info!(event = "lease_renewed", api, "there are permits again");
            }
            _ => {}
        }
        standing
    }

    /// What is in use now has outlived the shutdown time-out: the process ends without a word, and
    /// the lease runs out by itself.
    async fn release(&self) {
        let Some((renewal, rests_for)) = self.permits.release() else {
            return;
        };
        let releasing = self
            .leases
            .release(self.api, renewal.holder, renewal.number, rests_for);
        if let Err(error) = within(PATIENCE, releasing).await {
            tracing::warn!(
                api = self.api.word,
                error = causes(&error),
                "a lease was not given up: others have its permits when it has run out"
            );
        }
    }
}
