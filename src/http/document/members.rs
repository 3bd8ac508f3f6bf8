//! The members of the bodies, as schemas: each says what the parser's own rule says.

use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{AllOfBuilder, Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema};

use crate::domain::{Channels, Field, Kind, Slot, Span};

/// What the parser takes for `field` of `kind`.
pub(super) fn schema(kind: Kind, field: &Field) -> RefOr<Schema> {
    match field.slot {
        Slot::UserId => Ref::from_schema_name("UserId").into(),
        Slot::RoomId => Ref::from_schema_name("RoomId").into(),
        Slot::Data => data(field.longest),
        Slot::Silent => nullable(Type::Boolean)
            .description(Some(
                "Whether nobody is told that it was done; false if it is left out.",
            ))
            .into(),
        Slot::Seconds if kind.has(Slot::Forever) => {
            seconds(SchemaType::from_iter([Type::Integer, Type::Null])).into()
        }
        Slot::Seconds => seconds(Type::Integer.into()).into(),
        Slot::Forever => forever().into(),
        Slot::Channels => nullable(Type::String)
            .enum_values(Some(
                Channels::ALL
                    .iter()
                    .map(|channels| json!(channels.as_str()))
                    .chain([json!(null)]),
            ))
            .description(Some(
                "Messages to one other user, to groups, or, if it is left out, all.",
            ))
            .into(),
        Slot::Undoes => reference("The id of the action that this one takes back."),
        Slot::Shortens => reference(
            "The id of the restriction that this one knowingly shortens: that which a `would-shorten` has named.",
        ),
    }
}

fn data(longest: Option<usize>) -> RefOr<Schema> {
    let data = Ref::from_schema_name("Data");
    let Some(longest) = longest else {
        return data.into();
    };
    let shorter = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(longest));
    AllOfBuilder::new().item(data).item(shorter).into()
}

fn seconds(types: SchemaType) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(types)
        .minimum(Some(1))
        .maximum(Some(Span::LONGEST))
        .description(Some("How long it lasts, from when Tencent does it."))
}

fn forever() -> ObjectBuilder {
    nullable(Type::Boolean)
        .enum_values(Some([json!(true), json!(null)]))
        .description(Some("Until it is lifted. Instead of `seconds`."))
}

/// `body` with exactly one of `seconds` and `forever`.
pub(super) fn with_seconds_or_forever(body: Object) -> Schema {
    let one = |given: (Slot, Type), absent: Slot| {
        let typed = |of| ObjectBuilder::new().schema_type(of);
        ObjectBuilder::new()
            .property(given.0.as_str(), typed(given.1))
            .required(given.0.as_str())
            .property(absent.as_str(), typed(Type::Null))
    };
    let either = OneOfBuilder::new()
        .item(one((Slot::Seconds, Type::Integer), Slot::Forever))
        .item(one((Slot::Forever, Type::Boolean), Slot::Seconds));
    AllOfBuilder::new().item(body).item(either).build().into()
}

/// The id of another action, or nothing.
pub(super) fn reference(description: &str) -> RefOr<Schema> {
    nullable(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .description(Some(description))
        .into()
}

/// What `schema` describes, or nothing.
pub(super) fn or_null(schema: &str) -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let one_of = OneOfBuilder::new()
        .item(Ref::from_schema_name(schema))
        .item(null);
    one_of.into()
}

/// A value of this type, or nothing.
pub(super) fn nullable(of: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([of, Type::Null]))
}
