//! What those are told who ask something about batches that cannot be.

use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::batches::{Asker, is, kicks, looked_at, new_key, slow_world};
use super::problems::{AT_INFINITY, Seen, changed, everybody};
use super::too_many_reads;
use crate::support::app::TestApp;
use crate::support::persona::Persona;
use crate::support::world::token;

/// They name what was looked at.
const JUDGEMENTS: [&str; 2] = ["approveBatch", "rejectBatch"];

const STOPS: [&str; 3] = ["cancelBatch", "pauseBatch", "resumeBatch"];

const READS: [&str; 3] = ["listBatches", "getBatch", "listBatchItems"];

/// As large as a body may be.
const LARGEST: usize = 4 * 1024 * 1024;

fn deeds() -> impl Iterator<Item = &'static str> {
    JUDGEMENTS.into_iter().chain(STOPS)
}

/// Where there is no seal key.
pub(super) async fn do_not_exist(app: &TestApp, seen: &mut Seen) {
    let alice = everybody(app);
    for id in deeds().chain(READS).chain(["createBatch"]) {
        seen.ask(&alice, id, "not-found").await;
    }
}

pub(super) async fn are_refused(seen: &mut Seen) {
    let app = TestApp::in_world(slow_world().await).await;
    let document = seen.document.clone();
    let alice = Asker::new(&document, &app, "alice", &["batch:submit"]);
    // Who reads all of the record sees a batch after its end, too.
    let bob = Asker::new(&document, &app, "bob", &["batch:approve", "audit:read"]);
    let waiting = alice.submits(kicks("waiting", 2)).await;
    wrong_submissions(&app, seen, &alice.who).await;
    wrong_deeds(&app, seen, &bob, &waiting).await;
    frozen(&app, seen, (&alice, &bob), &waiting).await;
    let batch = alice.submits(kicks("user", 600)).await;
    bob.does("approveBatch", &batch).await;
    let has_begun = |batch: &Value| batch["counts"]["succeeded"].as_u64() >= Some(1);
    let running = alice.until(&batch, has_begun).await;
    assert!(is("running")(&running), "{running}");
    let paused = alice.does("pauseBatch", &running).await;
    cut_off(&app, seen, &bob, (&waiting, &paused)).await;
    let cancelled = alice.does("cancelBatch", &waiting).await;
    for id in deeds() {
        let operation = bob.on(id, &cancelled);
        let looked = looked_at(&cancelled);
        seen.ask_with(&bob.who, &operation, looked, "batch-state")
            .await;
    }
    without_the_record(&app, seen, (&alice, &bob), &paused).await;
    too_many_reads::of_batches_are_refused(&app, seen).await;
    // The last of all: nothing more can be asked of such a record.
    app.execute(AT_INFINITY).await;
    let operation = bob.on("listBatchItems", &paused);
    let plain = |request| request;
    seen.ask_with(&bob.who, &operation, plain, "internal").await;
}

async fn wrong_submissions(app: &TestApp, seen: &mut Seen, alice: &Persona) {
    let mallory = Persona::new(app.addr, Some(token("mallory", &[])));
    seen.ask(&mallory, "createBatch", "forbidden").await;
    let create = seen.document.operation("createBatch");
    let against = json!([{"kind": "kick_login", "user_id": "administrator"}]);
    let protected = changed(&create, "actions", against);
    let protected = |request| protected(new_key(request));
    seen.ask_with(alice, &create, protected, "protected-target")
        .await;
    let large = |request: RequestBuilder| request.body(" ".repeat(LARGEST + 1));
    seen.ask_with(alice, &create, large, "payload-too-large")
        .await;
    let plain = alice.request(Method::POST, &create.path);
    let plain = plain.header(CONTENT_TYPE, "text/plain").body("{}");
    let answer = alice.send(plain).await;
    seen.note(&create, &answer, "unsupported-media-type");

    let keyed = |request: RequestBuilder| request.header("Idempotency-Key", "key");
    let answer = alice.send(keyed(create.request(alice))).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let other = changed(&create, "reason", "another");
    let other = |request| other(keyed(request));
    seen.ask_with(alice, &create, other, "idempotency-mismatch")
        .await;
    seen.ask_with(alice, &create, new_key, "duplicate-batch")
        .await;
    not_taken_by_the_record(app, seen, alice).await;
}

