//! Keeps the leases of all APIs: has them when they are needed, renews them together, and gives them up.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::permits::Permits;
use super::super::queue::Queue;
use super::start::Start;
use super::store::{Asked, GivenUp, Leases};
use super::{HolderRow, PATIENCE, Renewal, Standing};
use crate::db::within;
use crate::telemetry::causes;

/// One API whose lease is kept.
#[derive(Debug)]
pub(in super::super) struct Kept<'a> {
    pub(in super::super) api: &'static str,
    pub(in super::super) permits: &'a Permits,
    pub(in super::super) queue: &'a Queue,
    /// As it was last said.
    pub(in super::super) said: Standing,
}

/// Keeps the leases on the permits of all APIs.
#[derive(Debug)]
pub(in super::super) struct Keeper<'a> {
    pub(in super::super) holder: Uuid,
    pub(in super::super) apis: Vec<Kept<'a>>,
    pub(in super::super) leases: &'a Leases,
    pub(in super::super) start: &'a Start,
    /// Told when an API is used that has too few permits.
    pub(in super::super) wake: &'a Notify,
    /// See [`grace`](super::grace).
    pub(in super::super) grace: Duration,
    /// How long a lease is kept that nobody uses.
    pub(in super::super) idle_lease: Duration,
    /// When it was last asked whether the cold start can be ended.
    pub(in super::super) start_asked_at: Option<Instant>,
    /// Whether the last renewal was answered.
    pub(in super::super) answered: bool,
}

impl Keeper<'_> {
    /// Keeps the leases until `end`, and gives them up. From `closing` on nothing new is queued, and
    /// what rests is not asked for again.
    pub(in super::super) async fn keep(
        mut self,
        closing: &CancellationToken,
        end: &CancellationToken,
    ) {
        while end
            .run_until_cancelled(self.something_is_due())
            .await
            .is_some()
        {
            self.begin().await;
            self.give_up_idle().await;
            self.renew(closing.is_cancelled()).await;
            self.report();
        }
        self.give_up_all().await;
    }

    async fn something_is_due(&self) {
        loop {
            let woken = self.wake.notified();
            let now = Instant::now();
            let starts = self.start.asks_at(now, self.start_asked_at);
            let renewals = self.apis.iter().filter_map(|kept| kept.due_at(now));
            match renewals.chain(starts).min() {
                Some(due) if due <= now => return,
                Some(due) => tokio::select! {
                    () = woken => {}
                    () = sleep_until(due) => {}
                },
                None => woken.await,
            }
        }
    }

    /// Ends the cold start where nothing of before can be under way.
    async fn begin(&mut self) {
        let now = Instant::now();
        let asks_at = self.start.asks_at(now, self.start_asked_at);
        if asks_at.is_none_or(|at| at > now) {
            return;
        }
        self.start_asked_at = Some(now);
        match within(PATIENCE, self.leases.all_given_up()).await {
            Ok(all) if self.start.is_answered(Instant::now(), all) => {
                for kept in &self.apis {
                    kept.permits.end_cold_start();
                }
                tracing::debug!("no call of before can be under way: permits are granted at once");
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(error = causes(&error), "the leases cannot be read yet"),
        }
    }

    /// All that are kept are renewed when one is due.
    async fn renew(&mut self, closing: bool) {
        let now = Instant::now();
        let due = |kept: &Kept<'_>| kept.due_at(now).is_some_and(|at| at <= now);
        if !self.apis.iter().any(due) {
            return;
        }
        let kept = self.apis.iter().filter(|kept| kept.is_kept(now));
        let asked = kept.map(|kept| Asked {
            api: kept.api,
            renewal: kept.permits.renew(now, kept.queue.demand(), closing),
        });
        let asked: Vec<Asked> = asked.collect();
        let asking = self.leases.renew(self.holder, &asked, self.grace);
        match within(PATIENCE, asking).await {
            Ok(rows) => {
                self.answered = true;
                self.renewed(now, &asked, &rows);
            }
            Err(error) => {
                // The first failure after a success is news; the others are not.
                let (news, error) = (std::mem::take(&mut self.answered), causes(&error));
                if news {
                    tracing::warn!(event = "lease_not_renewed", error, "trying again");
                } else {
                    tracing::debug!(error, "the leases were not renewed");
                }
            }
        }
    }

    fn renewed(&self, asked_at: Instant, asked: &[Asked], rows: &[(String, HolderRow)]) {
        for Asked { api, renewal } in asked {
            let of_this = rows.iter().filter(|(of, _)| of == api);
            let rows: Vec<HolderRow> = of_this.map(|(_, row)| *row).collect();
            if let Some(kept) = self.apis.iter().find(|kept| kept.api == *api) {
                kept.permits.renewed(asked_at, renewal, &rows);
            }
        }
    }

    /// Says when a lease is lost and when there is one again.
    fn report(&mut self) {
        for kept in &mut self.apis {
            let (standing, api) = (kept.permits.standing(), kept.api);
            match (kept.said, standing) {
                (Standing::Leased | Standing::Waiting, Standing::Lapsed) => tracing::error!(
                    event = "lease_lapsed",
                    api,
                    "no permits until the database is back: actions are answered with 503"
                ),
                (Standing::Lapsed, Standing::Leased) => {
                    tracing::info!(event = "lease_renewed", api, "there are permits again");
                }
                _ => {}
            }
            kept.said = standing;
        }
    }

    /// An API that nobody uses costs no statement.
    async fn give_up_idle(&self) {
        let idle = self.apis.iter().filter_map(|kept| {
            let given_up = kept
                .permits
                .give_up_if_idle(kept.queue.demand(), self.idle_lease)?;
            Some(kept.given_up(given_up))
        });
        self.give_up(idle.collect()).await;
    }

    /// What is in use now has outlived the shutdown time-out: the process ends without a word, and
    /// that lease runs out by itself. What was never leased is given up as well: whoever comes next sees by
    /// it that nothing is under way.
    async fn give_up_all(&self) {
        let all = self.apis.iter().filter_map(|kept| {
            let given_up = kept.permits.give_up()?;
            Some(kept.given_up(given_up))
        });
        self.give_up(all.collect()).await;
    }

    async fn give_up(&self, given_up: Vec<GivenUp>) {
        if given_up.is_empty() {
            return;
        }
        // Before that it cannot know itself what was under way when it began.
        let is_evidence = self.start.is_over(Instant::now());
        let giving_up = self.leases.give_up(self.holder, &given_up, is_evidence);
        if let Err(error) = within(PATIENCE, giving_up).await {
            tracing::warn!(
                error = causes(&error),
                "leases were not given up: others have their permits when they have run out"
            );
        }
    }
}

impl Kept<'_> {
    fn due_at(&self, now: Instant) -> Option<Instant> {
        self.permits.due_at(now, self.queue.demand())
    }

    fn is_kept(&self, now: Instant) -> bool {
        self.permits.is_kept(now, self.queue.demand())
    }

    const fn given_up(&self, (renewal, rests_for): (Renewal, Duration)) -> GivenUp {
        GivenUp {
            api: self.api,
            renewal,
            rests_for,
        }
    }
}
