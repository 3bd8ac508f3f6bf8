//! What a kind of action is made of. The kinds themselves are in [`kinds`](crate::kinds).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde_json::{Map, Value};

use super::{Api, Class, Field, Packet, Question, Scope, Slot, Targets};

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
    /// Whether it sets something that lasts, or takes it back.
    pub effect: Effect,
    /// How it can be found out what is in force on its target, if it can.
    pub probe: Option<&'static Question>,
    /// What to tell the operator when Tencent answers with one of these codes.
    pub advice: &'static [(i64, &'static str)],
    /// Refusals that occur: class, error code, and `ErrorInfo`. The document has them as examples.
    pub refusals: &'static [(Class, i64, &'static str)],
}

/// What the deployment decides about packets.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// What the login kick calls its user: Tencent's pages disagree.
    pub login_kick_field: &'static str,
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

/// What an action leaves behind at Tencent.
#[derive(Clone, Copy, Debug)]
pub enum Effect {
    /// Nothing that lasts.
    Passes,
    /// A restriction, until it ends or this kind lifts it.
    Restricts(&'static Spec),
    /// It lifts what this kind has set.
    Lifts(&'static Spec),
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

    /// The kind that lifts what this one sets.
    pub const fn undone_by(self) -> Option<Self> {
        match self.0.effect {
            Effect::Restricts(undo) => Some(Self(undo)),
            Effect::Passes | Effect::Lifts(_) => None,
        }
    }

    /// The kind whose restrictions this one lifts.
    pub const fn lifts(self) -> Option<Self> {
        match self.0.effect {
            Effect::Lifts(set) => Some(Self(set)),
            Effect::Passes | Effect::Restricts(_) => None,
        }
    }

    /// The kind that sets what this one sets or lifts, if it does either.
    pub const fn restriction(self) -> Option<Self> {
        match self.0.effect {
            Effect::Passes => None,
            Effect::Restricts(_) => Some(self),
            Effect::Lifts(set) => Some(Self(set)),
        }
    }

    /// A request that has every field, but those that name another action, and `forever`, beside which `seconds`
    /// cannot stand.
    pub fn example(self) -> Map<String, Value> {
        let fields = self.0.fields.iter();
        let members = fields.filter_map(|field| Some((field.slot, field.example?)));
        members
            .map(|(slot, example)| (slot.as_str().to_owned(), example.into()))
            .collect()
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
