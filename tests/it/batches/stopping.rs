//! Cancelled, paused, frozen or expired: after the answer nothing more of it begins, at any replica.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use modgate::simulator::Api;
use serde_json::{Value, json};

use super::checks::{
    BEGUN, ENDED, all_sealed, assert_at_most_once, assert_one_call_each, assert_verified, both,
    lead, replicas, until_there_are,
};
use super::{
    approver, assert_counts, assert_problem, batch_of, count, deed, deed_on, done, events, keyed,
    keyed_again, kicks, look, of, only, submit, submitted, submitter, until_count, until_state,
};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::tencent::travelling;
use crate::support::world::{ISSUER, World};

const PATIENCE: Duration = Duration::from_secs(20);

/// The longest attempt.
const ATTEMPT: Duration = Duration::from_secs(2);

/// Three replicas that share the permits, with calls that travel.
async fn three_replicas() -> (World, Vec<Gateway>) {
    let world = keyed_again(World::under_load().await)
        .set("MODGATE_TENCENT_QPS", "60")
        .set("MODGATE_TENCENT_TIMEOUT", "2s");
    world.simulator.set_latency(travelling());
    let replicas = replicas(&world, 3).await;
    (world, replicas)
}

/// What had begun, and what time it was, when an answer had come.
struct Answered {
    begun: i64,
    by_the_database: DateTime<Utc>,
    here: Instant,
}

impl Answered {
    async fn now(world: &World) -> Self {
        let here = Instant::now();
        let moment = "select clock_timestamp(), (select count(*) from audit.action where batch_id is not null)";
        let (by_the_database, begun): (DateTime<Utc>, i64) = sqlx::query_as(moment)
            .fetch_one(&mut world.sql().await)
            .await
            .expect("Postgres answers");
        Self {
            begun,
            by_the_database,
            here,
        }
    }

    /// Nothing has begun since, by the clock of the database and by what is there, and what had begun has arrived no
    /// later than an attempt may.
    async fn assert_nothing_begun_since(&self, world: &World) {
        assert_eq!(world.count(BEGUN).await, self.begun);
        let later =
            "select count(*) from audit.action where batch_id is not null and recorded_at > $1";
        let later: i64 = sqlx::query_scalar(later)
            .bind(self.by_the_database)
            .fetch_one(&mut world.sql().await)
            .await
            .expect("Postgres answers");
        assert_eq!(later, 0);
        let calls = world.simulator.calls();
        let last = calls.iter().map(|call| call.arrived).max();
        assert!(last.is_none_or(|last| last <= self.here + ATTEMPT));
    }
}

