//! Many actions that were asked for as one.

mod approval;
mod bounds;
mod checks;
mod crashes;
mod explained;
mod fairness;
mod false_actions;
mod forged;
mod meddled;
mod pausing;
mod races;
mod reports;
mod retries;
mod running;
mod seeing;
mod stopping;
mod submitting;
mod tables;
mod tencent;
mod two_apps;
mod undo;
mod uploads;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chrono::Utc;
use jsonwebtoken::{EncodingKey, Header};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{MODERATOR, TestApp};
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::world::{AUDIENCE, ISSUER, JWT_SECRET, World, token};

const SEED: &str = crate::seals::SEED;

const BATCHES: &str = "/v1/batches";

/// How long a test waits for a state before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The states of an item.
const ITEM_STATES: [&str; 9] = [
    "waiting",
    "pending",
    "succeeded",
    "refused",
    "not_sent",
    "unknown",
    "denied",
    "cancelled",
    "expired",
];

/// The states of a batch of which nothing becomes any more.
const ENDS: [&str; 4] = ["cancelled", "rejected", "expired", "done"];

/// Without a seal key there are no batches.
async fn keyed() -> World {
    keyed_again(World::new().await)
}

fn keyed_again(world: World) -> World {
    world
        .set("MODGATE_SEAL_KEY", SEED)
        .set("MODGATE_MODERATOR_QPS", "1000")
}

/// The same where a second person must approve what is above `above` within the hour.
async fn approving(above: &str) -> World {
    let world = keyed().await.set("MODGATE_MODERATOR_HOURLY", "100000");
    world.set("MODGATE_BATCH_APPROVAL_ABOVE", above)
}

async fn app() -> TestApp {
    TestApp::in_world(keyed().await).await
}

/// Where every batch awaits approval: it stays open, and sends nothing.
async fn waiting_app() -> TestApp {
    TestApp::in_world(approving("0").await).await
}

/// Someone with these scopes, and every one that is needed to act.
fn with(addr: SocketAddr, subject: &str, scopes: &[&str]) -> Persona {
    only(addr, subject, &[&MODERATOR[..], scopes].concat())
}

/// Someone with these scopes and no others.
fn only(addr: SocketAddr, subject: &str, scopes: &[&str]) -> Persona {
    Persona::new(addr, Some(token(subject, scopes)))
}

/// Someone whose token says this besides, or instead.
fn claiming(addr: SocketAddr, claims: &Value) -> Persona {
    let now = Utc::now().timestamp();
    let scopes = [&MODERATOR[..], &["batch:submit", "batch:approve"]].concat();
    let mut all = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "scope": scopes.join(" "), "iat": now, "exp": now + 600,
    });
    let members = all.as_object_mut().expect("it is one");
    members.extend(claims.as_object().expect("it is one").clone());
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &all, &key).expect("the claims are plain");
    Persona::new(addr, Some(token))
}

/// Someone who may submit batches of every kind.
fn submitter(addr: SocketAddr, subject: &str) -> Persona {
    with(addr, subject, &["batch:submit"])
}

/// Someone who may approve batches of every kind.
fn approver(addr: SocketAddr, subject: &str) -> Persona {
    with(addr, subject, &["batch:approve"])
}

/// Login kicks of `{name}0`, `{name}1`, …
fn kicks(name: &str, number: usize) -> Vec<Value> {
    let kick = |index: usize| json!({"kind": "kick_login", "user_id": format!("{name}{index}")});
    (0..number).map(kick).collect()
}

/// Actions of several kinds, login and seat kicks and mutes in turn, against `{name}0`, `{name}1`, …
fn mixed(name: &str, number: usize) -> Vec<Value> {
    let of = |index: usize| {
        let user = format!("{name}{index}");
        match index % 3 {
            0 => json!({"kind": "kick_login", "user_id": user}),
            1 => json!({"kind": "kick_seat", "room_id": "room", "user_id": user, "data": ""}),
            _ => json!({"kind": "mute_user", "user_id": user, "seconds": 600}),
        }
    };
    (0..number).map(of).collect()
}

