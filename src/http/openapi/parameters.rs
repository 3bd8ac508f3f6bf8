//! The parameters of the operations.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::{
    Array, ComponentsBuilder, KnownFormat, ObjectBuilder, Ref, RefOr, Required, Schema,
    SchemaFormat, Type,
};
use utoipa::{IntoParams, PartialSchema};

use super::words::{any_text, text};
use crate::domain::{IdempotencyKey, Kind, State};
use crate::http::format::Format;
use crate::http::query::{LONGEST_LIST, LONGEST_TEXT, TEXT_PATTERN, USUAL_LIST};

/// Those that every operation takes: the name of the component, and the header.
const COMMON: [(&str, &str, &str); 2] = [
    (
        "XRequestId",
        "X-Request-Id",
        "Your own id of the request, recorded and sent back if it is 1 to 64 of the characters A-Z, a-z, 0-9 and \
         `-_.:+/=@`; else one of modgate's takes its place.",
    ),
    (
        "Traceparent",
        "traceparent",
        "The trace that the request belongs to (W3C Trace Context); recorded, never sent to Tencent. One that is not \
         valid is passed over.",
    ),
];

macro_rules! params {
    ($($(#[$doc:meta])* $name:ident = $parameters:expr;)+) => {$(
        $(#[$doc])*
        pub(in crate::http) struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                $parameters.into()
            }
        }
    )+};
}

pub(super) use params;

params! {
    /// The filters of the list, the export and the stream.
    Filters = filters();
    /// `limit` and `cursor`.
    Paging = [
        query("limit", "How many actions at most.", page_length()),
        query("cursor", "`next_cursor` of the page before.", formatted(KnownFormat::Uuid)),
    ];
    /// `format`
    FormatParam = [
        query("format", "How the file is written. Lines of JSON leave nothing out, and end with one that says so.",
            format().default(Some(Format::default().as_str().into()))),
    ];
    /// `Last-Event-ID`
    LastEventId = [
        header("Last-Event-ID", "The id of the last event that was seen: the stream goes on behind it. Absent or \
                                 empty: from now on.", any_text()),
    ];
}

fn filters() -> Vec<Parameter> {
    vec![
        repeatable("kind", Kind::schema()),
        repeatable("state", State::schema()),
        looked_for("moderator", "The subject of who asked."),
        looked_for("user_id", "The user it was done to."),
        looked_for("room_id", "The room."),
        looked_for("case_ref", "The case."),
        looked_for("tencent_request_id", "Tencent's RequestId of any attempt."),
        query(
            "error_code",
            "The ErrorCode of Tencent's last answer.",
            integer(i64::MIN, i64::MAX),
        ),
        looked_for("idempotency_key", "The Idempotency-Key of the request."),
        query("batch_id", "The batch.", formatted(KnownFormat::Uuid)),
        query(
            "since",
            "Requested at this time, after 1970, or later.",
            time(),
        ),
        query("until", "Requested before this time, after 1970.", time()),
    ]
}

pub(super) fn query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema).build()
}

pub(super) fn header(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Header, name, description, schema).build()
}

pub(super) fn parameter(
    place: ParameterIn,
    name: &str,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
}

pub(super) fn looked_for(name: &str, description: &str) -> Parameter {
    query(name, description, text(1, LONGEST_TEXT, TEXT_PATTERN))
}

pub(super) fn repeatable(name: &str, word: impl Into<RefOr<Schema>>) -> Parameter {
    let description = "Any of these; may be given more than once.";
    parameter(ParameterIn::Query, name, description, Array::new(word))
        .style(Some(ParameterStyle::Form))
        .explode(Some(true))
        .build()
}

pub(super) fn integer(smallest: i64, largest: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(smallest))
        .maximum(Some(largest))
}

/// Of 1970 or later.
pub(super) fn time() -> ObjectBuilder {
    formatted(KnownFormat::DateTime).pattern(Some("^(19[7-9]|[2-9])"))
}

pub(super) fn formatted(format: KnownFormat) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(format)))
}

pub(super) fn format() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Format::ALL.map(Format::as_str)))
}

pub(super) fn page_length() -> ObjectBuilder {
    integer(1, LONGEST_LIST.into()).default(Some(USUAL_LIST.into()))
}

pub(super) fn pattern(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
}

/// An `Idempotency-Key`, quoted or bare.
pub(super) fn key() -> ObjectBuilder {
    let bare = IdempotencyKey::PATTERN
        .trim_matches(['^', '$'])
        .replace('+', &format!("{{1,{}}}", IdempotencyKey::LONGEST));
    pattern(&format!("^({bare}|\"{bare}\")$"))
}

/// `Idempotency-Key`
pub(in crate::http) fn idempotency_key() -> Parameter {
    let description = "Makes a repeat of the same request the same action, for 24 hours at least: it is answered with \
                       what became of the first. Quoted (draft-ietf-httpapi-idempotency-key-header-07) or bare.";
    header("Idempotency-Key", description, key())
}

/// Adds those that every operation takes.
pub(in crate::http) fn common(components: ComponentsBuilder) -> ComponentsBuilder {
    let add = |components: ComponentsBuilder, (component, name, description)| {
        components.parameter(component, header(name, description, any_text()))
    };
    COMMON.into_iter().fold(components, add)
}

/// Names those that every operation takes.
pub(in crate::http) fn add_common(operation: &mut Operation) {
    let references = COMMON.map(|(component, ..)| {
        RefOr::Ref(Ref::new(format!("#/components/parameters/{component}")))
    });
    operation
        .parameters
        .get_or_insert_default()
        .extend(references);
}
