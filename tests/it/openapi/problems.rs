//! Every problem that the document promises, from every operation that promises it.

use std::collections::BTreeSet;
use std::time::Duration;

use modgate::auth::KeySource;
use modgate::domain::{Kind, Slot};
use modgate::simulator::{Fault, FaultKind};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::document::{Case, Document, Operation};
use super::{shutting_down, too_many_reads};
use crate::support::app::{EVERYTHING, TestApp};
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::provider::{Provider, SigningKey, claims};
use crate::support::world::{World, token};

/// What Tencent makes of an action, and the problem that it is.
const BY_TENCENT: [(i64, &str); 5] = [
    (70107, "target-not-found"),
    (100_005, "target-conflict"),
    (70402, "rejected-by-tencent"),
    (60007, "rate-limited"),
    (123_456, "tencent-rejected-gateway"),
];

const READS: [&str; 4] = ["listActions", "getAction", "getUser", "exportActions"];

/// What was seen so far.
pub(super) struct Seen {
    pub(super) document: Document,
    cases: BTreeSet<Case>,
}

impl Seen {
    pub(super) fn note(&mut self, operation: &Operation, answer: &Answer, code: &str) {
        assert_eq!(answer.problem(), code, "{}: {}", operation.id, answer.text);
        self.document.assert_describes(operation, answer);
        let case = (operation.id.clone(), answer.status, code.to_owned());
        self.cases.insert(case);
    }

    /// Asks as the first example of the operation does.
    async fn ask(&mut self, who: &Persona, id: &str, code: &str) {
        let operation = self.document.operation(id);
        let answer = who.send(operation.request(who)).await;
        self.note(&operation, &answer, code);
    }

    /// The same with something wrong in the request.
    async fn ask_with(
        &mut self,
        who: &Persona,
        operation: &Operation,
        wrong: impl FnOnce(RequestBuilder) -> RequestBuilder,
        code: &str,
    ) {
        let answer = who.send(wrong(operation.request(who))).await;
        self.note(operation, &answer, code);
    }
}

/// The operations that do something to users.
fn each_action(seen: &Seen) -> Vec<String> {
    let kinds = Kind::ALL.iter();
    kinds.map(|kind| seen.document.action(*kind).id).collect()
}

/// The first example of the operation with another value of one member.
fn changed<V: Into<Value>>(
    operation: &Operation,
    member: &str,
    value: V,
) -> impl Fn(RequestBuilder) -> RequestBuilder + use<V> {
    let mut body: Value = serde_json::from_str(&operation.bodies()[0]).expect("it is JSON");
    body[member] = value.into();
    move |request| request.body(body.to_string())
}

