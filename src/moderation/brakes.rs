//! Freezes and thaws that a person asks for over the API.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Moderation;
use crate::audit::BrakeError;
use crate::domain::{
    Brake, BrakeAuthor, BrakeRow, BrakeScope, Intent, Moderator, NewBrake, Origin, Reason, Scope,
};
use crate::telemetry::causes;

/// Nothing was frozen or thawed, or it is not certain.
#[derive(Debug, thiserror::Error)]
pub enum BrakeRefusal {
    /// The moderator may not.
    #[error("the scope {0} is missing")]
    MissingScope(Scope),
    /// The record does not take it, or not for certain.
    #[error(transparent)]
    Brake(#[from] BrakeError),
    /// A bug ended the task.
    #[error("the task was lost")]
    Lost,
}

impl Moderation {
    /// Freezes or thaws `scope` for `moderator`, and says what is frozen then. After a freeze nothing that it covers
    /// begins, or is repeated, at any replica; what has begun ends.
    ///
    /// # Errors
    /// Why not, or what is not certain.
    pub async fn brake(
        self: &Arc<Self>,
        brake: Brake,
        scope: BrakeScope,
        reason: Reason,
        (moderator, origin): (Moderator, Origin),
    ) -> Result<Vec<BrakeRow>, BrakeRefusal> {
        let needed = match brake {
            Brake::Freeze => Scope::FREEZE,
            Brake::Thaw => Scope::THAW,
        };
        if !moderator.may(needed) {
            tracing::warn!(
                event = "brake_denied",
                brake = brake.as_str(),
                moderator = moderator.subject,
                http_request_id = origin.http_request_id,
                "{brake} without the scope {needed}"
            );
            return Err(BrakeRefusal::MissingScope(needed));
        }
        let asked = NewBrake {
            brake,
            scope,
            reason,
            author: BrakeAuthor::Moderator(Box::new((moderator, origin))),
        };
        let (answer, answered) = oneshot::channel();
        let this = Arc::clone(self);
        // Begun, it goes on to its end, even if whoever waits goes away.
        let braking = async move {
            let done = this.audit.brake(&asked).await;
            report(&asked, &done);
            // Nobody may be there to read it.
            let _ = answer.send(done);
        };
        self.tasks.spawn_on(braking, &self.runtime);
        Ok(answered.await.map_err(|_| BrakeRefusal::Lost)??)
    }

    /// Counts what a freeze has kept from beginning, and says who tried: the record has nothing of it.
    pub(super) fn report_frozen(&self, intent: &Intent) {
        let command = &intent.request.command;
        self.metrics.action_frozen(command.kind());
        tracing::warn!(
            event = "action_frozen",
            kind = command.kind().as_str(),
            moderator = intent.moderator.subject,
            user_id = command.user_id(),
            room_id = command.room_id(),
            client_ip = %intent.origin.client_ip,
            http_request_id = intent.origin.http_request_id,
            "an action was not begun, as it is frozen"
        );
    }
}

fn report(asked: &NewBrake, done: &Result<Vec<BrakeRow>, BrakeError>) {
    let BrakeAuthor::Moderator(who) = &asked.author else {
        return;
    };
    let ((moderator, origin), scope, brake) = (&**who, &asked.scope, asked.brake);
    match done {
        Ok(_) => tracing::warn!(
            event = "brake",
            brake = brake.as_str(),
            scope.kind = scope.kind,
            scope.issuer = scope.issuer,
            scope.moderator = scope.moderator,
            moderator = moderator.subject,
            http_request_id = origin.http_request_id,
            "{brake}: {}",
            scope.reach()
        ),
        // The moderator is told.
        Err(BrakeError::Refused(_) | BrakeError::NoSealKey) => {}
        Err(error) => tracing::error!(
            event = "brake_failed",
            brake = brake.as_str(),
            error = causes(error),
            moderator = moderator.subject,
            http_request_id = origin.http_request_id,
            "{brake}: not recorded, or not certain to hold everywhere"
        ),
    }
}
