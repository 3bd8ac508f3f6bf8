//! `room_engine_http_mic/kick_user_off_seat`

use serde_json::Value;

use super::{Command, Run};
use crate::simulator::{settings::Settings, world::World};

const LONGEST_USER_ID_BYTES: usize = 32;
const LONGEST_ROOM_ID_BYTES: usize = 48;

pub(super) static KICK_SEAT: Command = Command {
    word: "kick_seat",
    path: "/v4/room_engine_http_mic/kick_user_off_seat",
    // Of the two kicks only the room engine's documents a `RequestId`.
    gives_request_id: true,
    gives_action_status: true,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let text = |name| body.get(name).and_then(Value::as_str).ok_or(100_002);
    let (room, user, _data) = (text("RoomId")?, text("Member_Account")?, text("Data")?);
    let fits = |value: &str, longest| !value.is_empty() && value.len() <= longest;
    if !fits(room, LONGEST_ROOM_ID_BYTES) || !fits(user, LONGEST_USER_ID_BYTES) {
        return Err(100_002);
    }
    if !world.has_room(room) {
        return Err(100_004);
    }
    if !world.is_seated(room, user) {
        return Err(100_206);
    }
    world.leave_seat(room, user);
    Ok(())
}