/// The record refuses what it says; or the connection breaks at the end, and nobody knows whether it took it.
async fn not_taken_by_the_record(app: &TestApp, seen: &mut Seen, alice: &Persona) {
    app.execute(
        "create function public.refuse() returns trigger language plpgsql as
             $$ begin raise exception 'it cannot be held' using errcode = '22003'; end $$",
    )
    .await;
    app.execute(
        "create function public.cut() returns trigger language plpgsql as
             $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$",
    )
    .await;
    let create = seen.document.operation("createBatch");
    let submission = changed(&create, "actions", kicks("lost", 1));
    app.execute("create trigger refuse before insert on audit.batch for each row execute function public.refuse()")
        .await;
    let refused = |request| submission(new_key(request));
    seen.ask_with(alice, &create, refused, "internal").await;
    app.execute("drop trigger refuse on audit.batch").await;
    app.execute(
        "create constraint trigger cut after insert on audit.batch deferrable initially deferred
             for each row execute function public.cut()",
    )
    .await;
    let unclear = |request| submission(new_key(request));
    seen.ask_with(alice, &create, unclear, "outcome-unknown")
        .await;
    app.execute("drop trigger cut on audit.batch").await;
}

async fn wrong_deeds(app: &TestApp, seen: &mut Seen, bob: &Asker<'_>, batch: &Value) {
    for id in deeds() {
        let operation = bob.on(id, batch);
        let looked = looked_at(batch);
        seen.ask_with(&app.auditor(), &operation, looked, "forbidden")
            .await;
        seen.takes_plain_json_of_16_kibibytes(&bob.who, &operation)
            .await;
    }
    for id in JUDGEMENTS {
        let operation = bob.on(id, batch);
        let plain = |request| request;
        seen.ask_with(&bob.who, &operation, plain, "precondition-required")
            .await;
        let other = |request: RequestBuilder| request.header(IF_MATCH, "\"other\"");
        seen.ask_with(&bob.who, &operation, other, "precondition-failed")
            .await;
    }
}

async fn frozen(
    app: &TestApp,
    seen: &mut Seen,
    (alice, bob): (&Asker<'_>, &Asker<'_>),
    batch: &Value,
) {
    let scopes = ["service:freeze", "service:thaw"];
    let lead = Persona::new(app.addr, Some(token("lead", &scopes)));
    let everything = json!({"reason": "a test"});
    let answer = lead.post("/v1/freeze", &everything).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let create = seen.document.operation("createBatch");
    let submission = changed(&create, "actions", kicks("frozen", 1));
    let submission = |request| submission(new_key(request));
    seen.ask_with(&alice.who, &create, submission, "frozen")
        .await;
    for id in ["approveBatch", "resumeBatch"] {
        let operation = bob.on(id, batch);
        seen.ask_with(&bob.who, &operation, looked_at(batch), "frozen")
            .await;
    }
    let answer = lead.post("/v1/thaw", &everything).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The connection breaks while it is recorded: nobody knows whether it is.
async fn cut_off(
    app: &TestApp,
    seen: &mut Seen,
    bob: &Asker<'_>,
    (waiting, paused): (&Value, &Value),
) {
    app.execute("create trigger cut before insert on audit.batch_event for each row execute function public.cut()")
        .await;
    for (id, batch) in [
        ("approveBatch", waiting),
        ("rejectBatch", waiting),
        ("cancelBatch", waiting),
        // By another than who has paused it: that is stricter.
        ("pauseBatch", paused),
        ("resumeBatch", paused),
    ] {
        let operation = bob.on(id, batch);
        let looked = looked_at(batch);
        seen.ask_with(&bob.who, &operation, looked, "outcome-unknown")
            .await;
    }
    app.execute("drop trigger cut on audit.batch_event").await;
}

async fn without_the_record(
    app: &TestApp,
    seen: &mut Seen,
    (alice, bob): (&Asker<'_>, &Asker<'_>),
    batch: &Value,
) {
    app.execute("alter schema audit rename to away").await;
    let create = seen.document.operation("createBatch");
    let submission = changed(&create, "actions", kicks("away", 1));
    let submission = |request| submission(new_key(request));
    seen.ask_with(&alice.who, &create, submission, "audit-unavailable")
        .await;
    for id in deeds().chain(READS) {
        let operation = bob.on(id, batch);
        let looked = looked_at(batch);
        seen.ask_with(&bob.who, &operation, looked, "audit-unavailable")
            .await;
    }
    app.execute("alter schema away rename to audit").await;
}
