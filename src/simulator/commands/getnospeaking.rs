//! `openconfigsvr/getnospeaking`

use serde_json::{Value, json};

use super::{Answered, Command, Run, packet};
use crate::simulator::{restrictions::Restriction, world::World};

pub(super) static GETNOSPEAKING: Command = Command {
    word: "getnospeaking",
    path: "/v4/openconfigsvr/getnospeaking",
    gives_request_id: false,
    gives_action_status: false,
    run: Run::Ask(run),
};

fn run(world: &World, body: &Value) -> Answered {
    let user = packet::text(body, "Get_Account", 32, 130_002)?;
    let left = |of| json!(world.restrictions.seconds_left(of, user, world.now()));
    let members = [
        ("C2CmsgNospeakingTime", left(Restriction::Direct)),
        ("GroupmsgNospeakingTime", left(Restriction::Groups)),
    ];
    Ok(members
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect())
}
