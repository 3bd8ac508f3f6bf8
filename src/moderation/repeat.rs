//! A repeat of a request that carries an `Idempotency-Key`.

use std::sync::Arc;

use uuid::Uuid;

use super::{Moderation, Outcome, Refusal};
use crate::audit::Holder;
use crate::domain::{Action, Class, Intent, State, Verdict};
use crate::tencent::class_of;

impl Moderation {
    /// Whether `intent` may go on. If so: the action whose key it takes over, if there is one.
    ///
    /// # Errors
    /// With what the repeat is told, if the key stands for an action that is under way or over.
    pub(super) async fn repeats(
        self: &Arc<Self>,
        intent: &Intent,
    ) -> Result<Option<Uuid>, Result<Outcome, Refusal>> {
        if intent.request.idempotency_key.is_none() {
            return Ok(None);
        }
        let (audit, asked) = (self.audit.clone(), intent.clone());
        let holder = self.on_main_runtime(async move { audit.holder(&asked).await });
        match holder.await.map_err(Err)? {
            None => Ok(None),
            Some(holder) => answer_of(holder),
        }
    }
}

fn answer_of(holder: Holder) -> Result<Option<Uuid>, Result<Outcome, Refusal>> {
    let Some(action) = holder.action else {
        return Ok(Some(holder.action_id));
    };
    let Some(verdict) = verdict_of(&action) else {
        let refusal = if holder.same_request {
            Refusal::KeyInUse
        } else {
            Refusal::KeyMismatch
        };
        return Err(Err(refusal));
    };
    if frees_its_key(verdict) {
        return Ok(Some(action.id));
    }
    if !holder.same_request {
        return Err(Err(Refusal::KeyMismatch));
    }
    Err(Ok(Outcome {
        action,
        verdict,
        replayed: true,
    }))
}

/// What the record says; `None` while nobody knows yet.
fn verdict_of(action: &Action) -> Option<Verdict> {
    match action.state {
        State::Pending => None,
        State::Succeeded => Some(Verdict::Succeeded),
        State::Unknown => Some(Verdict::Unknown(None)),
        State::NotSent | State::Denied => Some(Verdict::NotSent),
        State::Refused => {
            let code = action.last_answer().map(|answer| answer.error_code);
            Some(Verdict::Refused(code.map_or(Class::Unlisted, class_of)))
        }
    }
}

/// Where nothing was done for a reason that may be gone, the same request may be tried again.
const fn frees_its_key(verdict: Verdict) -> bool {
    match verdict {
        Verdict::NotSent => true,
        Verdict::Refused(class) => {
            !matches!(class, Class::NotFound | Class::Conflict | Class::Caller)
        }
        Verdict::Succeeded | Verdict::Unknown(_) => false,
    }
}
