//! Mutes and bans: nobody shortens or lifts one without knowing, or without the right to.

mod at_once;
mod lifting;
mod probes;
mod shortening;
mod unclear;
mod users;

use modgate::simulator::Restriction;
use serde_json::{Value, json};

use crate::support::app::{MODERATOR, TestApp};
use crate::support::persona::{Answer, Persona};
use crate::support::world::{World, token};

const MUTE: &str = "/v1/actions/mute_user";
const UNMUTE: &str = "/v1/actions/unmute_user";

async fn app() -> TestApp {
    TestApp::in_world(World::new().await.set("MODGATE_MODERATOR_QPS", "1000")).await
}

/// A moderator who may lift what others have set.
fn lead(app: &TestApp, subject: &str) -> Persona {
    let mut scopes = MODERATOR.clone();
    scopes.push("action:lift");
    Persona::new(app.addr, Some(token(subject, &scopes)))
}

/// A mute of this user with these members beside.
async fn mute(who: &Persona, user_id: &str, members: &Value) -> Answer {
    let mut body = members.clone();
    body["user_id"] = user_id.into();
    who.post(MUTE, &body).await
}

fn id(answer: &Answer) -> String {
    let id = answer.action()["id"].as_str().map(str::to_owned);
    id.unwrap_or_else(|| panic!("{}", answer.text))
}

/// What Tencent has of this user: until when messages to one other, and to groups, are muted.
fn at_tencent(app: &TestApp, user_id: &str) -> [Option<u64>; 2] {
    [Restriction::Direct, Restriction::Groups]
        .map(|of| app.simulator.restricted_until(of, "", user_id))
}

fn seconds(seconds: u32) -> Value {
    json!({"seconds": seconds})
}
