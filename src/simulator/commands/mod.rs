//! The commands of Tencent's REST API: one file for each. What they demand of the body, what they do, what they answer.

mod ban_room_member;
mod delete_group_member;
mod forbid_send_msg;
mod get_group_muted_account;
mod getnospeaking;
mod kick_login;
mod kick_seat;
mod kick_user_out;
mod live_ban_member;
mod live_get_banned_member_list;
mod live_get_muted_member_list;
mod live_mute_member;
mod live_unban_member;
mod live_update_room_info;
mod modify_group_base_info;
mod packet;
mod query_online_status;
mod room_get_banned_member_list;
mod setnospeaking;
mod unban_room_member;

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use super::{settings::Settings, world::World};

/// A command of Tencent's REST API that the simulator counts on its own.
#[derive(Clone, Copy)]
pub struct Api(&'static Command);

/// What tells a command from another.
#[derive(Debug)]
struct Command {
    /// Its name on the control port.
    word: &'static str,
    path: &'static str,
    gives_request_id: bool,
    gives_action_status: bool,
    run: Run,
}

/// The further members of the answer to a question, or the code of a refusal.
type Answered = Result<Map<String, Value>, i64>;

#[derive(Debug)]
enum Run {
    /// Does something to a user: carried out, or refused with this code.
    Act(fn(&mut World, &Settings, &Value) -> Result<(), i64>),
    /// Answers a question with these members, or refuses it with this code.
    Ask(fn(&World, &Value) -> Answered),
}

/// Any other path; answered 60009.
static UNKNOWN: Command = Command {
    word: "unknown",
    path: "",
    gives_request_id: false,
    gives_action_status: true,
    run: Run::Act(|_, _, _| Err(60009)),
};

impl Api {
    /// `v4/im_open_login_svc/kick`
    pub const KICK_LOGIN: Self = Self(&kick_login::KICK_LOGIN);
    /// `v4/room_engine_http_mic/kick_user_off_seat`
    pub const KICK_SEAT: Self = Self(&kick_seat::KICK_SEAT);
    /// `v4/group_open_http_svc/delete_group_member`
    pub const DELETE_GROUP_MEMBER: Self = Self(&delete_group_member::DELETE_GROUP_MEMBER);
    /// `v4/room_engine_http_srv/kick_user_out`
    pub const KICK_USER_OUT: Self = Self(&kick_user_out::KICK_USER_OUT);
    /// `v4/penconfigsvr/setnospeaking`
    pub const SETNOSPEAKING: Self = Self(&setnospeaking::SETNOSPEAKING);
    /// `v4/penconfigsvr/getnospeaking`
    pub const GETNOSPEAKING: Self = Self(&getnospeaking::GETNOSPEAKING);
    /// `v4/roup_open_http_svc/forbid_send_msg`
    pub const FORBID_SEND_MSG: Self = Self(&forbid_send_msg::FORBID_SEND_MSG);
    /// `v4/roup_open_http_svc/get_group_muted_account`
    pub const GET_GROUP_MUTED_ACCOUNT: Self =
        Self(&get_group_muted_account::GET_GROUP_MUTED_ACCOUNT);
    /// `v4/roup_open_http_svc/modify_group_base_info`
    pub const MODIFY_GROUP_BASE_INFO: Self = Self(&modify_group_base_info::MODIFY_GROUP_BASE_INFO);
    /// `v4/ive_engine_http_srv/mute_member`
    pub const LIVE_MUTE_MEMBER: Self = Self(&live_mute_member::LIVE_MUTE_MEMBER);
    /// `v4/ive_engine_http_srv/get_muted_member_list`
    pub const LIVE_GET_MUTED_MEMBER_LIST: Self =
        Self(&live_get_muted_member_list::LIVE_GET_MUTED_MEMBER_LIST);
    /// `v4/ive_engine_http_srv/ban_member`
    pub const LIVE_BAN_MEMBER: Self = Self(&live_ban_member::LIVE_BAN_MEMBER);
    /// `v4/ive_engine_http_srv/unban_member`
    pub const LIVE_UNBAN_MEMBER: Self = Self(&live_unban_member::LIVE_UNBAN_MEMBER);
    /// `v4/ive_engine_http_srv/get_banned_member_list`
    pub const LIVE_GET_BANNED_MEMBER_LIST: Self =
        Self(&live_get_banned_member_list::LIVE_GET_BANNED_MEMBER_LIST);
    /// `v4/ive_engine_http_srv/update_room_info`
    pub const LIVE_UPDATE_ROOM_INFO: Self = Self(&live_update_room_info::LIVE_UPDATE_ROOM_INFO);
    /// `v4/oom_engine_http_srv/ban_room_member`
    pub const BAN_ROOM_MEMBER: Self = Self(&ban_room_member::BAN_ROOM_MEMBER);
    /// `v4/oom_engine_http_srv/unban_room_member`
    pub const UNBAN_ROOM_MEMBER: Self = Self(&unban_room_member::UNBAN_ROOM_MEMBER);
    /// `v4/oom_engine_http_srv/get_banned_member_list`
    pub const ROOM_GET_BANNED_MEMBER_LIST: Self =
        Self(&room_get_banned_member_list::ROOM_GET_BANNED_MEMBER_LIST);
    /// `v4/openim/query_online_status`
    pub const QUERY_ONLINE_STATUS: Self = Self(&query_online_status::QUERY_ONLINE_STATUS);
    /// Any other path; answered 60009.
    pub const UNKNOWN: Self = Self(&UNKNOWN);

    /// Every API, in the order in which the control port lists them.
    pub const ALL: [Self; 20] = [
        Self::KICK_LOGIN,
        Self::KICK_SEAT,
        Self::DELETE_GROUP_MEMBER,
        Self::KICK_USER_OUT,
        Self::SETNOSPEAKING,
        Self::GETNOSPEAKING,
        Self::FORBID_SEND_MSG,
        Self::GET_GROUP_MUTED_ACCOUNT,
        Self::MODIFY_GROUP_BASE_INFO,
        Self::LIVE_MUTE_MEMBER,
        Self::LIVE_GET_MUTED_MEMBER_LIST,
        Self::LIVE_BAN_MEMBER,
        Self::LIVE_UNBAN_MEMBER,
        Self::LIVE_GET_BANNED_MEMBER_LIST,
        Self::LIVE_UPDATE_ROOM_INFO,
        Self::BAN_ROOM_MEMBER,
        Self::UNBAN_ROOM_MEMBER,
        Self::ROOM_GET_BANNED_MEMBER_LIST,
        Self::QUERY_ONLINE_STATUS,
        Self::UNKNOWN,
    ];

    /// The API at `/v4/` and this service and command; [`Api::UNKNOWN`] if there is none.
    pub fn of_command(command: &str) -> Self {
        Self::of_path(&format!("/v4/{command}"))
    }

    pub(super) fn of_path(path: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|api| api.0.path == path).unwrap_or(Self::UNKNOWN)
    }

    /// Its name on the control port.
    pub fn as_str(self) -> &'static str {
        self.0.word
    }

    pub(super) fn gives_request_id(self) -> bool {
        self.0.gives_request_id
    }

    pub(super) fn gives_action_status(self) -> bool {
        self.0.gives_action_status
    }

    /// Whether it does something, to a user or a room.
    pub fn acts(self) -> bool {
        matches!(self.0.run, Run::Act(_))
    }

    /// Runs the command of a call that passed the front door: the further members of the answer, or the code of a
    /// refusal.
    pub(super) fn run(self, world: &mut World, settings: &Settings, body: &Value) -> Answered {
        match self.0.run {
            Run::Act(act) => act(world, settings, body).map(|()| Map::new()),
            Run::Ask(ask) => ask(world, body),
        }
    }
}

impl PartialEq for Api {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Api {}

impl Hash for Api {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Api {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Api {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let mut all = Self::ALL.into_iter();
        all.find(|api| api.as_str() == word)
            .ok_or_else(|| D::Error::custom(format!("{word:?} is no api")))
    }
}
