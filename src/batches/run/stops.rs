//! What a gateway does with batches by itself: they start, pause, go on, and end.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::fate::judged;
use super::{CLOCK_HOLD, Runner};
use crate::audit::{Appended, CountedEnds, Error, NewEvent, Within};
use crate::batches::report::{counts_json, report};
use crate::domain::{
    Api, Batch, BatchState, BatchWord, Counts, Ends, ItemState, PauseCause, State, Strictness,
};
use crate::telemetry::causes;

/// By then what was under way has ended, unless a replica was killed.
const ENDS_WITHIN: TimeDelta = TimeDelta::seconds(15);

/// Who does it, in the log.
const GATEWAY: &str = "the gateway";

impl Runner {
    /// Records what becomes of a batch, unless it has another event by now; whether it did.
    pub(super) async fn append(
        &self,
        batch: &Batch,
        word: BatchWord,
        details: Map<String, Value>,
    ) -> bool {
        let within = if word == BatchWord::Expired {
            Within::AfterItsTime
        } else {
            Within::Any
        };
        let event = NewEvent {
            details,
            ..NewEvent::new(word)
        };
        match self
            .batches
            .service
            .audit
            .append_batch_event(batch, &event, within)
            .await
        {
            Ok(Appended::Done) => {
                report(batch, word.as_str(), GATEWAY);
                self.batches.wake.notify_one();
                true
            }
            Ok(Appended::ClockIsOff) => {
                self.state.lock().held_until = Some(Instant::now() + CLOCK_HOLD);
                self.batches.tell_of_clock();
                false
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(error = causes(&error), batch.id = %batch.id, "what becomes of a batch was not recorded");
                false
            }
        }
    }

    /// Pauses a batch by itself, in a task of its own.
    pub(super) fn pause_soon(
        self: &Arc<Self>,
        batch: &Arc<Batch>,
        cause: PauseCause,
        api: &'static Api,
    ) {
        let (this, batch) = (Arc::clone(self), Arc::clone(batch));
        let pausing = async move {
            this.pause(&batch, cause, api).await;
        };
        let service = &self.batches.service;
        service.tasks.spawn_on(pausing, &service.runtime);
    }

    pub(super) async fn pause(&self, batch: &Batch, cause: PauseCause, api: &'static Api) -> bool {
        let submitter = batch.moderator.key();
        let is_paused_enough = batch.progress().paused.is_some_and(|pause| {
            pause.strictness(submitter) >= Strictness::of(Some(cause), None, submitter)
        });
        if batch.state().after(BatchWord::Paused).is_none() || is_paused_enough {
            return false;
        }
        let details = [("cause", cause.as_str()), ("api", api.word)];
        let details = details.map(|(name, word)| (name.to_owned(), word.into()));
        let paused = self
            .append(batch, BatchWord::Paused, details.into_iter().collect())
            .await;
        if paused {
            tracing::warn!(
                event = "batch_paused",
                batch.id = %batch.id,
                cause = cause.as_str(),
                api = api.word,
                moderator = batch.moderator.subject,
                "a batch was paused: {}", cause.as_str()
            );
        }
        paused
    }

    /// Records the end of a batch, with what became of its items, if nothing of it is under way or left. False, if nothing is
    /// under way, and something is left.
    pub(super) async fn end_if_over(&self, batch: &Arc<Batch>, word: BatchWord) -> bool {
        let Some(end) = batch.state().after(word) else {
            return true;
        };
        let counts = match self.counts_at_the_end(batch, (word, end)).await {
            Ok(Some(counts)) => counts,
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(error = causes(&error), batch.id = %batch.id, "the items of a batch could not be counted");
                return true;
            }
        };
        if end == BatchState::Done && counts.get(ItemState::Waiting) > 0 {
            return false;
        }
        let mut details = Map::new();
        details.insert("counts".to_owned(), counts_json(&counts));
        self.append(batch, word, details).await;
        true
    }

    /// `None`, if it is not over.
    async fn counts_at_the_end(
        &self,
        batch: &Arc<Batch>,
        (word, end): (BatchWord, BatchState),
    ) -> Result<Option<Counts>, Error> {
        let audit = &self.batches.service.audit;
        if batch.progress().started.is_none() {
            return Ok(Some(Counts::of(end, batch.total, &[])));
        }
        // What was about to begin before the stop has begun by then, or never will.
        if word != BatchWord::Done {
            audit.wait_for_begins().await?;
        }
        // Cheap, and right unless somebody added a row that never ends.
        let is_pending = |counted: &CountedEnds| counted.ended.state == State::Pending;
        let stopped_at = if word == BatchWord::Expired {
            Some(batch.expires_at)
        } else {
            batch.events.last().map(|last| last.at)
        };
        let lately = stopped_at.is_some_and(|at| Utc::now() - at < ENDS_WITHIN);
        let counted = audit.batch_ends(batch.id, batch.total).await?;
        if lately && counted.iter().any(is_pending) {
            return Ok(None);
        }
        // What stands in the record for ever is counted over genuine rows alone.
        let actions = audit.batch_actions(batch.id, batch.total).await?;
        let ends: Vec<Ends> = actions.iter().map(|actions| judged(actions)).collect();
        if ends.iter().any(|end| end.state == State::Pending) {
            return Ok(None);
        }
        // One that is to begin again has not ended, as long as the batch runs.
        let state = if end == BatchState::Done {
            batch.state()
        } else {
            end
        };
        Ok(Some(Counts::of(state, batch.total, &ends)))
    }
}
