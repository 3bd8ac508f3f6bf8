//! A submission is checked: rights, protected users, freezes.

use serde_json::json;

use super::digest::digests;
use super::report::frozen;
use super::{BatchRefusal, Batches, Content, Submission, Warnings};
use crate::domain::{Digests, Item, Kind, Scope, UndoOf};

/// A submission that was checked.
pub(super) struct Checked {
    pub(super) items: Vec<Item>,
    pub(super) undo: Option<UndoOf>,
    pub(super) digests: Digests,
    pub(super) warnings: Warnings,
}

impl Batches {
    /// Rights, protected users, freezes; and what whoever submits it should know.
    pub(super) async fn check(
        &self,
        tried: &'static str,
        submission: &Submission,
    ) -> Result<Checked, BatchRefusal> {
        let (items, undo) = match &submission.content {
            Content::Items(items) => (items.clone(), None),
            Content::Undo(undo) => {
                self.check_lift(tried, submission, undo).await?;
                (self.what_to_undo(undo).await?, Some(undo.clone()))
            }
        };
        self.check_rights(tried, submission, &items).await?;
        self.check_freezes(submission, &items).await?;
        let digests = digests(
            &items,
            submission.reason.as_ref(),
            submission.case_ref.as_ref(),
        );
        let warnings = self.warnings(submission, &items).await;
        Ok(Checked {
            items,
            undo,
            digests,
            warnings,
        })
    }

    async fn check_rights(
        &self,
        tried: &'static str,
        submission: &Submission,
        items: &[Item],
    ) -> Result<(), BatchRefusal> {
        let by = (&submission.moderator, &submission.origin);
        let kinds = kinds_of(items);
        let missing = kinds.iter().find(|kind| !by.0.may(kind.scope()));
        if let Some(first) = missing {
            let scope = first.scope();
            let kinds: Vec<Kind> = kinds
                .iter()
                .copied()
                .filter(|kind| kind.scope() == scope)
                .collect();
            let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let details = json!({"tried": tried, "because": "missing_scope", "scope": scope.as_str(), "kinds": words});
            self.deny(by, details).await;
            return Err(BatchRefusal::MissingScope { scope, kinds });
        }
        let protected = (0..)
            .zip(items)
            .filter(|(_, item)| self.moderation.protects(&item.command));
        let indexes: Vec<usize> = protected.map(|(index, _)| index).take(10).collect();
        if !indexes.is_empty() {
            let details =
                json!({"tried": tried, "because": "protected_target", "indexes": indexes});
            self.deny(by, details).await;
            return Err(BatchRefusal::Protected { indexes });
        }
        Ok(())
    }

    /// To lift what others have set takes a scope for that.
    async fn check_lift(
        &self,
        tried: &'static str,
        submission: &Submission,
        undo: &UndoOf,
    ) -> Result<(), BatchRefusal> {
        let (moderator, scope) = (&submission.moderator, Scope::LIFT);
        if moderator.key() == (&undo.issuer, &undo.moderator) || moderator.may(scope) {
            return Ok(());
        }
        let details = json!({"tried": tried, "because": "missing_scope", "scope": scope.as_str()});
        self.deny((moderator, &submission.origin), details).await;
        Err(BatchRefusal::MissingScope {
            scope,
            kinds: Vec::new(),
        })
    }

    async fn check_freezes(
        &self,
        submission: &Submission,
        items: &[Item],
    ) -> Result<(), BatchRefusal> {
        let audit = self.service.audit.clone();
        let asking = async move { audit.brakes().await };
        let brakes = self.service.on_main_runtime(asking).await?;
        let moderator = &submission.moderator;
        let is_frozen = kinds_of(items)
            .iter()
            .any(|kind| brakes.forbid(moderator, *kind));
        if is_frozen || brakes.name(moderator.key()) {
            return Err(frozen("submit", None, moderator));
        }
        Ok(())
    }
}

/// Each once, in the order in which they come.
fn kinds_of(items: &[Item]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for item in items {
        let kind = item.command.kind();
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}
