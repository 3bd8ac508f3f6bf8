//! A replay of a request that carries an `Idempotency-Key`.

use std::sync::Arc;

use uuid::Uuid;

use crate::audit::Holder;
use crate::domain::{Action, Class, Intent, State, Verdict};
use crate::moderation::{Moderation, Outcome, Refusal};
use crate::tencent::class_of;

/// What an `Idempotency-Key` makes of a request.
#[derive(Debug)]
pub(super) enum Replay {
    /// It goes on, and takes the key over from the action that has freed it, if there is one.
    New { takes_over: Option<Uuid> },
    /// It has its answer: the key stands for an action that is under way or over.
    Answered(Box<Result<Outcome, Refusal>>),
}

impl Moderation {
    /// Whether `intent` is a replay.
    pub(super) async fn replay(self: &Arc<Self>, intent: &Intent) -> Replay {
        if intent.request.idempotency_key.is_none() {
            return Replay::New { takes_over: None };
        }
        let (audit, asked) = (self.audit.clone(), intent.clone());
        let holder = self
            .service
            .on_main_runtime(async move { audit.holder(&asked).await });
        match holder.await {
            Ok(None) => Replay::New { takes_over: None },
            Ok(Some(holder)) => answer_of(holder),
            Err(error) => Replay::Answered(Box::new(Err(error.into()))),
        }
    }
}

fn answer_of(holder: Holder) -> Replay {
    let takes_over = Some(holder.action_id);
    let Some(action) = holder.action else {
        return Replay::New { takes_over };
    };
    let answer = match verdict_of(&action) {
        Some(verdict) if frees_its_key(verdict) => return Replay::New { takes_over },
        _ if !holder.same_request => Err(Refusal::KeyMismatch),
        None => Err(Refusal::KeyInUse),
        Some(verdict) => Ok(Outcome {
            action,
            verdict,
            replayed: true,
        }),
    };
    Replay::Answered(Box::new(answer))
}

/// What the record says; `None` while nobody knows yet, and where only a newer release can tell.
fn verdict_of(action: &Action) -> Option<Verdict> {
    match action.state.known()? {
        State::Pending => None,
        State::Succeeded => Some(Verdict::Succeeded),
        State::Unknown => Some(Verdict::Unknown(None)),
        State::NotSent | State::Denied => Some(Verdict::NotSent),
        State::Refused => {
            let api = action.kind.known()?.api;
            let code = action.last_answer().map(|answer| answer.error_code);
            Some(Verdict::Refused(
                code.map_or(Class::Unlisted, |code| class_of(api, code)),
            ))
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
