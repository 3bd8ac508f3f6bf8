//! Who asks.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};

/// A right that a token grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    word: &'static str,
    grants: &'static str,
}

impl Scope {
    /// Everyone's actions, not only one's own.
    pub const AUDIT_READ: Self = Self::new(
        "audit:read",
        "see everyone's actions, and export them. One's own need no scope.",
    );

    /// To undo what others have done.
    pub const LIFT: Self = Self::new(
        "action:lift",
        "lift or shorten the mutes and bans of others. One's own need only the scope that set them.",
    );

    /// To stop actions.
    pub const FREEZE: Self = Self::new(
        "service:freeze",
        "stop everything, a kind of action, or a moderator, on every replica; and see why and by whom it was done.",
    );

    /// To let them go on.
    pub const THAW: Self = Self::new(
        "service:thaw",
        "end a freeze. To freeze takes the other scope.",
    );

    /// To ask for many actions as one.
    pub const BATCH_SUBMIT: Self = Self::new(
        "batch:submit",
        "ask for many actions as one. Each takes its own scope besides.",
    );

    /// To let those of others run.
    pub const BATCH_APPROVE: Self = Self::new(
        "batch:approve",
        "approve and reject the batches of others, and cancel, pause and resume them; see those that are open.",
    );

    /// To do without a second person.
    pub const BATCH_SOLO: Self = Self::new(
        "batch:solo",
        "run batches that a second person would have to approve. It is for emergencies, and alerts.",
    );

    /// The scope with this word in a token; what it grants, for people to read.
    pub const fn new(word: &'static str, grants: &'static str) -> Self {
        Self { word, grants }
    }

    /// The word in the token.
    pub const fn as_str(self) -> &'static str {
        self.word
    }

    /// What it grants, in a few words.
    pub const fn grants(self) -> &'static str {
        self.grants
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The subject of a valid token. Its texts hold no control characters.
#[derive(Clone, Debug)]
pub struct Moderator {
    /// `iss`: a subject is unique only within its issuer (RFC 7519, 4.1.2).
    pub issuer: String,
    /// The subject claim, 1 to 255 bytes.
    pub subject: String,
    /// The name claim, for people to read.
    pub name: Option<String>,
    /// `jti`, by which an identity provider can trace one token. The token itself is never kept.
    pub token_id: Option<String>,
    /// The client that the token was issued to: `azp`, `client_id`, `cid` or `appid`.
    pub client_id: Option<String>,
    /// `act.sub`: who acts on behalf of the subject (RFC 8693, 4.1).
    pub actor: Option<String>,
    /// What is found in the scope claims, known to the gateway or not, and what it stands for.
    pub scopes: BTreeSet<String>,
    /// `exp`; of an ID token an hour after `iat`, if that is earlier.
    pub expires_at: DateTime<Utc>,
}

impl Moderator {
    /// Whether the token grants `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(scope.as_str())
    }

    /// What tells this moderator from every other.
    pub fn key(&self) -> (&str, &str) {
        (&self.issuer, &self.subject)
    }
}
