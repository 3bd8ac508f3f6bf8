//! `live_engine_http_srv/mute_member`

use serde_json::Value;

use super::{Command, Run, packet};
use crate::simulator::{restrictions::Restriction, settings::Settings, world::World};

pub(super) static LIVE_MUTE_MEMBER: Command = Command {
    word: "live_mute_member",
    path: "/v4/live_engine_http_srv/mute_member",
    gives_request_id: true,
    gives_action_status: true,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let room = packet::room(body, "RoomId", 100_002)?;
    let members = packet::accounts(body, "MemberList_Account", 20, 100_002)?;
    let seconds = packet::seconds(body, "MuteTime", 100_002)?;
    if !world.has_room(room) {
        return Err(100_004);
    }
    packet::restrict(world, Restriction::LiveMuted, room, &members, seconds);
    Ok(())
}
