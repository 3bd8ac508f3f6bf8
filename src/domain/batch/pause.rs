//! Why a batch is paused, and what it takes to end that.

use chrono::{DateTime, Utc};

use super::GOES_ON_WITHIN;
use super::events::BatchEvent;
use crate::domain::words;

/// Why a gateway paused a batch by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseCause {
    /// Calls to an API that it needs are suspended: Tencent does not answer.
    Unavailable,
    /// The same: Tencent does not take the gateway's signature.
    Credential,
    /// The same: Tencent verifies no signature for a minute.
    LockedOut,
    /// Many of its items ended with an outcome that nobody knows.
    Unknown,
    /// Tencent refused one after the other for the same fault of the gateway's.
    RefusesGateway,
    /// Tencent's quota of the day is used up.
    Quota,
    /// A freeze covers it.
    Frozen,
}

words!(
    PauseCause,
    "must be the word of a cause",
    Unavailable = "unavailable",
    Credential = "credential",
    LockedOut = "locked_out",
    Unknown = "unknown",
    RefusesGateway = "refuses_gateway",
    Quota = "quota",
    Frozen = "frozen"
);

impl PauseCause {
    /// Whether it is about an API that is suspended, and over when that is.
    pub const fn is_of_a_suspension(self) -> bool {
        matches!(self, Self::Unavailable | Self::Credential | Self::LockedOut)
    }
}

/// A pause that is not over.
#[derive(Clone, Copy, Debug)]
pub struct Pause<'a> {
    /// The event that began it.
    pub event: &'a BatchEvent,
    /// Why, if a gateway paused it by itself.
    pub cause: Option<PauseCause>,
}

/// What it takes to end a pause: one that is there may be made stricter, and never weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strictness {
    /// It ends when calls are not suspended any more.
    EndsByItself,
    /// Somebody must look at what the gateway found.
    OfTheGateway,
    /// The submitter wants it.
    OfTheSubmitter,
    /// Somebody else wants it, or a freeze: not for the submitter to end.
    OfAnother,
}

impl Strictness {
    /// Of a pause by this issuer and subject, or by a gateway because of `cause`, of a batch that `submitter` submitted.
    pub fn of(
        cause: Option<PauseCause>,
        by: Option<(&str, &str)>,
        submitter: (&str, &str),
    ) -> Self {
        match (cause, by) {
            (Some(PauseCause::Frozen), _) => Self::OfAnother,
            (Some(cause), _) if cause.is_of_a_suspension() => Self::EndsByItself,
            (_, None) => Self::OfTheGateway,
            (_, Some(by)) if by == submitter => Self::OfTheSubmitter,
            _ => Self::OfAnother,
        }
    }
}

/// What a paused batch needs to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// It goes on by itself.
    Nothing,
    /// Somebody must resume it.
    Person,
    /// The operator must see to something first.
    Operator,
}

words!(
    Needs,
    "must be nothing, person or operator",
    Nothing = "nothing",
    Person = "person",
    Operator = "operator"
);

impl Pause<'_> {
    /// What it needs to go on, at this moment.
    pub fn needs(&self, now: DateTime<Utc>) -> Needs {
        let is_late = || {
            (now - self.event.at)
                .to_std()
                .is_ok_and(|age| age >= GOES_ON_WITHIN)
        };
        match self.cause {
            Some(PauseCause::Unavailable | PauseCause::LockedOut) if !is_late() => Needs::Nothing,
            Some(PauseCause::Credential | PauseCause::RefusesGateway | PauseCause::Quota) => {
                Needs::Operator
            }
            _ => Needs::Person,
        }
    }

    /// What it takes to end it, in a batch that `submitter` submitted.
    pub fn strictness(&self, submitter: (&str, &str)) -> Strictness {
        let by = self.event.by.as_ref();
        let by = by.map(|by| (by.issuer.as_str(), by.subject.as_str()));
        Strictness::of(self.cause, by, submitter)
    }

    /// The word of the API that is suspended, if the pause is about one.
    pub fn api(&self) -> Option<&str> {
        self.event.details.get("api")?.as_str()
    }
}
