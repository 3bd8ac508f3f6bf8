//! What is there from the start. A counter that only appears at its first event hides that event
//! from `increase()`, which sees what grows, not what comes.

use super::labels::{ActionLabels, ApiLabels, AttemptLabels, Step, StepLabels};
use super::{Metrics, OK};
use crate::domain::{Class, Failure, Kind, State};

/// How an attempt can end that Tencent answered.
const CLASSES: [Class; 11] = [
    Class::Caller,
    Class::NotFound,
    Class::Conflict,
    Class::RateLimit,
    Class::Credential,
    Class::CredentialLockout,
    Class::Config,
    Class::GatewayBug,
    Class::Transient,
    Class::TransientAmbiguous,
    Class::Unlisted,
];

/// How one can end that has no usable answer.
const FAILURES: [Failure; 8] = [
    Failure::Connect,
    Failure::DeadlinePassed,
    Failure::LeaseLapsed,
    Failure::TimedOut,
    Failure::ConnectionLost,
    Failure::NotTheEnvelope,
    Failure::AnswerTooLarge,
    Failure::Contradiction,
];

impl Metrics {
    /// Makes every series whose labels are known.
    pub(super) fn begin_at_zero(&self) {
        for kind in Kind::ALL.iter().map(|kind| kind.as_str()) {
            let ends = State::ALL.iter().filter(|state| **state != State::Pending);
            for state in ends.map(|state| state.as_str()) {
                drop(self.actions.get_or_create(&ActionLabels { kind, state }));
            }
            let failures = FAILURES.iter().map(|failure| failure.as_str());
            let classes = CLASSES.iter().map(|class| class.as_str());
            for class in failures.chain(classes).chain([OK]) {
                drop(self.attempts.get_or_create(&AttemptLabels { kind, class }));
            }
            drop(self.permit_cuts.get_or_create(&ApiLabels { api: kind }));
        }
        for step in [Step::Begin, Step::Finish].map(Step::as_str) {
            drop(self.commit_duration.get_or_create(&StepLabels { step }));
        }
    }
}
