//! The labels of each family.

use prometheus_client::encoding::EncodeLabelSet;

use crate::domain::words;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ActionLabels {
    pub(super) kind: &'static str,
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) route: String,
    pub(super) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AttemptLabels {
    pub(super) kind: &'static str,
    pub(super) class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StepLabels {
    pub(super) step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ApiLabels {
    pub(super) api: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PermitLabels {
    pub(super) api: &'static str,
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SuspendedLabels {
    pub(super) api: &'static str,
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FrozenLabels {
    pub(super) scope: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabels {
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct NeedsLabels {
    pub(super) needs: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ProbeLabels {
    pub(super) api: &'static str,
    pub(super) result: &'static str,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// An action of unknown outcome has succeeded.
    Succeeded,
    /// What the action sets is in force.
    InEffect,
    /// It is not.
    NotInEffect,
    /// It is in force in part, or Tencent's answer does not tell.
    Unclear,
    /// Tencent was not asked or did not answer, or the record does not have what it said.
    Failed,
}

words!(
    ProbeResult,
    "must be a result of a probe",
    Succeeded = "succeeded",
    InEffect = "in_effect",
    NotInEffect = "not_in_effect",
    Unclear = "unclear",
    Failed = "failed"
);

/// The steps of the record that are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Committing an intent.
    Begin,
    /// Committing an end.
    Finish,
}

words!(
    Step,
    "must be a step of the record that is timed",
    Begin = "begin",
    Finish = "finish"
);
