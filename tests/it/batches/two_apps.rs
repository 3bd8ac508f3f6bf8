//! Two deployments, each of an SDKAppID of its own, on one database.

use std::collections::BTreeMap;
use std::time::Duration;

use modgate::simulator::{self, Api, Simulator};
use secrecy::SecretString;
use serde_json::Value;

use super::checks::{all_sealed, assert_one_call_each, assert_verified, both, until_there_are};
use super::{
    BATCHES, assert_counts, assert_problem, deed, keyed, of, path, submitted, submitter,
    until_count, until_state, with,
};
use crate::support::eventually::eventually;
use crate::support::process::Gateway;
use crate::support::world::{SECRET_KEY, World};

const OTHER_APP: u32 = 1_400_000_002;

const PATIENCE: Duration = Duration::from_secs(20);

/// Tencent for the other app.
fn other_simulator() -> Simulator {
    let mut settings = simulator::Settings::new(OTHER_APP, SecretString::from(SECRET_KEY));
    settings.limit = None;
    Simulator::start(settings).expect("the simulator starts on free ports")
}

/// The variables of the other app's gateways.
fn other_variables(world: &World, simulator: &Simulator) -> BTreeMap<String, String> {
    let mut variables = world.variables.clone();
    variables.extend([
        ("MODGATE_TENCENT_URL".to_owned(), simulator.url()),
        (
            "MODGATE_TENCENT_SDK_APP_ID".to_owned(),
            OTHER_APP.to_string(),
        ),
    ]);
    variables
}

/// Who was called about, each once.
fn called(simulator: &Simulator) -> Vec<String> {
    let calls = simulator.calls().into_iter();
    let mut users: Vec<String> = calls.filter_map(|call| call.user_id).collect();
    users.sort_unstable();
    users
}

fn users(items: &[Value]) -> Vec<String> {
    let user = |item: &Value| item["user_id"].as_str().expect("a user").to_owned();
    let mut users: Vec<String> = items.iter().map(user).collect();
    users.sort_unstable();
    users
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_touches_the_items_of_the_other_nor_shows_its_batches() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "40");
    let tencent = other_simulator();
    let variables = other_variables(&world, &tencent);
    let (one, other) = tokio::join!(Gateway::start(&world.variables), Gateway::start(&variables));
    let (one, other) = tokio::join!(one.ready(), other.ready());
    let [alice, alice_there] = [&one, &other].map(|gateway| submitter(gateway.addr, "alice"));
    let (here, there) = (both("here", 80), both("there", 80));
    let mine = submitted(&alice, &of(here.clone())).await;
    until_count(&alice, &mine, "succeeded", 10).await;
    let theirs = submitted(&alice_there, &of(there.clone())).await;

    // Whatever she holds, it is not shown to her by the other, and nobody can do anything about it there.
    let everything = ["audit:read", "batch:submit", "batch:approve", "batch:solo"];
    for (gateway, batch, own) in [(&other, &mine, &theirs), (&one, &theirs, &mine)] {
        let who = with(gateway.addr, "alice", &everything);
        let items = format!("{}/items", path(batch));
        for hidden in [path(batch), items] {
            assert_problem(&who.get(&hidden).await, 404, "not-found");
        }
        for word in ["cancel", "pause", "resume", "approve", "reject"] {
            let answer = deed(&who, batch, word).await;
            assert!(
                [404, 428].contains(&answer.status),
                "{word}: {}",
                answer.text
            );
        }
        let list = who.get(BATCHES).await.json();
        let list = list["items"].as_array().expect("a list");
        let ids: Vec<&Value> = list.iter().map(|batch| &batch["id"]).collect();
        assert_eq!(ids, [&own["id"]]);
    }

    assert_counts(
        &until_state(&alice, &mine, "done").await,
        &[("succeeded", 80)],
    );
    assert_counts(
        &until_state(&alice_there, &theirs, "done").await,
        &[("succeeded", 80)],
    );
    assert_one_call_each(&world, &here);
    assert_eq!(called(&tencent), users(&there));
    assert_eq!(tencent.calls_to(Api::KICK_LOGIN).len(), 40);
    let mixed_up = "select count(*) from audit.action join audit.batch on batch.id = batch_id
                     where action.sdk_app_id <> batch.sdk_app_id";
    assert_eq!(world.count(mixed_up).await, 0);
    all_sealed(&world).await;
    drop((one, other));
    assert_verified(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_one_that_is_gone_stays_for_its_own() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "20");
    let tencent = other_simulator();
    let variables = other_variables(&world, &tencent);
    let one = Gateway::start(&world.variables).await.ready().await;
    let mine = both("here", 100);
    let batch = submitted(&submitter(one.addr, "alice"), &of(mine.clone())).await;
    until_there_are(&world, 10, super::checks::ENDED).await;
    // As at a roll-out: what has begun ends.
    one.signal("TERM");
    assert!(one.exit(PATIENCE).await.success());
    let begun = world.count(super::checks::BEGUN).await;
    assert!(begun < 100, "that was its end");

    let other = Gateway::start(&variables).await.ready().await;
    let alice = submitter(other.addr, "alice");
    // Among others of the same names: they are another app's, and so it is no repeat.
    for items in [&mine, &both("there", 20)] {
        let theirs = submitted(&alice, &of(items.clone())).await;
        until_state(&alice, &theirs, "done").await;
    }
    let of_mine = "select count(*) from audit.action join audit.batch on batch.id = batch_id
                    where batch.sdk_app_id = 1400000001";
    assert_eq!(world.count(of_mine).await, begun);
    assert_eq!(tencent.calls().len(), 120);
    // Nor do those of the other count among what is open here.
    let operator = other.operator();
    eventually("none is open there", PATIENCE, async || {
        let running = operator.series(r#"modgate_batches{state="running"}"#).await;
        (running == Some(0)).then_some(())
    })
    .await;

    let one = Gateway::start(&world.variables).await.ready().await;
    let alice = submitter(one.addr, "alice");
    assert_counts(
        &until_state(&alice, &batch, "done").await,
        &[("succeeded", 100)],
    );
    assert_one_call_each(&world, &mine);
    assert_eq!(tencent.calls().len(), 120);
}
