//! The operations that do something to a user, and their bodies: those of the table of kinds.

use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{
    Content, ContentBuilder, ObjectBuilder, Ref, Required, ResponseBuilder, ResponsesBuilder,
    Schema, SecurityRequirement, Type,
};

use super::members;
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
    let besides = besides.iter();
    let besides = besides.map(|(name, value)| ((*name).to_owned(), json!(value)));
    Value::Object(kind.example().into_iter().chain(besides).collect())
}

/// The schema of its body, by name. Bodies are parsed member by member (`fields`), by the same table.
pub(super) fn body(kind: Kind) -> (String, Schema) {
    let supersedes = members::reference("The id of an earlier action that this one repeats.");
    let body = ObjectBuilder::new().property("supersedes", supersedes);
    (body_name(kind), with_fields(kind, body))
}

/// The name of the schema of an item of a batch: `KickLoginItem`.
pub(super) fn item_name(kind: Kind) -> String {
    format!("{}Item", pascal(kind))
}

/// The schema of an item of a batch, by name. It is parsed by the same table.
pub(super) fn item(kind: Kind) -> (String, Schema) {
    let word = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([kind.as_str()]));
    let item = ObjectBuilder::new().property("kind", word).required("kind");
    (item_name(kind), with_fields(kind, item))
}

/// `body` with the fields of `kind`, and what every kind has, and nothing else.
fn with_fields(kind: Kind, body: ObjectBuilder) -> Schema {
    let own = kind.fields.iter();
    let body = own.fold(body, |body, field| {
        let name = field.slot.as_str();
        let body = body.property(name, members::schema(kind, field));
        let alternative = field.slot == Slot::Seconds && kind.has(Slot::Forever);
        if field.required && !alternative {
            body.required(name)
        } else {
            body
        }
    });
    let body = body
        .property("reason", members::or_null("Reason"))
        .property("case_ref", members::or_null("CaseRef"))
        .description(Some(kind.names))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let body = body.build();
    if kind.has(Slot::Forever) {
        members::with_seconds_or_forever(body)
    } else {
        body.into()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::Value;

    use super::*;
    use crate::http::document::document;
    use crate::http::fields::request;
    use crate::http::settings::RequestRules;
    use crate::kinds::{mute_live_member, mute_user};
    use crate::members::Members;

    fn is_taken(kind: Kind, members: &[(String, Value)]) -> bool {
        let rules = RequestRules::default();
        let http = TestRequest::default().to_http_request();
        request(kind, Members(members.to_vec()), &http, &rules).is_ok()
    }

    /// An example for each member of the body that can stand beside the others, and whether it is required.
    fn documented(kind: Kind) -> Vec<(String, Value, bool)> {
        let schemas = &document(Kind::ALL)["components"]["schemas"];
        let whole = &schemas[&body_name(kind)];
        let schema = whole["allOf"].get(0).unwrap_or(whole);
        let by_reference = |of_member: &Value| {
            let optional = of_member["oneOf"][0]["$ref"].as_str();
            let reference = of_member["$ref"].as_str().or(optional)?;
            let name = reference.rsplit('/').next()?;
            Some(schemas[name]["examples"][0].clone())
        };
        let own = kind.example();
        let members = schema["properties"].as_object().expect("some").iter();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let member = |(name, of_member): (&String, &Value)| {
            let example = own.get(name).cloned().or_else(|| by_reference(of_member));
            let example = example.unwrap_or(json!("01a20038-017b-7000-8000-000000000001"));
            let is_required = required.contains(&json!(name))
                || (name == Slot::Seconds.as_str() && kind.has(Slot::Forever));
            (name.clone(), example, is_required)
        };
        let beside_others = members.filter(|(name, _)| *name != Slot::Forever.as_str());
        beside_others.map(member).collect()
    }

    #[test]
    fn the_parser_takes_what_the_document_describes_and_misses_what_is_required() {
        for kind in Kind::ALL.iter().copied() {
            let documented = documented(kind);
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

    /// Whether a request of `kind` with these members, a user and the rest of its example is taken.
    fn is_taken_with(kind: Kind, members: &str) -> bool {
        let mut all = kind.example();
        all.remove(Slot::Seconds.as_str());
        let members: Value = serde_json::from_str(members).expect("JSON");
        all.extend(members.as_object().expect("an object").clone());
        is_taken(kind, &all.into_iter().collect::<Vec<_>>())
    }

    #[test]
    fn of_seconds_and_forever_there_is_one() {
        for taken in [
            r#"{"seconds": 1}"#,
            r#"{"seconds": 31536000, "forever": null}"#,
            r#"{"seconds": 600.0}"#,
            r#"{"forever": true}"#,
            r#"{"forever": true, "seconds": null, "channels": "all"}"#,
        ] {
            assert!(is_taken_with(mute_user::KIND, taken), "{taken}");
        }
        for refused in [
            "{}",
            r#"{"seconds": null}"#,
            r#"{"seconds": 0}"#,
            r#"{"seconds": -1}"#,
            r#"{"seconds": 1.5}"#,
            r#"{"seconds": "600"}"#,
            r#"{"seconds": 31536001}"#,
            r#"{"seconds": 4294967295}"#,
            r#"{"seconds": 1e300}"#,
            r#"{"forever": false}"#,
            r#"{"forever": "true"}"#,
            r#"{"forever": true, "seconds": 600}"#,
            r#"{"forever": true, "channels": "c2c"}"#,
        ] {
            assert!(!is_taken_with(mute_user::KIND, refused), "{refused}");
        }
        assert!(is_taken_with(mute_live_member::KIND, r#"{"seconds": 600}"#));
        // Tencent documents no ban or mute of a live room that has no end.
        assert!(!is_taken_with(
            mute_live_member::KIND,
            r#"{"forever": true}"#
        ));
        assert!(!is_taken_with(mute_user::UNDO, r#"{"seconds": 600}"#));
    }
}
