//! What people do with a batch: approve, reject, cancel, pause, resume.

use std::sync::Arc;

use serde_json::Map;
use uuid::Uuid;

use super::refusal::unavailable;
use super::report::{counts_json, report};
use super::shown::Seen;
use super::{BatchRefusal, Batches};
use crate::audit::{Appended, NewEvent, Within};
use crate::domain::{
    Batch, BatchState, BatchWord, Counts, Moderator, Origin, Reason, Strictness, words,
};
use crate::telemetry::causes;

/// Others may do something with it at the same moment; few do.
const TRIES: usize = 5;

/// A cancellation leaves room for the events of the end.
const MOST_BEFORE_A_STOP: i16 = 980;

/// What somebody does with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Lets it run.
    Approve,
    /// Does not let it run.
    Reject,
    /// Ends it.
    Cancel,
    /// Stops it for a while.
    Pause,
    /// Lets it go on.
    Resume,
}

words!(
    Deed,
    "must be approve, reject, cancel, pause or resume",
    Approve = "approve",
    Reject = "reject",
    Cancel = "cancel",
    Pause = "pause",
    Resume = "resume"
);

/// Who does it, and why.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Who.
    pub moderator: Moderator,
    /// From where.
    pub origin: Origin,
    /// Why.
    pub reason: Option<Reason>,
    /// What was looked at: the strong entity tags of `If-Match`, without the quotes.
    pub if_match: Option<Vec<String>>,
}

impl Deed {
    pub(super) const fn needs_a_second_person(self) -> bool {
        matches!(self, Self::Approve | Self::Reject)
    }

    const fn leaves_no_room(self, batch: &Batch) -> bool {
        match self {
            Self::Cancel | Self::Reject => batch.last_rev >= MOST_BEFORE_A_STOP,
            Self::Approve | Self::Pause | Self::Resume => !batch.has_room_for_people(),
        }
    }

    /// The event that it is, where the batch is in this state.
    const fn word(self, state: BatchState) -> BatchWord {
        match self {
            Self::Approve => BatchWord::Approved,
            Self::Reject => BatchWord::Rejected,
            Self::Cancel if state.is_before_start() => BatchWord::Cancelled,
            Self::Cancel => BatchWord::Cancelling,
            Self::Pause => BatchWord::Paused,
            Self::Resume => BatchWord::Resumed,
        }
    }
}

impl Batches {
    /// Does `deed` with the batch `id`. After a pause, a rejection or a cancellation none of its items begins, at any
    /// replica.
    ///
    /// # Errors
    /// Why not, or what is not certain.
    pub async fn decide(
        self: &Arc<Self>,
        id: Uuid,
        deed: Deed,
        decision: Decision,
    ) -> Result<Seen, BatchRefusal> {
        let this = Arc::clone(self);
        // Begun, it goes on to its end, even if whoever waits goes away.
        let deciding = async move { this.do_deed(id, deed, decision).await };
        let deciding = self.service.tasks.spawn_on(deciding, &self.service.runtime);
        deciding.await.unwrap_or(Err(BatchRefusal::Lost))
    }

    async fn do_deed(
        &self,
        id: Uuid,
        deed: Deed,
        decision: Decision,
    ) -> Result<Seen, BatchRefusal> {
        for _ in 0..TRIES {
            let batch = self.service.audit.batch_to_change(id).await;
            let batch = batch
                .map_err(|error| unavailable(&error))?
                .ok_or(BatchRefusal::NotFound)?;
            self.check_deed(&batch, deed, &decision).await?;
            let state = batch.state();
            let word = deed.word(state);
            if state.after(word).is_none()
                || deed.leaves_no_room(&batch)
                || is_paused_enough(&batch, deed, &decision)
            {
                return self.wrong_state(id, deed).await;
            }
            let event = event(&batch, word, &decision);
            let within = match deed {
                Deed::Approve | Deed::Resume => Within::ItsTime,
                Deed::Reject | Deed::Cancel | Deed::Pause => Within::Any,
            };
            let appending = self
                .service
                .audit
                .append_batch_event(&batch, &event, within);
            match appending.await {
                Ok(Appended::Done) => return self.done(&batch, word, &decision).await,
                Ok(Appended::Overtaken) => {}
                Ok(Appended::ClockIsOff) => {
                    self.tell_of_clock();
                    return Err(BatchRefusal::AuditUnavailable);
                }
                Ok(Appended::NotInTime) => return self.wrong_state(id, deed).await,
                Err(error) => {
                    tracing::error!(error = causes(&error), batch.id = %id, "what was done with a batch may or may not be recorded");
                    return Err(BatchRefusal::Unclear);
                }
            }
        }
        Err(BatchRefusal::AuditUnavailable)
    }

