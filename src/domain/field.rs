//! The fields that the requests of kinds have.

use serde_json::Value;

/// A field of a request.
#[derive(Debug)]
pub struct Field {
    /// Which.
    pub slot: Slot,
    /// Whether it must be there.
    pub required: bool,
    /// A value that is valid beside the other examples.
    pub example: Option<Example>,
    /// The most bytes of a text, where Tencent takes fewer of them than elsewhere.
    pub longest: Option<usize>,
}

impl Field {
    /// A text that must be there.
    pub const fn required(slot: Slot, example: &'static str) -> Self {
        Self {
            slot,
            required: true,
            example: Some(Example::Text(example)),
            longest: None,
        }
    }

    /// One that need not be there.
    pub const fn optional(slot: Slot, example: Option<Example>) -> Self {
        Self {
            slot,
            required: false,
            example,
            longest: None,
        }
    }

    /// How long it lasts. With [`Slot::Forever`] beside it, one of the two must be there.
    pub const fn seconds(example: u32) -> Self {
        Self {
            slot: Slot::Seconds,
            required: true,
            example: Some(Example::Number(example)),
            longest: None,
        }
    }

    /// The same with at most so many bytes.
    #[must_use]
    pub const fn at_most(self, longest: usize) -> Self {
        Self {
            longest: Some(longest),
            ..self
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
    /// A whole number.
    Number(u32),
}

impl From<Example> for Value {
    fn from(example: Example) -> Self {
        match example {
            Example::Text(text) => text.into(),
            Example::Choice(choice) => choice.into(),
            Example::Number(number) => number.into(),
        }
    }
}

/// Which field.
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
    /// How long it lasts, in seconds.
    Seconds,
    /// That it does not end.
    Forever,
    /// Which messages it is about.
    Channels,
    /// The action that it takes back.
    Undoes,
    /// The restriction that it shortens.
    Shortens,
}

impl Slot {
    /// The name of the field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::RoomId => "room_id",
            Self::Data => "data",
            Self::Silent => "silent",
            Self::Seconds => "seconds",
            Self::Forever => "forever",
            Self::Channels => "channels",
            Self::Undoes => "undoes",
            Self::Shortens => "shortens",
        }
    }
}
