//! Scripted faults.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::commands::Api;

/// What goes wrong. On the control port the name is the variant in snake case, in the member
/// `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// This `ErrorCode` is answered.
    ErrorCode {
        /// The code.
        code: i64,
        /// `ErrorInfo` (a usual text if absent). `{usersig}` stands for the call's `UserSig`,
        /// `{usersig_encoded}` for the same with everything but letters and digits percent-encoded.
        info: Option<String>,
    },
    /// An HTTP answer that is none of Tencent's, such as a proxy's 502.
    HttpStatus {
        /// 200–599; anything else is sent as 502.
        #[serde(deserialize_with = "http_status")]
        status: u16,
        /// The body; the same placeholders apply.
        body: String,
        /// Its content type.
        #[serde(default = "html")]
        content_type: String,
    },
    /// 302.
    Redirect {
        /// Where to.
        location: String,
    },
    /// The right answer, late.
    Delay {
        /// How late; in milliseconds on the control port, as `milliseconds`.
        #[serde(rename = "milliseconds", deserialize_with = "milliseconds")]
        duration: Duration,
    },
    /// No answer for as long as the client waits.
    Never,
    /// The connection ends without an answer.
    Cut {
        /// By a TCP reset rather than an orderly close.
        #[serde(default)]
        reset: bool,
    },
    /// The connection ends in the middle of the right answer's body.
    Truncate,
    /// 200 with a text that is not JSON.
    Garbage,
    /// The right answer with 10 MB of `ErrorInfo`.
    BigBody,
    /// The right answer, one byte a second.
    Drip,
    /// `ErrorCode` 0 with `ActionStatus` FAIL.
    OkWithFail,
    /// The right answer without `ActionStatus`.
    NoActionStatus,
    /// 200 with this body, sent as JSON whatever it is.
    Raw {
        /// The body; the same placeholders apply.
        body: String,
    },
}

fn html() -> String {
    "text/html".to_owned()
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

fn http_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    let told = format!("status {status} is not in 200..=599");
    if (200..600).contains(&status) {
        Ok(status)
    } else {
        Err(de::Error::custom(told))
    }
}

impl FaultKind {
    /// The name on the control port and in [`super::Call::fault`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::ErrorCode { .. } => "error_code",
            Self::HttpStatus { .. } => "http_status",
            Self::Redirect { .. } => "redirect",
            Self::Delay { .. } => "delay",
            Self::Never => "never",
            Self::Cut { .. } => "cut",
            Self::Truncate => "truncate",
            Self::Garbage => "garbage",
            Self::BigBody => "big_body",
            Self::Drip => "drip",
            Self::OkWithFail => "ok_with_fail",
            Self::NoActionStatus => "no_action_status",
            Self::Raw { .. } => "raw",
        }
    }

    /// Faults that lose or spoil the right answer strike after the kick; those that replace it,
    /// instead of the kick.
    pub(super) fn usual_moment(&self) -> Moment {
        match self {
            Self::Delay { .. }
            | Self::Never
            | Self::Cut { .. }
            | Self::Truncate
            | Self::BigBody
            | Self::Drip
            | Self::NoActionStatus => Moment::AfterEffect,
            _ => Moment::BeforeEffect,
        }
    }
}

/// Whether the kick is carried out although the call is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// No. (A delay only postpones it.)
    BeforeEffect,
    /// Yes, if it would have succeeded.
    AfterEffect,
}

/// A fault, what it hits, and how often.
#[derive(Debug, Clone)]
pub struct Fault {
    pub(super) kind: FaultKind,
    pub(super) moment: Moment,
    pub(super) api: Option<Api>,
    pub(super) target: Option<String>,
    pub(super) remaining: Option<u32>,
}

impl Fault {
    /// The fault for the next call of any API and target, at its usual moment: after the kick for
    /// `Delay`, `Never`, `Cut`, `Truncate`, `BigBody`, `Drip` and `NoActionStatus`, instead of it
    /// for the others.
    pub fn next(kind: FaultKind) -> Self {
        Self {
            moment: kind.usual_moment(),
            kind,
            api: None,
            target: None,
            remaining: Some(1),
        }
    }

    /// Hits this many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.remaining = Some(times);
        self
    }

    /// Hits calls until the faults are cleared.
    #[must_use]
    pub fn for_ever(mut self) -> Self {
        self.remaining = None;
        self
    }

    /// Hits only calls of this API.
    #[must_use]
    pub fn on(mut self, api: Api) -> Self {
        self.api = Some(api);
        self
    }

    /// Hits only calls that are to kick this user.
    #[must_use]
    pub fn against(mut self, user_id: &str) -> Self {
        self.target = Some(user_id.to_owned());
        self
    }

    /// Strikes at this moment.
    #[must_use]
    pub fn at(mut self, moment: Moment) -> Self {
        self.moment = moment;
        self
    }

    fn hits(&self, api: Api, target: Option<&str>) -> bool {
        self.api.is_none_or(|only| only == api)
            && self
                .target
                .as_deref()
                .is_none_or(|only| target == Some(only))
    }
}

/// The faults still to strike; the earliest declared that fits a call hits it.
#[derive(Debug, Default)]
pub(super) struct Script {
    faults: Vec<Fault>,
}

impl Script {
    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    pub(super) fn clear_on(&mut self, api: Api) {
        self.faults.retain(|fault| fault.api != Some(api));
    }

    pub(super) fn take(&mut self, api: Api, target: Option<&str>) -> Option<Fault> {
        self.faults.retain(|fault| fault.remaining != Some(0));
        let fault = self
            .faults
            .iter_mut()
            .find(|fault| fault.hits(api, target))?;
        fault.remaining = fault.remaining.map(|remaining| remaining - 1);
        Some(fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_what_it_names_as_often_as_it_says() {
        let mut script = Script::default();
        script.add(
            Fault::next(FaultKind::Never)
                .times(2)
                .on(Api::KICK_SEAT)
                .against("bob"),
        );
        script.add(Fault::next(FaultKind::Drip).for_ever().on(Api::KICK_LOGIN));
        assert!(script.take(Api::KICK_SEAT, Some("alice")).is_none());
        assert!(script.take(Api::KICK_SEAT, None).is_none());
        assert_eq!(
            script.take(Api::KICK_SEAT, Some("bob")).unwrap().kind,
            FaultKind::Never
        );
        assert_eq!(
            script.take(Api::KICK_SEAT, Some("bob")).unwrap().kind,
            FaultKind::Never
        );
        assert!(script.take(Api::KICK_SEAT, Some("bob")).is_none());
        for _ in 0..5 {
            assert_eq!(
                script.take(Api::KICK_LOGIN, Some("bob")).unwrap().kind,
                FaultKind::Drip
            );
        }
    }
}
