//! The bodies of the operations on batches: what the parser of submissions takes, by the table of kinds.

use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, SchemaFormat, SchemaType,
};
use utoipa::openapi::{
    AllOfBuilder, ContentBuilder, Discriminator, ObjectBuilder, OneOfBuilder, Paths, Ref, Required,
    Schema, Type,
};

use super::{kinds, members};
use crate::domain::{Kind, LONGEST_BATCH, MOST_ITEMS};
use crate::http::paths::{APPROVE, BATCHES, CANCEL, PAUSE, REJECT, RESUME};
use crate::http::query::{LONGEST_TEXT, TEXT_PATTERN};

const SUBMISSION: &str = "BatchBody";
const UNDO: &str = "UndoBody";
const DEED: &str = "BatchDeedBody";

/// Gives the operations their bodies, where there are these kinds.
pub(super) fn add(paths: &mut Paths, kinds: &[Kind]) {
    let deeds = [APPROVE, REJECT, CANCEL, PAUSE, RESUME].map(|path| (path, deed()));
    for (path, body) in [(BATCHES, submission(kinds))].into_iter().chain(deeds) {
        let item = paths.paths.get_mut(path);
        if let Some(operation) = item.and_then(|item| item.post.as_mut()) {
            operation.request_body = Some(body.into());
        }
    }
}

/// The schemas that the bodies refer to, by name.
pub(super) fn schemas(kinds: &[Kind]) -> Vec<(String, Schema)> {
    let items = kinds.iter().copied().map(kinds::item);
    let others = [
        (SUBMISSION, submission_schema(kinds)),
        (UNDO, undo_schema()),
        (DEED, deed_schema()),
    ];
    let others = others.map(|(name, schema)| (name.to_owned(), schema));
    items.chain(others).collect()
}

/// It need not be there.
fn deed() -> RequestBody {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(DEED)))
        .example(Some(json!({"reason": "looked at with the team"})));
    RequestBodyBuilder::new()
        .content("application/json", content.build())
        .build()
}

fn deed_schema() -> Schema {
    let body = ObjectBuilder::new().property("reason", members::or_null("Reason"));
    closed(body).build().into()
}

fn submission(kinds: &[Kind]) -> RequestBody {
    let examples = [("actions", of_actions(kinds)), ("undo", of_undo())];
    let examples =
        examples.map(|(name, value)| (name, ExampleBuilder::new().value(Some(value)).build()));
    let json = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(SUBMISSION)))
        .examples_from_iter(examples);
    let csv = ContentBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(of_records(kinds).map(Value::String));
    RequestBodyBuilder::new()
        .content("application/json", json.build())
        .content("text/csv", csv.build())
        .required(Some(Required::True))
        .build()
}

/// One item of each of two kinds.
fn of_actions(kinds: &[Kind]) -> Value {
    let item = |kind: &Kind| {
        let mut item = kind.example();
        item.insert("kind".to_owned(), kind.as_str().into());
        Value::Object(item)
    };
    let actions: Vec<Value> = kinds.iter().take(2).map(item).collect();
    json!({"reason": "raid", "case_ref": "TS-9", "actions": actions})
}

fn of_undo() -> Value {
    let undo = json!({"moderator": "mallory", "since": "2026-11-21T22:00:00.000000Z"});
    json!({"reason": "a stolen token", "undo": undo})
}

/// A head row and one record, of the first kind.
fn of_records(kinds: &[Kind]) -> Option<String> {
    let kind = kinds.first()?;
    let (mut names, mut cells) = (vec!["kind".to_owned()], vec![kind.as_str().to_owned()]);
    for (name, value) in kind.example() {
        names.push(name);
        let text = value.as_str().map(str::to_owned);
        cells.push(text.unwrap_or_else(|| value.to_string()));
    }
    Some(format!("{}\r\n{}\r\n", names.join(","), cells.join(",")))
}

