//! A request as it was read, and what the wire is to do about it.

use std::time::{Instant, SystemTime};

use serde_json::Value;

use super::commands::Api;
use super::record::Call;

/// A request, read to its end.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) api: Api,
    /// The body, if it is JSON.
    pub(super) json: Option<Value>,
    pub(super) random: Option<u32>,
}

impl Request {
    pub(super) fn new(
        method: &str,
        path: &str,
        query: Vec<(String, String)>,
        headers: Vec<(String, String)>,
        body: &[u8],
    ) -> Self {
        let random = query
            .iter()
            .find(|(name, _)| name == "random")
            .and_then(|(_, value)| value.parse().ok());
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            headers,
            body: String::from_utf8_lossy(body).into_owned(),
            api: Api::of_path(path),
            json: serde_json::from_slice(body).ok(),
            random,
        }
    }

    pub(super) fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The user that it is about, if the body names one, or a list that begins with one.
    pub(super) fn user_id(&self) -> Option<&str> {
        let names = [
            "UserID",
            "Identifier",
            "Member_Account",
            "Set_Account",
            "Members_Account",
            "MemberList_Account",
            "MemberToDel_Account",
        ];
        let member = names.into_iter().find_map(|name| self.member(name))?;
        member.get(0).unwrap_or(member).as_str()
    }

    /// The room or the group that it is about.
    fn room_id(&self) -> Option<&str> {
        let of_info = || self.member("RoomInfo")?.get("RoomId");
        let member = self.member("RoomId").or_else(|| self.member("GroupId"));
        member.or_else(of_info)?.as_str()
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.json.as_ref()?.get(name)
    }

    /// The record of it; `add` gives the sequence number.
    pub(super) fn to_call(&self, arrived: Instant, fault: Option<&'static str>) -> Call {
        Call {
            sequence: 0,
            arrived,
            arrived_at: SystemTime::now(),
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            api: self.api,
            random: self.random,
            user_id: self.user_id().map(str::to_owned),
            room_id: self.room_id().map(str::to_owned),
            error_code: None,
            fault,
            took_effect: false,
        }
    }
}

/// What the wire is to do.
#[derive(Debug)]
pub(super) enum Reply {
    Whole {
        status: u16,
        content_type: String,
        body: String,
    },
    Redirect {
        location: String,
    },
    Never,
    Cut {
        reset: bool,
    },
    Truncated(String),
    Drip(String),
}

impl Reply {
    pub(super) fn whole(status: u16, content_type: &str, body: String) -> Self {
        Self::Whole {
            status,
            content_type: content_type.to_owned(),
            body,
        }
    }

    /// Every answer of Tencent's own has status 200.
    pub(super) fn json(body: String) -> Self {
        Self::whole(200, "application/json", body)
    }
}
