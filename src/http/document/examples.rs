//! Examples of the answers that are no problems, from the real types.

use chrono::{DateTime, TimeDelta};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use uuid::Uuid;

use super::batch_examples;
use super::kinds::operation_id;
use crate::domain::{Action, Channels, Kind, MOST_ITEMS, Scope, Slot};
use crate::http::batches::news;
use crate::http::format::Format;
use crate::http::freezes::{BrakedByJson, BrakesJson, FreezeJson};
use crate::http::json::{ActionJson, PageJson, time};
use crate::http::limits::{AllJson, LimitsInForceJson, ModeratorJson, ReplicaJson};
use crate::http::me::{LimitsJson, MeJson, RulesJson};
use crate::http::openapi::batches::running;
use crate::http::openapi::ends::{End, action, richest};
use crate::http::users::{CountJson, History, StandingJson, UserJson};

/// Adds an example to each content of the answers 200 and 202.
pub(super) fn add(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    for (status, response) in &mut operation.responses.responses {
        let (RefOr::T(response), "200" | "202") = (response, status.as_str()) else {
            continue;
        };
        for (media_type, content) in &mut response.content {
            if let RefOr::T(content) = content {
                let of_batch = batch_examples::example(&id, status, media_type);
                content.example = of_batch.or_else(|| example(&id, media_type));
            }
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
            let batch = news::event(&running());
            let batch = String::from_utf8_lossy(&batch);
            format!("retry: 1000\nid: 1.2.3\n\nid: 1.2.4\nevent: action\ndata: {data}\n\n{batch}")
                .into()
        }
        "getUser" => user(&action),
        "freeze" | "thaw" => frozen(),
        "getLimits" => limits(),
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

fn freeze() -> FreezeJson<'static> {
    FreezeJson {
        id: Uuid::from_u128(0x01a2_0038_017b_7000_8000_0000_0000_0003),
        kind: None,
        issuer: Some("https://id.example.com"),
        moderator: Some("alice"),
        since: time(DateTime::UNIX_EPOCH + TimeDelta::days(20_780)),
        reason: Some("a stolen token"),
        by: Some(BrakedByJson {
            moderator: Some("lead"),
            moderator_name: Some("Lea D."),
            issuer: Some("https://id.example.com"),
            operator: None,
            host: None,
        }),
    }
}

fn frozen() -> Value {
    let brakes = vec![freeze()];
    serde_json::to_value(BrakesJson { brakes }).expect("it is plain data")
}

fn limits() -> Value {
    let api = richest().api.word;
    let replica = ReplicaJson {
        limit: 200,
        held: 150,
        in_use: 3,
        resting: 20,
        cut: 0,
        queue: 0,
        suspended: None,
    };
    let all = AllJson {
        limit: 200,
        leased: 150,
    };
    let limits = LimitsInForceJson {
        replica: [(api, replica)].into(),
        all: [(api, all)].into(),
        moderator: ModeratorJson {
            limit: 20,
            remaining: 19,
            actions_per_hour: Some(500),
        },
        brakes: vec![freeze()],
    };
    serde_json::to_value(limits).expect("it is plain data")
}

fn me() -> Value {
    let me = MeJson {
        moderator: "alice",
        name: Some("Alice W."),
        scopes: Scope::all().iter().copied().map(Scope::as_str).collect(),
        expires_at: time(DateTime::UNIX_EPOCH + TimeDelta::days(20_780)),
        limits: LimitsJson {
            moderator_requests_per_second: 20,
            moderator_actions_per_hour: None,
            tencent_calls_per_second: Some(200),
            batch_items: MOST_ITEMS,
        },
        rules: RulesJson {
            reason_required: false,
            user_id_pattern: None,
            batch_approval_above: Some(100),
        },
    };
    serde_json::to_value(me).expect("it is plain data")
}