/// A batch of these actions.
fn of(actions: impl Into<Value>) -> Value {
    let actions: Value = actions.into();
    json!({"reason": "a raid", "actions": actions})
}

/// A key that nobody has used.
fn new_key() -> String {
    Uuid::now_v7().to_string()
}

/// Submits a batch in JSON.
async fn submit(who: &Persona, key: &str, batch: &Value) -> Answer {
    let request = who
        .request(Method::POST, BATCHES)
        .header("Idempotency-Key", key)
        .header(CONTENT_TYPE, "application/json");
    who.send(request.body(batch.to_string())).await
}

/// Submits a batch in JSON that is taken in, as it was answered.
async fn submitted(who: &Persona, batch: &Value) -> Value {
    let answer = submit(who, &new_key(), batch).await;
    assert_taken_in(&answer)
}

/// The batch of an answer to a submission that was taken in.
fn assert_taken_in(answer: &Answer) -> Value {
    assert_eq!(answer.status, 202, "{}", answer.text);
    let batch = answer.json();
    let location = format!("{BATCHES}/{}", id(&batch));
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("etag"), Some(entity_tag(&batch).as_str()));
    assert_adds_up(&batch);
    batch
}

/// Asks what submitting a batch would say.
async fn validate(who: &Persona, batch: &Value) -> Answer {
    let mut batch = batch.clone();
    batch["validate_only"] = json!(true);
    who.post(BATCHES, &batch).await
}

/// Uploads a batch in CSV, with this query (`""` for none).
async fn upload(who: &Persona, query: &str, csv: impl Into<reqwest::Body>) -> Answer {
    upload_keyed(who, &new_key(), query, csv).await
}

/// The same with a key.
async fn upload_keyed(
    who: &Persona,
    key: &str,
    query: &str,
    csv: impl Into<reqwest::Body>,
) -> Answer {
    let path = match query {
        "" => BATCHES.to_owned(),
        query => format!("{BATCHES}?{query}"),
    };
    let request = who
        .request(Method::POST, &path)
        .header("Idempotency-Key", key)
        .header(CONTENT_TYPE, "text/csv");
    who.send(request.body(csv)).await
}

fn id(batch: &Value) -> String {
    let id = batch["id"].as_str().map(str::to_owned);
    id.unwrap_or_else(|| panic!("a batch has an id: {batch}"))
}

fn path(batch: &Value) -> String {
    format!("{BATCHES}/{}", id(batch))
}

/// Its entity tag, as the batch itself says it.
fn entity_tag(batch: &Value) -> String {
    let text = |name: &str| batch[name].as_str().expect("a text").to_owned();
    format!("\"{}.{}\"", text("digest"), text("state"))
}

