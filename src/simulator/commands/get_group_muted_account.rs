//! `group_open_http_svc/get_group_muted_account`

use serde_json::{Map, Value, json};

use super::{Answered, Command, Run, packet};
use crate::simulator::{restrictions::Restriction, world::World};

pub(super) static GET_GROUP_MUTED_ACCOUNT: Command = Command {
    word: "get_group_muted_account",
    path: "/v4/group_open_http_svc/get_group_muted_account",
    gives_request_id: false,
    gives_action_status: true,
    run: Run::Ask(run),
};

fn run(world: &World, body: &Value) -> Answered {
    let group = packet::room(body, "GroupId", 10_004)?;
    if !world.has_room(group) {
        return Err(10_010);
    }
    let muted = world
        .restrictions
        .list(Restriction::GroupMember, group, world.now());
    let muted = muted.into_iter();
    let muted =
        muted.map(|(user, end)| json!({"Member_Account": user, "MutedUntil": packet::until(end)}));
    let mut members = Map::new();
    members.insert("GroupId".to_owned(), json!(group));
    members.insert("MutedAccountList".to_owned(), muted.collect());
    Ok(members)
}
