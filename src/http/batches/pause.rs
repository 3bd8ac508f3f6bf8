//! Why a batch is paused, whom it waits for, and what they are to do.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Needs, Pause, PauseCause};
use crate::http::json::time;

/// Why a batch is paused.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchPause)]
pub(super) struct PauseJson<'a> {
    /// What whoever paused it wrote, or what its cause means.
    #[schema(required)]
    reason: Option<String>,
    /// Why modgate paused it by itself; null where somebody did.
    #[schema(required, value_type = Option<PauseCause>)]
    cause: Option<&'static str>,
    /// The subject of who paused it.
    #[schema(required)]
    by: Option<&'a str>,
    #[schema(value_type = DateTime<Utc>)]
    since: String,
    #[schema(value_type = Needs)]
    needs: &'static str,
    /// What is to be done, for people to read.
    advice: &'static str,
}

impl<'a> PauseJson<'a> {
    /// As it is `now`.
    pub(super) fn of(pause: Pause<'a>, now: DateTime<Utc>) -> Self {
        let event = pause.event;
        let needs = pause.needs(now);
        let meaning = || pause.cause.map(|cause| meaning(cause, pause.api()));
        Self {
            reason: event.reason.clone().or_else(meaning),
            cause: pause.cause.map(PauseCause::as_str),
            by: event.by.as_ref().map(|author| author.subject.as_str()),
            since: time(event.at),
            needs: needs.as_str(),
            advice: advice(pause.cause, needs),
        }
    }
}

/// What a cause means. `api` is the word of the API that is suspended.
fn meaning(cause: PauseCause, api: Option<&str>) -> String {
    let meaning = match cause {
        PauseCause::Unavailable => "Tencent does not answer",
        PauseCause::Credential => "Tencent does not accept modgate's signature",
        PauseCause::LockedOut => "Tencent verifies no signature for a minute",
        PauseCause::Unknown => "of many items nobody knows what became of them",
        PauseCause::RefusesGateway => {
            "Tencent refused modgate itself, one item after the other, for the same cause"
        }
        PauseCause::Quota => "Tencent's quota of the day is used up",
        PauseCause::Frozen => "a freeze covers it",
    };
    match api {
        Some(api) => format!("{meaning} ({api})"),
        None => meaning.to_owned(),
    }
}

const fn advice(cause: Option<PauseCause>, needs: Needs) -> &'static str {
    let Some(cause) = cause else {
        return "somebody paused it, or modgate did for a cause that only a newer release knows: look at the reason, then \
                resume or cancel it. What another has paused, its submitter does not resume";
    };
    match cause {
        PauseCause::Unavailable | PauseCause::LockedOut if matches!(needs, Needs::Nothing) => {
            "it goes on by itself once Tencent can be called again, if that is within ten minutes"
        }
        PauseCause::Unavailable | PauseCause::LockedOut => {
            "Tencent could not be called for ten minutes: resume it when it can be, if it is still wanted"
        }
        PauseCause::Credential => {
            "the operator looks at modgate's credential for Tencent. It goes on by itself if that is within ten minutes; \
             resume it if it is later"
        }
        PauseCause::Unknown => {
            "look at some of the users whose items are unknown, and at Tencent's status; then resume or cancel it"
        }
        PauseCause::RefusesGateway => {
            "the operator looks at the errors of the items that were refused, and at modgate's settings; then resume it"
        }
        PauseCause::Quota => {
            "the operator asks Tencent for more, or it is resumed when the next day has begun at Tencent"
        }
        PauseCause::Frozen => {
            "after the thaw somebody with batch:approve, who is not its submitter, resumes or cancels it"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_tencent_may_mend_goes_on_by_itself_for_a_while() {
        for cause in PauseCause::ALL.iter().copied().map(Some).chain([None]) {
            let by_itself = advice(cause, Needs::Nothing) != advice(cause, Needs::Person);
            let may_pass = [Some(PauseCause::Unavailable), Some(PauseCause::LockedOut)];
            assert_eq!(by_itself, may_pass.contains(&cause), "{cause:?}");
        }
    }
}
