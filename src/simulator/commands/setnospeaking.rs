//! `openconfigsvr/setnospeaking`

use serde_json::Value;

use super::{Command, Run, packet};
use crate::simulator::{restrictions::Restriction, settings::Settings, world::World};

pub(super) static SETNOSPEAKING: Command = Command {
    word: "setnospeaking",
    path: "/v4/openconfigsvr/setnospeaking",
    gives_request_id: false,
    gives_action_status: false,
    run: Run::Act(run),
};

const CHANNELS: [(&str, Restriction); 2] = [
    ("C2CmsgNospeakingTime", Restriction::Direct),
    ("GroupmsgNospeakingTime", Restriction::Groups),
];

fn run(world: &mut World, _: &Settings, body: &Value) -> Result<(), i64> {
    let user = body.get("Set_Account").ok_or(130_004)?;
    let user = user
        .as_str()
        .filter(|user| !user.is_empty() && user.len() <= 32);
    let user = user.ok_or(130_005)?;
    let given = CHANNELS.map(|(name, of)| (body.get(name).is_some(), name, of));
    if !given.iter().any(|(is_given, ..)| *is_given) {
        return Err(130_008);
    }
    if !world.has_account(user) {
        return Err(130_005);
    }
    for (_, name, of) in given.iter().filter(|(is_given, ..)| *is_given) {
        let seconds = packet::seconds(body, name, 130_001)?;
        packet::restrict(world, *of, "", &[user], seconds);
    }
    Ok(())
}
