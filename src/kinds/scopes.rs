//! Scopes that more than one kind has.

use crate::domain::Scope;

pub(super) const MUTE_USER: Scope = Scope::new("action:mute_user", "mute users everywhere");
pub(super) const MUTE_MEMBER: Scope =
    Scope::new("action:mute_member", "mute users in rooms and groups");
pub(super) const KICK_MEMBER: Scope =
    Scope::new("action:kick_member", "put users out of rooms and groups");
pub(super) const MUTE_ROOM: Scope =
    Scope::new("action:mute_room", "mute everybody in a room or in a group");
pub(super) const BAN_MEMBER: Scope = Scope::new("action:ban_member", "ban users from rooms");
