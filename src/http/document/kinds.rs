//! The operations that do something to a user, and their bodies: those of the table of kinds.

use serde_json::{Map, Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{
    Content, ContentBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Required, ResponseBuilder,
    ResponsesBuilder, Schema, SecurityRequirement,
};

use crate::domain::{Kind, Slot};
use crate::http::openapi::parameters::idempotency_key;
use crate::http::openapi::problems;

/// Of the operations that do something to a user.
pub(super) const TAG: &str = "actions";

const DESCRIPTION: &str = "It is recorded before Tencent is called, and answered when the outcome is known: 200 only if \
Tencent did it. An action that is denied is recorded too.";

/// Its operation's id: `kickLogin`.
pub(super) fn operation_id(kind: Kind) -> String {
    let pascal = pascal(kind);
    pascal[..1].to_lowercase() + &pascal[1..]
}

/// The name of its body's schema: `KickLoginBody`.
fn body_name(kind: Kind) -> String {
    format!("{}Body", pascal(kind))
}

/// `KickLogin`
fn pascal(kind: Kind) -> String {
    let parts = kind.as_str().split('_');
    parts
        .map(|part| part[..1].to_uppercase() + &part[1..])
        .collect()
}

/// `POST /v1/actions/{kind}`
pub(super) fn path_item(kind: Kind) -> PathItem {
    let did_it = ResponseBuilder::new()
        .description("Tencent did it")
        .content("application/json", content("Action"));
    let responses = ResponsesBuilder::new()
        .response("200", did_it)
        .responses_from_iter(problems::of_kind(kind));
    let operation = OperationBuilder::new()
        .tag(TAG)
        .operation_id(Some(operation_id(kind)))
        .summary(Some(kind.summary))
        .description(Some(DESCRIPTION))
        .parameter(idempotency_key())
        .request_body(Some(request_body(kind)))
        .responses(responses)
        .security(SecurityRequirement::new("bearer", [kind.scope().as_str()]));
    PathItem::new(HttpMethod::Post, operation)
}

fn content(schema: &str) -> Content {
    Content::new(Some(Ref::from_schema_name(schema)))
}

fn request_body(kind: Kind) -> RequestBody {
    let content = ContentBuilder::from(content(&body_name(kind)));
    let full = example(kind, &[("reason", "spam"), ("case_ref", "TS-1")]);
    // What needs one field only is worth to be seen so.
    let content = if kind.fields.len() == 1 {
        let examples = [("shortest", example(kind, &[])), ("full", full)];
        content.examples_from_iter(
            examples.map(|(name, value)| (name, ExampleBuilder::new().value(Some(value)).build())),
        )
    } else {
        content.example(Some(full))
    };
    RequestBodyBuilder::new()
        .content("application/json", content.build())
        .required(Some(Required::True))
        .build()
}

fn example(kind: Kind, besides: &[(&str, &str)]) -> Value {
    let own = kind.fields.iter();
    let own = own.map(|field| (field.slot.as_str(), Value::from(field.example)));
    let besides = besides.iter().map(|(name, value)| (*name, json!(value)));
    let members = own.chain(besides);
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.collect::<Map<_, _>>())
}

/// The schema of its body, by name. Bodies are parsed member by member (`fields`), by the same table.
pub(super) fn body(kind: Kind) -> (String, Schema) {
    let own = kind.fields.iter();
    let body = own.fold(ObjectBuilder::new(), |body, field| {
        let name = field.slot.as_str();
        match schema_name(field.slot) {
            Some(schema) if field.required => {
                let body = body.property(name, Ref::from_schema_name(schema));
                body.required(name)
            }
            Some(schema) => body.property(name, or_null(schema)),
            None => body.property(name, choice()),
        }
    });
    let uuid_or_null = SchemaType::from_iter([Type::String, Type::Null]);
    let supersedes = ObjectBuilder::new()
        .schema_type(uuid_or_null)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .description(Some("The id of an earlier action that this one repeats."));
    let body = body
        .property("reason", or_null("Reason"))
        .property("case_ref", or_null("CaseRef"))
        .property("supersedes", supersedes)
        .description(Some(kind.names))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    (body_name(kind), body.build().into())
}

/// The schema of a text.
const fn schema_name(slot: Slot) -> Option<&'static str> {
    match slot {
        Slot::UserId => Some("UserId"),
        Slot::RoomId => Some("RoomId"),
        Slot::Data => Some("Data"),
        Slot::Silent => None,
    }
}

fn choice() -> ObjectBuilder {
    let types = SchemaType::from_iter([Type::Boolean, Type::Null]);
    let choice = ObjectBuilder::new().schema_type(types);
    choice.description(Some(
        "Whether nobody is told that it was done; false if it is left out.",
    ))
}

fn or_null(schema: &str) -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let one_of = OneOfBuilder::new()
        .item(Ref::from_schema_name(schema))
        .item(null);
    one_of.into()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::Value;

    use super::*;
    use crate::http::document::document;
    use crate::http::fields::request;
    use crate::http::settings::RequestRules;
    use crate::members::Members;

    fn is_taken(kind: Kind, members: &[(String, Value)]) -> bool {
        let rules = RequestRules::default();
        let http = TestRequest::default().to_http_request();
        request(kind, Members(members.to_vec()), &http, &rules).is_ok()
    }

    /// An example for each member of the schema, and whether it is required.
    fn documented(schema: &str) -> Vec<(String, Value, bool)> {
        let schemas = &document(Kind::ALL)["components"]["schemas"];
        let example = |of_member: &Value| {
            let optional = of_member["oneOf"][0]["$ref"].as_str();
            let reference = of_member["$ref"].as_str().or(optional)?;
            let name = reference.rsplit('/').next()?;
            Some(schemas[name]["examples"][0].clone())
        };
        let members = schemas[schema]["properties"].as_object().expect("some");
        let required = schemas[schema]["required"].as_array().expect("some");
        let member = |(name, of_member): (&String, &Value)| {
            let example = example(of_member);
            let example = example.unwrap_or(json!("01a20038-017b-7000-8000-000000000001"));
            (name.clone(), example, required.contains(&json!(name)))
        };
        members.iter().map(member).collect()
    }

    #[test]
    fn the_parser_takes_what_the_document_describes_and_misses_what_is_required() {
        for kind in Kind::ALL.iter().copied() {
            let documented = documented(&body_name(kind));
            let members = |without: &str| -> Vec<(String, Value)> {
                let others = documented.iter().filter(|(name, ..)| name != without);
                others
                    .map(|(name, value, _)| (name.clone(), value.clone()))
                    .collect()
            };
            assert!(is_taken(kind, &members("")), "{kind}");
            for (name, _, required) in &documented {
                assert_eq!(
                    is_taken(kind, &members(name)),
                    !required,
                    "{kind} without {name}"
                );
            }
        }
    }
}
