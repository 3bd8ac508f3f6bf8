//! The headers of the answers.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ComponentsBuilder, ObjectBuilder, Ref, RefOr, Response, Type};

use crate::domain::Api;

/// Name, example, and what it says.
const HEADERS: [(&str, &str, &str); 15] = [
    (
        "X-Request-Id",
        "01a20038-017c-7000-8000-000000000002",
        "The id of the request: yours, or one of modgate's.",
    ),
    ("Cache-Control", "no-store", "Nothing is to be kept."),
    (
        "RateLimit-Policy",
        // Of each API, beside this.
        "\"moderator\";q=20;w=1",
        "The limits in force (draft-ietf-httpapi-ratelimit-headers).",
    ),
    (
        "RateLimit",
        "\"moderator\";r=19;t=1",
        "What is left of the limit that comes first: `r` requests, until `t` \
                                             seconds have passed.",
    ),
    (
        "Retry-After",
        "1",
        "When it is worth asking again, in whole seconds.",
    ),
    (
        "Modgate-Action-Id",
        "01a20038-017b-7000-8000-000000000001",
        "The id of the action that the answer is about.",
    ),
    ("Modgate-State", "succeeded", "The state of that action."),
    (
        "Idempotent-Replayed",
        "true",
        "There if this is what became of an earlier request with the same Idempotency-Key.",
    ),
    (
        "WWW-Authenticate",
        "Bearer error=\"invalid_token\", error_description=\"the token has expired\"",
        "The scheme, and what is wrong with the token, if there was one (RFC 6750).",
    ),
    ("Allow", "GET", "The methods that the path has."),
    (
        "Accept-Encoding",
        "identity",
        "There if the coding of the body was the matter: it must be sent as it is.",
    ),
    (
        "Content-Disposition",
        "attachment; filename=\"modgate-actions-20261121T222613Z.ndjson\"",
        "The name of the file.",
    ),
    (
        "ETag",
        "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.awaiting_approval\"",
        "Names the content of the batch and its state, for `If-Match`. How far it is changes nothing of it.",
    ),
    (
        "Location",
        "/v1/batches/01a20038-017b-7000-8000-000000000004",
        "Where the batch is.",
    ),
    (
        "X-Accel-Buffering",
        "no",
        "nginx must not hold events back.",
    ),
];

/// The ends of an action that are told again to a repeat with the same key.
const REPLAYED: [&str; 5] = ["200", "404", "409", "422", "504"];

/// Operations with a body that leave no action behind.
const WITHOUT_ACTION: [&str; 8] = [
    "freeze",
    "thaw",
    "createBatch",
    "approveBatch",
    "rejectBatch",
    "cancelBatch",
    "pauseBatch",
    "resumeBatch",
];

/// The components that [`refer`] refers to.
pub(in crate::http) fn common(components: ComponentsBuilder) -> ComponentsBuilder {
    let add = |components: ComponentsBuilder, (name, example, description): (&str, &str, &str)| {
        let example = if name == "RateLimit-Policy" {
            &policies(example)
        } else {
            example
        };
        let whole = name == "Retry-After";
        let of_type = if whole { Type::Integer } else { Type::String };
        let header = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(of_type)))
            .description(Some(description))
            .example(Some(if whole { 1.into() } else { example.into() }));
        components.header(name, header.build())
    };
    HEADERS.into_iter().fold(components, add)
}

/// With the limits of all APIs.
fn policies(own: &str) -> String {
    let apis = Api::all().iter();
    let apis = apis.map(|api| format!(", \"{}\";q=200;w=1", api.word));
    own.to_owned() + &apis.collect::<String>()
}

/// Says that `response` may have the header `name`, in whatever case. `Content-Type` is not among
/// the headers of a document.
pub(in crate::http) fn refer(response: &mut Response, name: &str) {
    let listed = HEADERS
        .iter()
        .find(|(listed, ..)| listed.eq_ignore_ascii_case(name));
    if let Some((name, ..)) = listed {
        let reference = Ref::new(format!("#/components/headers/{name}"));
        response
            .headers
            .insert((*name).to_owned(), RefOr::Ref(reference));
    }
}

/// Adds what does not depend on the problem.
pub(in crate::http) fn add(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let acts = operation.request_body.is_some() && !WITHOUT_ACTION.contains(&id.as_str());
    let public = operation.security.as_ref().is_some_and(Vec::is_empty);
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        for name in ["X-Request-Id", "Cache-Control"] {
            refer(response, name);
        }
        if !public && !matches!(status.as_str(), "401" | "405") {
            refer(response, "RateLimit-Policy");
            refer(response, "RateLimit");
        }
        if acts && REPLAYED.contains(&status.as_str()) {
            refer(response, "Idempotent-Replayed");
        }
        let own: &[&str] = match (id.as_str(), status.as_str()) {
            (_, "200") if acts || ["getAction", "probeAction"].contains(&id.as_str()) => {
                &["Modgate-Action-Id", "Modgate-State"]
            }
            ("exportActions" | "listBatchItems", "200") => &["Content-Disposition"],
            ("createBatch", "202") => &["Location", "ETag", "Idempotent-Replayed"],
            (
                "getBatch" | "approveBatch" | "rejectBatch" | "cancelBatch" | "pauseBatch"
                | "resumeBatch",
                "200",
            ) => &["ETag"],
            ("streamActions", "200") => &["X-Accel-Buffering"],
            _ => &[],
        };
        for name in own {
            refer(response, name);
        }
    }
}
