//! The queries of what reads batches.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::HttpRequest;
use uuid::Uuid;

use crate::audit::BatchFilter;
use crate::domain::{BatchState, ItemState, Moderator, Scope};
use crate::http::fields::{Fields, action_id};
use crate::http::format::Format;
use crate::http::problem::ApiError;
use crate::http::query::{USUAL_LIST, fields, limit, pairs, text, time, visible_to};

/// What the cursor of a list of items looks like.
pub(in crate::http) const CURSOR_PATTERN: &str = "^[0-9]{1,9}$";

const RULE_OF_A_CURSOR: &str = "must be a next_cursor of this list";

/// The query of a submission, in either form of its body.
const OF_A_SUBMISSION: [&str; 6] = [
    "reason",
    "case_ref",
    "validate_only",
    "repeats",
    "expires_in",
    "accept_rounded",
];

/// A list of batches that was asked for.
pub(super) struct BatchesQuery {
    pub(super) filter: BatchFilter,
    pub(super) limit: u16,
    pub(super) cursor: Option<Uuid>,
}

/// Items that were asked for.
pub(super) struct ItemsQuery {
    /// In any of these states; in any at all if it is empty.
    pub(super) states: Vec<ItemState>,
    pub(super) how: How,
}

/// How items are told.
pub(super) enum How {
    /// So many, from this index on.
    Page { from: u32, limit: u16 },
    /// All of them.
    Report(Format),
}

impl BatchesQuery {
    /// Reads the query of `request`, as far as `moderator` may see.
    pub(super) fn read(request: &HttpRequest, moderator: &Moderator) -> Result<Self, ApiError> {
        let (states, mut fields) = by_state(request)?;
        let limit = fields.optional("limit", |text| limit(&text));
        let cursor = fields.optional("cursor", |text| {
            action_id(&text).map_err(|_| RULE_OF_A_CURSOR)
        });
        let filter = BatchFilter {
            visible_to: visible_to(moderator),
            sees_open: moderator.may(Scope::BATCH_APPROVE),
            states: read_states::<BatchState>(&mut fields, &states),
            moderator: fields.optional("moderator", text),
            case_ref: fields.optional("case_ref", text),
            since: fields.optional("since", |text| time(&text)),
            until: fields.optional("until", |text| time(&text)),
        };
        fields.finish(Some(Self {
            filter,
            limit: limit.unwrap_or(USUAL_LIST),
            cursor,
        }))
    }
}

impl ItemsQuery {
    /// Reads the query of `request`. A report has no pages.
    pub(super) fn read(request: &HttpRequest) -> Result<Self, ApiError> {
        let (states, mut fields) = by_state(request)?;
        let states = read_states::<ItemState>(&mut fields, &states);
        let format = fields.optional("format", |text| text.parse::<Format>());
        let limit = fields.optional("limit", |text| limit(&text));
        let cursor = fields.optional("cursor", |text| index(&text));
        if format.is_some() {
            for (name, is_given) in [("limit", limit.is_some()), ("cursor", cursor.is_some())] {
                if is_given {
                    fields.fault(name, "must not be given beside format");
                }
            }
        }
        let page = How::Page {
            from: cursor.unwrap_or_default(),
            limit: limit.unwrap_or(USUAL_LIST),
        };
        fields.finish(Some(Self {
            states,
            how: format.map_or(page, How::Report),
        }))
    }
}

/// Refuses what no submission has in its query. What one has is read with its body, which decides the form.
pub(super) fn refuse_others(request: &HttpRequest) -> Result<(), ApiError> {
    let mut others = pairs(request)?;
    others.retain(|(name, _)| !OF_A_SUBMISSION.contains(&name.as_str()));
    fields(others).finish(Some(()))
}

/// The values of `state`, which may be repeated, and the rest.
fn by_state(request: &HttpRequest) -> Result<(Vec<String>, Fields), ApiError> {
    let pairs = pairs(request)?.into_iter();
    let (states, single): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| name == "state");
    let states = states.into_iter().map(|(_, word)| word).collect();
    Ok((states, fields(single)))
}

/// The index of the item that a page begins with.
fn index(text: &str) -> Result<u32, &'static str> {
    let is_plain = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    let index = text.parse().ok().filter(|_| is_plain);
    index.ok_or(RULE_OF_A_CURSOR)
}

fn read_states<S: FromStr<Err: Display>>(fields: &mut Fields, words: &[String]) -> Vec<S> {
    let mut states = Vec::new();
    for word in words {
        match word.parse() {
            Ok(state) => states.push(state),
            Err(rule) => fields.fault("state", rule),
        }
    }
    states
}
