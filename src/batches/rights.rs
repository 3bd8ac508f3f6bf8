//! Who may do what with a batch.

use serde_json::{Value, json};

use super::decide::{Decision, Deed};
use super::refusal::unavailable;
use super::report::frozen;
use super::{BatchRefusal, Batches};
use crate::domain::{Batch, Moderator, Origin, Scope, Strictness};
use crate::telemetry::causes;

impl Batches {
    /// Whether `decision` may do it, to the batch as it is.
    pub(super) async fn check_deed(
        &self,
        batch: &Batch,
        deed: Deed,
        decision: &Decision,
    ) -> Result<(), BatchRefusal> {
        let moderator = &decision.moderator;
        // Who may approve it is told that it has ended, and not that it never was.
        let was_visible = deed.needs_a_second_person() && moderator.may(Scope::BATCH_APPROVE);
        if !batch.is_visible_to(moderator) && !was_visible {
            return Err(BatchRefusal::NotFound);
        }
        let denied = denial(batch, deed, moderator);
        if let Some((because, refusal)) = denied {
            let mut details =
                json!({"tried": deed.as_str(), "because": because, "batch": batch.id});
            if let BatchRefusal::MissingScope { scope, .. } = &refusal {
                details["scope"] = scope.as_str().into();
            }
            self.deny((moderator, &decision.origin), details).await;
            return Err(refusal);
        }
        if deed.needs_a_second_person() {
            let tags = decision
                .if_match
                .as_ref()
                .ok_or(BatchRefusal::PreconditionRequired)?;
            if !tags.contains(&batch.tag()) {
                return Err(BatchRefusal::PreconditionFailed);
            }
        }
        if matches!(deed, Deed::Approve | Deed::Resume) {
            self.check_not_frozen(batch, moderator).await?;
        }
        Ok(())
    }

    async fn check_not_frozen(
        &self,
        batch: &Batch,
        moderator: &Moderator,
    ) -> Result<(), BatchRefusal> {
        let brakes = self
            .service
            .audit
            .brakes()
            .await
            .map_err(|error| unavailable(&error))?;
        if batch.known_kinds().count() < batch.kinds.len() {
            tracing::error!(batch.id = %batch.id, "a batch has kinds that only a newer release knows: that must decide on it");
            return Err(BatchRefusal::AuditUnavailable);
        }
        let is_frozen = batch
            .known_kinds()
            .any(|kind| brakes.forbid(&batch.moderator, kind));
        if is_frozen || brakes.name(moderator.key()) {
            return Err(frozen("go_on", Some(batch.id), moderator));
        }
        Ok(())
    }

    /// Records that somebody was denied something, and says so.
    pub(super) async fn deny(&self, (moderator, origin): (&Moderator, &Origin), details: Value) {
        tracing::warn!(
            event = "batch_denied",
            tried = details["tried"].as_str(),
            because = details["because"].as_str(),
            scope = details["scope"].as_str(),
            batch.id = details["batch"].as_str(),
            moderator = moderator.subject,
            http_request_id = origin.http_request_id,
            "somebody was denied what they asked of batches"
        );
        let Value::Object(details) = details else {
            return;
        };
        let by = (moderator.clone(), origin.clone());
        if let Err(error) = self.service.audit.record_batch_denied(by, details).await {
            tracing::error!(error = causes(&error), "a denial was not recorded");
        }
    }
}

/// Why `moderator` must not do it, as the record and the moderator are told.
fn denial(
    batch: &Batch,
    deed: Deed,
    moderator: &Moderator,
) -> Option<(&'static str, BatchRefusal)> {
    let missing = |scope| {
        let kinds = Vec::new();
        Some(("missing_scope", BatchRefusal::MissingScope { scope, kinds }))
    };
    let is_second = moderator.may(Scope::BATCH_APPROVE);
    if deed.needs_a_second_person() {
        if !is_second {
            return missing(Scope::BATCH_APPROVE);
        }
        if batch.may_be_of(moderator) {
            return Some(("own_batch", BatchRefusal::OwnBatch));
        }
        let mut scopes = batch.known_kinds().map(crate::domain::Kind::scope);
        return scopes
            .find(|scope| !moderator.may(*scope))
            .and_then(missing);
    }
    if !batch.is_by(moderator) && !is_second {
        return missing(Scope::BATCH_APPROVE);
    }
    let paused = batch.progress().paused.filter(|_| deed == Deed::Resume)?;
    let is_kept = paused.strictness(batch.moderator.key()) == Strictness::OfAnother;
    (is_kept && batch.may_be_of(moderator)).then_some(("own_batch", BatchRefusal::PausedByAnother))
}
