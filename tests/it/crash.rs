//! `kill -9` under load: whatever is lost, the record says nothing that is not so.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use modgate::simulator::Latency;
use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::World;

const MODERATORS: usize = 8;

/// Gateways that live and die side by side, as replicas do.
const REPLICAS: u64 = 4;

const CRASHES_OF_EACH: u64 = 5;

/// How long recovery may take with these settings: the action's deadline, five seconds more, five
/// between two sweeps, and some for the machine.
const RECOVERED_WITHIN: Duration = Duration::from_secs(2 + 5 + 5 + 15);

fn under_load(world: World) -> World {
    let travel = Duration::from_millis(5)..=Duration::from_millis(60);
    world.simulator.set_latency(Latency {
        before: travel.clone(),
        after: travel,
    });
    world
        .set("MODGATE_MODERATOR_QPS", "1000")
        // Those who ask during a cold start wait for its end.
        .set("MODGATE_QUEUE_TIMEOUT", "10s")
}

/// Asks again and again, and passes on every answer, until the gateway is gone or `enough`.
async fn keep_kicking(
    moderator: Persona,
    answers: UnboundedSender<Answer>,
    enough: CancellationToken,
) {
    while !enough.is_cancelled() {
        let Ok(answer) = moderator.try_kick_login("test").await else {
            return;
        };
        if answer.status != 200 {
            sleep(Duration::from_millis(20)).await;
        }
        let _ = answers.send(answer);
    }
}

/// Many moderators who keep kicking, and what they hear.
fn kicking(
    moderator: impl Fn(&str) -> Persona,
    enough: &CancellationToken,
) -> (JoinSet<()>, UnboundedReceiver<Answer>) {
    let (answers, heard) = mpsc::unbounded_channel();
    let mut moderators = JoinSet::new();
    for number in 0..MODERATORS {
        let moderator = moderator(&format!("moderator-{number}"));
        moderators.spawn(keep_kicking(moderator, answers.clone(), enough.clone()));
    }
    (moderators, heard)
}

/// The action that somebody was told had succeeded.
fn success(answer: &Answer) -> Option<Value> {
    (answer.status == 200).then(|| answer.json())
}

/// What this replica's moderators were told had succeeded, over all of its lives.
async fn live_and_die(world: &World, replica: u64) -> Vec<Value> {
    let mut told = Vec::new();
    for life in 0..CRASHES_OF_EACH {
        let gateway = Gateway::start(&world.variables).await;
        let (moderators, mut heard) =
            kicking(|name| gateway.moderator(name), &CancellationToken::new());
        hear(&mut heard, &mut told, 200, 2 * MODERATORS).await;
        // Not a wait for anything: the crash comes at another moment each time.
        sleep(Duration::from_millis((97 * life + 61 * replica) % 150)).await;
        gateway.kill();
        moderators.join_all().await;
        while let Some(answer) = heard.recv().await {
            told.extend(success(&answer));
        }
    }
    told
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: String,
    state: String,
    tencent_random: i64,
    decided_by: Option<String>,
}

async fn rows(world: &World) -> Vec<Row> {
    sqlx::query_as("select id::text, state, tencent_random, decided_by from audit.actions")
        .fetch_all(&mut world.sql().await)
        .await
        .expect("the record can be read")
}

/// Compares the record with what the simulator saw and with what the moderators were told.
async fn assert_the_record_is_true(world: &World, told: &[Value]) -> Vec<Row> {
    world.assert_the_record_is_whole().await;
    let calls = world.simulator.calls();
    let took_effect: HashMap<i64, bool> = calls
        .iter()
        .map(|call| {
            (
                i64::from(call.random.expect("a call has a random")),
                call.took_effect,
            )
        })
        .collect();
    assert_eq!(took_effect.len(), calls.len(), "nothing is sent twice");
    let rows = rows(world).await;
    for row in &rows {
        match row.state.as_str() {
            "succeeded" => assert_eq!(took_effect.get(&row.tencent_random), Some(&true), "{row:?}"),
            "not_sent" => assert_eq!(took_effect.get(&row.tencent_random), None, "{row:?}"),
            "unknown" => {}
            other => panic!("nothing here ends as {other}: {row:?}"),
        }
    }
    let succeeded: HashSet<&str> = rows
        .iter()
        .filter(|row| row.state == "succeeded")
        .map(|row| row.id.as_str())
        .collect();
    for action in told {
        let id = action["id"].as_str().expect("an action has an id");
        assert!(succeeded.contains(id), "told, and not recorded: {action}");
    }
    rows
}

