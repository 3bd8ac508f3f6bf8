//! Freezes and thaws, as they are asked for and as they stand in the record.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Kind, Moderator, Origin, Reason, words};

/// What a row of `audit.brake` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brake {
    /// It stops what its scope covers.
    Freeze,
    /// It ends a freeze of the very same scope.
    Thaw,
}

words!(
    Brake,
    "must be freeze or thaw",
    Freeze = "freeze",
    Thaw = "thaw"
);

/// What a freeze is about: actions of this kind, by the moderators of this issuer, or by this one of them. What is
/// `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrakeScope {
    /// The word of a kind, perhaps one that only a newer release knows.
    pub kind: Option<String>,
    /// The issuer of the token.
    pub issuer: Option<String>,
    /// The subject of the token; there only with an issuer.
    pub moderator: Option<String>,
}

/// How far a freeze reaches, by the narrowest that its scope names: the label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything is frozen.
    All,
    /// A kind of action.
    Kind,
    /// Everyone whose token is of one issuer.
    Issuer,
    /// One moderator.
    Moderator,
}

words!(
    Reach,
    "must be all, kind, issuer or moderator",
    All = "all",
    Kind = "kind",
    Issuer = "issuer",
    Moderator = "moderator"
);

impl BrakeScope {
    /// How far it reaches.
    pub const fn reach(&self) -> Reach {
        match (&self.moderator, &self.issuer, &self.kind) {
            (Some(_), ..) => Reach::Moderator,
            (None, Some(_), _) => Reach::Issuer,
            (None, None, Some(_)) => Reach::Kind,
            (None, None, None) => Reach::All,
        }
    }

    fn has(&self, (issuer, subject): (&str, &str)) -> bool {
        let is = |named: &Option<String>, own: &str| named.as_deref().is_none_or(|it| it == own);
        is(&self.issuer, issuer) && is(&self.moderator, subject)
    }

    /// Whether it names this issuer and subject, alone or with all of the same issuer, if only for one kind of action.
    pub fn names(&self, moderator: (&str, &str)) -> bool {
        self.issuer.is_some() && self.has(moderator)
    }

    pub(super) fn covers(&self, moderator: &Moderator, kind: Kind) -> bool {
        let is_of_kind = self.kind.as_deref().is_none_or(|it| it == kind.as_str());
        is_of_kind && self.has(moderator.key())
    }
}

/// Who froze or thawed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrakedBy {
    /// Somebody over the API.
    Moderator {
        /// The issuer of the token.
        issuer: String,
        /// Its subject.
        moderator: String,
        /// The name, for people to read.
        name: Option<String>,
    },
    /// Somebody who ran a command.
    Command {
        /// The person.
        operator: String,
        /// The machine.
        host: String,
    },
}

/// A freeze or a thaw that is asked for.
#[derive(Clone, Debug)]
pub struct NewBrake {
    /// Which of them.
    pub brake: Brake,
    /// Of what.
    pub scope: BrakeScope,
    /// Why.
    pub reason: Reason,
    /// By whom.
    pub author: BrakeAuthor,
}

/// Who asks for a freeze or a thaw.
#[derive(Clone, Debug)]
pub enum BrakeAuthor {
    /// Somebody over the API.
    Moderator(Box<(Moderator, Origin)>),
    /// Somebody who runs a command.
    Command {
        /// The person.
        operator: String,
        /// The machine.
        host: String,
    },
}

/// A genuine row of `audit.brake`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrakeRow {
    /// A `UUIDv7`. Of two rows the one with the greater id is the newer one.
    pub id: Uuid,
    /// What it does.
    pub brake: Brake,
    /// To what.
    pub scope: BrakeScope,
    /// Why.
    pub reason: String,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// By whom.
    pub by: BrakedBy,
}

impl BrakeRow {
    /// Whether a command froze or thawed.
    pub const fn is_of_a_command(&self) -> bool {
        matches!(self.by, BrakedBy::Command { .. })
    }
}
