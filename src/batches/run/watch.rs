//! What becomes of the batches themselves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{LOOKS_EVERY, READS_EVERY, Runner};
use crate::domain::{Batch, BatchState, BatchWord};
use crate::telemetry::causes;

/// How many batches of one moderator run at a time.
const RUNNING_AT_ONCE: usize = 2;

/// How often the items of all open batches are counted, if nobody asks.
const SHOWS_EVERY: Duration = Duration::from_secs(5);

/// Within so much of the end of its time the database is asked whether it is over: about what the record tolerates.
const CLOCKS_DIFFER_BY: TimeDelta = TimeDelta::seconds(60);

/// How often what is said of items that are over is put right.
const LEFT_ANEW_EVERY: Duration = Duration::from_secs(3);

impl Runner {
    pub(super) async fn watch(self: &Arc<Self>) {
        let [mut looked_at, mut shown_at, mut told_at] = [Instant::now(); 3];
        let mut counting: Option<JoinHandle<()>> = None;
        loop {
            let woken = self.batches.wake.notified();
            if !self.batches.are_there() {
                sleep(LOOKS_EVERY).await;
                continue;
            }
            let is_due = looked_at.elapsed() >= LOOKS_EVERY;
            match self.refresh(is_due).await {
                Ok(is_new) if is_new || is_due => {
                    looked_at = Instant::now();
                    self.look_at_all().await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = causes(&error), "open batches could not be read");
                }
            }
            let is_shown = shown_at.elapsed() >= SHOWS_EVERY;
            let is_told = told_at.elapsed() >= LOOKS_EVERY && self.batches.board.is_listened_to();
            if (is_shown || is_told) && counting.as_ref().is_none_or(JoinHandle::is_finished) {
                told_at = Instant::now();
                shown_at = if is_shown { told_at } else { shown_at };
                // Whoever reads for people does not keep batches from being run.
                let this = Arc::clone(self);
                let work = async move { this.count(is_shown).await };
                counting = Some(self.batches.service.runtime.spawn(work));
            }
            let _ = timeout(READS_EVERY, woken).await;
        }
    }

    /// Reads what is new; whether anything is. `old_too`: also whether batches of more than a day ago have changed.
    async fn refresh(self: &Arc<Self>, old_too: bool) -> Result<bool, crate::audit::Error> {
        let (closed, looks_back) = {
            let mut all = self.state.lock();
            (all.not_to_be_read(), !all.has_looked_back)
        };
        let audit = &self.batches.service.audit;
        let there = audit.open_batch_ids(&closed, looks_back).await?;
        let known: HashMap<Uuid, i16> = {
            let all = self.state.lock();
            let open = all.open.iter();
            open.map(|(id, open)| (*id, open.batch.last_rev)).collect()
        };
        let new = there.iter().filter(|(id, rev)| known.get(id) != Some(rev));
        let mut ids: Vec<Uuid> = new.map(|(id, _)| *id).collect();
        let is_new = !ids.is_empty();
        let is_old = |id: &&Uuid| old_too && !there.iter().any(|(there, _)| there == *id);
        ids.extend(known.keys().filter(is_old));
        let (batches, refused) = audit.batches_with_ids(&ids).await?;
        self.refused_rows(refused);
        let ended = self.state.lock().take_in_all(batches, &ids);
        self.items_came.notify_waiters();
        let this = Arc::clone(self);
        let telling = async move {
            for batch in ended {
                this.tell(batch).await;
            }
        };
        drop(self.batches.service.runtime.spawn(telling));
        Ok(is_new)
    }

    async fn look_at_all(self: &Arc<Self>) {
        let open: Vec<Arc<Batch>> = {
            let all = self.state.lock();
            all.open
                .values()
                .map(|open| Arc::clone(&open.batch))
                .collect()
        };
        for batch in &open {
            self.look_at(batch, &open).await;
        }
    }

    async fn look_at(self: &Arc<Self>, batch: &Arc<Batch>, open: &[Arc<Batch>]) {
        let state = batch.state();
        if state != BatchState::Cancelling && self.has_expired(batch).await {
            self.end_if_over(batch, BatchWord::Expired).await;
            return;
        }
        match state {
            BatchState::Queued if may_start(batch, open) => {
                self.append(batch, BatchWord::Started, serde_json::Map::new())
                    .await;
            }
            BatchState::Running => self.look_at_running(batch).await,
            BatchState::Paused => self.look_at_paused(batch).await,
            BatchState::Cancelling => {
                self.end_if_over(batch, BatchWord::Cancelled).await;
            }
            _ => {}
        }
    }

    /// It has ended too, if what was under way at its pause was the last of it.
    async fn look_at_paused(self: &Arc<Self>, batch: &Arc<Batch>) {
        if self
            .batches
            .service
            .audit
            .has_items_left(batch)
            .await
            .unwrap_or(true)
        {
            self.resume_if_open(batch).await;
        } else if !self.end_if_over(batch, BatchWord::Done).await {
            self.leave_items(batch, true).await;
        }
    }

    /// By the clock of the database: that of a replica may be wrong.
    async fn has_expired(&self, batch: &Batch) -> bool {
        if Utc::now() + CLOCKS_DIFFER_BY < batch.expires_at {
            return false;
        }
        self.batches
            .service
            .audit
            .has_expired(batch)
            .await
            .unwrap_or(false)
    }

    async fn look_at_running(self: &Arc<Self>, batch: &Arc<Batch>) {
        self.leave_items(batch, false).await;
        match self.batches.service.audit.has_items_left(batch).await {
            Ok(true) => self.pause_if_suspended(batch).await,
            Ok(false) if self.end_if_over(batch, BatchWord::Done).await => {}
            // What is said of some is wrong, or what became of them is known better by now.
            Ok(false) => self.leave_items(batch, true).await,
            Err(error) => {
                tracing::warn!(
                    error = causes(&error),
                    "what is left of a batch could not be read"
                );
            }
        }
    }

    /// Says of each item that it is left: once; and `anew`, now and then.
    async fn leave_items(&self, batch: &Batch, anew: bool) {
        let is_due = {
            let all = self.state.lock();
            all.open.get(&batch.id).is_some_and(|open| {
                let lately = open
                    .left_anew
                    .is_some_and(|at| at.elapsed() < LEFT_ANEW_EVERY);
                if anew { !lately } else { !open.items_left }
            })
        };
        if !is_due {
            return;
        }
        match self.batches.service.audit.leave_items(batch, anew).await {
            Ok(()) => {
                if let Some(open) = self.state.lock().open.get_mut(&batch.id) {
                    open.items_left = true;
                    open.left_anew = anew.then(Instant::now).or(open.left_anew);
                }
                self.items_came.notify_waiters();
            }
            Err(error) => {
                tracing::warn!(error = causes(&error), batch.id = %batch.id, "the items of a batch could not be listed");
            }
        }
    }

    /// Rows that nobody with one of the keys wrote as they are.
    pub(super) fn refused_rows(&self, refused: usize) {
        if refused > 0 && self.batches.told_of_false_rows.is_due() {
            tracing::error!(
                event = "batch_row_refused",
                refused,
                "rows of batches that were written with no key in use do nothing; `modgate verify` names those that were forged"
            );
        }
    }
}

/// Whether a queued batch may start: its moderator has room for it before those that were submitted later.
fn may_start(batch: &Batch, open: &[Arc<Batch>]) -> bool {
    let of_same = open
        .iter()
        .filter(|other| other.moderator.key() == batch.moderator.key());
    let ahead = of_same.filter(|other| match other.state() {
        BatchState::Queued => other.id < batch.id,
        BatchState::AwaitingApproval => false,
        _ => true,
    });
    ahead.count() < RUNNING_AT_ONCE
}