/// The batch as this person is shown it now.
async fn look(who: &Persona, batch: &Value) -> Value {
    let answer = who.get(&path(batch)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let batch = answer.json();
    assert_eq!(answer.header("etag"), Some(entity_tag(&batch).as_str()));
    assert_adds_up(&batch);
    batch
}

/// Waits until the batch is in this state; panics if it ends in another. What it is then.
async fn until_state(who: &Persona, batch: &Value, state: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    eventually("it has its state", PATIENCE * 2, async || {
        let seen = look(who, batch).await;
        let is = seen["state"].as_str().expect("a state");
        let may_be = Instant::now() < deadline && !ENDS.contains(&is);
        assert!(is == state || may_be, "not {state}: {seen}");
        (is == state).then_some(seen)
    })
    .await
}

/// Waits until so many of its items, or more, are in this state. What the batch is then.
async fn until_count(who: &Persona, batch: &Value, state: &str, number: u64) -> Value {
    let what = format!("{number} items of {} are {state}", id(batch));
    eventually(&what, PATIENCE, async || {
        let seen = look(who, batch).await;
        (count(&seen, state) >= number).then_some(seen)
    })
    .await
}

/// How many of its items are in this state.
fn count(batch: &Value, state: &str) -> u64 {
    let count = batch["counts"][state].as_u64();
    count.unwrap_or_else(|| panic!("no count of {state}: {batch}"))
}

/// All nine states are counted, and add up to all items.
fn assert_adds_up(batch: &Value) {
    let counts = batch["counts"].as_object().expect("an object");
    assert_eq!(counts.len(), ITEM_STATES.len(), "{batch}");
    let sum: u64 = ITEM_STATES.iter().map(|state| count(batch, state)).sum();
    assert_eq!(Some(sum), batch["total"].as_u64(), "{batch}");
}

/// Exactly so many items are in each of these states, and none is in another.
fn assert_counts(batch: &Value, expected: &[(&str, u64)]) {
    for (state, number) in expected {
        assert_eq!(count(batch, state), *number, "{state}: {batch}");
    }
    let sum: u64 = expected.iter().map(|(_, number)| number).sum();
    assert_eq!(Some(sum), batch["total"].as_u64(), "{batch}");
}

/// A page of its items, with this query (`""` for none).
async fn items_page(who: &Persona, batch: &Value, query: &str) -> Answer {
    who.get(&format!("{}/items?{query}", path(batch))).await
}

/// All of its items in their order, over all pages, with this query besides.
async fn items(who: &Persona, batch: &Value, query: &str) -> Vec<Value> {
    let (mut items, mut from) = (Vec::new(), String::new());
    loop {
        let answer = items_page(who, batch, &format!("limit=200&{query}{from}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = answer.json();
        items.extend(page["items"].as_array().expect("a list").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => from = format!("&cursor={cursor}"),
            None => return items,
        }
    }
}

/// Approves, rejects, cancels, pauses or resumes, for no reason and whatever it is.
async fn deed(who: &Persona, batch: &Value, word: &str) -> Answer {
    deed_on(who, batch, word, None, &json!({})).await
}

/// The same with an `If-Match` and a body.
async fn deed_on(
    who: &Persona,
    batch: &Value,
    word: &str,
    if_match: Option<&str>,
    body: &Value,
) -> Answer {
    let mut request = who
        .request(Method::POST, &format!("{}/{word}", path(batch)))
        .header(CONTENT_TYPE, "application/json");
    if let Some(tag) = if_match {
        request = request.header(IF_MATCH, tag);
    }
    who.send(request.body(body.to_string())).await
}

/// Tries to approve what this value says.
async fn approve(who: &Persona, batch: &Value) -> Answer {
    deed_on(who, batch, "approve", Some(&entity_tag(batch)), &json!({})).await
}

/// Approves what this value says; the batch as it is then.
async fn approved(who: &Persona, batch: &Value) -> Value {
    batch_of(&approve(who, batch).await)
}

/// Does it; the batch as it is then.
async fn done(who: &Persona, batch: &Value, word: &str) -> Value {
    batch_of(&deed(who, batch, word).await)
}

/// The batch of an answer to something that was done.
fn batch_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let batch = answer.json();
    assert_eq!(answer.header("etag"), Some(entity_tag(&batch).as_str()));
    assert_adds_up(&batch);
    batch
}

/// The answer is a problem with this status and code.
fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (status, code),
        "{}",
        answer.text
    );
}

/// What the events of this batch say, in their order.
async fn events(world: &World, batch: &Value) -> Vec<String> {
    let words = "select event from audit.batch_event where batch_id = $1::uuid order by rev";
    let words = sqlx::query_scalar(words).bind(id(batch));
    let words = words.fetch_all(&mut world.sql().await).await;
    words.expect("the record can be read")
}

/// The details of each try that was denied, oldest first.
async fn denied_tries(world: &World) -> Vec<Value> {
    let denied = "select details::jsonb from audit.batch_event where event = 'denied' order by recorded_at, batch_id";
    let denied = sqlx::query_scalar(denied);
    let denied = denied.fetch_all(&mut world.sql().await).await;
    denied.expect("the record can be read")
}
