//! Examples of the answers that are no problems, from the real types.

use chrono::{DateTime, TimeDelta};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;

use super::kinds::operation_id;
use crate::domain::{Action, Channels, Kind, Scope, Slot};
use crate::http::format::Format;
use crate::http::json::{ActionJson, PageJson, time};
use crate::http::me::{LimitsJson, MeJson, RulesJson};
use crate::http::openapi::samples::{End, action, richest};
use crate::http::users::{CountJson, History, StandingJson, UserJson};

/// Adds an example to each content of the answer 200.
pub(super) fn add(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else {
        return;
    };
    for (media_type, content) in &mut response.content {
        if let RefOr::T(content) = content {
            content.example = example(&id, media_type);
        }
    }
}

fn example(operation: &str, media_type: &str) -> Option<Value> {
    let mut kinds = Kind::ALL.iter().copied();
    let of_kind = kinds.find(|kind| operation_id(*kind) == operation);
    let action = action(of_kind.unwrap_or_else(richest), &End::Succeeded);
    let plain = |value: Result<Value, _>| value.expect("an action is plain data");
    let value = match operation {
        _ if of_kind.is_some() || ["getAction", "probeAction"].contains(&operation) => {
            plain(serde_json::to_value(ActionJson::from(&action)))
        }
        "listActions" => plain(serde_json::to_value(PageJson {
            items: vec![ActionJson::from(&action)],
            next_cursor: None,
        })),
        "exportActions" => {
            let formats = Format::ALL.into_iter();
            let mut named = formats.filter(|format| format.content_type().starts_with(media_type));
            let format = named.next()?;
            let mut file = format.head();
            format.row(&action, &mut file);
            format.end(1, &mut file);
            String::from_utf8_lossy(&file).into_owned().into()
        }
        "streamActions" => {
            let data = plain(serde_json::to_value(ActionJson::from(&action)));
            format!("retry: 1000\nid: 1.2.3\n\nid: 1.2.4\nevent: action\ndata: {data}\n\n").into()
        }
        "getUser" => user(&action),
        "getMe" => me(),
        _ => return None,
    };
    Some(value)
}

fn user(action: &Action) -> Value {
    let mut kinds = Kind::ALL.iter().copied();
    let restricting = kinds.find(|kind| kind.has(Slot::Channels));
    let restricting = restricting.expect("a kind is about some of the messages");
    let user = UserJson {
        user_id: "user2",
        restrictions_of: vec![restricting.as_str()],
        restrictions: vec![StandingJson {
            id: action.id,
            kind: restricting.as_str(),
            room_id: None,
            channels: Some(Channels::All.as_str()),
            since: time(action.requested_at),
            until: Some(time(action.requested_at + TimeDelta::minutes(10))),
            certain: true,
            by: Some(&action.moderator),
            reason: action.reason.as_deref(),
            case_ref: action.case_ref.as_deref(),
        }],
        counts: vec![CountJson {
            kind: action.kind.as_str(),
            state: action.state.as_str(),
            count: 1,
        }],
        counts_complete: true,
        history: History::All,
        actions: vec![ActionJson::from(action)],
    };
    serde_json::to_value(user).expect("it is plain data")
}

fn me() -> Value {
    let me = MeJson {
        moderator: "alice",
        name: Some("Alice W."),
        scopes: Scope::all().iter().copied().map(Scope::as_str).collect(),
        expires_at: time(DateTime::UNIX_EPOCH + TimeDelta::days(20_780)),
        limits: LimitsJson {
            moderator_requests_per_second: 20,
            tencent_calls_per_second: Some(200),
        },
        rules: RulesJson {
            reason_required: false,
            user_id_pattern: None,
        },
    };
    serde_json::to_value(me).expect("it is plain data")
}
