//! Muting and unmuting a member of a live room (`mute_member` of `TUILiveKit`, product 647).

use serde_json::json;

use super::{listed, scopes};
use crate::domain::{
    Api, Class, Effect, Field, Kind, Packet, Question, Repeat, Slot, Spec, Targets, Wire,
};

/// `mute_live_member`
pub const KIND: Kind = Kind(&SPEC);

/// `unmute_live_member`
pub const UNDO: Kind = Kind(&UNDO_SPEC);

static API: Api = Api {
    word: "live_engine_http_srv/mute_member",
    command: "live_engine_http_srv/mute_member",
    codes: &[],
};

static PROBE_API: Api = Api {
    word: "live_engine_http_srv/get_muted_member_list",
    command: "live_engine_http_srv/get_muted_member_list",
    codes: &[],
};

/// `get_muted_member_list` of `TUILiveKit` (product 647). It documents no pages.
static PROBE: Question = Question {
    api: &PROBE_API,
    packet: |targets, _| vec![("RoomId", json!(targets.room_id()))],
    read: |answer, targets| {
        listed::muted(answer.get("Response")?.get("MutedAccountList")?, targets)
    },
};

static SPEC: Spec = Spec {
    word: "mute_live_member",
    scope: scopes::MUTE_MEMBER,
    summary: "Mute a member of a live room",
    names: "Who is muted in which live room, and for how long.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::required(Slot::UserId, "user7"),
        Field::seconds(600),
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
    word: "unmute_live_member",
    scope: scopes::MUTE_MEMBER,
    summary: "Unmute a member of a live room",
    names: "Whose mute in which live room is lifted.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "room-test"),
        Field::required(Slot::UserId, "user7"),
        Field::optional(Slot::Undoes, None),
    ],
    packet,
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

/// 0 seconds lift.
fn packet(targets: &Targets, _: &Wire) -> Packet {
    vec![
        ("RoomId", json!(targets.room_id())),
        ("MemberList_Account", json!([targets.user_id()])),
        ("MuteTime", json!(targets.tencent_seconds())),
    ]
}
