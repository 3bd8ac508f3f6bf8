//! The settings of which requests are taken.

use super::variable::Variable;
use super::{Reader, parse};
use crate::domain::Kind;
use crate::http::{RequestRules, WholePattern};

pub(super) const USER_ID_PATTERN: Variable = Variable::plain("MODGATE_USER_ID_PATTERN", "");
pub(super) const REQUIRE_REASON: Variable = Variable::plain("MODGATE_REQUIRE_REASON", "false");

pub(super) fn request_rules(reader: &mut Reader<'_>) -> Option<RequestRules> {
    let pattern = reader
        .text(USER_ID_PATTERN)
        .map(|text| WholePattern::parse(&text));
    let require_reason = reader.with(REQUIRE_REASON, parse::flag);
    let kinds = kinds(reader);
    let user_id_pattern = pattern
        .transpose()
        .map_err(|rule| reader.fault(USER_ID_PATTERN, rule));
    Some(RequestRules {
        kinds: kinds?,
        user_id_pattern: user_id_pattern.ok()?,
        require_reason: require_reason?,
    })
}

pub(super) const KINDS: Variable = Variable::plain("MODGATE_KINDS", "all");

/// In the order of the table, however they were named. What was once done can be undone, also when it is not offered
/// any more.
fn kinds(reader: &mut Reader<'_>) -> Option<Vec<Kind>> {
    let named = reader.full_list(KINDS, |item| match item {
        "all" => Ok(None),
        _ => item.parse::<Kind>().map(Some),
    })?;
    let is_named = |kind: &Kind| {
        named.contains(&None) || named.contains(&Some(*kind)) || kind.lifts().is_some()
    };
    Some(Kind::ALL.iter().copied().filter(is_named).collect())
}
