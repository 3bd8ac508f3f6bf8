//! The values of the domain as schemas: each says what its own rule says.

use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::{
    BatchState, CaseRef, Data, Failure, IdempotencyKey, ItemState, Kind, Needs, PauseCause, Reason,
    RoomId, State, UserId,
};

macro_rules! closed_sets {
    ($($name:ident: $description:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($description))
                    .enum_values(Some($name::ALL.iter().map(|value| value.as_str())))
                    .into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

closed_sets! {
    Kind: "What is done to the user.";
    State: "`pending`: the intent is recorded, no end yet. `succeeded`: Tencent did it. `refused`: Tencent answered that \
            it did nothing. `not_sent`: no byte left. `unknown`: it may or may not have happened. `denied`: the \
            moderator lacked the right.";
    Failure: "Why an attempt has no usable answer.";
    BatchState: "`awaiting_approval`: a second person must look at it. `queued`: it waits for its turn. `running`: its \
                 items are begun. `paused`: none is begun until it is resumed. `cancelling`: none is begun any more, and \
                 those under way end. `cancelled`, `rejected`, `expired`: it ended before all were begun. `done`: all items \
                 have ended.";
    ItemState: "That of its action, or why it has none: `waiting`: it is not begun, or is to begin again. `cancelled`, \
                `expired`: the batch ended before it was begun.";
    PauseCause: "Why modgate paused a batch by itself.";
    Needs: "Whom a batch that is paused waits for. `nothing`: it goes on by itself. `person`: somebody who resumes or \
            cancels it. `operator`: whoever runs modgate; then somebody who resumes it.";
}

macro_rules! ruled_texts {
    ($($name:ident = $shortest:literal, $description:literal, $example:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($shortest, $name::LONGEST, $name::PATTERN)
                    .description(Some(format!("{} It {}.", $description, $name::RULE)))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

ruled_texts! {
    UserId = 1, "The user it is done to. The operator may have set a pattern beyond this: `GET /v1/me`.", "user2";
    RoomId = 1, "The room of the seat.", "room-test";
    Data = 0, "Shown to the user, where the kind tells.", "time over";
    Reason = 1, "Why. Stays in the record. The operator may demand one: `GET /v1/me`.", "spam";
    CaseRef = 1, "The case it belongs to, in your own numbering.", "TS-1";
    IdempotencyKey = 1, "An Idempotency-Key without its quotes.", "3fa85f64-5717-4562-b3fc-2c963f66afa6";
}

/// A text with a rule.
pub(super) fn text(shortest: usize, longest: usize, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length((shortest > 0).then_some(shortest))
        .max_length(Some(longest))
        .pattern(Some(pattern))
}

/// A text about which nothing can be said.
pub(super) fn any_text() -> Object {
    Object::with_type(Type::String)
}
