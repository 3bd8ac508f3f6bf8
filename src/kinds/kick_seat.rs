//! Kick User off the Seat (product 647): takes a user off a seat of a room.

use serde_json::json;

use crate::domain::{Api, Class, Effect, Field, Kind, Repeat, Scope, Slot, Spec};

/// `kick_seat`
pub const KIND: Kind = Kind(&SPEC);

/// The user is not on a seat.
const NOT_ON_A_SEAT: i64 = 100_206;

static API: Api = Api {
    word: "kick_seat",
    command: "room_engine_http_mic/kick_user_off_seat",
    codes: &[],
};

static SPEC: Spec = Spec {
    word: "kick_seat",
    scope: Scope::new("action:kick_seat", "take users off their seats"),
    summary: "Take a user off a seat",
    names: "Who is taken off a seat.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::required(Slot::UserId, "user2"),
        Field::required(Slot::Data, "time over"),
    ],
    packet: |targets, _| {
        vec![
            ("RoomId", json!(targets.room_id())),
            ("Member_Account", json!(targets.user_id())),
            ("Data", json!(targets.data())),
        ]
    },
    repeat: Repeat::FindsItDone(&[NOT_ON_A_SEAT]),
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
