//! A probe that a person asks for.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::ProbeError;
use crate::audit::Probeable;
use crate::domain::{Action, Command, LATEST, Moderator, Scope, State};
use crate::moderation::Moderation;
use crate::service::ReadError;

/// Between two probes of an action.
const PAUSE: Duration = Duration::from_secs(10);

/// Why an action was not probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeRefusal {
    /// There is no such action, or it is another's.
    #[error("there is no such action")]
    NotFound,
    /// Tencent cannot be asked for this kind, or the action has set nothing: it was refused, say.
    #[error("nothing can be found out about this action")]
    NotPossible(Box<Action>),
    /// It was probed a moment ago, or may still arrive at Tencent.
    #[error("it was probed, or its outcome became unknown, a moment ago")]
    TooSoon {
        /// When it may be probed again.
        retry_after: Duration,
    },
    /// Nothing was asked, or what was said is not in the record.
    #[error(transparent)]
    Failed(#[from] ProbeError),
    /// The record could not be read.
    #[error(transparent)]
    Unread(#[from] ReadError),
}

impl Moderation {
    /// Probes the action `id` for `moderator`, and shows it as it is then.
    ///
    /// # Errors
    /// Why that is not done.
    pub async fn probe_by_hand(
        self: &Arc<Self>,
        id: Uuid,
        moderator: Moderator,
    ) -> Result<Action, ProbeRefusal> {
        let audit = self.audit.clone();
        let looking = async move { audit.probeable(id).await };
        let action = self.service.on_main_runtime(looking).await?;
        let action = visible(action.as_ref(), &moderator).ok_or(ProbeRefusal::NotFound)?;
        if !can_be_probed(action) {
            let action = self.shown(id).await?;
            return Err(ProbeRefusal::NotPossible(Box::new(action)));
        }
        if let Some(retry_after) = may_still_arrive(action) {
            return Err(ProbeRefusal::TooSoon { retry_after });
        }
        let audit = self.audit.clone();
        let claiming = async move { audit.claim_probe(id, PAUSE).await };
        if let Some(retry_after) = self.service.on_main_runtime(claiming).await? {
            return Err(ProbeRefusal::TooSoon { retry_after });
        }
        let (answer, answered) = oneshot::channel();
        let this = Arc::clone(self);
        // Asked, it is recorded, even if whoever waits goes away.
        let probing = async move {
            let done = this.probe(id, &moderator, true).await;
            // Nobody may be there to read it.
            let _ = answer.send(done);
        };
        self.tasks.spawn_on(probing, &self.runtime);
        answered.await.unwrap_or(Err(ProbeError::Lost))?;
        self.shown(id).await
    }

    async fn shown(&self, id: Uuid) -> Result<Action, ProbeRefusal> {
        let audit = self.audit.clone();
        let reading = async move { audit.get(id, None).await };
        let action = self.service.on_main_runtime(reading).await?;
        action.ok_or(ProbeRefusal::NotFound)
    }
}

fn visible<'a>(action: Option<&'a Probeable>, moderator: &Moderator) -> Option<&'a Probeable> {
    action.filter(|action| {
        let (issuer, subject) = &action.moderator;
        moderator.may(Scope::AUDIT_READ) || moderator.key() == (issuer, subject)
    })
}

fn can_be_probed(action: &Probeable) -> bool {
    let kind = action.command.as_ref().map(Command::kind);
    let Some(kind) = kind.filter(|kind| kind.probe.is_some()) else {
        return false;
    };
    match action.state {
        Some(State::Unknown) => true,
        Some(State::Succeeded) => kind.undone_by().is_some(),
        _ => false,
    }
}

/// How long until it cannot arrive at Tencent any more.
fn may_still_arrive(action: &Probeable) -> Option<Duration> {
    let over = action.unknown_since? + LATEST;
    (over - Utc::now()).to_std().ok()
}
