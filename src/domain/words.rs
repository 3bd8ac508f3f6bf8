//! The closed sets: each value has one word, everywhere.

use std::str::FromStr;

/// A word that is not one of the closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownWord(pub(crate) &'static str);

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

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownWord;

            fn from_str(word: &str) -> Result<Self, $crate::domain::UnknownWord> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word).ok_or($crate::domain::UnknownWord($rule))
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> Self {
                value.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

/// A word of a closed set, or one that only a newer release knows: whoever reads carries it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word<T> {
    /// One that this release knows.
    Known(T),
    /// Another.
    Other(String),
}

impl<T: FromStr> Word<T> {
    /// The word `text`.
    pub fn read(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Other(text.to_owned()), Self::Known)
    }
}

impl<T: Copy + Into<&'static str>> Word<T> {
    /// The word itself.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(value) => (*value).into(),
            Self::Other(word) => word,
        }
    }

    /// What it stands for, if this release knows.
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Other(_) => None,
        }
    }
}

impl<T> From<T> for Word<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
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

/// Why calls to one of Tencent's APIs are suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendedFor {
    /// Tencent does not answer, or only with its own faults.
    Unavailable,
    /// Tencent does not accept the gateway's signature.
    Credential,
    /// Tencent verifies no signature for a minute (70050).
    LockedOut,
}

words!(
    SuspendedFor,
    "must be unavailable, credential or locked_out",
    Unavailable = "unavailable",
    Credential = "credential",
    LockedOut = "locked_out"
);
