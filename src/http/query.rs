//! The query of a list, or of an export.

use actix_web::HttpRequest;
use actix_web::web::Query;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::fields::{Fields, action_id};
use super::format::Format;
use super::problem::{ApiError, FieldFault};
use crate::audit::Filter;
use crate::domain::{Kind, Moderator, Scope, State, printable};
use crate::members::Members;

/// A list that was asked for.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) filter: Filter,
    pub(super) limit: u16,
    pub(super) cursor: Option<Uuid>,
}

/// An export that was asked for.
#[derive(Debug)]
pub(super) struct ExportQuery {
    pub(super) filter: Filter,
    pub(super) format: Format,
}

pub(super) const LONGEST_LIST: u16 = 200;
pub(super) const USUAL_LIST: u16 = 50;

/// In bytes, of a text that is looked for.
pub(super) const LONGEST_TEXT: usize = 255;

/// What such a text looks like, as a regular expression.
pub(super) const TEXT_PATTERN: &str =
    r"^[^\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069\uFFFD]+$";

impl ListQuery {
    /// Reads the query of `request`, as far as `moderator` may see.
    pub(super) fn read(request: &HttpRequest, moderator: &Moderator) -> Result<Self, ApiError> {
        let (mut fields, filter) = filtered(request, moderator)?;
        let limit = fields
            .optional("limit", |text| limit(&text))
            .unwrap_or(USUAL_LIST);
        let cursor = fields.optional("cursor", |text| {
            action_id(&text).map_err(|_| "must be a next_cursor of this list")
        });
        fields.finish(Some(Self {
            filter,
            limit,
            cursor,
        }))
    }
}

impl ExportQuery {
    /// Reads the query of `request`, as far as `moderator` may see. It has no pages.
    pub(super) fn read(request: &HttpRequest, moderator: &Moderator) -> Result<Self, ApiError> {
        let (mut fields, filter) = filtered(request, moderator)?;
        let format = fields
            .optional("format", |text| text.parse())
            .unwrap_or_default();
        fields.finish(Some(Self { filter, format }))
    }
}

/// The query of a path that takes the filters of the list and nothing else.
pub(super) fn filter(request: &HttpRequest, moderator: &Moderator) -> Result<Filter, ApiError> {
    let (fields, filter) = filtered(request, moderator)?;
    fields.finish(Some(filter))
}

/// The filter, and what else there is.
fn filtered(request: &HttpRequest, moderator: &Moderator) -> Result<(Fields, Filter), ApiError> {
    let (words, single): (Vec<_>, Vec<_>) = pairs(request)?
        .into_iter()
        .partition(|(name, _)| matches!(name.as_str(), "kind" | "state"));
    let mut fields = fields(single);
    let mut filter = Filter {
        visible_to: visible_to(moderator),
        ..Filter::default()
    };
    read_words(&mut fields, &mut filter, &words);
    read_filter(&mut fields, &mut filter);
    Ok((fields, filter))
}

/// The query of a path that has none. A parameter that is ignored in silence may be one that
/// mattered to the client.
pub(super) fn refuse_query(request: &HttpRequest) -> Result<(), ApiError> {
    fields(pairs(request)?).finish(Some(()))
}

/// Each parameter and its value, in their order.
pub(super) fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, ApiError> {
    let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map_err(|_| ApiError::InvalidRequest {
        detail: "the query is not valid".to_owned(),
        errors: vec![FieldFault::new("query", "must be name=value pairs")],
        errors_total: None,
    })?;
    Ok(pairs.into_inner())
}

/// Of which none may be repeated.
pub(super) fn fields(pairs: Vec<(String, String)>) -> Fields {
    let members = pairs
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)));
    Fields::of(Members(members.collect()))
}

/// `None` if the moderator may see everyone's actions.
pub(super) fn visible_to(moderator: &Moderator) -> Option<(String, String)> {
    let own = (moderator.issuer.clone(), moderator.subject.clone());
    (!moderator.may(Scope::AUDIT_READ)).then_some(own)
}

/// The parameters that may be repeated.
fn read_words(fields: &mut Fields, filter: &mut Filter, words: &[(String, String)]) {
    for (name, word) in words {
        let known = if name == "kind" {
            word.parse::<Kind>().map(|kind| filter.kinds.push(kind))
        } else {
            word.parse::<State>().map(|state| filter.states.push(state))
        };
        if let Err(rule) = known {
            fields.fault(name, rule);
        }
    }
}

fn read_filter(fields: &mut Fields, filter: &mut Filter) {
    filter.moderator = fields.optional("moderator", text);
    filter.user_id = fields.optional("user_id", text);
    filter.room_id = fields.optional("room_id", text);
    filter.case_ref = fields.optional("case_ref", text);
    filter.tencent_request_id = fields.optional("tencent_request_id", text);
    filter.idempotency_key = fields.optional("idempotency_key", text);
    filter.error_code = fields.optional("error_code", |text| {
        text.parse::<i64>().map_err(|_| "must be a whole number")
    });
    filter.batch_id = fields.optional("batch_id", |text| {
        action_id(&text).map_err(|_| "must be the id of a batch")
    });
    filter.since = fields.optional("since", |text| time(&text));
    filter.until = fields.optional("until", |text| time(&text));
}

/// A text that can be stored, and so looked for. U+FFFD stands for bytes that were not UTF-8.
pub(super) fn text(text: String) -> Result<String, &'static str> {
    let storable = printable(&text, text.len()) == text && !text.contains('\u{fffd}');
    if text.is_empty() || text.len() > LONGEST_TEXT || !storable {
        return Err("must be 1 to 255 bytes of UTF-8 without control characters");
    }
    Ok(text)
}

/// How many at most.
pub(super) fn limit(text: &str) -> Result<u16, &'static str> {
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=LONGEST_LIST).contains(limit));
    limit.ok_or("must be a whole number from 1 to 200")
}

/// The times that a `UUIDv7` can hold begin with 1970.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) if time.timestamp() >= 0 => Ok(time.to_utc()),
        _ => Err("must be a time after 1970 as in RFC 3339, for example 2026-01-31T00:00:00Z"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_pattern_of_a_text_says_what_its_rule_says(
            looked_for in "\\PC{0,9}|[\\x00-\\x20\u{80}-\u{a0}\u{2028}-\u{2030}\u{2060}-\u{2070}\u{fffd}]{1,2}a?|[ -~]{250,260}"
        ) {
            let pattern = regex::Regex::new(TEXT_PATTERN).expect("it is a regular expression");
            let matches = pattern.is_match(&looked_for) && looked_for.len() <= LONGEST_TEXT;
            prop_assert_eq!(text(looked_for).is_ok(), matches);
        }
    }
}
