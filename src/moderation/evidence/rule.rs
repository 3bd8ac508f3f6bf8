//! The table of [`super`].

use crate::domain::{Attempt, Kind, Verdict};

/// The user is not on a seat.
pub(super) const NOT_ON_A_SEAT: i64 = 100_206;

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
        let repeat_finds_it_done = may_be_done && finds_the_seat_empty(kind, seen);
        may_be_done |= seen.was_ambiguous;
        seen.verdict == Verdict::Succeeded || repeat_finds_it_done
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

fn finds_the_seat_empty(kind: Kind, seen: &Seen<'_>) -> bool {
    let code = seen.attempt.answer.as_ref().map(|answer| answer.error_code);
    kind == Kind::KickSeat
        && matches!(seen.verdict, Verdict::Refused(_))
        && code == Some(NOT_ON_A_SEAT)
}
