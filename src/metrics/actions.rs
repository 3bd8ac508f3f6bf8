//! What becomes of actions, and of the calls to Tencent for them.

use super::Metrics;
use super::labels::{ActionLabels, AttemptLabels, KindLabels, ProbeLabels, ProbeResult};
use crate::domain::{Api, Attempt, Kind, State, Verdict};

/// The class of an attempt that Tencent answered with success.
pub(super) const OK: &str = "ok";

impl Metrics {
    /// An action ended.
    pub fn action_ended(&self, kind: Kind, state: State) {
        self.actions
            .get_or_create(&ActionLabels {
                kind: kind.as_str(),
                state: state.as_str(),
            })
            .inc();
    }

    /// A freeze kept an action from beginning.
    pub fn action_frozen(&self, kind: Kind) {
        let kind = kind.as_str();
        self.frozen_actions
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// An attempt is over.
    pub fn attempt_ended(&self, kind: Kind, attempt: &Attempt, verdict: Verdict) {
        let class = match (verdict, attempt.failure()) {
            (_, Some(failure)) => failure.as_str(),
            (Verdict::Refused(class) | Verdict::Unknown(Some(class)), None) => class.as_str(),
            (_, None) => OK,
        };
        self.tencent_attempts
            .get_or_create(&AttemptLabels {
                kind: kind.as_str(),
                class,
            })
            .inc();
        self.tencent_attempt_duration
            .observe(attempt.duration.as_secs_f64());
    }

    /// An action was probed, or was to be.
    pub fn probe_ended(&self, api: &Api, result: ProbeResult) {
        self.probes
            .get_or_create(&ProbeLabels {
                api: api.word,
                result: result.as_str(),
            })
            .inc();
    }

    /// Seconds until the `UserSig` expires; negative when it has.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a few years")]
    pub fn set_usersig_expires(&self, seconds: i64) {
        self.usersig_expires.set(seconds as f64);
    }
}
