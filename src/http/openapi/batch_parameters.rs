//! The parameters of the operations on batches.

use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{KnownFormat, ObjectBuilder, Ref, RefOr, Required, Schema, Type};
use utoipa::{IntoParams, PartialSchema};

use super::parameters::{
    format, formatted, header, integer, key, looked_for, page_length, parameter, params, pattern,
    query, repeatable, time,
};
use super::words::text;
use crate::domain::{BatchState, ItemState, LONGEST_BATCH};
use crate::http::batches::precondition::PATTERN;
use crate::http::batches::query::CURSOR_PATTERN;

params! {
    /// The filters of the list of batches.
    BatchFilters = [
        repeatable("state", BatchState::schema()),
        looked_for("moderator", "The subject of who submitted it."),
        looked_for("case_ref", "The case."),
        query("since", "Submitted at this time, after 1970, or later.", time()),
        query("until", "Submitted before this time, after 1970.", time()),
    ];
    /// `limit` and `cursor` of the list of batches.
    BatchPaging = [
        query("limit", "How many batches at most.", page_length()),
        query("cursor", "`next_cursor` of the page before.", formatted(KnownFormat::Uuid)),
    ];
    /// The filters of the items of a batch.
    ItemFilters = [repeatable("state", ItemState::schema())];
    /// `limit` and `cursor` of the items of a batch.
    ItemPaging = [
        query("limit", "How many items at most. Not beside `format`.", page_length()),
        query("cursor", "`next_cursor` of the page before. Not beside `format`.", text(1, 9, CURSOR_PATTERN)),
    ];
    /// `format` of the items of a batch.
    BatchFormat = [
        query("format", "All items as a file. Lines of JSON leave nothing out, and end with one that says so.", format()),
    ];
    /// What is said of a batch in CSV as a whole, and its key.
    SubmissionParams = [vec![batch_key()], of_csv().into()].concat();
    /// `If-Match`
    IfMatch = [
        parameter(ParameterIn::Header, "If-Match", "The `ETag` of the batch that was looked at, with its quotes, or a list of \
                   such. `*` matches nothing here.", pattern(PATTERN))
            .required(Required::True)
            .build(),
    ];
}

const ROUNDED: &str = "Take ids of more than 15 digits that end in 00, as a spreadsheet writes those that it has rounded.";

/// What JSON has as members.
fn of_csv() -> [Parameter; 6] {
    let named = |schema: &str| -> RefOr<Schema> { Ref::from_schema_name(schema).into() };
    let choice: RefOr<Schema> = ObjectBuilder::new().schema_type(Type::Boolean).into();
    let id = formatted(KnownFormat::Uuid).into();
    let longest = i64::try_from(LONGEST_BATCH.as_secs()).unwrap_or(i64::MAX);
    let seconds = integer(1, longest).into();
    let each = [
        ("reason", "Why.", named("Reason")),
        ("case_ref", "The case.", named("CaseRef")),
        (
            "validate_only",
            "Only ask what submitting it would say.",
            choice.clone(),
        ),
        (
            "repeats",
            "The earlier batch that it repeats on purpose.",
            id,
        ),
        ("expires_in", "For how many seconds it may run.", seconds),
        ("accept_rounded", ROUNDED, choice),
    ];
    each.map(|(name, what, schema)| {
        let description = format!("{what} Only beside CSV: what JSON has of it is in its body.");
        query(name, &description, schema)
    })
}

fn batch_key() -> Parameter {
    let description = "Required, unless it is only validated. A repeat of the same submission is the same batch, and is \
                       answered with what that is by then. Quoted (draft-ietf-httpapi-idempotency-key-header-07) or bare.";
    header("Idempotency-Key", description, key())
}
