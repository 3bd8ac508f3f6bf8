//! Which problems each operation can answer with, and what they look like.
//!
//! Schemas, headers and examples of a problem come from [`samples`]: what all of its samples have is
//! required, what some have is possible.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::ResponseError;
use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{
    Content, ContentBuilder, Discriminator, Object, ObjectBuilder, OneOfBuilder, Ref, RefOr,
    Response, ResponseBuilder, Schema, Type,
};

use super::batch_samples::OfBatch;
use super::headers;
use super::samples::{self, Of};
use super::words::any_text;
use crate::domain::{Kind, Slot};
use crate::http::batches::json::NamedBatchJson;
use crate::http::code::Code;
use crate::http::problem::{ApiError, FieldFault, Limit, RestrictionJson};

/// Those of a request for an action.
const OF_AN_ACTION: [Code; 22] = [
    Code::InvalidRequest,
    Code::Unauthenticated,
    Code::Forbidden,
    Code::ProtectedTarget,
    Code::TargetNotFound,
    Code::MethodNotAllowed,
    Code::TargetConflict,
    Code::WouldShorten,
    Code::IdempotencyConflict,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::RejectedByTencent,
    Code::IdempotencyMismatch,
    Code::RateLimited,
    Code::Internal,
    Code::TencentRejectedGateway,
    Code::Frozen,
    Code::TencentUnavailable,
    Code::AuditUnavailable,
    Code::KeysUnavailable,
    Code::ShuttingDown,
    Code::OutcomeUnknown,
];

/// Those of a request for an action of `kind`, by status.
pub(in crate::http) fn of_kind(kind: Kind) -> BTreeMap<String, RefOr<Response>> {
    let may_shorten = kind.has(Slot::Shortens);
    let may_hit_protected = kind.has(Slot::UserId) && kind.lifts().is_none();
    let occurs = |code: &Code| match code {
        Code::WouldShorten => may_shorten,
        Code::ProtectedTarget => may_hit_protected,
        _ => true,
    };
    let codes: Vec<Code> = OF_AN_ACTION.into_iter().filter(occurs).collect();
    responses(&codes, Of::Action(kind))
}

/// By status.
pub(super) fn responses(codes: &[Code], of: Of) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let status = code.status().as_u16();
        by_status.entry(status).or_default().push(*code);
    }
    let responses = by_status.into_iter();
    responses
        .map(|(status, codes)| (status.to_string(), response(&codes, of).into()))
        .collect()
}

fn response(codes: &[Code], of: Of) -> Response {
    let described = codes
        .iter()
        .map(|code| format!("`{}`: {}", code.as_str(), code.title()));
    let mut response = ResponseBuilder::new()
        .description(described.collect::<Vec<_>>().join(". "))
        .content("application/problem+json", content(codes, of))
        .build();
    for code in codes {
        for error in samples::errors(*code, of) {
            for name in error.error_response().headers().keys() {
                headers::refer(&mut response, name.as_str());
            }
        }
    }
    response
}

fn content(codes: &[Code], of: Of) -> Content {
    let reference = |code: &Code| Ref::from_schema_name(code.schema());
    let schema: RefOr<Schema> = if let [code] = codes {
        reference(code).into()
    } else {
        let one = codes
            .iter()
            .fold(OneOfBuilder::new(), |one, code| one.item(reference(code)));
        let mapping = codes
            .iter()
            .map(|code| (code.as_str(), reference(code).ref_location));
        let by_code = Discriminator::with_mapping("code", mapping);
        one.discriminator(Some(by_code)).into()
    };
    let mut content = ContentBuilder::new().schema(Some(schema));
    for code in codes {
        for (number, error) in (1..).zip(samples::errors(*code, of)) {
            let name = format!("{}-{number}", code.as_str());
            let example = ExampleBuilder::new()
                .summary(error.to_string())
                .value(Some(json(&error)));
            content = content.examples_from_iter([(name, example.build())]);
        }
    }
    content.build()
}

fn json(error: &ApiError) -> Value {
    serde_json::to_value(error.problem()).expect("a problem is plain data")
}

/// A schema for each code there is.
pub(in crate::http) fn schemas() -> impl Iterator<Item = (&'static str, Schema)> {
    Code::ALL.iter().map(|code| (code.schema(), schema(*code)))
}

fn schema(code: Code) -> Schema {
    let kinds = Kind::ALL.iter().copied().map(Of::Action);
    let batches = OfBatch::ALL.map(Of::Batch);
    let all = kinds.chain([Of::Brake, Of::Read]).chain(batches);
    let samples = all.flat_map(|of| samples::errors(code, of));
    let members: Vec<BTreeSet<String>> = samples.map(|error| members(&error)).collect();
    let all: BTreeSet<&String> = members.iter().flatten().collect();
    let mut schema = ObjectBuilder::new().description(Some(code.title()));
    for member in all {
        schema = schema.property(member, member_schema(member, code));
        if members.iter().all(|members| members.contains(member)) {
            schema = schema.required(member);
        }
    }
    Schema::Object(schema.build())
}

fn members(error: &ApiError) -> BTreeSet<String> {
    let Value::Object(problem) = json(error) else {
        return BTreeSet::new();
    };
    problem.into_iter().map(|(name, _)| name).collect()
}

fn member_schema(member: &str, code: Code) -> RefOr<Schema> {
    let constant = |kind: Type, value: Value| -> RefOr<Schema> {
        let constant = ObjectBuilder::new().schema_type(kind);
        constant.enum_values(Some([value])).into()
    };
    match member {
        "type" => constant(Type::String, code.urn().into()),
        "title" => constant(Type::String, code.title().into()),
        "status" => constant(Type::Integer, code.status().as_u16().into()),
        "code" => constant(Type::String, code.as_str().into()),
        "action" => Ref::from_schema_name("Action").into(),
        "restriction" => RestrictionJson::schema(),
        "batch" if code == Code::BatchState => Ref::from_schema_name("Batch").into(),
        "batch" => NamedBatchJson::schema(),
        "errors_total" => described(
            "How many there are, where not all are told or some are of items.",
            at_least_one(),
        ),
        "errors" => utoipa::openapi::Array::new(FieldFault::schema()).into(),
        "limit" => Limit::schema(),
        "retry_after" => described("In seconds, as in `Retry-After`.", at_least_one()),
        "detail" => described("What happened, for people to read.", any_text()),
        other => unreachable!("{other} is no member of a problem"),
    }
}

fn at_least_one() -> Object {
    let integer = ObjectBuilder::new().schema_type(Type::Integer);
    integer.minimum(Some(1)).build()
}

fn described(description: &str, mut schema: Object) -> RefOr<Schema> {
    schema.description = Some(description.to_owned());
    schema.into()
}
