//! Deleting Group Members (product 1047): removes a user from a group, who may join it again where its settings let
//! them.

use serde_json::json;

use super::scopes;
use crate::domain::{Api, Class, Effect, Example, Field, Kind, Repeat, Slot, Spec};

/// `remove_group_member`
pub const KIND: Kind = Kind(&SPEC);

static API: Api = Api {
    word: "group_open_http_svc/delete_group_member",
    command: "group_open_http_svc/delete_group_member",
    codes: &[],
};

static SPEC: Spec = Spec {
    word: "remove_group_member",
    scope: scopes::KICK_MEMBER,
    summary: "Remove a user from a group",
    names: "Who is removed from which group. Tencent refuses it (10004) for groups of type AVChatRoom.",
    api: &API,
    fields: &[
        Field::required(Slot::RoomId, "@TGS#2J4SZEAEL"),
        Field::required(Slot::UserId, "user4"),
        Field::required(Slot::Data, "spam"),
        Field::optional(Slot::Silent, Some(Example::Choice(true))),
    ],
    packet: |targets, _| {
        vec![
            ("GroupId", json!(targets.room_id())),
            ("Silence", json!(u8::from(targets.silent == Some(true)))),
            ("Reason", json!(targets.data())),
            ("MemberToDel_Account", json!([targets.user_id()])),
        ]
    },
    // It would remove a user who has just been let back in. That somebody is no member is answered with success.
    repeat: Repeat::DoesItAgain,
    effect: Effect::Passes,
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
