//! `group_open_http_svc/modify_group_base_info`

use serde_json::Value;

use super::{Command, Run, packet};
use crate::simulator::{settings::Settings, world::World};

pub(super) static MODIFY_GROUP_BASE_INFO: Command = Command {
    word: "modify_group_base_info",
    path: "/v4/group_open_http_svc/modify_group_base_info",
    gives_request_id: false,
    gives_action_status: true,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let group = packet::room(body, "GroupId", 10_004)?;
    let muted = match body.get("MuteAllMember").and_then(Value::as_str) {
        Some("On") => true,
        Some("Off") => false,
        _ => return Err(10_004),
    };
    if !world.has_room(group) {
        return Err(10_010);
    }
    world.restrictions.mute_all(group, muted);
    Ok(())
}
