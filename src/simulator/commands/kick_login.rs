//! `im_open_login_svc/kick`

use serde_json::Value;

use super::{Command, Run};
use crate::simulator::{
    settings::{KickField, Settings},
    world::World,
};

const LONGEST_USER_ID_BYTES: usize = 32;

pub(super) static KICK_LOGIN: Command = Command {
    word: "kick_login",
    path: "/v4/im_open_login_svc/kick",
    gives_request_id: false,
    gives_action_status: true,
    run: Run::Act(run),
};

fn run(world: &mut World, settings: &Settings, body: &Value) -> Result<(), i64> {
    let user = match settings.kick_field {
        KickField::Either => body.get("UserID").or_else(|| body.get("Identifier")),
        KickField::Identifier => body.get("Identifier"),
        KickField::UserId => body.get("UserID"),
    };
    let user = user.ok_or(70402)?.as_str().ok_or(60015)?;
    if user.is_empty() || user.len() > LONGEST_USER_ID_BYTES {
        return Err(70402);
    }
    if !world.has_account(user) {
        return Err(70107);
    }
    // A login kick voids the `UserSig`s the user had (kick page of December 2025). Only an
    // administrator's are ever shown to this server.
    if settings.admins.iter().any(|admin| admin == user) {
        world.void_usersigs(user);
    }
    Ok(())
}
