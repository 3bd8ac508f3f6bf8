//! A batch is taken in: checked as a whole, and recorded as a whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use super::digest::fingerprint;
use super::refusal::unavailable;
use super::report::report;
use super::shown::Seen;
use super::{BatchRefusal, Batches, Keyed, Submission, Submitted, Warnings};
use crate::audit::{Recorded, SubmitError, SubmitLimits};
use crate::domain::{Digests, IdempotencyKey, Item, Kinds, NewBatch, usual_span};
use crate::telemetry::causes;

/// How many batches of one moderator may be open, and how many items may wait in all.
const MOST_OPEN: usize = 5;
const MOST_WAITING: i64 = 100_000;

/// How long a submission waits for its turn to be taken in.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest that it takes to record a batch.
const RECORDED_WITHIN: Duration = Duration::from_secs(20);

/// When it is worth submitting again where there are too many.
const TOO_MANY_FOR: Duration = Duration::from_secs(30);

/// What submitting a batch would say; nothing of it is kept.
#[derive(Debug)]
pub struct Valid {
    /// How many items it has.
    pub total: u32,
    /// How many of each kind.
    pub kinds: Kinds,
    /// SHA-256 of its items in order, in hexadecimal.
    pub digest: String,
    /// Whether a second person would have to approve it.
    pub needs_approval: bool,
    /// When it would expire if it were submitted now.
    pub expires_at: DateTime<Utc>,
    /// What whoever submits it should know.
    pub warnings: Warnings,
}

impl Batches {
    /// Takes a batch in.
    ///
    /// # Errors
    /// Why not, or what is not certain.
    pub async fn submit(
        self: &Arc<Self>,
        (submission, key): Keyed,
    ) -> Result<Submitted, BatchRefusal> {
        let (this, runtime) = (Arc::clone(self), self.service.runtime.clone());
        // Begun, it goes on to its end, even if whoever waits goes away.
        let submitting = async move { this.take_in(submission, key).await };
        let submitting = self.service.tasks.spawn_on(submitting, &runtime);
        submitting.await.unwrap_or(Err(BatchRefusal::Lost))
    }

    /// What submitting it would say; nothing is kept.
    ///
    /// # Errors
    /// Why it would be refused, as far as that depends on nobody else.
    pub async fn validate(self: &Arc<Self>, submission: Submission) -> Result<Valid, BatchRefusal> {
        let this = Arc::clone(self);
        let validating = async move { this.check_only(submission).await };
        let validating = self.service.runtime.spawn(validating);
        validating.await.unwrap_or(Err(BatchRefusal::Lost))
    }

    async fn check_only(&self, submission: Submission) -> Result<Valid, BatchRefusal> {
        let _turn = self.turn_to_be_taken_in().await?;
        let now = Utc::now();
        let checked = self.check("validate", &submission).await?;
        let key = IdempotencyKey::try_from("validate".to_owned()).expect("it keeps to the rule");
        let batch = new_batch(submission, key, checked.items, checked.digests, now);
        let needed = self
            .service
            .audit
            .would_need_approval(&batch, self.limits())
            .await;
        let needs_approval = needed.map_err(refusal)?;
        Ok(Valid {
            total: u32::try_from(batch.items.len()).unwrap_or(u32::MAX),
            kinds: batch.kinds(),
            digest: batch.digests.items,
            needs_approval,
            expires_at: batch.expires_at,
            warnings: checked.warnings,
        })
    }

