//! What is there from the start. A counter that only appears at its first event hides that event
//! from `increase()`, which sees what grows, not what comes.

use super::Metrics;
use super::actions::OK;
use super::labels::{
    ActionLabels, ApiLabels, AttemptLabels, KindLabels, ProbeLabels, ProbeResult, Step, StepLabels,
};

use crate::domain::{Api, Class, Failure, Kind, State};

impl Metrics {
    /// Makes every series whose labels are known.
    pub(super) fn begin_at_zero(&self) {
        for kind in Kind::ALL.iter().map(|kind| kind.as_str()) {
            drop(self.frozen_actions.get_or_create(&KindLabels { kind }));
            let ends = State::ALL.iter().filter(|state| **state != State::Pending);
            for state in ends.map(|state| state.as_str()) {
                drop(self.actions.get_or_create(&ActionLabels { kind, state }));
            }
            let failures = Failure::ALL
                .iter()
                .filter(|failure| failure.is_of_an_attempt());
            let failures = failures.map(|failure| failure.as_str());
            let classes = Class::ALL.iter().map(|class| class.as_str());
            for class in failures.chain(classes).chain([OK]) {
                drop(
                    self.tencent_attempts
                        .get_or_create(&AttemptLabels { kind, class }),
                );
            }
        }
        let questions = Kind::ALL.iter().filter_map(|kind| kind.probe);
        for api in questions.map(|question| question.api.word) {
            for result in ProbeResult::ALL.iter().map(|result| result.as_str()) {
                drop(self.probes.get_or_create(&ProbeLabels { api, result }));
            }
        }
        self.set_unresolved(&[]);
        self.set_frozen(&[]);
        self.set_batches(&[]);
        self.set_batches_paused(&[]);
        self.set_batch_items(&[]);
        for api in Api::all().iter().map(|api| api.word) {
            drop(self.permit_cuts.get_or_create(&ApiLabels { api }));
        }
        for step in Step::ALL.iter().map(|step| step.as_str()) {
            drop(
                self.audit_commit_duration
                    .get_or_create(&StepLabels { step }),
            );
        }
    }
}
