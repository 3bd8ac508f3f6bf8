//! Banning a user from a room, and taking it back (`ban_room_member` and `unban_room_member` of the room engine, product
//! 647): the user is put out, and cannot enter.

use serde_json::json;

use super::{listed, scopes};
use crate::domain::{
    Api, Class, Effect, Field, Kind, Packet, Question, Repeat, Slot, Spec, Targets, Wire,
};

/// `ban_room_member`
pub const KIND: Kind = Kind(&SPEC);

/// `unban_room_member`
pub const UNDO: Kind = Kind(&UNDO_SPEC);

static API: Api = Api {
    word: "room_engine_http_srv/ban_room_member",
    command: "room_engine_http_srv/ban_room_member",
    codes: &[],
};

static UNDO_API: Api = Api {
    word: "room_engine_http_srv/unban_room_member",
    command: "room_engine_http_srv/unban_room_member",
    codes: &[],
};

static PROBE_API: Api = Api {
    word: "room_engine_http_srv/get_banned_member_list",
    command: "room_engine_http_srv/get_banned_member_list",
    codes: &[],
};

/// `get_banned_member_list` of the room engine (product 647).
static PROBE: Question = Question {
    api: &PROBE_API,
    packet: listed::page,
    read: listed::banned,
};

static SPEC: Spec = Spec {
    word: "ban_room_member",
    scope: scopes::BAN_MEMBER,
    summary: "Ban a user from a room",
    names: "Who is put out of which room and may not enter it, and for how long.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::required(Slot::UserId, "user9"),
        Field::required(Slot::Data, "insults"),
        Field::seconds(3600),
        Field::optional(Slot::Shortens, None),
    ],
    packet,
    repeat: Repeat::Harmless,
    effect: Effect::Restricts(&UNDO_SPEC),
    probe: Some(&PROBE),
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

static UNDO_SPEC: Spec = Spec {
    word: "unban_room_member",
    scope: scopes::BAN_MEMBER,
    summary: "Take back a ban from a room",
    names: "Who may enter which room again.",
    api: &UNDO_API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::required(Slot::UserId, "user9"),
        Field::optional(Slot::Undoes, None),
    ],
    packet: undo_packet,
    repeat: Repeat::Harmless,
    effect: Effect::Lifts(&SPEC),
    probe: Some(&PROBE),
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

fn packet(targets: &Targets, _: &Wire) -> Packet {
    vec![
        ("RoomId", json!(targets.room_id())),
        ("MemberList_Account", json!([targets.user_id()])),
        ("Reason", json!(targets.data())),
        ("Duration", json!(targets.tencent_seconds())),
    ]
}

fn undo_packet(targets: &Targets, _: &Wire) -> Packet {
    vec![
        ("RoomId", json!(targets.room_id())),
        ("MemberList_Account", json!([targets.user_id()])),
    ]
}
