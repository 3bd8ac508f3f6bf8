//! One HTTP request to Tencent, what came of it, and how an action ends.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::State;
use super::words::{Word, words};

/// Tencent's answer envelope (`RESTful` API Overview, product 1047), cleaned: no control
/// characters, no echo of the credential, `error_info` at most 1,000 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `ActionStatus`, `OK` or `FAIL`; some answers lack it.
    pub action_status: Option<String>,
    /// `ErrorCode`, 0 for success.
    pub error_code: i64,
    /// `ErrorInfo`, empty on success.
    pub error_info: String,
    /// `RequestId`; the login kick documents none.
    pub request_id: Option<String>,
}

/// Why an attempt has no usable answer, or why an action ended without Tencent's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made: no byte of the request left.
    Connect,
    /// Time ran out before the request was started: no byte left.
    DeadlinePassed,
    /// Calls to the API were suspended before the request was started: no byte left.
    Suspended,
    /// The lease on permits ran out before the request was started: no byte left.
    LeaseLapsed,
    /// No whole answer within the time-out.
    TimedOut,
    /// The connection broke after the request was started.
    ConnectionLost,
    /// An answer that is not Tencent's envelope: HTML of a proxy, cut JSON, a redirect.
    NotTheEnvelope,
    /// An answer larger than any of Tencent's.
    AnswerTooLarge,
    /// `ErrorCode` 0 together with `ActionStatus` `FAIL`.
    Contradiction,
    /// The commit of the intent was not confirmed in time.
    BeginUnclear,
    /// The process that began it is gone, and nothing says how far it got.
    Abandoned,
    /// The token lacks the scope.
    MissingScope,
    /// The target must not be acted upon.
    ProtectedTarget,
    /// The restriction is another moderator's, and the token lacks the scope to lift or shorten those.
    MissingLift,
    /// It would have ended before a restriction that is in force.
    WouldShorten,
    /// What it was to undo, or to shorten, was not there.
    NamesNothing,
}

words!(
    Failure,
    "must be the word of a failure",
    Connect = "connect",
    DeadlinePassed = "deadline_passed",
    Suspended = "suspended",
    LeaseLapsed = "lease_lapsed",
    TimedOut = "timed_out",
    ConnectionLost = "connection_lost",
    NotTheEnvelope = "not_the_envelope",
    AnswerTooLarge = "answer_too_large",
    Contradiction = "contradiction",
    BeginUnclear = "begin_unclear",
    Abandoned = "abandoned",
    MissingScope = "missing_scope",
    ProtectedTarget = "protected_target",
    MissingLift = "missing_lift",
    WouldShorten = "would_shorten",
    NamesNothing = "names_nothing"
);

impl Failure {
    /// Whether an attempt that was started can end so; the others end an action without one.
    pub const fn is_of_an_attempt(self) -> bool {
        match self {
            Self::Connect
            | Self::DeadlinePassed
            | Self::LeaseLapsed
            | Self::TimedOut
            | Self::ConnectionLost
            | Self::NotTheEnvelope
            | Self::AnswerTooLarge
            | Self::Contradiction => true,
            Self::Suspended
            | Self::BeginUnclear
            | Self::Abandoned
            | Self::MissingScope
            | Self::ProtectedTarget
            | Self::MissingLift
            | Self::WouldShorten
            | Self::NamesNothing => false,
        }
    }
}

/// What Tencent's `ErrorCode` means for the action. The codes themselves are in `tencent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The moderator's request was wrong.
    Caller,
    /// The user or the room does not exist.
    NotFound,
    /// The target is in a state in which there is nothing to do.
    Conflict,
    /// Tencent throttles.
    RateLimit,
    /// Tencent refused the gateway's credential.
    Credential,
    /// Tencent refuses every credential for a minute (70050).
    CredentialLockout,
    /// Something in Tencent's console or the gateway's settings must change.
    Config,
    /// The gateway built a bad request.
    GatewayBug,
    /// Tencent failed inside; the action may have been done.
    Transient,
    /// As `Transient`, or a malformed request: one code for two causes (60008).
    TransientAmbiguous,
    /// A code that no document lists.
    Unlisted,
}

words!(
    Class,
    "must be the word of a class",
    Caller = "caller",
    NotFound = "not_found",
    Conflict = "conflict",
    RateLimit = "rate_limit",
    Credential = "credential",
    CredentialLockout = "credential_lockout",
    Config = "config",
    GatewayBug = "gateway_bug",
    Transient = "transient",
    TransientAmbiguous = "transient_ambiguous",
    Unlisted = "unlisted"
);

/// What an attempt proves about the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Tencent did it.
    Succeeded,
    /// Tencent did nothing, for a reason of this class.
    Refused(Class),
    /// It may or may not have happened. The class is there if Tencent answered at all.
    Unknown(Option<Class>),
    /// No byte left.
    NotSent,
}

impl Verdict {
    /// The state of an action that ends with it.
    pub const fn state(self) -> State {
        match self {
            Self::Succeeded => State::Succeeded,
            Self::Refused(_) => State::Refused,
            Self::Unknown(_) => State::Unknown,
            Self::NotSent => State::NotSent,
        }
    }
}

/// One HTTP request to Tencent that is over.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u16,
    /// The `random` of its URL, by which Tencent's support finds a call.
    pub random: u32,
    /// From just before the first byte to the end of the answer, or to giving up.
    pub duration: Duration,
    /// The HTTP status, if there was one. Tencent answers 200 to nearly everything.
    pub http_status: Option<u16>,
    /// Tencent's answer, if it gave one.
    pub answer: Option<Answer>,
    /// Why there is no usable answer.
    pub failure: Option<Word<Failure>>,
}

impl Attempt {
    /// Why there is no usable answer, if this release knows the word for it.
    pub fn failure(&self) -> Option<Failure> {
        self.failure.as_ref().and_then(Word::known)
    }
}

/// Who decided an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// The process that carried the action out.
    Gateway,
    /// Recovery, after the process that began the action fell silent.
    Recovery,
    /// What Tencent said when it was asked what is in force.
    Probe,
}

impl DecidedBy {
    /// The one word for it in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Recovery => "recovery",
            Self::Probe => "probe",
        }
    }
}

/// The end of an action.
#[derive(Clone, Debug)]
pub struct End {
    /// Never `Pending`.
    pub state: State,
    /// By whom.
    pub decided_by: DecidedBy,
    /// When, by the gateway's clock, cut to microseconds.
    pub completed_at: DateTime<Utc>,
    /// From the arrival of the request, where the decider knows it.
    pub duration: Option<Duration>,
    /// The last attempt, if there was one.
    pub attempt: Option<Attempt>,
    /// Why, where no attempt says it.
    pub failure: Option<Failure>,
}

/// Milliseconds, to the microsecond that the record keeps.
#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of a few minutes are far below 2^52"
)]
pub fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
