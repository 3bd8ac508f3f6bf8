//! What late answers say: each is taken into account when it comes, and may leave no reason for a retry.

use std::pin::pin;

use super::attempts::Attempts;
use super::evidence::{Ending, Evidence, Proof, decides};
use super::retry::NoRetry;
use crate::domain::{Attempt, Intent, Verdict};
use crate::moderation::Moderation;

impl Moderation {
    /// Takes the late answers into account that have come already.
    pub(super) fn hear_what_arrived(&self, intent: &Intent, attempts: &mut Attempts) {
        while let Some(late) = attempts.listening.arrived() {
            self.hear(intent, &mut attempts.evidence, late);
        }
    }

    /// Does `step`, unless a late answer first leaves no reason for a retry.
    pub(super) async fn unless_needless<T>(
        &self,
        intent: &Intent,
        attempts: &mut Attempts,
        step: impl Future<Output = T>,
    ) -> Result<T, NoRetry> {
        let mut step = pin!(step);
        loop {
            tokio::select! {
                biased;
                Some(late) = attempts.listening.next() => {
                    self.hear(intent, &mut attempts.evidence, late);
                    if attempts.evidence.needs_no_retry() {
                        return Err(NoRetry::Needless);
                    }
                }
                done = &mut step => return Ok(done),
            }
        }
    }

    /// After the end: listens as long as nobody knows what happened and somebody may still tell.
    /// What there is to record after all, if anything.
    pub(super) async fn listen(&self, intent: &Intent, attempts: &mut Attempts) -> Option<Ending> {
        while matches!(attempts.evidence.whole(), Verdict::Unknown(_)) {
            let late = attempts.listening.next().await?;
            self.hear(intent, &mut attempts.evidence, late);
        }
        attempts.evidence.learnt()
    }

    fn hear(&self, intent: &Intent, evidence: &mut Evidence, late: Proof) {
        let (attempt, verdict) = &late;
        if decides(*verdict) {
            let kind = intent.request.command.kind();
            self.suspensions
                .learn(kind.api, *verdict, Some(attempt.into()));
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