/// Until each replica knows of so many batches in this state.
async fn all_know(replicas: &[Gateway], state: &str, number: u16) {
    let series = format!("modgate_batches{{state=\"{state}\"}}");
    for replica in replicas {
        let operator = replica.operator();
        eventually(&series, PATIENCE, async || {
            (operator.series(&series).await == Some(number)).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_a_cancellation_is_answered_nothing_begins_at_any_replica() {
    let (world, replicas) = three_replicas().await;
    for round in 0..3 {
        let alice = submitter(replicas[round].addr, "alice");
        let before = world.count(ENDED).await;
        let batch = of(both(&format!("user{round}-"), 400));
        let batch = submitted(&alice, &batch).await;
        until_there_are(&world, before + 40, ENDED).await;
        // Asked of another replica than the one that took it in.
        let alice = submitter(replicas[(round + 1) % 3].addr, "alice");
        let answer = deed(&alice, &batch, "cancel").await;
        let answered = Answered::now(&world).await;
        let cancelling = batch_of(&answer);
        let state = cancelling["state"].as_str().expect("a state");
        assert!(["cancelling", "cancelled"].contains(&state), "{cancelling}");

        let ended = until_state(&alice, &batch, "cancelled").await;
        answered.assert_nothing_begun_since(&world).await;
        let (cancelled, succeeded) = (count(&ended, "cancelled"), count(&ended, "succeeded"));
        assert!(cancelled > 200, "that was its end: {ended}");
        assert_counts(
            &ended,
            &[("succeeded", succeeded), ("cancelled", cancelled)],
        );
        assert_eq!(
            events(&world, &batch).await,
            ["submitted", "started", "cancelling", "cancelled"]
        );
        for word in ["cancel", "pause", "resume"] {
            let refused = deed(&alice, &batch, word).await;
            assert_problem(&refused, 409, "batch-state");
            assert_eq!(refused.json()["batch"]["id"], batch["id"]);
        }
        all_know(&replicas, "running", 0).await;
        answered.assert_nothing_begun_since(&world).await;
    }
    all_sealed(&world).await;
    drop(replicas);
    assert_at_most_once(&world).await;
    assert_verified(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_a_pause_is_answered_nothing_begins_and_a_resumption_does_the_rest_once() {
    let (world, replicas) = three_replicas().await;
    let actions = both("user", 400);
    let alices: Vec<Persona> = replicas
        .iter()
        .map(|replica| submitter(replica.addr, "alice"))
        .collect();
    let batch = submitted(&alices[0], &of(actions.clone())).await;
    for (round, alice) in alices.iter().enumerate() {
        let before = world.count(ENDED).await;
        until_there_are(&world, before + 50, ENDED).await;
        let reason = json!({"reason": "wait"});
        let answer = deed_on(alice, &batch, "pause", None, &reason).await;
        let answered = Answered::now(&world).await;
        let paused = batch_of(&answer);
        assert_eq!(paused["state"], "paused", "{paused}");
        let said = &paused["paused"];
        assert_eq!(
            [&said["reason"], &said["by"], &said["cause"], &said["needs"]],
            [
                &json!("wait"),
                &json!("alice"),
                &Value::Null,
                &json!("person")
            ]
        );
        assert!(said["since"].is_string() && said["advice"].is_string());
        // What had begun ends, and each replica has heard of it.
        eventually("nothing is under way", PATIENCE, async || {
            (count(&look(alice, &batch).await, "pending") == 0).then_some(())
        })
        .await;
        all_know(&replicas, "paused", 1).await;
        answered.assert_nothing_begun_since(&world).await;
        let again = deed(alice, &batch, "pause").await;
        assert_problem(&again, 409, "batch-state");
        let elsewhere = &alices[(round + 1) % 3];
        assert_eq!(
            done(elsewhere, &batch, "resume").await["paused"],
            Value::Null
        );
    }
    let ended = until_state(&alices[0], &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 400)]);
    assert_one_call_each(&world, &actions);
    let all = events(&world, &batch).await;
    let paused = all.iter().filter(|event| *event == "paused").count();
    assert_eq!((paused, all.len()), (3, 2 + 2 * 3 + 1), "{all:?}");
    all_sealed(&world).await;
    drop(replicas);
    assert_at_most_once(&world).await;
    assert_verified(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_time_is_over_nothing_more_begins_also_of_one_that_is_paused() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "20");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let short = |name: &str| {
        let mut batch = of(kicks(name, 200));
        batch["expires_in"] = json!(4);
        batch
    };
    let paused = submitted(&alice, &short("paused")).await;
    until_count(&alice, &paused, "succeeded", 3).await;
    done(&alice, &paused, "pause").await;
    let running = submitted(&alice, &short("user")).await;
    for batch in [&running, &paused] {
        let ended = until_state(&alice, batch, "expired").await;
        let (expired, succeeded) = (count(&ended, "expired"), count(&ended, "succeeded"));
        assert_counts(&ended, &[("succeeded", succeeded), ("expired", expired)]);
        assert!(succeeded >= 3 && expired >= 80, "{ended}");
        assert_problem(&deed(&alice, batch, "resume").await, 409, "batch-state");
        assert_eq!(
            events(&app, batch).await.last().map(String::as_str),
            Some("expired")
        );
    }
    // Asked right before its intent, which is in the record within two seconds or not at all.
    let late = "select count(*) from audit.action join audit.batch on batch.id = batch_id
                 where action.recorded_at > batch.expires_at + interval '2 seconds'";
    assert_eq!(app.count(late).await, 0);
    let begun = app.count(BEGUN).await;
    // Others have their turn, and theirs have not.
    let later = submitted(&alice, &of(kicks("later", 20))).await;
    until_state(&alice, &later, "done").await;
    assert_eq!(app.count(BEGUN).await, begun + 20);
    app.stop().await;
}

/// A freeze or a thaw that is done.
async fn brake(who: &Persona, path: &str, mut scope: Value) {
    scope["reason"] = json!("a test");
    let answer = who.post(path, &scope).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn freeze(app: &TestApp, scope: Value) {
    brake(
        &only(app.addr, "fred", &["service:freeze"]),
        "/v1/freeze",
        scope,
    )
    .await;
}

async fn thaw(app: &TestApp, scope: Value) {
    brake(
        &only(app.addr, "thea", &["service:thaw"]),
        "/v1/thaw",
        scope,
    )
    .await;
}

fn assert_frozen(paused: &Value) {
    let said = &paused["paused"];
    assert_eq!(
        [&said["cause"], &said["needs"]],
        ["frozen", "person"],
        "{paused}"
    );
    assert!(
        said["reason"].is_string() && said["advice"].is_string(),
        "{paused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_pauses_what_runs_until_somebody_else_than_its_submitter_resumes_it() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "40");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let actions = both("user", 200);
    let batch = submitted(&alice, &of(actions.clone())).await;
    until_count(&alice, &batch, "succeeded", 20).await;
    freeze(&app, json!({})).await;
    let answered = Answered::now(&app).await;
    assert_frozen(&until_state(&alice, &batch, "paused").await);
    eventually("nothing is under way", PATIENCE, async || {
        (count(&look(&alice, &batch).await, "pending") == 0).then_some(())
    })
    .await;
    answered.assert_nothing_begun_since(&app).await;
    let lead = lead(app.addr);
    // As long as it is frozen nobody resumes it.
    for who in [&alice, &lead] {
        let refused = deed(who, &batch, "resume").await;
        assert!([403, 503].contains(&refused.status), "{}", refused.text);
    }
    thaw(&app, json!({})).await;
    // Clicks go on at once, and what was paused stays so.
    assert_eq!(
        app.moderator("bob")
            .kick_seat("other", "bob", "")
            .await
            .status,
        200
    );
    assert_problem(&deed(&alice, &batch, "resume").await, 403, "forbidden");
    assert_eq!(look(&alice, &batch).await["state"], "paused");
    assert_eq!(app.count(BEGUN).await, answered.begun);
    done(&lead, &batch, "resume").await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 200)]);
    let logins = app.simulator.calls_to(Api::KICK_LOGIN);
    assert_eq!(logins.len(), 100);
    assert_at_most_once(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_of_one_moderator_pauses_theirs_alone() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "40");
    let app = TestApp::in_world(world).await;
    let [mallory, bob] = ["mallory", "bob"].map(|subject| submitter(app.addr, subject));
    let hers = submitted(&mallory, &of(kicks("hers", 200))).await;
    let his = submitted(&bob, &of(kicks("his", 100))).await;
    until_count(&mallory, &hers, "succeeded", 10).await;
    let mallory_alone = json!({"issuer": ISSUER, "moderator": "mallory"});
    freeze(&app, mallory_alone.clone()).await;
    let of_hers =
        "select count(*) from audit.action where batch_id is not null and moderator = 'mallory'";
    let begun = app.count(of_hers).await;
    assert_frozen(&until_state(&mallory, &hers, "paused").await);
    assert_counts(
        &until_state(&bob, &his, "done").await,
        &[("succeeded", 100)],
    );
    assert_eq!(app.count(of_hers).await, begun);
    // Whoever is frozen submits nothing, and lets nothing go on.
    let another = submit(&mallory, "another", &of(kicks("another", 2))).await;
    assert_problem(&another, 503, "frozen");
    let resumed = deed(&mallory, &hers, "resume").await;
    assert!([403, 503].contains(&resumed.status), "{}", resumed.text);
    // Nor does somebody else for her, as long as she is.
    let lead = lead(app.addr);
    let resumed = deed(&lead, &hers, "resume").await;
    if resumed.status == 200 {
        assert_frozen(&until_state(&lead, &hers, "paused").await);
    } else {
        assert_problem(&resumed, 503, "frozen");
    }
    assert_eq!(app.count(of_hers).await, begun);
    // To cancel is always possible.
    done(&mallory, &hers, "cancel").await;
    until_state(&mallory, &hers, "cancelled").await;
    thaw(&app, mallory_alone).await;
    assert_eq!(app.count(of_hers).await, begun);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_paused_it_says_who_may_let_it_go_on() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "10");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let bob = approver(app.addr, "bob");
    let carol = approver(app.addr, "carol");
    let batch = submitted(&alice, &of(kicks("user", 400))).await;
    until_state(&alice, &batch, "running").await;
    // Her own pause she ends herself, and others may.
    for who in [&alice, &bob] {
        done(&alice, &batch, "pause").await;
        assert_eq!(done(who, &batch, "resume").await["state"], "running");
    }
    // That of somebody else she does not, whoever that was; others may.
    for who in [&bob, &carol] {
        done(&bob, &batch, "pause").await;
        let refused = deed(&alice, &batch, "resume").await;
        assert_problem(&refused, 403, "forbidden");
        assert_eq!(done(who, &batch, "resume").await["state"], "running");
    }
    // She does not make it hers by pausing what is paused.
    done(&bob, &batch, "pause").await;
    assert_problem(&deed(&alice, &batch, "pause").await, 409, "batch-state");
    assert_problem(&deed(&alice, &batch, "resume").await, 403, "forbidden");
    // Strangers do nothing at all.
    let mallory = submitter(app.addr, "mallory");
    for word in ["pause", "resume", "cancel"] {
        assert_problem(&deed(&mallory, &batch, word).await, 404, "not-found");
    }
    assert_eq!(look(&alice, &batch).await["paused"]["by"], "bob");
    done(&alice, &batch, "cancel").await;
    until_state(&alice, &batch, "cancelled").await;
    app.stop().await;
}
