//! A batch, from its submission to its end: each answer is what the document describes.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::document::{Document, Operation};
use super::problems::changed;
use super::walk::stream;
use crate::support::app::{MODERATOR, TestApp};
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::world::{World, token};

const PATIENCE: Duration = Duration::from_mins(1);

/// Where a second person must approve every batch, and one call of each API goes out in a second: a batch of many runs
/// for long.
pub(super) async fn slow_world() -> World {
    let world = World::new().await;
    world
        .set("MODGATE_SEAL_KEY", crate::seals::SEED)
        .set("MODGATE_MODERATOR_QPS", "1000")
        .set("MODGATE_MODERATOR_HOURLY", "100000")
        .set("MODGATE_BATCH_APPROVAL_ABOVE", "0")
        .set("MODGATE_TENCENT_QPS", "1")
}

/// Login kicks of `{name}0`, `{name}1`, …
pub(super) fn kicks(name: &str, number: usize) -> Value {
    let kick = |index: usize| json!({"kind": "kick_login", "user_id": format!("{name}{index}")});
    (0..number).map(kick).collect()
}

/// With a key that nobody has used.
pub(super) fn new_key(request: RequestBuilder) -> RequestBuilder {
    request.header("Idempotency-Key", Uuid::now_v7().to_string())
}

/// Names the batch as it is here.
pub(super) fn looked_at(batch: &Value) -> impl Fn(RequestBuilder) -> RequestBuilder + use<> {
    let text = |name: &str| batch[name].as_str().expect("a text").to_owned();
    let tag = format!("\"{}.{}\"", text("digest"), text("state"));
    move |request| request.header(IF_MATCH, &tag)
}

/// Somebody who asks as the document says, and is answered so.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    document: &'a Document,
    pub(super) who: Persona,
}

impl<'a> Asker<'a> {
    /// With these scopes, and every one that is needed to act.
    pub(super) fn new(
        document: &'a Document,
        app: &TestApp,
        subject: &str,
        scopes: &[&str],
    ) -> Self {
        let scopes = [&MODERATOR[..], scopes].concat();
        let who = Persona::new(app.addr, Some(token(subject, &scopes)));
        Self { document, who }
    }

    /// The operation, about this batch.
    pub(super) fn on(&self, id: &str, batch: &Value) -> Operation {
        let mut operation = self.document.operation(id);
        let id = batch["id"].as_str().expect("a batch has an id");
        operation.path = operation.path.replace("{id}", id);
        operation
    }

    async fn answered(
        &self,
        operation: &Operation,
        request: RequestBuilder,
        status: u16,
    ) -> Answer {
        let answer = self.who.send(request).await;
        assert_eq!(answer.status, status, "{}: {}", operation.id, answer.text);
        self.document.assert_describes(operation, &answer);
        answer
    }

    /// Submits a batch of these actions.
    pub(super) async fn submits(&self, actions: Value) -> Value {
        let operation = self.document.operation("createBatch");
        let request = changed(&operation, "actions", actions)(operation.request(&self.who));
        let answer = self.answered(&operation, new_key(request), 202).await;
        answer.json()
    }

    /// Does it with the batch as it is here. What it is then.
    pub(super) async fn does(&self, id: &str, batch: &Value) -> Value {
        let operation = self.on(id, batch);
        let request = looked_at(batch)(operation.request(&self.who));
        self.answered(&operation, request, 200).await.json()
    }

    /// Looks at it until `is` holds.
    pub(super) async fn until(&self, batch: &Value, is: impl Fn(&Value) -> bool) -> Value {
        let operation = self.on("getBatch", batch);
        eventually("the batch is so", PATIENCE, async || {
            let request = operation.request(&self.who);
            let seen = self.answered(&operation, request, 200).await.json();
            is(&seen).then_some(seen)
        })
        .await
    }
}

