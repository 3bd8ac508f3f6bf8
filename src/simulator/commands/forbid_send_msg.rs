//! `group_open_http_svc/forbid_send_msg`

use serde_json::Value;

use super::{Command, Run, packet};
use crate::simulator::{restrictions::Restriction, settings::Settings, world::World};

pub(super) static FORBID_SEND_MSG: Command = Command {
    word: "forbid_send_msg",
    path: "/v4/group_open_http_svc/forbid_send_msg",
    gives_request_id: false,
    gives_action_status: true,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let group = packet::room(body, "GroupId", 10_004)?;
    let members = packet::accounts(body, "Members_Account", 500, 10_004)?;
    let seconds = packet::seconds(body, "MuteTime", 10_004)?;
    if !world.has_room(group) {
        return Err(10_010);
    }
    packet::restrict(world, Restriction::GroupMember, group, &members, seconds);
    Ok(())
}