fn submission_schema(kinds: &[Kind]) -> Schema {
    let longest = i64::try_from(LONGEST_BATCH.as_secs()).unwrap_or(i64::MAX);
    let expires_in = members::nullable(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(longest))
        .description(Some(
            "For how many seconds it may run, also while it is paused or not approved. If it is left out: 24 hours, with \
             kicks or removals 2.",
        ));
    let validate_only = members::nullable(Type::Boolean).description(Some(
        "Only ask what submitting it would say. Nothing is kept, and no key is needed.",
    ));
    let repeats = "The id of the earlier batch that this one repeats on purpose.";
    let body = ObjectBuilder::new()
        .property("reason", members::or_null("Reason"))
        .property("case_ref", members::or_null("CaseRef"))
        .property("expires_in", expires_in)
        .property("repeats", members::reference(repeats))
        .property("validate_only", validate_only)
        .property("actions", items(kinds))
        .property("undo", members::or_null(UNDO))
        .description(Some(
            "What is to be done, or undone: one of `actions` and `undo`.",
        ));
    AllOfBuilder::new()
        .item(closed(body))
        .item(
            OneOfBuilder::new()
                .item(one_of(("actions", Type::Array), "undo"))
                .item(one_of(("undo", Type::Object), "actions")),
        )
        .build()
        .into()
}

/// The items, each of a kind.
fn items(kinds: &[Kind]) -> ArrayBuilder {
    let reference = |kind: &Kind| Ref::from_schema_name(kinds::item_name(*kind));
    let item = kinds
        .iter()
        .fold(OneOfBuilder::new(), |item, kind| item.item(reference(kind)));
    let mapping = kinds
        .iter()
        .map(|kind| (kind.as_str(), reference(kind).ref_location));
    let by_kind = Discriminator::with_mapping("kind", mapping);
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(item.discriminator(Some(by_kind)))
        .min_items(Some(1))
        .max_items(Some(MOST_ITEMS))
        .description(Some(
            "No two of the same kind against the same target. They are begun in about this order.",
        ))
}

/// With `given`, and without `absent`.
fn one_of(given: (&str, Type), absent: &str) -> ObjectBuilder {
    let typed = |of| ObjectBuilder::new().schema_type(of);
    ObjectBuilder::new()
        .property(given.0, typed(given.1))
        .required(given.0)
        .property(absent, typed(Type::Null))
}

fn undo_schema() -> Schema {
    let (text, or_null): (SchemaType, _) = (Type::String.into(), [Type::String, Type::Null]);
    let or_null = SchemaType::from_iter(or_null);
    let own = "The issuer of their tokens; that of your own token if it is left out.";
    let issuer = name(or_null.clone(), own);
    let moderator = name(text.clone(), "The subject of who has set it.");
    let restricting = Kind::ALL.iter().filter(|kind| kind.undone_by().is_some());
    let words = restricting.map(|kind| json!(kind.as_str()));
    let kind = members::nullable(Type::String)
        .enum_values(Some(words.chain([json!(null)])))
        .description(Some("Only what was set by this kind."));
    let body = ObjectBuilder::new()
        .property("moderator", moderator)
        .required("moderator")
        .property("issuer", issuer)
        .property("kind", kind)
        .property(
            "since",
            time(text, "Asked for at this time, after 1970, or later."),
        )
        .required("since")
        .property(
            "until",
            time(or_null, "Asked for before this time, later than `since`."),
        )
        .description(Some("Lift what somebody has set and is still in force."));
    closed(body).build().into()
}

fn name(of: SchemaType, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(of)
        .min_length(Some(1))
        .max_length(Some(LONGEST_TEXT))
        .pattern(Some(TEXT_PATTERN))
        .description(Some(description))
}

fn time(of: SchemaType, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(of)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some("^(19[7-9]|[2-9])"))
        .description(Some(description))
}

/// With no other members.
fn closed(body: ObjectBuilder) -> ObjectBuilder {
    body.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}
