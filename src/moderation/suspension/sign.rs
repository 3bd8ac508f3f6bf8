//! What a call says about its API.

use crate::domain::{Attempt, Class, Failure, Verdict};
use crate::tencent::{Asked, is_about_the_signature};

/// What the last call for an action, or of a probe, came to.
#[derive(Clone, Copy, Debug)]
pub(in crate::moderation) struct LastCall {
    pub(super) error_code: Option<i64>,
    pub(super) failure: Option<Failure>,
}

impl From<&Attempt> for LastCall {
    fn from(attempt: &Attempt) -> Self {
        Self {
            error_code: attempt.answer.as_ref().map(|answer| answer.error_code),
            failure: attempt.failure(),
        }
    }
}

impl From<&Asked> for LastCall {
    fn from(asked: &Asked) -> Self {
        Self {
            error_code: asked.answer.as_ref().map(|answer| answer.error_code),
            failure: asked.failure,
        }
    }
}

/// What an action as a whole says about the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Answers,
    Unavailable,
    BadCredential,
    LockedOut,
    Nothing,
}

pub(super) fn sign(verdict: Verdict, last: Option<LastCall>) -> Sign {
    let code = last.and_then(|last| last.error_code);
    let unreachable = last.is_some_and(|last| last.failure == Some(Failure::Connect));
    match verdict {
        Verdict::Refused(Class::CredentialLockout) => Sign::LockedOut,
        Verdict::Refused(Class::Credential) if code.is_some_and(is_about_the_signature) => {
            Sign::BadCredential
        }
        Verdict::Succeeded | Verdict::Refused(_) => Sign::Answers,
        Verdict::NotSent if !unreachable => Sign::Nothing,
        Verdict::NotSent | Verdict::Unknown(_) => Sign::Unavailable,
    }
}
