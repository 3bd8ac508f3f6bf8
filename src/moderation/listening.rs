//! Attempts that were given up as timed out, and whose answers may still come.

use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};

use super::Moderation;
use super::announce::NoRepeat;
use super::attempts::Tried;
use super::evidence::{Ending, Evidence, Proof, decides};
use crate::domain::{Attempt, Intent, Kind, Verdict};
use crate::limit::Term;

/// An attempt under way. Dropped, its socket is closed.
pub(super) type Sending = Pin<Box<dyn Future<Output = Proof> + Send>>;

/// An attempt whose time is up.
pub(super) struct GivenUp {
    /// The term of the lease on its permit.
    pub(super) term: Term,
    pub(super) sending: Sending,
}

/// The attempts of one action that are given up and still listened to, each as long as there is a
/// lease on its permit. Dropped, their sockets are closed.
#[derive(Debug, Default)]
pub(super) struct Listening(JoinSet<Option<Proof>>);

impl Listening {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Closes the sockets: the permits are free again once they have rested.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    /// The next answer; `None` when none will come any more.
    async fn next(&mut self) -> Option<Proof> {
        loop {
            if let Some(late) = heard(self.0.join_next().await?) {
                return Some(late);
            }
        }
    }

    /// An answer that has come already.
    fn arrived(&mut self) -> Option<Proof> {
        loop {
            if let Some(late) = heard(self.0.try_join_next()?) {
                return Some(late);
            }
        }
    }
}

/// Nothing, where the lease ran out first.
fn heard(listened: Result<Option<Proof>, JoinError>) -> Option<Proof> {
    listened.ok().flatten()
}

impl Moderation {
    /// Goes on listening whatever else the action waits for.
    pub(super) fn listen_for(self: &Arc<Self>, kind: Kind, given_up: GivenUp, to: &mut Listening) {
        let this = Arc::clone(self);
        let GivenUp { term, sending } = given_up;
        let listening = async move {
            tokio::select! {
                over = sending => Some(over),
                () = this.limiter.lapsed(kind.api, term) => None,
            }
        };
        to.0.spawn_on(self.tasks.track_future(listening), &self.runtime);
    }

    /// Takes the late answers into account that have come already.
    pub(super) fn hear_what_arrived(&self, intent: &Intent, tried: &mut Tried) {
        while let Some(late) = tried.listening.arrived() {
            self.hear(intent, &mut tried.evidence, late);
        }
    }

    /// Does `step`, unless a late answer first leaves no reason for a repeat.
    pub(super) async fn unless_needless<T>(
        &self,
        intent: &Intent,
        tried: &mut Tried,
        step: impl Future<Output = T>,
    ) -> Result<T, NoRepeat> {
        let mut step = pin!(step);
        loop {
            tokio::select! {
                biased;
                Some(late) = tried.listening.next() => {
                    self.hear(intent, &mut tried.evidence, late);
                    if tried.evidence.needs_no_repeat() {
                        return Err(NoRepeat::Needless);
                    }
                }
                done = &mut step => return Ok(done),
            }
        }
    }

    /// After the end: listens as long as nobody knows what happened and somebody may still tell.
    /// What there is to record after all, if anything.
    pub(super) async fn listen(&self, intent: &Intent, tried: &mut Tried) -> Option<Ending> {
        while matches!(tried.evidence.whole(), Verdict::Unknown(_)) {
            let late = tried.listening.next().await?;
            self.hear(intent, &mut tried.evidence, late);
        }
        tried.evidence.learnt()
    }

    fn hear(&self, intent: &Intent, evidence: &mut Evidence, late: Proof) {
        let (attempt, verdict) = &late;
        if decides(*verdict) {
            let kind = intent.request.command.kind();
            self.suspensions.learn(kind.api, *verdict, Some(attempt));
            evidence.hear(late);
        } else {
            leave_in_the_log(intent, attempt);
        }
    }
}

/// The answers that changed nothing, and are therefore not in the record.
pub(super) fn leave_the_rest_in_the_log(intent: &Intent, evidence: &Evidence) {
    for attempt in evidence.untold() {
        leave_in_the_log(intent, attempt);
    }
}

/// So that Tencent's `RequestId` is not lost.
fn leave_in_the_log(intent: &Intent, attempt: &Attempt) {
    let Some(answer) = &attempt.answer else {
        return;
    };
    tracing::info!(
        event = "late_answer",
        action.id = %intent.id,
        attempt.number = attempt.number,
        tencent.random = attempt.random,
        tencent.error_code = answer.error_code,
        tencent.request_id = answer.request_id.as_deref(),
        "a late answer changed nothing"
    );
}
