//! Kick a member out of a room (product 647): puts a user out of a room, who may enter it again.

use serde_json::json;

use super::scopes;
use crate::domain::{Api, Class, Effect, Field, Kind, Repeat, Slot, Spec};

/// `kick_room_member`
pub const KIND: Kind = Kind(&SPEC);

static API: Api = Api {
    word: "room_engine_http_srv/kick_user_out",
    command: "room_engine_http_srv/kick_user_out",
    codes: &[],
};

static SPEC: Spec = Spec {
    word: "kick_room_member",
    scope: scopes::KICK_MEMBER,
    summary: "Put a user out of a room",
    names: "Who is put out of which room.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::required(Slot::UserId, "user3"),
        Field::required(Slot::Data, "insults"),
    ],
    packet: |targets, _| {
        vec![
            ("RoomId", json!(targets.room_id())),
            ("MemberList_Account", json!([targets.user_id()])),
            ("Reason", json!(targets.data())),
        ]
    },
    // It would put out a user who has just been let back in.
    repeat: Repeat::DoesItAgain,
    effect: Effect::Passes,
    probe: None,
    advice: &[],
    refusals: &[
        (Class::NotFound, 100_004, "the room does not exist"),
        (
            Class::Conflict,
            100_005,
            "the user is not a member of the room",
        ),
    ],
};
