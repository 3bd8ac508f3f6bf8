//! Banning a user from a live room, and taking it back (`ban_member` and `unban_member` of `TUILiveKit`, product 647). Tencent
//! documents that the user cannot enter; not whether one who is inside is put out.

use serde_json::json;

use super::{listed, scopes};
use crate::domain::{
    Api, Class, Effect, Field, Kind, Packet, Question, Repeat, Slot, Spec, Targets, Wire,
};

/// `ban_live_member`
pub const KIND: Kind = Kind(&SPEC);

/// `unban_live_member`
pub const UNDO: Kind = Kind(&UNDO_SPEC);

static API: Api = Api {
    word: "live_engine_http_srv/ban_member",
    command: "live_engine_http_srv/ban_member",
    codes: &[],
};

static UNDO_API: Api = Api {
    word: "live_engine_http_srv/unban_member",
    command: "live_engine_http_srv/unban_member",
    codes: &[],
};

static PROBE_API: Api = Api {
    word: "live_engine_http_srv/get_banned_member_list",
    command: "live_engine_http_srv/get_banned_member_list",
    codes: &[],
};

/// `get_banned_member_list` of `TUILiveKit` (product 647).
static PROBE: Question = Question {
    api: &PROBE_API,
    packet: listed::page,
    read: listed::banned,
};

static SPEC: Spec = Spec {
    word: "ban_live_member",
    scope: scopes::BAN_MEMBER,
    summary: "Ban a user from a live room",
    names: "Who may not enter which live room, and for how long. Tencent does not say whether a user who is inside is put out.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::required(Slot::UserId, "user8"),
        Field::required(Slot::Data, "insults").at_most(200),
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
    word: "unban_live_member",
    scope: scopes::BAN_MEMBER,
    summary: "Take back a ban from a live room",
    names: "Who may enter which live room again.",
    api: &UNDO_API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::required(Slot::UserId, "user8"),
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
