//! Muting and unmuting a member of a group (Bulk Muting and Unmuting Group Members, product 1047): the user cannot send
//! messages to the group. It outlasts leaving and joining again.

use serde_json::json;

use super::{listed, scopes};
use crate::domain::{
    Api, Class, Effect, Field, Kind, Packet, Question, Repeat, Slot, Spec, Targets, Wire,
};

/// `mute_group_member`
pub const KIND: Kind = Kind(&SPEC);

/// `unmute_group_member`
pub const UNDO: Kind = Kind(&UNDO_SPEC);

static API: Api = Api {
    word: "group_open_http_svc/forbid_send_msg",
    command: "group_open_http_svc/forbid_send_msg",
    codes: &[],
};

static PROBE_API: Api = Api {
    word: "group_open_http_svc/get_group_muted_account",
    command: "group_open_http_svc/get_group_muted_account",
    codes: &[],
};

/// Getting the List of Muted Group Members (product 1047). It documents no pages.
static PROBE: Question = Question {
    api: &PROBE_API,
    packet: |targets, _| vec![("GroupId", json!(targets.room_id()))],
    read: |answer, targets| listed::muted(answer.get("MutedAccountList")?, targets),
};

static SPEC: Spec = Spec {
    word: "mute_group_member",
    scope: scopes::MUTE_MEMBER,
    summary: "Mute a member of a group",
    names: "Who is muted in which group, and for how long. Not for groups of type Work.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "@TGS#2J4SZEAEL"),
        Field::required(Slot::UserId, "user6"),
        Field::seconds(600),
        Field::optional(Slot::Forever, None),
        Field::optional(Slot::Shortens, None),
    ],
    packet,
    repeat: Repeat::Harmless,
    effect: Effect::Restricts(&UNDO_SPEC),
    probe: Some(&PROBE),
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
    word: "unmute_group_member",
    scope: scopes::MUTE_MEMBER,
    summary: "Unmute a member of a group",
    names: "Whose mute in which group is lifted.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "@TGS#2J4SZEAEL"),
        Field::required(Slot::UserId, "user6"),
        Field::optional(Slot::Undoes, None),
    ],
    packet,
    repeat: Repeat::Harmless,
    effect: Effect::Lifts(&SPEC),
    probe: Some(&PROBE),
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

/// 0 seconds lift, and 4294967295 have no end.
fn packet(targets: &Targets, _: &Wire) -> Packet {
    vec![
        ("GroupId", json!(targets.room_id())),
        ("Members_Account", json!([targets.user_id()])),
        ("MuteTime", json!(targets.tencent_seconds())),
    ]
}
