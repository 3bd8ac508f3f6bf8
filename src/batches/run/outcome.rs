//! One item: what it asks for, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::fate::{Fate, fate};
use super::{CLOCK_HOLD, Runner};
use crate::audit::{ItemClaim, ItemEnd, Picked};
use crate::batches::ended::failure_of;
use crate::domain::{
    Action, Api, Batch, Class, Failure, Item, MOST_TRIES, PauseCause, Request, State, Verdict,
    begins_again,
};
use crate::limit::Turn;
use crate::moderation::{ItemOutcome, Refusal};

/// When it is looked again at an item whose earlier action has no end yet.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(5);

/// When it is looked again at an item that this process cannot read: another may.
const READ_AGAIN: Duration = Duration::from_secs(30);

/// The longest that a lane waits when Tencent cannot be reached; and when it throttles, for which the permits are cut too.
const LONGEST_HOLD: Duration = Duration::from_secs(30);
const LONGEST_THROTTLED: Duration = Duration::from_secs(2);

/// What is about to begin.
#[derive(Debug)]
pub(super) struct Asked {
    index: u32,
    item: Item,
    known: Vec<Uuid>,
}

impl Asked {
    /// Which item.
    pub(super) const fn index(&self) -> u32 {
        self.index
    }

    /// As an item of `batch`: what it asks for, and what was judged.
    fn of(self, batch: &Batch) -> (Request, ItemClaim) {
        let item = self.item;
        let request = Request {
            command: item.command,
            reason: item.reason.or_else(|| batch.reason.clone()),
            case_ref: item.case_ref.or_else(|| batch.case_ref.clone()),
            supersedes: self.known.last().copied(),
            idempotency_key: None,
        };
        let claim = ItemClaim {
            known: self.known,
            seen_rev: batch.last_rev,
            expires_at: batch.expires_at,
        };
        (request, claim)
    }
}

impl Runner {
    /// What to begin of a picked item; nothing, if nothing is, and what is to become of it is noted.
    pub(super) fn what_to_begin(&self, batch: &Batch, picked: Picked) -> Option<Asked> {
        let again_after = match (&picked.item, fate(&picked.earlier)) {
            (_, Fate::Over) => Some(None),
            (None, _) => Some(Some(READ_AGAIN)),
            (Some(_), Fate::NotYet) => Some(Some(LOOKED_AT_AGAIN)),
            (Some(_), Fate::Begins) => None,
        };
        if picked.item.is_none() {
            self.refused_rows(1);
        }
        if let Some(again_after) = again_after {
            self.note(
                batch.id,
                ItemEnd {
                    index: picked.index,
                    again_after,
                    answered: false,
                },
            );
            return None;
        }
        Some(Asked {
            index: picked.index,
            item: picked.item?,
            known: picked.earlier.iter().map(|one| one.id).collect(),
        })
    }

    /// Leaves it to whoever picks it next.
    pub(super) fn give_back(&self, batch: Uuid, asked: &Asked) {
        self.note(
            batch,
            ItemEnd {
                index: asked.index,
                again_after: Some(Duration::ZERO),
                answered: false,
            },
        );
    }

    fn note(&self, batch: Uuid, end: ItemEnd) {
        self.state.lock().ended.entry(batch).or_default().push(end);
    }

    /// Carries it out, and notes what is to become of it. Whether Tencent answered.
    pub(super) async fn run_item(
        self: &Arc<Self>,
        batch: Arc<Batch>,
        asked: Asked,
        turn: Turn,
    ) -> bool {
        let (index, kind) = (asked.index, asked.item.command.kind());
        let tries = u16::try_from(asked.known.len() + 1).unwrap_or(u16::MAX);
        let moderation = &self.batches.moderation;
        let by = (batch.moderator.clone(), batch.origin.clone());
        let (request, claim) = asked.of(&batch);
        let intent = moderation.item_intent(by, request, (batch.id, index));
        let outcome = moderation.run_item(intent, claim, turn).await;
        let again_after = match &outcome {
            ItemOutcome::Ruled(_) => None,
            ItemOutcome::Ended { action, verdict } => {
                self.ended(&batch, kind.api, action, *verdict, tries)
            }
            ItemOutcome::NotBegun(refusal) => Some(self.not_begun(&batch, kind.api, refusal)),
        };
        let answered = matches!(
            outcome,
            ItemOutcome::Ended {
                verdict: Verdict::Succeeded | Verdict::Refused(_),
                ..
            }
        );
        self.note(
            batch.id,
            ItemEnd {
                index,
                again_after,
                answered,
            },
        );
        answered
    }

    /// When it may begin again; `None` if it has its end.
    fn ended(
        self: &Arc<Self>,
        batch: &Arc<Batch>,
        api: &'static Api,
        action: &Action,
        verdict: Verdict,
        tries: u16,
    ) -> Option<Duration> {
        let state = action.state.known().unwrap_or(State::Unknown);
        let code = action.last_answer().map(|answer| answer.error_code);
        let class = match verdict {
            Verdict::Refused(class) => Some(class),
            _ => None,
        };
        let failure = failure_of(action);
        let mut all = self.state.lock();
        // While calls are suspended, each that finds out whether they still should be may be lost.
        let is_lost =
            state == State::Unknown && self.batches.moderation.suspended_for(api).is_some();
        if class == Some(Class::RateLimit) {
            all.hold(api, LONGEST_THROTTLED);
        } else if failure == Some(Failure::Connect) || is_lost {
            all.hold(api, LONGEST_HOLD);
        } else if matches!(verdict, Verdict::Succeeded | Verdict::Refused(_)) {
            all.release(api);
        }
        let open = all.open.get_mut(&batch.id);
        // Of a suspension it is another rule that says when to pause.
        let cause = open
            .filter(|_| !is_lost)
            .and_then(|open| open.signs.note(state, class, code));
        drop(all);
        if let Some(cause) = cause {
            self.pause_soon(batch, cause, api);
        }
        let again = tries < MOST_TRIES && begins_again(state, failure, class);
        // What throttles is over soon, or the batch is paused.
        again.then(|| Duration::from_secs(2_u64.pow(u32::from(tries - 1).min(5))))
    }

    /// When it may be picked again.
    fn not_begun(
        self: &Arc<Self>,
        batch: &Arc<Batch>,
        api: &'static Api,
        refusal: &Refusal,
    ) -> Duration {
        match refusal {
            Refusal::Frozen => {
                self.pause_soon(batch, PauseCause::Frozen, api);
                Duration::from_secs(1)
            }
            Refusal::BatchStopped => {
                let mut all = self.state.lock();
                if let Some(open) = all.open.get_mut(&batch.id) {
                    open.stopped_at = Some(batch.last_rev);
                }
                all.give_back_picked(batch.id);
                drop(all);
                self.batches.wake.notify_one();
                Duration::ZERO
            }
            Refusal::Closing => Duration::ZERO,
            Refusal::RefusedBySchema => {
                let mut all = self.state.lock();
                all.held_until = Some(Instant::now() + CLOCK_HOLD);
                all.give_back_all();
                drop(all);
                tracing::error!(
                    event = "batch_begin_refused",
                    batch.id = %batch.id,
                    "the record refuses what this replica begins, perhaps because its clock is wrong: it begins no item for \
                     ten seconds"
                );
                Duration::ZERO
            }
            Refusal::AuditUnavailable => {
                self.state.lock().hold(api, Duration::from_secs(2));
                Duration::from_secs(2)
            }
            Refusal::Suspended(_) | Refusal::Overtaken => Duration::from_secs(1),
            _ => LOOKED_AT_AGAIN,
        }
    }
}
