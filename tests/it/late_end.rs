//! Tencent has done it, and the record does not take the end: it is healed, or honestly unknown.

use std::time::Duration;

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(15);

/// The shortest life of a call whose end recovery may decide: the action's deadline, five seconds
/// more, five between two sweeps, and some for the machine.
const RECOVERED_WITHIN: Duration = Duration::from_secs(4 + 5 + 5 + 15);

const EVENTS_AWAY: &str = "alter table audit.event rename to event_away";
const EVENTS_BACK: &str = "alter table audit.event_away rename to event";

fn short_lived(world: World) -> World {
    world
        .set("MODGATE_ACTION_DEADLINE", "4s")
        .set("MODGATE_TENCENT_TIMEOUT", "4s")
}

/// A kick whose end finds the record sabotaged: the moderator is told the truth about Tencent.
async fn kick_with_a_lost_end(world: &World, alice: Persona, sabotage: &'static str) -> Value {
    world.simulator.stall(Duration::from_mins(1));
    let sabotaged = async {
        eventually("the intent is recorded", PATIENCE, async || {
            (world.count("select count(*) from audit.action").await == 1).then_some(())
        })
        .await;
        world.execute(sabotage).await;
        world.simulator.stall(Duration::ZERO);
    };
    let (answer, ()): (Answer, ()) = tokio::join!(alice.kick_login("test"), sabotaged);
    let action = answer.json();
    assert_eq!(
        (answer.status, &action["state"]),
        (200, &Value::from("succeeded")),
        "{action}"
    );
    assert_eq!(action["recorded"], false);
    assert_eq!(answer.header("modgate-state"), Some("succeeded"));
    action
}

/// `state/decided_by` of each event, in order.
async fn events(world: &World) -> Vec<String> {
    sqlx::query_scalar("select state || '/' || decided_by from audit.event order by action_id, rev")
        .fetch_all(&mut world.sql().await)
        .await
        .expect("the record can be read")
}

async fn events_become(world: &World, expected: &[&str], patience: Duration) {
    eventually(
        &format!("the events are {expected:?}"),
        patience,
        async || (events(world).await == expected).then_some(()),
    )
    .await;
}

async fn assert_recovery_waited(world: &World) {
    let early = "select count(*) from audit.event e join audit.action a on a.id = e.action_id
                  where e.decided_by = 'recovery'
                    and e.recorded_at < a.recorded_at + a.deadline_ms * interval '1 millisecond'
                                        + interval '5 seconds'";
    assert_eq!(
        world.count(early).await,
        0,
        "recovery came before the deadline and five seconds"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_the_record_did_not_take_is_told_and_healed() {
    let app = TestApp::start().await;
    let told = kick_with_a_lost_end(&app, app.moderator("alice"), EVENTS_AWAY).await;
    app.execute(EVENTS_BACK).await;
    events_become(&app, &["succeeded/gateway"], PATIENCE).await;
    let mut healed = app
        .moderator("alice")
        .action(told["id"].as_str().unwrap())
        .await
        .json();
    assert_eq!(healed["recorded"].take(), true);
    healed["recorded"] = Value::from(false);
    assert_eq!(healed, told, "what is recorded late is what was told");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_died_with_its_process_becomes_unknown() {
    let world = short_lived(World::new().await);
    let gateway = Gateway::start(&world.variables).await.ready().await;
    kick_with_a_lost_end(&world, gateway.moderator("alice"), EVENTS_AWAY).await;
    gateway.kill();
    world.execute(EVENTS_BACK).await;
    let successor = Gateway::start(&world.variables).await;
    events_become(&world, &["unknown/recovery"], RECOVERED_WITHIN).await;
    assert_recovery_waited(&world).await;
    let recovered = eventually("recovery is logged", Duration::from_secs(5), async || {
        Some(successor.log().events("recovered")).filter(|lines| !lines.is_empty())
    });
    assert_eq!(recovered.await.len(), 1);
    let seen = successor.moderator("alice").list("").await;
    assert_eq!(
        (seen.len(), &seen[0]["state"]),
        (1, &Value::from("unknown"))
    );
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_truth_that_comes_after_recovery_stands_above_unknown() {
    let app = TestApp::in_world(short_lived(World::new().await)).await;
    // The gateway's own ends are refused, recovery's are not.
    let refuse = "alter table audit.event
                    add constraint sabotage check (decided_by = 'recovery') not valid";
    let told = kick_with_a_lost_end(&app, app.moderator("alice"), refuse).await;
    events_become(&app, &["unknown/recovery"], RECOVERED_WITHIN).await;
    assert_recovery_waited(&app).await;
    let id = told["id"].as_str().unwrap();
    assert_eq!(
        app.moderator("alice").action(id).await.json()["state"],
        "unknown"
    );

    app.execute("alter table audit.event drop constraint sabotage")
        .await;
    events_become(&app, &["unknown/recovery", "succeeded/gateway"], PATIENCE).await;
    let action = app.moderator("alice").action(id).await.json();
    assert_eq!(action["state"], "succeeded");
    assert_eq!(action["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        app.moderator("alice").list("state=unknown").await,
        [] as [Value; 0]
    );
    app.stop().await;
}
