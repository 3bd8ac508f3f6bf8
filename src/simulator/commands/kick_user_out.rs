//! `room_engine_http_srv/kick_user_out`

use serde_json::Value;

use super::{Command, Run};
use crate::simulator::{settings::Settings, world::World};

const LONGEST_USER_ID_BYTES: usize = 32;
const LONGEST_ROOM_ID_BYTES: usize = 48;
const LONGEST_REASON_BYTES: usize = 1_000;
const MOST_MEMBERS: usize = 20;

pub(super) static KICK_USER_OUT: Command = Command {
    word: "kick_user_out",
    path: "/v4/room_engine_http_srv/kick_user_out",
    gives_request_id: true,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let text = |name| body.get(name).and_then(Value::as_str).ok_or(100_002);
    let (room, reason) = (text("RoomId")?, text("Reason")?);
    let members = body.get("MemberList_Account").and_then(Value::as_array);
    let members: Option<Vec<&str>> = members.ok_or(100_002)?.iter().map(Value::as_str).collect();
    let members = members.ok_or(100_002)?;
    let fits = |value: &str, longest| !value.is_empty() && value.len() <= longest;
    if !fits(room, LONGEST_ROOM_ID_BYTES)
        || reason.len() > LONGEST_REASON_BYTES
        || !(1..=MOST_MEMBERS).contains(&members.len())
        || !members.iter().all(|user| fits(user, LONGEST_USER_ID_BYTES))
    {
        return Err(100_002);
    }
    if !world.has_room(room) {
        return Err(100_004);
    }
    Ok(())
}
