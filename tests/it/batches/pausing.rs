//! Whose pause holds, and what ends one.

use std::time::Duration;

use modgate::simulator::{Fault, FaultKind};

use super::checks::{BEGUN, ENDED, assert_at_most_once, lead, replicas, until_there_are};
use super::{
    app, approver, assert_counts, assert_problem, deed, done, events, keyed, keyed_again, kicks,
    look, of, submitted, submitter, until_count, until_state,
};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_made_stricter_by_another_person_and_never_weaker_by_who_submitted() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "20");
    let app = TestApp::in_world(world).await;
    let (alice, bob) = (submitter(app.addr, "alice"), approver(app.addr, "bob"));
    let batch = submitted(&alice, &of(kicks("user", 100))).await;
    until_count(&alice, &batch, "succeeded", 3).await;
    done(&alice, &batch, "pause").await;
    assert_problem(&deed(&alice, &batch, "pause").await, 409, "batch-state");
    let paused = done(&bob, &batch, "pause").await;
    assert_eq!(paused["paused"]["by"], "bob", "{paused}");
    // What is there takes as much to end.
    for who in [&alice, &bob] {
        assert_problem(&deed(who, &batch, "pause").await, 409, "batch-state");
    }
    assert_problem(&deed(&alice, &batch, "resume").await, 403, "forbidden");
    done(&bob, &batch, "resume").await;
    done(&alice, &batch, "cancel").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_batch_of_which_nothing_is_left_is_done() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let slow = FaultKind::Delay {
        duration: Duration::from_secs(2),
    };
    app.simulator.fail(Fault::next(slow).for_ever());
    let batch = submitted(&alice, &of(kicks("user", 3))).await;
    until_there_are(&app, 3, BEGUN).await;
    done(&alice, &batch, "pause").await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 3)]);
    let all = ["submitted", "started", "paused", "done"];
    assert_eq!(events(&app, &batch).await, all);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_replica_that_paused_it_is_gone_another_lets_it_go_on() {
    let world = keyed_again(World::under_load().await).set("MODGATE_TENCENT_QPS", "60");
    let mut all = replicas(&world, 1).await;
    let batch = of(kicks("user", 200));
    let batch = submitted(&submitter(all[0].addr, "alice"), &batch).await;
    until_there_are(&world, 20, ENDED).await;
    world.simulator.stop().expect("it runs");
    until_state(&lead(all[0].addr), &batch, "paused").await;
    all.pop().expect("there is one").kill();
    world.simulator.restart().expect("its port is free");
    let another = replicas(&world, 1).await.remove(0);
    let lead = lead(another.addr);
    let paused = look(&lead, &batch).await;
    assert_eq!(paused["paused"]["needs"], "nothing", "{paused}");
    eventually("it goes on by itself", Duration::from_mins(1), async || {
        (look(&lead, &batch).await["state"] != "paused").then_some(())
    })
    .await;
    until_state(&lead, &batch, "done").await;
    assert_at_most_once(&world).await;
}
