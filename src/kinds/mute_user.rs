//! Setting and lifting a global mute (Setting Global Mute, product 1047): a user cannot send messages, reads on, and
//! stays signed in.

use serde_json::{Value, json};

use super::scopes;
use crate::domain::{
    Api, Class, Effect, Example, Field, Finding, Kind, Packet, Question, Repeat, Slot, Spec,
    Targets, Until, Wire,
};

/// `mute_user`
pub const KIND: Kind = Kind(&SPEC);

/// `unmute_user`
pub const UNDO: Kind = Kind(&UNDO_SPEC);

static API: Api = Api {
    word: "openconfigsvr/setnospeaking",
    command: "openconfigsvr/setnospeaking",
    codes: &[],
};

static PROBE_API: Api = Api {
    word: "openconfigsvr/getnospeaking",
    command: "openconfigsvr/getnospeaking",
    codes: &[],
};

/// Querying Global Mute (product 1047): the seconds that are left.
static PROBE: Question = Question {
    api: &PROBE_API,
    packet: |targets, _| vec![("Get_Account", json!(targets.user_id()))],
    read,
};

static SPEC: Spec = Spec {
    word: "mute_user",
    scope: scopes::MUTE_USER,
    summary: "Mute a user everywhere",
    names: "Who is muted, for how long, and in which messages: `direct` (to one other user), `groups`, or `all`.",
    api: &API,
    fields: &[
        Field::required(Slot::UserId, "user5"),
        Field::seconds(600),
        Field::optional(Slot::Forever, None),
        Field::optional(Slot::Channels, Some(Example::Text("groups"))),
        Field::optional(Slot::Shortens, None),
    ],
    packet,
    repeat: Repeat::Harmless,
    effect: Effect::Restricts(&UNDO_SPEC),
    probe: Some(&PROBE),
    advice: &[],
    // Tencent documents neither for this command: those of others stand for what it may give.
    refusals: &[
        (Class::NotFound, 70_107, "the user does not exist"),
        (Class::Conflict, 10_007, "the operation is not permitted"),
    ],
};

static UNDO_SPEC: Spec = Spec {
    word: "unmute_user",
    scope: scopes::MUTE_USER,
    summary: "Lift the mute of a user",
    names: "Whose mute is lifted, and for which messages.",
    api: &API,
    fields: &[
        Field::required(Slot::UserId, "user5"),
        Field::optional(Slot::Channels, Some(Example::Text("groups"))),
        Field::optional(Slot::Undoes, None),
    ],
    packet,
    repeat: Repeat::Harmless,
    effect: Effect::Lifts(&SPEC),
    probe: Some(&PROBE),
    advice: &[],
    // Tencent documents neither for this command: those of others stand for what it may give.
    refusals: &[
        (Class::NotFound, 70_107, "the user does not exist"),
        (Class::Conflict, 10_007, "the operation is not permitted"),
    ],
};

/// The number of seconds lasts from when Tencent gets it; 0 lifts, and 4294967295 has no end.
fn packet(targets: &Targets, _: &Wire) -> Packet {
    let (channels, seconds) = (
        targets.channels.unwrap_or_default(),
        targets.tencent_seconds(),
    );
    let mut packet = vec![("Set_Account", json!(targets.user_id()))];
    if channels.has_direct() {
        packet.push(("C2CmsgNospeakingTime", json!(seconds)));
    }
    if channels.has_groups() {
        packet.push(("GroupmsgNospeakingTime", json!(seconds)));
    }
    packet
}

fn read(answer: &Value, _: &Targets) -> Option<Finding> {
    let left = |name: &str| {
        let seconds = u32::try_from(answer.get(name)?.as_u64()?).ok()?;
        Some(match seconds {
            0 => None,
            u32::MAX => Some(Until::Lifted),
            _ => Some(Until::SecondsLeft(seconds)),
        })
    };
    Some(Finding::InForce {
        direct: left("C2CmsgNospeakingTime")?,
        groups: left("GroupmsgNospeakingTime")?,
    })
}
