//! Every problem that the document promises, from every operation that promises it.

use std::collections::BTreeSet;
use std::time::Duration;

use modgate::auth::KeySource;
use modgate::domain::{Kind, Slot};
use modgate::simulator::{Api, Fault, FaultKind};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::runtime::Handle;

use super::document::{Case, Document, Operation};
use super::{batch_problems, brakes, probes, shutting_down, too_many_reads, too_often};
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

const READS: [&str; 5] = [
    "listActions",
    "getAction",
    "probeAction",
    "getUser",
    "exportActions",
];

/// Makes all ends of actions of a time that Postgres has and the language has not: whoever decodes them panics.
pub(super) const AT_INFINITY: &str = "
    do $$ declare month text; begin
        for month in select inhrelid::regclass from pg_inherits where inhparent = 'audit.event'::regclass loop
            execute format('alter table %s disable trigger all', month);
        end loop;
        alter table audit.event disable trigger all;
        alter table audit.event drop constraint event_time_is_a_date;
        update audit.event set at = 'infinity';
    end $$";

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
    pub(super) async fn ask(&mut self, who: &Persona, id: &str, code: &str) {
        let operation = self.document.operation(id);
        let answer = who.send(operation.request(who)).await;
        self.note(&operation, &answer, code);
    }

    /// And nothing else.
    pub(super) async fn takes_plain_json_of_16_kibibytes(
        &mut self,
        who: &Persona,
        operation: &Operation,
    ) {
        let large = |request: RequestBuilder| request.body(" ".repeat(17 * 1024));
        self.ask_with(who, operation, large, "payload-too-large")
            .await;
        let request = who.request(Method::POST, &operation.some_path());
        let request = request.header("content-type", "text/plain").body("{}");
        let answer = who.send(request).await;
        self.note(operation, &answer, "unsupported-media-type");
    }

    /// The same with something wrong in the request.
    pub(super) async fn ask_with(
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
pub(super) fn changed<V: Into<Value>>(
    operation: &Operation,
    member: &str,
    value: V,
) -> impl Fn(RequestBuilder) -> RequestBuilder + use<V> {
    let mut body: Value = serde_json::from_str(&operation.bodies()[0]).expect("it is JSON");
    body[member] = value.into();
    move |request| request.body(body.to_string())
}

/// Someone with every right.
pub(super) fn everybody(app: &TestApp) -> Persona {
    Persona::new(app.addr, Some(token("alice", &EVERYTHING)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_the_document_occurs_and_no_other() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    let app = TestApp::in_world(world).await;
    let document = Document::of(&app.anonymous()).await;
    let [mut all, mut second, mut third, mut fourth] = std::array::from_fn(|_| Seen {
        document: document.clone(),
        cases: BTreeSet::new(),
    });
    let of_one = async {
        refused_at_once(&app, &mut all).await;
        brakes::do_not_exist(&app, &mut all).await;
        batch_problems::do_not_exist(&app, &mut all).await;
        refused_by_tencent(&app, &mut all).await;
        repeated(&app, &mut all).await;
        too_many_reads::are_refused(&app, &mut all).await;
        without_the_record(&app, &mut all).await;
    };
    let of_others = on_a_thread(async move || {
        shutting_down::in_the_queue(&mut second).await;
        shutting_down::for_the_stream(&mut second).await;
        without_keys(&mut second).await;
        brakes::are_refused(&mut second).await;
        second
    });
    let of_further_ones = on_a_thread(async move || {
        without_tencent(&mut third).await;
        probes::are_refused(&mut third).await;
        too_often::is_refused(&mut third).await;
        over_a_record_that_cannot_be_decoded(&mut third).await;
        third
    });
    let of_batches = on_a_thread(async move || {
        batch_problems::are_refused(&mut fourth).await;
        fourth
    });
    of_one.await;
    app.stop().await;
    for others in [of_others, of_further_ones, of_batches] {
        let others = others.await.expect("without a panic");
        all.cases.extend(others.cases);
    }
    assert_eq!(all.cases, document.cases());
    // The schemas are made from the errors that the service knows.
    let codes: BTreeSet<String> = all.cases.into_iter().map(|(.., code)| code).collect();
    assert_eq!(codes, document.codes_with_a_schema());
}

/// Of its own: what one waits for without leaving it would keep the others from starting.
fn on_a_thread<T: Send + 'static>(
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(move || Handle::current().block_on(work()))
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
    for id in ["getAction", "probeAction"] {
        seen.ask(&alice, id, "not-found").await;
    }
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
        seen.takes_plain_json_of_16_kibibytes(&alice, &operation)
            .await;
    }
}

async fn refused_by_tencent(app: &TestApp, seen: &mut Seen) {
    let alice = everybody(app);
    for kind in Kind::ALL {
        let id = seen.document.action(*kind).id;
        // What Tencent is asked about actions of unknown outcome comes when it comes.
        let fail = |fault| {
            let api = Api::of_command(kind.api.command);
            app.simulator.fail(Fault::next(fault).on(api));
        };
        for (number, code) in BY_TENCENT {
            fail(FaultKind::ErrorCode {
                code: number,
                info: None,
            });
            seen.ask(&alice, &id, code).await;
        }
        fail(FaultKind::OkWithFail);
        seen.ask(&alice, &id, "outcome-unknown").await;
    }
}

fn keyed(request: RequestBuilder) -> RequestBuilder {
    request.header("Idempotency-Key", "key")
}

/// With an `Idempotency-Key`: while the first is under way, and with another body.
async fn repeated(app: &TestApp, seen: &mut Seen) {
    let alice = everybody(app);
    let mut under_way = Vec::new();
    for kind in Kind::ALL {
        let operation = seen.document.action(*kind);
        let api = Api::of_command(kind.api.command);
        let duration = Duration::from_secs(4);
        let slow = Fault::next(FaultKind::Delay { duration }).on(api);
        app.simulator.fail(slow);
        let calls = app.simulator.calls_to(api).len();
        let first = tokio::spawn(keyed(operation.request(&alice)).send());
        let arrives = async || (app.simulator.calls_to(api).len() > calls).then_some(());
        eventually("it is under way", Duration::from_secs(10), arrives).await;
        seen.ask_with(&alice, &operation, keyed, "idempotency-conflict")
            .await;
        under_way.push((operation, first));
    }
    for (operation, first) in under_way {
        let first = first.await.expect("without a panic");
        assert_eq!(first.expect("it is answered").status(), 200);
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

/// Only a bug makes an `internal`. This one is the decoder's.
async fn over_a_record_that_cannot_be_decoded(seen: &mut Seen) {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    let app = TestApp::in_world(world).await;
    let alice = everybody(&app);
    let mut actions = Vec::new();
    for id in &each_action(seen) {
        let operation = seen.document.operation(id);
        let answer = alice.send(keyed(operation.request(&alice))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        actions.push((operation, answer.action()));
    }
    app.execute(AT_INFINITY).await;
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
