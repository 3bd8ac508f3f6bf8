//! `live_engine_http_srv/update_room_info`

use serde_json::Value;

use super::{Command, Run, packet};
use crate::simulator::{settings::Settings, world::World};

pub(super) static LIVE_UPDATE_ROOM_INFO: Command = Command {
    word: "live_update_room_info",
    path: "/v4/live_engine_http_srv/update_room_info",
    gives_request_id: true,
    gives_action_status: true,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let info = body.get("RoomInfo").ok_or(100_002)?;
    let room = packet::room(info, "RoomId", 100_002)?;
    let muted = info.get("IsMessageDisabled").and_then(Value::as_bool);
    let muted = muted.ok_or(100_002)?;
    if !world.has_room(room) {
        return Err(100_004);
    }
    world.restrictions.mute_all(room, muted);
    Ok(())
}
