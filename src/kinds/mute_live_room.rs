//! Muting and unmuting everybody in a live room (`update_room_info` of `TUILiveKit`, product 647): only the owner and
//! administrators may send. The same command changes the room: nothing of that is sent.

use serde_json::json;

use super::scopes;
use crate::domain::{Api, Class, Effect, Field, Kind, Packet, Repeat, Slot, Spec, Targets, Wire};

/// `mute_live_room`
pub const KIND: Kind = Kind(&SPEC);

/// `unmute_live_room`
pub const UNDO: Kind = Kind(&UNDO_SPEC);

static API: Api = Api {
    word: "live_engine_http_srv/update_room_info",
    command: "live_engine_http_srv/update_room_info",
    codes: &[],
};

static SPEC: Spec = Spec {
    word: "mute_live_room",
    scope: scopes::MUTE_ROOM,
    summary: "Mute everybody in a live room",
    names: "Which live room is muted, all but its owner and administrators.",
    api: &API,
    fields: &[Field::required(Slot::RoomId, "room-test")],
    packet,
    repeat: Repeat::Harmless,
    effect: Effect::Restricts(&UNDO_SPEC),
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

static UNDO_SPEC: Spec = Spec {
    word: "unmute_live_room",
    scope: scopes::MUTE_ROOM,
    summary: "Unmute a live room",
    names: "Which live room is no longer muted.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::optional(Slot::Undoes, None),
    ],
    packet: undo_packet,
    repeat: Repeat::Harmless,
    effect: Effect::Lifts(&SPEC),
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

fn packet(targets: &Targets, _: &Wire) -> Packet {
    is_muted(targets, true)
}

fn undo_packet(targets: &Targets, _: &Wire) -> Packet {
    is_muted(targets, false)
}

fn is_muted(targets: &Targets, is_muted: bool) -> Packet {
    let room = json!({"RoomId": targets.room_id(), "IsMessageDisabled": is_muted});
    vec![("RoomInfo", room)]
}
