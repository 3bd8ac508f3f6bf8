//! `group_open_http_svc/delete_group_member`

use serde_json::Value;

use super::{Command, Run, packet};
use crate::simulator::{settings::Settings, world::World};

pub(super) static DELETE_GROUP_MEMBER: Command = Command {
    word: "delete_group_member",
    path: "/v4/group_open_http_svc/delete_group_member",
    gives_request_id: false,
    gives_action_status: true,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let group = packet::room(body, "GroupId", 10_004)?;
    packet::accounts(body, "MemberToDel_Account", 100, 10_004)?;
    let is_choice = |value: &Value| matches!(value.as_u64(), Some(0 | 1));
    if !body.get("Silence").is_none_or(is_choice)
        || !body.get("Reason").is_none_or(Value::is_string)
    {
        return Err(10_004);
    }
    if !world.has_room(group) {
        return Err(10_010);
    }
    // Whoever is no member is removed with success.
    Ok(())
}
