//! An item whose action came to nothing begins again, as another action, and not for ever.

use modgate::simulator::{Api, Fault, FaultKind};
use serde_json::Value;

use super::checks::{arrivals, assert_at_most_once, until_there_are};
use super::{app, assert_counts, id, items, kicks, of, submitted, submitter, until_state};
use crate::support::world::World;

/// How often an item is begun at most.
const MOST: usize = 5;

/// Tencent throttles.
fn throttled() -> Fault {
    Fault::next(FaultKind::ErrorCode {
        code: 60007,
        info: None,
    })
}

#[derive(Debug, sqlx::FromRow)]
struct Try {
    id: String,
    supersedes: Option<String>,
    state: String,
    error_code: Option<i64>,
    failure: Option<String>,
}

/// The actions of an item, oldest first: each names the one before, which came to nothing.
async fn tries(world: &World, batch: &Value, index: i32) -> Vec<Try> {
    let tries = "select id::text, supersedes::text, state, error_code,
                        (select failure from audit.event
                          where action_id = actions.id order by rev desc limit 1) as failure
                   from audit.actions where batch_id = $1::uuid and batch_index = $2 order by id";
    let tries = sqlx::query_as(tries).bind(id(batch)).bind(index);
    let tries: Vec<Try> = tries
        .fetch_all(&mut world.sql().await)
        .await
        .expect("the record can be read");
    let mut before = None;
    for attempt in &tries {
        assert_eq!(attempt.supersedes, before, "{tries:?}");
        before = Some(attempt.id.clone());
    }
    tries
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tencent_throttles_begins_again_as_an_action_that_names_the_one_before() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    app.simulator.fail(throttled().against("user1").times(2));
    app.simulator.fail(throttled().against("user2").for_ever());
    let batch = submitted(&alice, &of(kicks("user", 4))).await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 3), ("refused", 1)]);

    for (index, states) in [
        (0, &["succeeded"][..]),
        (1, &["refused", "refused", "succeeded"]),
        (2, &["refused"; MOST]),
        (3, &["succeeded"]),
    ] {
        let tries = tries(&app, &batch, index).await;
        let told: Vec<&str> = tries.iter().map(|attempt| attempt.state.as_str()).collect();
        assert_eq!(told, states, "{tries:?}");
        for refused in tries.iter().filter(|attempt| attempt.state == "refused") {
            assert_eq!(refused.error_code, Some(60007), "{tries:?}");
        }
        let arrived = arrivals(&app, Api::KICK_LOGIN);
        assert_eq!(arrived.get(&format!("user{index}")), Some(&states.len()));
    }
    // An item is shown with the last of them.
    let shown = items(&alice, &batch, "").await;
    for (index, item) in (0..).zip(&shown) {
        let last = tries(&app, &batch, index)
            .await
            .pop()
            .expect("it was begun");
        assert_eq!(item["action"]["id"], last.id.as_str());
        assert_eq!(item["state"], last.state.as_str());
    }
    assert_at_most_once_of_those_that_counted(&app);
    app.stop().await;
}

/// Each item has at most one action that Tencent did anything for.
fn assert_at_most_once_of_those_that_counted(world: &World) {
    let mut effects: Vec<String> = world
        .simulator
        .effects()
        .into_iter()
        .map(|effect| effect.user_id)
        .collect();
    effects.sort_unstable();
    assert_eq!(effects, ["user0", "user1", "user3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_connected_for_begins_again_when_tencent_is_there() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    app.simulator.stop().expect("it runs");
    let batch = submitted(&alice, &of(kicks("user", 3))).await;
    // One of them at least came to nothing.
    until_there_are(&app, 1, super::checks::ENDED).await;
    app.simulator.restart().expect("its port is free");
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 3)]);
    let mut again = 0;
    for index in 0..3 {
        let mut tries = tries(&app, &batch, index).await;
        let last = tries.pop().expect("it was begun");
        assert_eq!((last.state.as_str(), &last.failure), ("succeeded", &None));
        assert!(tries.len() < MOST, "{tries:?}");
        for attempt in &tries {
            assert_eq!(attempt.state, "not_sent", "{tries:?}");
            let because = attempt.failure.as_deref();
            assert!(
                because == Some("connect") || because == Some("suspended"),
                "{tries:?}"
            );
        }
        again += tries.len();
    }
    assert!(again >= 1, "none was begun again");
    // Nothing had left that did not arrive.
    assert_eq!(app.simulator.calls().len(), 3);
    assert_at_most_once(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_for_another_reason_or_may_have_happened_does_not_begin_again() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    app.simulator.declare_account("user0", false);
    let cut = Fault::next(FaultKind::Cut { reset: true });
    app.simulator.fail(cut.against("user1").for_ever());
    let batch = submitted(&alice, &of(kicks("user", 3))).await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 1), ("refused", 1), ("unknown", 1)]);
    // Also long after: a batch that comes later has had its turns.
    let later = submitted(&alice, &of(kicks("later", 3))).await;
    until_state(&alice, &later, "done").await;
    for index in 0..3 {
        assert_eq!(tries(&app, &batch, index).await.len(), 1, "{index}");
    }
    assert_at_most_once(&app).await;
    app.stop().await;
}
