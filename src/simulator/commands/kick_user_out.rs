//! `room_engine_http_srv/kick_user_out`

use serde_json::Value;

use super::{Command, Run, packet};
use crate::simulator::{settings::Settings, world::World};

pub(super) static KICK_USER_OUT: Command = Command {
    word: "kick_user_out",
    path: "/v4/room_engine_http_srv/kick_user_out",
    gives_request_id: true,
    gives_action_status: true,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let room = packet::room(body, "RoomId", 100_002)?;
    packet::accounts(body, "MemberList_Account", 20, 100_002)?;
    packet::text(body, "Reason", 1_000, 100_002)?;
    if !world.has_room(room) {
        return Err(100_004);
    }
    Ok(())
}
