//! `group_open_http_svc/delete_group_member`

use serde_json::Value;

use super::{Command, Run};
use crate::simulator::{settings::Settings, world::World};

const LONGEST_USER_ID_BYTES: usize = 32;
const MOST_MEMBERS: usize = 100;

pub(super) static DELETE_GROUP_MEMBER: Command = Command {
    word: "delete_group_member",
    path: "/v4/group_open_http_svc/delete_group_member",
    gives_request_id: false,
    run: Run::Act(run),
};

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let group = body.get("GroupId").and_then(Value::as_str).ok_or(10_004)?;
    let members = body.get("MemberToDel_Account").and_then(Value::as_array);
    let members: Option<Vec<&str>> = members.ok_or(10_004)?.iter().map(Value::as_str).collect();
    let members = members.ok_or(10_004)?;
    let is_choice = |value: &Value| matches!(value.as_u64(), Some(0 | 1));
    let fits = |user: &str| !user.is_empty() && user.len() <= LONGEST_USER_ID_BYTES;
    if group.is_empty()
        || !(1..=MOST_MEMBERS).contains(&members.len())
        || !members.iter().all(|user| fits(user))
        || !body.get("Silence").is_none_or(is_choice)
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
