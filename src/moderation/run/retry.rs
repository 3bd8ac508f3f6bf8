//! Whether an attempt is worth retrying, and when. Pure.

use std::time::Duration;

use crate::domain::{Attempt, Class, Failure, Kind, Repeat, Verdict};

/// The most attempts of one action.
pub(super) const MOST_ATTEMPTS: u16 = 3;

/// The longest pause before the second attempt; doubled for the third.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Why a retry that was planned is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRetry {
    /// A late answer has left no reason for it.
    Needless,
    /// There is no time, no turn, or no record.
    Impossible,
}

/// Whether an attempt that ended so may be followed by another.
///
/// Tencent's own passing faults are, and a connection that could not be made. A lost answer
/// is only where a second call does nothing more than the first.
pub(super) fn is_worth_retrying(kind: Kind, attempt: &Attempt, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Succeeded | Verdict::Refused(_) => false,
        Verdict::NotSent => attempt.failure() == Some(Failure::Connect),
        Verdict::Unknown(Some(class)) => {
            matches!(class, Class::Transient | Class::TransientAmbiguous)
        }
        Verdict::Unknown(None) => {
            kind.repeat != Repeat::DoesItAgain
                && matches!(
                    attempt.failure(),
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

/// Full jitter: anything from nothing to the doubled pause, so that those who failed together do
/// not return together.
pub(super) fn pause(attempts_so_far: u16) -> Duration {
    let longest = FIRST_PAUSE * 2_u32.pow(u32::from(attempts_so_far.saturating_sub(1)).min(4));
    longest.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Answer;
    use crate::kinds::{kick_login, kick_seat};

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
            failure: failure.map(Into::into),
        }
    }

    #[test]
    fn a_lost_answer_is_retried_for_a_seat_and_never_for_a_login() {
        for failure in [
            Failure::TimedOut,
            Failure::ConnectionLost,
            Failure::NotTheEnvelope,
        ] {
            let lost = attempt(Some(failure), None);
            assert!(is_worth_retrying(
                kick_seat::KIND,
                &lost,
                Verdict::Unknown(None)
            ));
            assert!(!is_worth_retrying(
                kick_login::KIND,
                &lost,
                Verdict::Unknown(None)
            ));
        }
        let contradiction = attempt(Some(Failure::Contradiction), Some(0));
        assert!(!is_worth_retrying(
            kick_seat::KIND,
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
