//! A probe that a person asks for.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::ProbeError;
use crate::audit::Probeable;
use crate::domain::{Action, Moderator, Scope, State};
use crate::moderation::Moderation;
use crate::service::ReadError;

/// Between two probes of an action.
const PAUSE: TimeDelta = TimeDelta::seconds(10);

/// Why an action was not probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeRefusal {
    /// There is no such action, or it is another's.
    #[error("there is no such action")]
    NotFound,
    /// Tencent cannot be asked for this kind, or the action has set nothing: it was refused, say.
    #[error("nothing can be found out about this action")]
    NothingToFind,
    /// It was probed a moment ago.
    #[error("it was probed a moment ago")]
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
        may_be_probed(action.as_ref(), &moderator)?;
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
        let audit = self.audit.clone();
        let reading = async move { audit.get(id, None).await };
        let action = self.service.on_main_runtime(reading).await?;
        action.ok_or(ProbeRefusal::NotFound)
    }
}

fn may_be_probed(action: Option<&Probeable>, moderator: &Moderator) -> Result<(), ProbeRefusal> {
    let is_visible = |action: &&Probeable| {
        let (issuer, subject) = &action.moderator;
        moderator.may(Scope::AUDIT_READ) || moderator.key() == (issuer, subject)
    };
    let action = action.filter(is_visible).ok_or(ProbeRefusal::NotFound)?;
    let kind = action.command.kind();
    let has_set = action.state == State::Succeeded && kind.undone_by().is_some();
    if kind.probe.is_none() || !(has_set || action.state == State::Unknown) {
        return Err(ProbeRefusal::NothingToFind);
    }
    let again = action.probed_at.map(|at| at + PAUSE - Utc::now());
    match again.and_then(|wait| wait.to_std().ok()) {
        Some(retry_after) => Err(ProbeRefusal::TooSoon { retry_after }),
        None => Ok(()),
    }
}
