//! What is frozen, as everyone sees it.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::json::time;
use crate::domain::{BrakeRow, BrakedBy, Moderator, Scope};

/// What is frozen.
#[derive(Serialize, ToSchema)]
#[schema(as = Brakes)]
pub(super) struct BrakesJson<'a> {
    /// Oldest first.
    pub(super) brakes: Vec<FreezeJson<'a>>,
}

/// A freeze that is in force. What its scope leaves open is null.
#[derive(Serialize, ToSchema)]
#[schema(as = Freeze)]
pub(super) struct FreezeJson<'a> {
    /// A UUIDv7.
    pub(super) id: Uuid,
    #[schema(required)]
    pub(super) kind: Option<&'a str>,
    #[schema(required)]
    pub(super) issuer: Option<&'a str>,
    #[schema(required)]
    pub(super) moderator: Option<&'a str>,
    #[schema(value_type = DateTime<Utc>)]
    pub(super) since: String,
    /// Null unless the token has `audit:read` or `service:freeze`, and for anyone who is frozen. So is the next.
    #[schema(required)]
    pub(super) reason: Option<&'a str>,
    #[schema(required)]
    pub(super) by: Option<BrakedByJson<'a>>,
}

/// A moderator, or who ran a command: only a command thaws what a command froze.
#[derive(Serialize, ToSchema)]
#[schema(as = BrakedBy)]
pub(super) struct BrakedByJson<'a> {
    #[schema(required)]
    pub(super) moderator: Option<&'a str>,
    #[schema(required)]
    pub(super) moderator_name: Option<&'a str>,
    #[schema(required)]
    pub(super) issuer: Option<&'a str>,
    /// Who ran the command.
    #[schema(required)]
    pub(super) operator: Option<&'a str>,
    /// Where.
    #[schema(required)]
    pub(super) host: Option<&'a str>,
}

/// Whether `moderator` is told why there are these freezes, and by whom.
pub(super) fn sees_why(moderator: &Moderator, frozen: &[BrakeRow]) -> bool {
    let is_frozen = frozen
        .iter()
        .any(|freeze| freeze.scope.names(moderator.key()));
    let may = moderator.may(Scope::AUDIT_READ) || moderator.may(Scope::FREEZE);
    may && !is_frozen
}

pub(super) fn shown(freeze: &BrakeRow, sees_why: bool) -> FreezeJson<'_> {
    FreezeJson {
        id: freeze.id,
        kind: freeze.scope.kind.as_deref(),
        issuer: freeze.scope.issuer.as_deref(),
        moderator: freeze.scope.moderator.as_deref(),
        since: time(freeze.requested_at),
        reason: sees_why.then_some(freeze.reason.as_str()),
        by: sees_why.then(|| by(&freeze.by)),
    }
}

fn by(by: &BrakedBy) -> BrakedByJson<'_> {
    match by {
        BrakedBy::Moderator {
            issuer,
            moderator,
            name,
        } => BrakedByJson {
            moderator: Some(moderator),
            moderator_name: name.as_deref(),
            issuer: Some(issuer),
            operator: None,
            host: None,
        },
        BrakedBy::Command { operator, host } => BrakedByJson {
            moderator: None,
            moderator_name: None,
            issuer: None,
            operator: Some(operator),
            host: Some(host),
        },
    }
}
