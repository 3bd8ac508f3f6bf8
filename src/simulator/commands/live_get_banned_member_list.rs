//! `live_engine_http_srv/get_banned_member_list`

use serde_json::Value;

use super::{Answered, Command, Run, packet};
use crate::simulator::{restrictions::Restriction, world::World};

pub(super) static LIVE_GET_BANNED_MEMBER_LIST: Command = Command {
    word: "live_get_banned_member_list",
    path: "/v4/live_engine_http_srv/get_banned_member_list",
    gives_request_id: true,
    gives_action_status: true,
    run: Run::Ask(run),
};

fn run(world: &World, body: &Value) -> Answered {
    let room = packet::room(body, "RoomId", 100_002)?;
    if !world.has_room(room) {
        return Err(100_004);
    }
    let banned = world
        .restrictions
        .list(Restriction::LiveBanned, room, world.now());
    packet::banned_page(body, &banned)
}
