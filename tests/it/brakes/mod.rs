//! Freezes, thaws, and the hourly limit of a moderator.

mod by_command;
mod forged;
mod freezing;
mod hourly;
mod questions;
mod racing;
mod rights;

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::app::{MODERATOR, TestApp};
use crate::support::persona::{Answer, Persona};
use crate::support::world::{ISSUER, World, token};

const SEED: &str = crate::seals::SEED;

const FREEZE: &str = "/v1/freeze";
const THAW: &str = "/v1/thaw";
const LIMITS: &str = "/v1/limits";

/// Without a seal key there are no brakes.
async fn keyed() -> World {
    keyed_again(World::new().await)
}

fn keyed_again(world: World) -> World {
    world
        .set("MODGATE_SEAL_KEY", SEED)
        .set("MODGATE_MODERATOR_QPS", "1000")
}

async fn app() -> TestApp {
    TestApp::in_world(keyed().await).await
}

/// Someone with these scopes, and every one that is needed to act.
fn with(addr: SocketAddr, subject: &str, scopes: &[&str]) -> Persona {
    let scopes = [&MODERATOR[..], scopes].concat();
    Persona::new(addr, Some(token(subject, &scopes)))
}

/// Someone who may freeze, and someone else who may thaw.
fn leads(addr: SocketAddr) -> [Persona; 2] {
    [("fred", "service:freeze"), ("thea", "service:thaw")]
        .map(|(subject, scope)| Persona::new(addr, Some(token(subject, &[scope]))))
}

/// A freeze or a thaw of this scope that is done: what is frozen then.
async fn brakes(who: &Persona, path: &str, scope: &Value) -> Vec<Value> {
    let answer = brake(who, path, scope).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["brakes"].as_array().expect("a list").clone()
}

async fn brake(who: &Persona, path: &str, scope: &Value) -> Answer {
    let mut body = scope.clone();
    body["reason"] = json!("a test");
    who.post(path, &body).await
}

fn everything() -> Value {
    json!({})
}

fn moderator(subject: &str) -> Value {
    json!({"issuer": ISSUER, "moderator": subject})
}

/// What this moderator is told of what is frozen.
async fn frozen(who: &Persona) -> Vec<Value> {
    let answer = who.get(LIMITS).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["brakes"].as_array().expect("a list").clone()
}

fn assert_frozen(answer: &Answer) {
    assert_eq!(
        (
            answer.status,
            answer.problem().as_str(),
            answer.header("retry-after")
        ),
        (503, "frozen", Some("5")),
        "{}",
        answer.text
    );
}