/// Whether the batch is in this state.
pub(super) fn is(state: &str) -> impl Fn(&Value) -> bool {
    move |batch| batch["state"] == state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_what_the_document_describes_from_its_submission_to_its_end() {
    let world = slow_world().await.set("MODGATE_JWT_LEEWAY", "0s");
    let app = TestApp::in_world(world).await;
    let document = Document::of(&app.anonymous()).await;
    let listening = stream(&app, &document, "", Duration::from_secs(15));
    let asking = async {
        let alice = Asker::new(&document, &app, "alice", &["batch:submit", "action:lift"]);
        let bob = Asker::new(&document, &app, "bob", &["batch:approve", "audit:read"]);
        only_look(&alice).await;
        let batches = submit_the_examples(&app, &alice).await;
        let of_records = submit_records(&alice).await;
        list(&bob).await;
        bob.does("rejectBatch", &of_records).await;
        for batch in &batches {
            bob.does("approveBatch", batch).await;
            bob.until(batch, is("done")).await;
            read_the_items(&bob, batch).await;
        }
        stop_and_go_on(&alice, &bob).await;
    };
    let (told, ()) = tokio::join!(listening, asking);
    let events = told.split("\n\n");
    let batches = events.filter_map(|event| event.strip_prefix("event: batch\ndata: "));
    let batches: Vec<&str> = batches.collect();
    assert!(!batches.is_empty(), "none was told of: {told}");
    for batch in batches {
        document.assert_is("Batch", batch);
    }
    app.stop().await;
}

/// No key is needed where nothing is kept.
async fn only_look(alice: &Asker<'_>) {
    let operation = alice.document.operation("createBatch");
    let request = changed(&operation, "validate_only", true)(operation.request(&alice.who));
    let valid = alice.answered(&operation, request, 200).await.json();
    assert_eq!(valid["state"], "valid");
}

/// Each twice with one key.
async fn submit_the_examples(app: &TestApp, alice: &Asker<'_>) -> Vec<Value> {
    // The one whose actions the example takes back.
    let mallory = app.moderator("mallory");
    let mute = json!({"user_id": "user9", "seconds": 600});
    let muted = mallory.post("/v1/actions/mute_user", &mute).await;
    assert_eq!(muted.status, 200, "{}", muted.text);
    let operation = alice.document.operation("createBatch");
    let mut batches = Vec::new();
    for example in operation.bodies() {
        let mut body: Value = serde_json::from_str(&example).expect("it is JSON");
        // The example does not know when this is.
        if body.get("undo").is_some() {
            body["undo"]["since"] = json!("2020-01-01T00:00:00Z");
        }
        let request = new_key(operation.request(&alice.who)).body(body.to_string());
        let again = request.try_clone().expect("its body is a text");
        batches.push(alice.answered(&operation, request, 202).await.json());
        let repeated = alice.answered(&operation, again, 202).await;
        assert_eq!(repeated.header("idempotent-replayed"), Some("true"));
    }
    assert_eq!(batches.len(), 2, "actions, and an undo");
    batches
}

/// The example that is no JSON.
async fn submit_records(alice: &Asker<'_>) -> Value {
    let operation = alice.document.operation("createBatch");
    let content = &alice.document.0["paths"][&operation.path]["post"]["requestBody"]["content"];
    let records = content["text/csv"]["example"].as_str().expect("a text");
    let request = alice.who.request(Method::POST, &operation.path);
    let request = request.header(CONTENT_TYPE, "text/csv");
    let request = new_key(request).body(records.to_owned());
    alice.answered(&operation, request, 202).await.json()
}

async fn list(bob: &Asker<'_>) {
    for query in [
        "",
        "?limit=1&state=awaiting_approval&state=queued&moderator=alice",
    ] {
        let mut operation = bob.document.operation("listBatches");
        operation.path.push_str(query);
        let request = operation.request(&bob.who);
        let page = bob.answered(&operation, request, 200).await.json();
        let there = page["items"].as_array().map(Vec::len);
        assert_eq!(there, Some(if query.is_empty() { 3 } else { 1 }), "{page}");
    }
}

async fn read_the_items(bob: &Asker<'_>, batch: &Value) {
    for query in [
        "",
        "?limit=1&state=succeeded",
        "?format=csv",
        "?format=ndjson",
    ] {
        let mut operation = bob.on("listBatchItems", batch);
        operation.path.push_str(query);
        let request = operation.request(&bob.who);
        let answer = bob.answered(&operation, request, 200).await;
        if query.ends_with("ndjson") {
            let lines: Vec<&str> = answer.text.lines().collect();
            let (_, items) = lines.split_last().expect("there is an end");
            assert_eq!(Some(items.len() as u64), batch["total"].as_u64());
            for item in items {
                bob.document.assert_is("BatchItem", item);
            }
        }
    }
}

async fn stop_and_go_on(alice: &Asker<'_>, bob: &Asker<'_>) {
    let batch = alice.submits(kicks("long", 200)).await;
    bob.does("approveBatch", &batch).await;
    let running = alice.until(&batch, is("running")).await;
    let paused = alice.does("pauseBatch", &running).await;
    assert_eq!(paused["state"], "paused");
    let running = alice.does("resumeBatch", &paused).await;
    alice.does("cancelBatch", &running).await;
    alice.until(&batch, is("cancelled")).await;
}