async fn nothing_stays_pending(world: &World) {
    eventually("every action has an end", RECOVERED_WITHIN, async || {
        (world
            .count("select count(*) from audit.actions where state = 'pending'")
            .await
            == 0)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_crashes_under_load_leave_a_record_that_is_whole_and_true() {
    let world = under_load(World::new().await)
        .set("MODGATE_ACTION_DEADLINE", "2s")
        .set("MODGATE_TENCENT_TIMEOUT", "2s");
    let lives = (0..REPLICAS).map(|replica| live_and_die(&world, replica));
    let told = futures_util::future::join_all(lives).await.concat();

    let survivor = Gateway::start(&world.variables).await;
    nothing_stays_pending(&world).await;
    // An end that was told as not recorded yet may be lost with its process.
    let recorded = |action: &Value| action["recorded"] == true;
    let told: Vec<Value> = told.into_iter().filter(recorded).collect();
    let rows = assert_the_record_is_true(&world, &told).await;
    let by_recovery = |row: &&Row| row.decided_by.as_deref() == Some("recovery");
    let abandoned = rows.iter().filter(by_recovery).count();
    assert!(abandoned >= 20, "hardly anything was hit: {abandoned}");
    let early = "select count(*) from audit.event e join audit.action a on a.id = e.action_id
                  where e.decided_by = 'recovery'
                    and e.recorded_at < a.recorded_at + interval '7 seconds'";
    assert_eq!(
        world.count(early).await,
        0,
        "recovery came before the deadline and five seconds"
    );
    survivor.signal("TERM");
    assert!(survivor.exit(Duration::from_secs(30)).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_of_postgres_under_load_lose_nothing_that_was_told() {
    // So long that recovery has no part in it: the gateway lives, and knows every end.
    let world =
        under_load(World::with_its_own_postgres().await).set("MODGATE_ACTION_DEADLINE", "5m");
    let app = TestApp::in_world(world).await;
    let cluster = app
        .cluster
        .as_ref()
        .expect("this test has a server of its own");
    let enough = CancellationToken::new();
    let (moderators, mut heard) = kicking(|name| app.moderator(name), &enough);
    let mut told = Vec::new();
    for _ in 0..3 {
        hear(&mut heard, &mut told, 200, 30).await;
        cluster.stop_immediate().await;
        hear(&mut heard, &mut told, 503, MODERATORS).await;
        cluster.start().await;
    }
    hear(&mut heard, &mut told, 200, 30).await;
    enough.cancel();
    moderators.join_all().await;
    while let Some(answer) = heard.recv().await {
        told.extend(success(&answer));
    }
    nothing_stays_pending(&app).await;
    assert_the_record_is_true(&app, &told).await;
    app.stop().await;
}

/// Listens until `number` more answers have this status; keeps what was told.
async fn hear(
    heard: &mut UnboundedReceiver<Answer>,
    told: &mut Vec<Value>,
    status: u16,
    number: usize,
) {
    let listening = async {
        let mut left = number;
        while left > 0 {
            let answer = heard.recv().await.expect("the gateway answers");
            assert!(
                [200, 429, 503, 504].contains(&answer.status),
                "{}",
                answer.text
            );
            told.extend(success(&answer));
            left -= usize::from(answer.status == status);
        }
    };
    let patience = Duration::from_mins(1);
    timeout(patience, listening)
        .await
        .unwrap_or_else(|_| panic!("{number} answers {status} in time"));
}