/// Someone with every right.
fn everybody(app: &TestApp) -> Persona {
    Persona::new(app.addr, Some(token("alice", &EVERYTHING)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_the_document_occurs_and_no_other() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    let app = TestApp::in_world(world).await;
    let document = Document::of(&app.anonymous()).await;
    let mut seen = Seen {
        document,
        cases: BTreeSet::new(),
    };
    refused_at_once(&app, &mut seen).await;
    refused_by_tencent(&app, &mut seen).await;
    repeated(&app, &mut seen).await;
    too_many_reads::are_refused(&app, &mut seen).await;
    without_the_record(&app, &mut seen).await;
    app.stop().await;
    without_tencent(&mut seen).await;
    without_keys(&mut seen).await;
    shutting_down::in_the_queue(&mut seen).await;
    shutting_down::for_the_stream(&mut seen).await;
    over_a_record_that_cannot_be_decoded(&mut seen).await;
    assert_eq!(seen.cases, seen.document.cases());
    // The schemas are made from the errors that the service knows.
    let codes: BTreeSet<String> = seen.cases.into_iter().map(|(.., code)| code).collect();
    assert_eq!(codes, seen.document.codes_with_a_schema());
}

async fn refused_at_once(app: &TestApp, seen: &mut Seen) {
    let (alice, anybody) = (everybody(app), app.anonymous());
    let mallory = Persona::new(app.addr, Some(token("mallory", &[])));
    for operation in seen.document.operations() {
        let mut coloured = operation.clone();
        coloured.path.push_str("?colour=red");
        let answer = alice.send(coloured.request(&alice)).await;
        seen.note(&operation, &answer, "invalid-request");
        let delete = alice.request(Method::DELETE, &operation.some_path());
        let answer = alice.send(delete).await;
        seen.note(&operation, &answer, "method-not-allowed");
        if !operation.public {
            seen.ask(&anybody, &operation.id, "unauthenticated").await;
        }
    }
    seen.ask(&mallory, "exportActions", "forbidden").await;
    seen.ask(&alice, "getAction", "not-found").await;
    for kind in Kind::ALL {
        let operation = seen.document.action(*kind);
        seen.ask(&mallory, &operation.id, "forbidden").await;
        if kind.has(Slot::UserId) && kind.lifts().is_none() {
            let protected = changed(&operation, "user_id", "administrator");
            seen.ask_with(&alice, &operation, protected, "protected-target")
                .await;
        }
        if kind.has(Slot::Shortens) {
            assert_eq!(alice.send(operation.request(&alice)).await.status, 200);
            let shorter = changed(&operation, "seconds", 1);
            seen.ask_with(&alice, &operation, shorter, "would-shorten")
                .await;
        }
        let large = |request: RequestBuilder| request.body(" ".repeat(17 * 1024));
        seen.ask_with(&alice, &operation, large, "payload-too-large")
            .await;
        let request = alice.request(Method::POST, &operation.path);
        let answer = alice
            .send(request.header("content-type", "text/plain").body("{}"))
            .await;
        seen.note(&operation, &answer, "unsupported-media-type");
    }
}

async fn refused_by_tencent(app: &TestApp, seen: &mut Seen) {
    let alice = everybody(app);
    for id in &each_action(seen) {
        for (number, code) in BY_TENCENT {
            let fault = FaultKind::ErrorCode {
                code: number,
                info: None,
            };
            app.simulator.fail(Fault::next(fault));
            seen.ask(&alice, id, code).await;
        }
        app.simulator.fail(Fault::next(FaultKind::OkWithFail));
        seen.ask(&alice, id, "outcome-unknown").await;
    }
}

/// With an `Idempotency-Key`: while the first is under way, and with another body.
async fn repeated(app: &TestApp, seen: &mut Seen) {
    let alice = everybody(app);
    for id in &each_action(seen) {
        let operation = seen.document.operation(id);
        let keyed = |request: RequestBuilder| request.header("Idempotency-Key", "key");
        let duration = Duration::from_secs(3);
        app.simulator
            .fail(Fault::next(FaultKind::Delay { duration }));
        let (calls, first) = (
            app.simulator.calls().len(),
            keyed(operation.request(&alice)),
        );
        let first = tokio::spawn(first.send());
        eventually(
            "the first is under way",
            Duration::from_secs(10),
            async || (app.simulator.calls().len() > calls).then_some(()),
        )
        .await;
        seen.ask_with(&alice, &operation, keyed, "idempotency-conflict")
            .await;
        let first = first
            .await
            .expect("without a panic")
            .expect("it is answered");
        assert_eq!(first.status(), 200);
        let other = changed(&operation, "reason", "another");
        let other = |request| other(keyed(request));
        seen.ask_with(&alice, &operation, other, "idempotency-mismatch")
            .await;
        let again = alice.send(keyed(operation.request(&alice))).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        seen.document.assert_describes(&operation, &again);
    }
}

async fn without_the_record(app: &TestApp, seen: &mut Seen) {
    let alice = everybody(app);
    app.execute("alter schema audit rename to away").await;
    for id in each_action(seen) {
        seen.ask(&alice, &id, "audit-unavailable").await;
    }
    for id in READS.iter().chain(&["streamActions"]) {
        seen.ask(&alice, id, "audit-unavailable").await;
    }
    app.execute("alter schema away rename to audit").await;
}

async fn without_tencent(seen: &mut Seen) {
    // Nobody listens there: port 1 is not given to anyone.
    let world = World::new()
        .await
        .set("MODGATE_TENCENT_URL", "http://127.0.0.1:1");
    let app = TestApp::in_world(world).await;
    for id in &each_action(seen) {
        seen.ask(&everybody(&app), id, "tencent-unavailable").await;
    }
    app.stop().await;
}

/// The identity provider has been away since the start.
async fn without_keys(seen: &mut Seen) {
    let key = SigningKey::es256("key");
    let mut provider = Provider::start(&[&key]).await;
    provider.stop();
    let world = World::new().await.set("MODGATE_JWT_SECRET", "");
    let world = world.set("MODGATE_JWT_JWKS_URL", &provider.url());
    let app = TestApp::in_world_with(world, |settings| {
        if let KeySource::Jwks(source) = &mut settings.auth.keys {
            source.pace.min_interval = Duration::from_millis(50);
        }
    })
    .await;
    let alice = Persona::new(app.addr, Some(key.sign(&claims("alice"))));
    for operation in seen.document.operations() {
        if !operation.public {
            seen.ask(&alice, &operation.id, "keys-unavailable").await;
        }
    }
    app.stop().await;
}

/// Only a bug makes an `internal`. This one is the decoder's: it panics at a time that Postgres
/// has and the language has not.
async fn over_a_record_that_cannot_be_decoded(seen: &mut Seen) {
    let app = TestApp::start().await;
    let alice = everybody(&app);
    let keyed = |request: RequestBuilder| request.header("Idempotency-Key", "key");
    let mut actions = Vec::new();
    for id in &each_action(seen) {
        let operation = seen.document.operation(id);
        let answer = alice.send(keyed(operation.request(&alice))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        actions.push((operation, answer.action()));
    }
    app.execute(
        "do $$ declare month text; begin
             for month in select inhrelid::regclass from pg_inherits where inhparent = 'audit.event'::regclass loop
                 execute format('alter table %s disable trigger all', month);
             end loop;
             alter table audit.event disable trigger all;
             alter table audit.event drop constraint event_time_is_a_date;
             update audit.event set at = 'infinity';
         end $$",
    )
    .await;
    for (operation, _) in &actions {
        seen.ask_with(&alice, operation, keyed, "internal").await;
    }
    for id in READS {
        let mut operation = seen.document.operation(id);
        let id = actions[0].1["id"].as_str().expect("an action has an id");
        let user = actions[0].1["user_id"].as_str().expect("it has a user");
        operation.path = operation
            .path
            .replace("{id}", id)
            .replace("{user_id}", user);
        let answer = alice.send(operation.request(&alice)).await;
        seen.note(&operation, &answer, "internal");
    }
}
