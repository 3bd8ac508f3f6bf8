//! Muting and unmuting everybody in a group (Modifying the Profile of a Group, product 1047): only the owner and
//! administrators may send. The same command changes the profile of the group: nothing of that is sent.

use serde_json::json;

use super::scopes;
use crate::domain::{Api, Class, Effect, Field, Kind, Packet, Repeat, Slot, Spec, Targets, Wire};

/// `mute_group`
pub const KIND: Kind = Kind(&SPEC);

/// `unmute_group`
pub const UNDO: Kind = Kind(&UNDO_SPEC);

static API: Api = Api {
    word: "group_open_http_svc/modify_group_base_info",
    command: "group_open_http_svc/modify_group_base_info",
    codes: &[],
};

static SPEC: Spec = Spec {
    word: "mute_group",
    scope: scopes::MUTE_ROOM,
    summary: "Mute everybody in a group",
    names: "Which group is muted, all but its owner and administrators.",
    api: &API,
    fields: &[Field::required(Slot::RoomId, "@TGS#2J4SZEAEL")],
    packet,
    repeat: Repeat::Harmless,
    effect: Effect::Restricts(&UNDO_SPEC),
    probe: None,
    advice: &[],
    refusals: &[
        (Class::NotFound, 10_010, "the group does not exist"),
        (
            Class::Conflict,
            10_007,
            "the operation is not permitted in this group",
        ),
    ],
};

static UNDO_SPEC: Spec = Spec {
    word: "unmute_group",
    scope: scopes::MUTE_ROOM,
    summary: "Unmute a group",
    names: "Which group is no longer muted.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "@TGS#2J4SZEAEL"),
        Field::optional(Slot::Undoes, None),
    ],
    packet: undo_packet,
    repeat: Repeat::Harmless,
    effect: Effect::Lifts(&SPEC),
    probe: None,
    advice: &[],
    refusals: &[
        (Class::NotFound, 10_010, "the group does not exist"),
        (
            Class::Conflict,
            10_007,
            "the operation is not permitted in this group",
        ),
    ],
};

fn packet(targets: &Targets, _: &Wire) -> Packet {
    vec![
        ("GroupId", json!(targets.room_id())),
        ("MuteAllMember", json!("On")),
    ]
}

fn undo_packet(targets: &Targets, _: &Wire) -> Packet {
    vec![
        ("GroupId", json!(targets.room_id())),
        ("MuteAllMember", json!("Off")),
    ]
}