    async fn done(
        &self,
        batch: &Batch,
        word: BatchWord,
        decision: &Decision,
    ) -> Result<Seen, BatchRefusal> {
        report(batch, word.as_str(), &decision.moderator.subject);
        self.wake.notify_waiters();
        if matches!(
            word,
            BatchWord::Paused | BatchWord::Cancelling | BatchWord::Cancelled
        ) {
            self.wait_for_begins(batch.id).await?;
        }
        if word == BatchWord::Resumed {
            self.end_waits(batch.id).await;
        }
        // It is recorded, whatever can be read now.
        self.fresh(batch.id)
            .await
            .map_err(|_| BatchRefusal::Unclear)
    }

    async fn wait_for_begins(&self, id: Uuid) -> Result<(), BatchRefusal> {
        self.service.audit.wait_for_begins().await.map_err(|error| {
            tracing::error!(error = causes(&error), batch.id = %id, "a stop of a batch may not hold everywhere yet");
            BatchRefusal::Unclear
        })
    }

    /// What this process says of batches would not be believed.
    pub(super) fn tell_of_clock(&self) {
        if self.told_of_clock.is_due() {
            tracing::error!(
                event = "batch_clock_is_off",
                "the clock of this replica is a minute or more off that of the database: it can record nothing about batches"
            );
        }
    }

    /// What waits for a while because of what was before a pause is begun at once.
    pub(super) async fn end_waits(&self, id: Uuid) {
        if let Err(error) = self.service.audit.end_waits(id).await {
            tracing::warn!(error = causes(&error), batch.id = %id, "some items of a batch wait longer than they need to");
        }
    }

    /// What stops it may be there since a try that nobody heard the end of: it holds once this is answered.
    async fn wrong_state(&self, id: Uuid, deed: Deed) -> Result<Seen, BatchRefusal> {
        if matches!(deed, Deed::Cancel | Deed::Pause) {
            self.wait_for_begins(id).await?;
        }
        Err(BatchRefusal::WrongState(Box::new(self.fresh(id).await?)))
    }
}

/// Whether the pause that it is in takes as much to end as this one would.
fn is_paused_enough(batch: &Batch, deed: Deed, decision: &Decision) -> bool {
    let Some(pause) = batch.progress().paused.filter(|_| deed == Deed::Pause) else {
        return false;
    };
    let submitter = batch.moderator.key();
    pause.strictness(submitter) >= Strictness::of(None, Some(decision.moderator.key()), submitter)
}

fn event(batch: &Batch, word: BatchWord, decision: &Decision) -> NewEvent {
    let mut details = Map::new();
    if word == BatchWord::Approved {
        details.insert("digest".to_owned(), batch.digest.clone().into());
    }
    let ends = match word {
        BatchWord::Rejected => Some(BatchState::Rejected),
        BatchWord::Cancelled => Some(BatchState::Cancelled),
        _ => None,
    };
    if let Some(end) = ends {
        let counts = Counts::of(end, batch.total, &[]);
        details.insert("counts".to_owned(), counts_json(&counts));
    }
    NewEvent {
        by: Some(Box::new((
            decision.moderator.clone(),
            decision.origin.clone(),
        ))),
        reason: decision.reason.as_ref().map(ToString::to_string),
        details,
        ..NewEvent::new(word)
    }
}
