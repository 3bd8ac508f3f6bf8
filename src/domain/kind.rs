//! What a kind of action is made of. The kinds themselves are in [`kinds`](crate::kinds).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde_json::Value;

use super::{Class, Scope, Targets};

/// One of Tencent's REST APIs: what its limit, the permits, and a suspension of calls belong to. Several kinds may share
/// one.
#[derive(Debug)]
pub struct Api {
    /// The one word for it: key of the leases, label `api` of the metrics, policy of `RateLimit`.
    pub word: &'static str,
    /// Service and command, as in the path of its URL: `im_open_login_svc/kick`.
    pub command: &'static str,
    /// What those of its error codes mean that mean something else, or nothing, for other APIs.
    pub codes: &'static [(i64, Class)],
}

impl PartialEq for Api {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl Eq for Api {}

/// Everything that tells one kind of action from another.
#[derive(Debug)]
pub struct Spec {
    /// The one word for it in paths, JSON, SQL, logs and metrics.
    pub word: &'static str,
    /// What a moderator needs.
    pub scope: Scope,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What its request names, in a few words.
    pub names: &'static str,
    /// What it calls.
    pub api: &'static Api,
    /// What its request holds beside what every request may.
    pub fields: &'static [Field],
    /// The body of the call.
    pub packet: fn(&Targets, &Wire) -> Packet,
    /// What becomes of a second call.
    pub repeat: Repeat,
    /// What to tell the operator when Tencent answers with one of these codes.
    pub advice: &'static [(i64, &'static str)],
    /// Refusals that occur: class, error code, and `ErrorInfo`. The document has them as examples.
    pub refusals: &'static [(Class, i64, &'static str)],
}

/// The members of a packet, in Tencent's order.
pub type Packet = Vec<(&'static str, Value)>;

/// What the deployment decides about packets.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// What the login kick calls its user: Tencent's pages disagree.
    pub login_kick_field: &'static str,
}

/// A field of a request.
#[derive(Debug)]
pub struct Field {
    /// Which.
    pub slot: Slot,
    /// Whether it must be there.
    pub required: bool,
    /// A value that is valid.
    pub example: Example,
}

impl Field {
    /// One that must be there.
    pub const fn required(slot: Slot, example: &'static str) -> Self {
        Self {
            slot,
            required: true,
            example: Example::Text(example),
        }
    }

    /// A choice that need not be made.
    pub const fn choice(slot: Slot, example: bool) -> Self {
        Self {
            slot,
            required: false,
            example: Example::Choice(example),
        }
    }
}

/// A value of a field.
#[derive(Clone, Copy, Debug)]
pub enum Example {
    /// A text.
    Text(&'static str),
    /// Yes or no.
    Choice(bool),
}

impl From<Example> for Value {
    fn from(example: Example) -> Self {
        match example {
            Example::Text(text) => text.into(),
            Example::Choice(choice) => choice.into(),
        }
    }
}

/// The fields that kinds have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Whom it is done to.
    UserId,
    /// Where.
    RoomId,
    /// What that user is told.
    Data,
    /// Whether nobody is told that it was done.
    Silent,
}

impl Slot {
    /// The name of the field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::RoomId => "room_id",
            Self::Data => "data",
            Self::Silent => "silent",
        }
    }
}

/// What a second call does where the first was carried out, though nobody has seen its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It does it once more, to a user who may have come back since: it must not be made.
    DoesItAgain,
    /// Nothing more, and it is answered as the first was.
    Harmless,
    /// Nothing more, and it is answered with one of these codes.
    FindsItDone(&'static [i64]),
}

/// A kind of action: an entry of the table in [`kinds`](crate::kinds).
#[derive(Clone, Copy)]
pub struct Kind(pub(crate) &'static Spec);

impl Kind {
    /// The one word for it.
    pub const fn as_str(self) -> &'static str {
        self.0.word
    }

    /// The scope that lets a moderator do it.
    pub const fn scope(self) -> Scope {
        self.0.scope
    }

    /// Whether its request has this field.
    pub fn has(self, slot: Slot) -> bool {
        self.field(slot).is_some()
    }

    /// This field of its request, if it has it.
    pub fn field(self, slot: Slot) -> Option<&'static Field> {
        self.0.fields.iter().find(|field| field.slot == slot)
    }
}

impl Deref for Kind {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        self.0
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl From<Kind> for &'static str {
    fn from(kind: Kind) -> Self {
        kind.as_str()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