    async fn take_in(
        self: Arc<Self>,
        submission: Submission,
        key: IdempotencyKey,
    ) -> Result<Submitted, BatchRefusal> {
        let audit = &self.service.audit;
        let fingerprint = fingerprint(&submission);
        let known = audit
            .batch_with_key(&submission.moderator, &key, &fingerprint)
            .await;
        let known = known.map_err(|error| unavailable(&error))?;
        if let Some((id, same_request)) = known {
            return self.replayed(id, same_request).await;
        }
        let _turn = self.turn_to_be_taken_in().await?;
        let checked = self.check("submit", &submission).await?;
        let (warnings, undo) = (checked.warnings, checked.undo);
        let mut batch = new_batch(submission, key, checked.items, checked.digests, Utc::now());
        batch.undo = undo;
        let told = json!({
            "recently_done": warnings.recently_done,
            "would_shorten": warnings.would_shorten,
        });
        let recording = audit.submit_batch(&batch, &fingerprint, &told, self.limits());
        let recorded = match timeout(RECORDED_WITHIN, recording).await {
            Ok(Ok(recorded)) => recorded,
            Ok(Err(error)) => return Err(refusal(error)),
            Err(_) => return Err(BatchRefusal::Unclear),
        };
        if let Recorded::Same { id, same_request } = recorded {
            return self.replayed(id, same_request).await;
        }
        // It is recorded, whatever can be read now; its key finds it again.
        let seen = self
            .fresh(batch.id)
            .await
            .map_err(|_| BatchRefusal::Unclear)?;
        self.tell_submitted(&seen);
        self.wake.notify_waiters();
        Ok(Submitted {
            seen,
            replayed: false,
        })
    }

    fn tell_submitted(&self, seen: &Seen) {
        let batch = &seen.batch;
        report(batch, "submitted", &batch.moderator.subject);
        if batch.is_solo {
            self.service.metrics.batch_solo();
            tracing::warn!(
                event = "batch_solo",
                batch.id = %batch.id,
                moderator = batch.moderator.subject,
                items = batch.total,
                "a batch runs without the second person who would have to approve it"
            );
        }
    }

    async fn replayed(&self, id: Uuid, same_request: bool) -> Result<Submitted, BatchRefusal> {
        if !same_request {
            return Err(BatchRefusal::KeyMismatch);
        }
        let seen = self.fresh(id).await?;
        Ok(Submitted {
            seen,
            replayed: true,
        })
    }

    async fn turn_to_be_taken_in(&self) -> Result<tokio::sync::SemaphorePermit<'_>, BatchRefusal> {
        match timeout(PATIENCE, self.taken_in.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(BatchRefusal::TooMany {
                retry_after: Duration::from_secs(1),
            }),
        }
    }

    pub(super) fn limits(&self) -> SubmitLimits {
        SubmitLimits {
            open: MOST_OPEN,
            waiting: MOST_WAITING,
            approval_above: self.rules.approval_above,
            hourly: self.moderation.moderator_hourly(),
        }
    }
}

fn refusal(error: SubmitError) -> BatchRefusal {
    match error {
        SubmitError::Duplicate(id) => BatchRefusal::Duplicate { id },
        SubmitError::RepeatsNothing => BatchRefusal::RepeatsNothing,
        SubmitError::TooMany => BatchRefusal::TooMany {
            retry_after: TOO_MANY_FOR,
        },
        SubmitError::HourFull { retry_after } => BatchRefusal::HourFull { retry_after },
        SubmitError::Unstorable(error) => {
            tracing::error!(
                event = "not_storable",
                error = causes(&error),
                "the record cannot hold what a batch says"
            );
            BatchRefusal::Unstorable
        }
        SubmitError::NotRecorded(error) => {
            tracing::error!(error = causes(&error), "a batch was not recorded");
            BatchRefusal::AuditUnavailable
        }
        SubmitError::Unclear(error) => {
            tracing::error!(error = causes(&error), "a batch may or may not be recorded");
            BatchRefusal::Unclear
        }
    }
}

fn new_batch(
    submission: Submission,
    key: IdempotencyKey,
    items: Vec<Item>,
    digests: Digests,
    now: DateTime<Utc>,
) -> NewBatch {
    let submitted_at = now.trunc_subsecs(6);
    let span = submission
        .expires_in
        .unwrap_or_else(|| usual_span(items.iter().map(|item| item.command.kind())));
    let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
    let (seconds, nanos) = (now.timestamp().unsigned_abs(), now.timestamp_subsec_nanos());
    let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
    NewBatch {
        id: Uuid::new_v7(stamp),
        submitted_at,
        expires_at: submitted_at + span,
        moderator: submission.moderator,
        origin: submission.origin,
        reason: submission.reason,
        case_ref: submission.case_ref,
        items,
        undo: None,
        repeats: submission.repeats,
        idempotency_key: key,
        digests,
    }
}
