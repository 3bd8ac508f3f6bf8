//! The members of a problem (RFC 9457, 3), with those of our own.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::batches::json::BatchMember;
use super::json::ActionJson;
use crate::domain::Scope;

/// A member of a request that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct FieldFault {
    /// The item of a batch that it is a member of, from 0; not there for what is no member of an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub index: Option<usize>,
    /// The line of CSV that the item begins on, or the fault is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub line: Option<u64>,
    /// The member, query parameter or header.
    pub field: String,
    /// What must hold.
    pub rule: String,
}

impl FieldFault {
    /// Of what is no member of an item.
    pub(super) fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            index: None,
            line: None,
            field: field.into(),
            rule: rule.into(),
        }
    }
}

/// Whose limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Limit {
    /// The moderator's own.
    Moderator,
    /// That of Tencent's API, as the gateway keeps it.
    Api,
    /// Tencent's, by its own word.
    Tencent,
    /// On how much a moderator may read.
    Reads,
    /// On how often an action is probed.
    Probes,
    /// On how many freezes may be in force.
    Freezes,
    /// On how many actions a moderator may ask for within an hour, at all replicas together.
    ModeratorHour,
    /// On how many batches a moderator may have open, and how many items may wait in all.
    Batches,
}

/// A restriction that is in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Restriction)]
pub(super) struct RestrictionJson {
    /// The id of the action that has set it.
    pub id: Uuid,
    /// When it ends; null if it lasts until it is lifted.
    #[schema(required, value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub until: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Problem<'a> {
    pub(super) r#type: String,
    pub(super) title: &'static str,
    pub(super) status: u16,
    pub(super) detail: String,
    pub(super) code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<ActionJson<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) errors: &'a [FieldFault],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) errors_total: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<Limit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restriction: Option<&'a RestrictionJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) batch: Option<BatchMember<'a>>,
}

/// What a scope is needed for, where the path does not say it.
pub(super) fn needed_for(scope: &str) -> &'static str {
    if scope == Scope::LIFT.as_str() {
        ": this would end what another moderator has set, even where a longer one of yours covers it"
    } else {
        ""
    }
}
