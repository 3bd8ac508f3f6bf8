//! Batches whose calls are suspended: they pause, and go on when Tencent answers again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Runner;
use crate::domain::{Api, Batch, BatchWord, GOES_ON_WITHIN, PauseCause, SuspendedFor};

/// For so long no replica may have had an answer for a batch before one pauses it.
const NO_ANSWER_FOR: f64 = 3.0;

/// When one item finds out whether Tencent answers again: at the replica that has paused the batch, and at the others,
/// which take over where that one is gone.
const FIRST_TRIAL_AFTER: Duration = Duration::from_secs(5);
const TAKEN_OVER_AFTER: Duration = Duration::from_secs(15);

/// Of so many items one that may begin is looked for.
const LOOKED_AT: i64 = 20;

/// How long it waits for a turn.
const TRIAL_TURN_WITHIN: Duration = Duration::from_secs(5);

/// Until the next one: longer and longer, for each may be lost.
fn next_trial_after(age: Duration) -> Duration {
    (age / 4).max(Duration::from_secs(10))
}

impl From<SuspendedFor> for PauseCause {
    fn from(reason: SuspendedFor) -> Self {
        match reason {
            SuspendedFor::Unavailable => Self::Unavailable,
            SuspendedFor::Credential => Self::Credential,
            SuspendedFor::LockedOut => Self::LockedOut,
        }
    }
}

/// The API with which a paused batch goes on by itself, and how long it has been paused.
fn goes_on_with(batch: &Batch) -> Option<(&'static Api, Duration)> {
    let pause = batch.progress().paused?;
    let age = (chrono::Utc::now() - pause.event.at)
        .to_std()
        .unwrap_or_default();
    let is_suspended = pause.cause.is_some_and(PauseCause::is_of_a_suspension);
    let word = pause
        .api()
        .filter(|_| is_suspended && age < GOES_ON_WITHIN)?;
    let api = Api::all().iter().find(|api| api.word == word)?;
    Some((api, age))
}

impl Runner {
    /// Pauses a running batch all of whose items that are left here call APIs that are suspended, if no replica gets
    /// answers for it.
    pub(super) async fn pause_if_suspended(self: &Arc<Self>, batch: &Arc<Batch>) {
        let Some((api, reason)) = self.suspends(batch) else {
            if let Some(open) = self.state.lock().open.get_mut(&batch.id) {
                open.suspended_since = None;
            }
            return;
        };
        let since = {
            let mut all = self.state.lock();
            let Some(open) = all.open.get_mut(&batch.id) else {
                return;
            };
            *open.suspended_since.get_or_insert_with(Instant::now)
        };
        let lately = self
            .batches
            .service
            .audit
            .answered_lately(batch.id, NO_ANSWER_FOR)
            .await;
        if lately.unwrap_or(true) {
            return;
        }
        if self.pause(batch, reason.into(), api).await
            && let Some(open) = self.state.lock().open.get_mut(&batch.id)
        {
            // Of this pause this process can tell when it is over.
            open.suspended_since = Some(since);
        }
    }

    /// What suspends all items of `batch` that were picked here, if something does.
    fn suspends(&self, batch: &Batch) -> Option<(&'static Api, SuspendedFor)> {
        let all = self.state.lock();
        let open = all.open.get(&batch.id)?;
        let has_items = |api: &&&'static Api| {
            open.picked
                .get(api.word)
                .is_some_and(|buffer| buffer.len() > 0)
        };
        let apis: Vec<&'static Api> = Api::all().iter().filter(has_items).copied().collect();
        drop(all);
        let suspended =
            |api: &&'static Api| Some((*api, self.batches.moderation.suspended_for(api)?));
        let suspended: Vec<_> = apis.iter().filter_map(suspended).collect();
        (suspended.len() == apis.len()).then(|| suspended.first().copied())?
    }

    /// Lets a batch go on that is paused because calls were suspended, when they are not any more; or lets one item find out.
    pub(super) async fn resume_if_open(self: &Arc<Self>, batch: &Arc<Batch>) {
        let Some((api, age)) = goes_on_with(batch) else {
            return;
        };
        let moderation = &self.batches.moderation;
        let (saw_it, is_tried) = {
            let all = self.state.lock();
            let open = all.open.get(&batch.id);
            let known = open.map(|open| (open.suspended_since.is_some(), open.is_tried));
            known.unwrap_or((false, true))
        };
        if saw_it && moderation.suspended_for(api).is_none() {
            return self.resume(batch, api).await;
        }
        let first = if saw_it {
            FIRST_TRIAL_AFTER
        } else {
            TAKEN_OVER_AFTER
        };
        if is_tried || age < first || moderation.holds_items_back(api).is_some() {
            return;
        }
        self.mark_tried(batch.id, true);
        let (this, batch) = (Arc::clone(self), Arc::clone(batch));
        let trying = async move {
            if this.try_one(&batch, api, next_trial_after(age)).await {
                this.resume(&batch, api).await;
            }
            this.mark_tried(batch.id, false);
        };
        let service = &self.batches.service;
        service.tasks.spawn_on(trying, &service.runtime);
    }

    fn mark_tried(&self, id: Uuid, is_tried: bool) {
        if let Some(open) = self.state.lock().open.get_mut(&id) {
            open.is_tried = is_tried;
        }
    }

    async fn resume(&self, batch: &Batch, api: &'static Api) {
        // What goes to and fro so often is for a person to look at, who must have room for a stop.
        if !batch.has_room_for_people() {
            return;
        }
        let mut details = Map::new();
        details.insert("api".to_owned(), Value::from(api.word));
        if self.append(batch, BatchWord::Resumed, details).await {
            self.batches.end_waits(batch.id).await;
        }
    }

    /// One item of a paused batch finds out whether Tencent answers again; whether it does.
    async fn try_one(
        self: &Arc<Self>,
        batch: &Arc<Batch>,
        api: &'static Api,
        next_after: Duration,
    ) -> bool {
        let kinds = {
            let all = self.state.lock();
            let open = all.open.get(&batch.id);
            open.map_or_else(Vec::new, |open| {
                open.kinds_of(api, &self.batches.rules.kinds)
            })
        };
        let service = &self.batches.service;
        let picking = service
            .audit
            .pick_to_try(batch, &kinds, (LOOKED_AT, next_after));
        let mut picked = picking.await.unwrap_or_default().into_iter();
        // The first that may begin; the others are left.
        let asked = picked
            .by_ref()
            .find_map(|one| self.what_to_begin(batch, one));
        self.leave_to_others(batch.id, picked.as_slice()).await;
        let Some(asked) = asked else {
            return false;
        };
        let turn = timeout(TRIAL_TURN_WITHIN, service.limiter.item_turn(api, false)).await;
        let Ok(Some(turn)) = turn else {
            self.give_back(batch.id, &asked);
            return false;
        };
        self.run_item(Arc::clone(batch), asked, turn).await
            && self.batches.moderation.suspended_for(api).is_none()
    }
}
