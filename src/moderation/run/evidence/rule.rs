//! The table of [`super`].

use crate::domain::{Attempt, Kind, Repeat, Verdict};

/// An attempt as the rule sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) verdict: Verdict,
    /// Whether it was ambiguous when it was given up.
    pub(super) was_ambiguous: bool,
}

/// What these attempts prove, in the order of sending, and the one that decides it.
pub(super) fn prove<'a>(kind: Kind, attempts: &[Seen<'a>]) -> (Verdict, Option<&'a Attempt>) {
    let mut may_be_done = false;
    let done = attempts.iter().find(|seen| {
        let found_done = may_be_done && finds_it_done(kind, seen);
        may_be_done |= seen.was_ambiguous;
        seen.verdict == Verdict::Succeeded || found_done
    });
    if let Some(done) = done {
        return (Verdict::Succeeded, Some(done.attempt));
    }
    let last = |is: fn(Verdict) -> bool| attempts.iter().rev().find(|seen| is(seen.verdict));
    let decisive = last(|verdict| matches!(verdict, Verdict::Unknown(_)))
        .or_else(|| last(|verdict| matches!(verdict, Verdict::Refused(_))))
        .or(attempts.last());
    decisive.map_or((Verdict::NotSent, None), |seen| {
        (seen.verdict, Some(seen.attempt))
    })
}

fn finds_it_done(kind: Kind, seen: &Seen<'_>) -> bool {
    let code = seen.attempt.answer.as_ref().map(|answer| answer.error_code);
    let Repeat::FindsItDone(codes) = kind.repeat else {
        return false;
    };
    matches!(seen.verdict, Verdict::Refused(_)) && code.is_some_and(|code| codes.contains(&code))
}
