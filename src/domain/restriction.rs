//! How long a restriction lasts, and what it is about.

use std::time::Duration;

use super::words::words;

/// How long a restriction lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// So many seconds, 1 to [`Span::LONGEST`].
    Seconds(u32),
    /// Until it is lifted.
    Forever,
}

impl Span {
    /// The most seconds: a year of 365 days.
    pub const LONGEST: u32 = 31_536_000;

    /// The rule of the seconds.
    pub const RULE: &str = "must be a whole number from 1 to 31536000";

    /// That of `seconds`, if the rule allows them.
    pub const fn of_seconds(seconds: u64) -> Option<Self> {
        if seconds == 0 || seconds > Self::LONGEST as u64 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is at most LONGEST")]
        Some(Self::Seconds(seconds as u32))
    }

    /// `None` without an end.
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::Seconds(seconds) => Some(Duration::from_secs(seconds.into())),
            Self::Forever => None,
        }
    }
}

/// Which of a user's messages a mute is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// All.
    #[default]
    All,
    /// Those to one other user.
    Direct,
    /// Those to groups.
    Groups,
}

words!(
    Channels,
    "must be all, direct or groups",
    All = "all",
    Direct = "direct",
    Groups = "groups"
);

impl Channels {
    /// Whether a mute of these is about messages to one other user.
    pub const fn has_direct(self) -> bool {
        matches!(self, Self::All | Self::Direct)
    }

    /// Whether a mute of these is about messages to groups.
    pub const fn has_groups(self) -> bool {
        matches!(self, Self::All | Self::Groups)
    }

    /// Whether there are messages that both are about.
    pub const fn overlap(self, other: Self) -> bool {
        (self.has_direct() && other.has_direct()) || (self.has_groups() && other.has_groups())
    }
}
