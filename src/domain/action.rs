//! What is asked, and what became of it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Answer, Attempt, CaseRef, Data, Moderator, Reason, RoomId, Scope, UserId};

/// A word that is not one of the closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownWord(&'static str);

macro_rules! words {
    ($name:ident, $rule:literal, $($variant:ident = $word:literal),+) => {
        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one word for it in JSON, SQL, logs and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word).ok_or(UnknownWord($rule))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

/// The kinds of action, one for each of Tencent's APIs that the gateway calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `im_open_login_svc/kick`
    KickLogin,
    /// `room_engine_http_mic/kick_user_off_seat`
    KickSeat,
}

words!(
    Kind,
    "must be kick_login or kick_seat",
    KickLogin = "kick_login",
    KickSeat = "kick_seat"
);

impl Kind {
    /// The scope that lets a moderator do it.
    pub const fn scope(self) -> Scope {
        match self {
            Self::KickLogin => Scope::KickLogin,
            Self::KickSeat => Scope::KickSeat,
        }
    }
}

/// The state of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The intent is committed; no end yet.
    Pending,
    /// Tencent did it.
    Succeeded,
    /// Tencent answered that it did nothing.
    Refused,
    /// The gateway gave up before any byte left.
    NotSent,
    /// It may or may not have happened.
    Unknown,
    /// The moderator lacked the right.
    Denied,
}

words!(
    State,
    "must be pending, succeeded, refused, not_sent, unknown or denied",
    Pending = "pending",
    Succeeded = "succeeded",
    Refused = "refused",
    NotSent = "not_sent",
    Unknown = "unknown",
    Denied = "denied"
);

/// What Tencent is asked to do: exactly the data that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Invalidate the login of a user.
    KickLogin {
        /// Whose.
        user_id: UserId,
    },
    /// Take a user off a seat.
    KickSeat {
        /// The room of the seat.
        room_id: RoomId,
        /// Who sits there.
        user_id: UserId,
        /// Sent to that user.
        data: Data,
    },
}

impl Command {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::KickLogin { .. } => Kind::KickLogin,
            Self::KickSeat { .. } => Kind::KickSeat,
        }
    }

    /// The user it is done to.
    pub const fn user_id(&self) -> &UserId {
        match self {
            Self::KickLogin { user_id } | Self::KickSeat { user_id, .. } => user_id,
        }
    }

    /// The room, for a seat.
    pub const fn room_id(&self) -> Option<&RoomId> {
        match self {
            Self::KickLogin { .. } => None,
            Self::KickSeat { room_id, .. } => Some(room_id),
        }
    }

    /// The text for the kicked user, for a seat.
    pub const fn data(&self) -> Option<&Data> {
        match self {
            Self::KickLogin { .. } => None,
            Self::KickSeat { data, .. } => Some(data),
        }
    }
}

/// What a moderator asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What Tencent is to do.
    pub command: Command,
    /// Why.
    pub reason: Option<Reason>,
    /// The case it belongs to.
    pub case_ref: Option<CaseRef>,
    /// The earlier action that this one repeats.
    pub supersedes: Option<Uuid>,
}

/// Where a request came from. Its texts hold no control characters.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client, as far as trusted proxies say.
    pub client_ip: IpAddr,
    /// The other end of the TCP connection.
    pub peer_ip: IpAddr,
    /// `User-Agent`, at most 256 characters.
    pub user_agent: Option<String>,
    /// `X-Request-Id`, the client's or ours.
    pub http_request_id: String,
    /// The trace id of `traceparent` (W3C Trace Context), 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// An action before anything has happened: everything that is recorded of it up front.
#[derive(Clone, Debug)]
pub struct Intent {
    /// A `UUIDv7` minted from `requested_at`.
    pub id: Uuid,
    /// When the request arrived, by the gateway's clock, cut to microseconds.
    pub requested_at: DateTime<Utc>,
    /// How long after `requested_at` the gateway may still be sending.
    pub deadline: Duration,
    /// Who asks.
    pub moderator: Moderator,
    /// For what.
    pub request: Request,
    /// From where.
    pub origin: Origin,
}

impl Intent {
    /// An intent that arrives now.
    pub fn new(moderator: Moderator, request: Request, origin: Origin, deadline: Duration) -> Self {
        let now = Utc::now();
        let micros = now.timestamp_micros();
        let requested_at = DateTime::from_timestamp_micros(micros)
            .expect("the present in microseconds is a valid time");
        let (seconds, nanos) = (now.timestamp().unsigned_abs(), now.timestamp_subsec_nanos());
        let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
        Self {
            id: Uuid::new_v7(stamp),
            requested_at,
            deadline,
            moderator,
            request,
            origin,
        }
    }
}

/// An action as everyone sees it: in answers, lists and log lines.
#[derive(Clone, Debug)]
pub struct Action {
    /// A `UUIDv7` minted by the gateway.
    pub id: Uuid,
    /// The kind.
    pub kind: Kind,
    /// What became of it.
    pub state: State,
    /// The subject of the token.
    pub moderator: String,
    /// The moderator's name, for people to read.
    pub moderator_name: Option<String>,
    /// The user it was done to.
    pub user_id: String,
    /// The room, for a seat.
    pub room_id: Option<String>,
    /// The text for the kicked user, for a seat.
    pub data: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The case it belongs to.
    pub case_ref: Option<String>,
    /// The earlier action that this one repeats.
    pub supersedes: Option<Uuid>,
    /// The batch it is part of.
    pub batch_id: Option<Uuid>,
    /// When the request arrived.
    pub requested_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// From the arrival of the request to the end.
    pub duration: Option<Duration>,
    /// The attempts that are over, in order.
    pub attempts: Vec<Attempt>,
    /// Whether what this says is in the record.
    pub recorded: bool,
}

impl Action {
    /// The action of an intent that has not ended.
    pub fn pending(intent: &Intent) -> Self {
        let Request {
            command,
            reason,
            case_ref,
            supersedes,
        } = &intent.request;
        Self {
            id: intent.id,
            kind: command.kind(),
            state: State::Pending,
            moderator: intent.moderator.subject.clone(),
            moderator_name: intent.moderator.name.clone(),
            user_id: command.user_id().to_string(),
            room_id: command.room_id().map(ToString::to_string),
            data: command.data().map(ToString::to_string),
            reason: reason.as_ref().map(ToString::to_string),
            case_ref: case_ref.as_ref().map(ToString::to_string),
            supersedes: *supersedes,
            batch_id: None,
            requested_at: intent.requested_at,
            completed_at: None,
            duration: None,
            attempts: Vec::new(),
            recorded: true,
        }
    }

    /// The last answer that Tencent gave.
    pub fn last_answer(&self) -> Option<&Answer> {
        self.attempts
            .iter()
            .rev()
            .find_map(|attempt| attempt.answer.as_ref())
    }
}
