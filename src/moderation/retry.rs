//! Whether an attempt is worth repeating, and what all attempts together prove. Pure.

use std::time::Duration;

use crate::domain::{Attempt, Class, Failure, Kind, Verdict};

/// The most attempts of one action.
pub(super) const MOST_ATTEMPTS: u16 = 3;

/// The longest pause before the second attempt; doubled for the third.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The user is not on a seat.
const NOT_ON_A_SEAT: i64 = 100_206;

/// Whether an attempt that ended so may be followed by another.
///
/// Tencent's own passing faults are, and a connection that could not be made. A lost answer is for a
/// seat only: a late repeat of a login kick would log out a user who has just been let back in.
pub(super) fn is_worth_repeating(kind: Kind, attempt: &Attempt, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Succeeded | Verdict::Refused(_) => false,
        Verdict::NotSent => attempt.failure == Some(Failure::Connect),
        Verdict::Unknown(Some(class)) => {
            matches!(class, Class::Transient | Class::TransientAmbiguous)
        }
        Verdict::Unknown(None) => {
            kind == Kind::KickSeat
                && matches!(
                    attempt.failure,
                    Some(
                        Failure::TimedOut
                            | Failure::ConnectionLost
                            | Failure::NotTheEnvelope
                            | Failure::AnswerTooLarge
                    )
                )
        }
    }
}

/// What the attempts before, and the latest, prove together.
///
/// Once one of them may have done it, only Tencent's word that it is done makes that certain: its
/// success, or, for a seat, that the user is no longer on it. That a later one did nothing says
/// nothing of the earlier one.
pub(super) fn together(
    kind: Kind,
    before: Option<Verdict>,
    attempt: &Attempt,
    latest: Verdict,
) -> Verdict {
    let Some(Verdict::Unknown(class)) = before else {
        return latest;
    };
    let code = attempt.answer.as_ref().map(|answer| answer.error_code);
    match latest {
        Verdict::Refused(_) if kind == Kind::KickSeat && code == Some(NOT_ON_A_SEAT) => {
            Verdict::Succeeded
        }
        Verdict::Refused(_) | Verdict::NotSent => Verdict::Unknown(class),
        Verdict::Succeeded | Verdict::Unknown(_) => latest,
    }
}

/// Full jitter: anything from nothing to the doubled pause, so that those who failed together do
/// not return together.
pub(super) fn pause(attempts_so_far: u16) -> Duration {
    let longest = FIRST_PAUSE * 2_u32.pow(u32::from(attempts_so_far.saturating_sub(1)).min(4));
    longest.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Answer;

    fn attempt(failure: Option<Failure>, error_code: Option<i64>) -> Attempt {
        let answer = error_code.map(|error_code| Answer {
            action_status: None,
            error_code,
            error_info: String::new(),
            request_id: None,
        });
        Attempt {
            number: 1,
            random: 0,
            duration: Duration::ZERO,
            http_status: None,
            answer,
            failure,
        }
    }

    fn any_step() -> impl Strategy<Value = (Attempt, Verdict)> {
        prop_oneof![
            Just((attempt(None, Some(0)), Verdict::Succeeded)),
            Just((
                attempt(None, Some(NOT_ON_A_SEAT)),
                Verdict::Refused(Class::Conflict)
            )),
            Just((
                attempt(None, Some(70107)),
                Verdict::Refused(Class::NotFound)
            )),
            Just((
                attempt(None, Some(60007)),
                Verdict::Refused(Class::RateLimit)
            )),
            Just((
                attempt(None, Some(70500)),
                Verdict::Unknown(Some(Class::Transient))
            )),
            Just((
                attempt(Some(Failure::TimedOut), None),
                Verdict::Unknown(None)
            )),
            Just((attempt(Some(Failure::Connect), None), Verdict::NotSent)),
        ]
    }

    proptest! {
        #[test]
        fn no_sequence_of_attempts_says_more_than_what_is_known(
            seat in any::<bool>(),
            steps in proptest::collection::vec(any_step(), 1..5),
        ) {
            let kind = if seat { Kind::KickSeat } else { Kind::KickLogin };
            let mut known = None;
            let (mut may_have_happened, mut done) = (false, false);
            for (attempt, verdict) in &steps {
                done = match verdict {
                    Verdict::Succeeded => true,
                    Verdict::Refused(_) => {
                        let code = attempt.answer.as_ref().map(|answer| answer.error_code);
                        seat && may_have_happened && code == Some(NOT_ON_A_SEAT)
                    }
                    Verdict::Unknown(_) | Verdict::NotSent => false,
                };
                may_have_happened |= matches!(verdict, Verdict::Unknown(_));
                known = Some(together(kind, known, attempt, *verdict));
                if done {
                    break;
                }
            }
            let known = known.expect("there is a step");
            prop_assert_eq!(known == Verdict::Succeeded, done);
            if may_have_happened && !done {
                prop_assert!(matches!(known, Verdict::Unknown(_)), "{known:?}");
            }
        }
    }

    #[test]
    fn a_lost_answer_is_repeated_for_a_seat_and_never_for_a_login() {
        for failure in [
            Failure::TimedOut,
            Failure::ConnectionLost,
            Failure::NotTheEnvelope,
        ] {
            let lost = attempt(Some(failure), None);
            assert!(is_worth_repeating(
                Kind::KickSeat,
                &lost,
                Verdict::Unknown(None)
            ));
            assert!(!is_worth_repeating(
                Kind::KickLogin,
                &lost,
                Verdict::Unknown(None)
            ));
        }
        let contradiction = attempt(Some(Failure::Contradiction), Some(0));
        assert!(!is_worth_repeating(
            Kind::KickSeat,
            &contradiction,
            Verdict::Unknown(None)
        ));
    }

    #[test]
    fn a_pause_is_never_longer_than_its_doubling() {
        for _ in 0..1000 {
            assert!(pause(1) <= FIRST_PAUSE);
            assert!(pause(2) <= FIRST_PAUSE * 2);
        }
    }
}
