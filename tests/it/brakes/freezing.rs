//! A freeze stops everything, at once and everywhere, and a thaw lets it go on.

use std::time::Duration;

use futures_util::future::join_all;
use modgate::simulator::{Api, Fault, FaultKind, Latency};
use serde_json::json;

use super::{
    FREEZE, THAW, assert_frozen, brake, brakes, everything, frozen, keyed_again, leads, moderator,
    with,
};
use crate::replicas::{DONE, REFUSED, assert_only, crowd, outcome};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, modgate};
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// All that begins, and all that is repeated.
const BEGUN: &str = "select (select count(*) from audit.action where tencent_random is not null)
                          + (select count(*) from audit.event where state = 'retrying')";

async fn replicas(world: &World) -> Vec<Gateway> {
    let started = (0..3).map(|_| Gateway::start(&world.variables));
    let started = join_all(started).await.into_iter().map(Gateway::ready);
    join_all(started).await
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_nothing_begins_at_any_replica_once_a_freeze_is_answered() {
    let world = keyed_again(World::under_load().await).set("MODGATE_TENCENT_QPS", "20");
    let travel = Duration::from_millis(5)..=Duration::from_millis(60);
    world.simulator.set_latency(Latency {
        before: travel.clone(),
        after: travel,
    });
    let replicas = replicas(&world).await;
    let [fred, _] = leads(replicas[0].addr);
    let [_, thea] = leads(replicas[2].addr);
    let subjects = ["alice", "bob", "carol", "dave"];
    for round in 0..3 {
        // Twice what there are permits for: others are queued, and some are repeated.
        let load = crowd(&replicas, &subjects).start("user", 40, Duration::from_mins(1));
        let before = world.count(BEGUN).await;
        let begins = async || (world.count(BEGUN).await > before + 30).then_some(());
        for _ in 0..5 {
            let transient = FaultKind::ErrorCode {
                code: 91000,
                info: None,
            };
            world
                .simulator
                .fail(Fault::next(transient).on(Api::KICK_LOGIN));
        }
        eventually("some have begun", PATIENCE, begins).await;
        assert_eq!(brakes(&fred, FREEZE, &everything()).await.len(), 1);
        let begun = world.count(BEGUN).await;
        for replica in &replicas {
            let operator = replica.operator();
            let refused =
                r#"modgate_http_requests_total{route="/v1/actions/kick_login",status="503"}"#;
            let before = operator.series(refused).await.unwrap_or(0);
            eventually("it refuses, and nothing is queued", PATIENCE, async || {
                let queued = r#"modgate_queue_length{api="kick_login"}"#;
                let refused = operator.series(refused).await? >= before + 10;
                (refused && operator.series(queued).await == Some(0)).then_some(())
            })
            .await;
        }
        let asked = load.stop().await;
        assert_only(
            &asked,
            &[DONE, REFUSED, "503 frozen", "504 outcome-unknown"],
        );
        let stopped = asked
            .iter()
            .filter(|asked| outcome(asked) == "503 frozen")
            .count();
        assert!(stopped >= 30, "{stopped} of {}", asked.len());
        assert_eq!(world.count(BEGUN).await, begun, "round {round}");
        assert_eq!(brakes(&thea, THAW, &everything()).await.len(), 0);
        for replica in &replicas {
            let done = replica.moderator("erin").kick_login("test").await;
            assert_eq!(done.status, 200, "at once: {}", done.text);
        }
    }
    eventually("all is sealed", PATIENCE, async || {
        (world.count(crate::seals::UNSEALED).await == 0).then_some(())
    })
    .await;
    drop(replicas);
    let verified = modgate(&world.variables_of_the_record())
        .arg("verify")
        .output();
    let verified = verified.expect("the binary can be run");
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!(world.count("select count(*) from audit.brake").await, 6);
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_begun_ends_and_is_not_repeated() {
    let app = super::app().await;
    let [fred, thea] = leads(app.addr);
    let slow = Duration::from_secs(3)..=Duration::from_secs(3);
    app.simulator.set_latency(Latency {
        before: slow,
        after: Duration::ZERO..=Duration::ZERO,
    });
    app.simulator
        .fail(Fault::next(FaultKind::Cut { reset: true }));
    let alice = app.moderator("alice");
    let asking = alice.clone();
    let asked = tokio::spawn(async move { asking.kick_seat("room", "user", "").await });
    eventually("it is under way", PATIENCE, async || {
        (app.count(BEGUN).await == 1).then_some(())
    })
    .await;
    brakes(&fred, FREEZE, &everything()).await;
    let answer = asked.await.expect("without a panic");
    assert_eq!(answer.problem(), "outcome-unknown", "{}", answer.text);
    assert_eq!(app.count(BEGUN).await, 1);
    assert_eq!(app.simulator.calls_to(Api::KICK_SEAT).len(), 1);
    assert_frozen(&alice.kick_seat("room", "user", "").await);
    brakes(&thea, THAW, &everything()).await;
    app.simulator.set_latency(Latency {
        before: Duration::ZERO..=Duration::ZERO,
        after: Duration::ZERO..=Duration::ZERO,
    });
    app.simulator
        .fail(Fault::next(FaultKind::Cut { reset: true }));
    let answer = alice.kick_seat("room", "user", "").await;
    assert_eq!(
        answer.action()["attempts"].as_array().map(Vec::len),
        Some(2)
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_of_everything_lets_pass_what_leads_take_back_and_all_reads() {
    let app = super::app().await;
    let [fred, _] = leads(app.addr);
    let alice = app.moderator("alice");
    let lead = with(app.addr, "lea", &["action:lift"]);
    let mute = json!({"user_id": "user", "seconds": 600});
    let muted = alice.post("/v1/actions/mute_user", &mute).await;
    assert_eq!(muted.status, 200, "{}", muted.text);
    let keyed = async || alice.try_kick_login_keyed("key", "user").await;
    assert_eq!(keyed().await.expect("it is answered").status, 200);
    brakes(&fred, FREEZE, &everything()).await;

    let unmute = json!({"user_id": "user"});
    let unmuted = "/v1/actions/unmute_user";
    assert_frozen(&alice.post(unmuted, &unmute).await);
    assert_frozen(&lead.post("/v1/actions/mute_user", &mute).await);
    assert_eq!(lead.post(unmuted, &unmute).await.status, 200);
    let replayed = keyed().await.expect("it is answered");
    assert_eq!(replayed.header("idempotent-replayed"), Some("true"));
    let id = muted.action()["id"].as_str().expect("an id").to_owned();
    assert_eq!(alice.action(&id).await.status, 200);
    let probed = alice
        .post_text(&format!("/v1/actions/{id}/probe"), "")
        .await;
    assert_eq!(probed.status, 200, "{}", probed.text);
    // Denied is denied, and recorded.
    let mallory = crate::support::world::token("mallory", &[]);
    let mallory = crate::support::persona::Persona::new(app.addr, Some(mallory));
    assert_eq!(mallory.kick_login("user").await.problem(), "forbidden");

    // Of narrower ones each is its own.
    for (scope, [unmutes, kicks]) in [
        (json!({"kind": "unmute_user"}), [false, true]),
        (moderator("lea"), [false, true]),
        (
            json!({"issuer": crate::support::world::ISSUER}),
            [false, false],
        ),
    ] {
        let app = super::app().await;
        let [fred, _] = leads(app.addr);
        let lead = with(app.addr, "lea", &["action:lift"]);
        brakes(&fred, FREEZE, &scope).await;
        let done = [
            lead.post(unmuted, &unmute).await,
            app.moderator("alice").kick_login("a").await,
        ];
        let done = done.map(|answer| answer.status == 200);
        assert_eq!(done, [unmutes, kicks], "{scope}");
        app.stop().await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_seen_where_people_look() {
    let world = keyed_again(World::new().await);
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let [fred, thea] = leads(gateway.addr);
    brakes(&fred, FREEZE, &moderator("alice")).await;
    let operator = gateway.operator();
    let shown = async |count: u16, degraded: bool| {
        eventually("it is shown", PATIENCE, async || {
            let series = r#"modgate_frozen{scope="moderator"}"#;
            let is_counted = operator.series(series).await == Some(count);
            let ready = operator.get("/readyz").await;
            let ready = (ready.status == 200).then(|| ready.json())?;
            let told = ready["degraded"]
                .as_array()
                .expect("a list")
                .contains(&json!("frozen"));
            (is_counted && told == degraded).then_some(())
        })
        .await;
    };
    shown(1, true).await;
    let everything = operator.series(r#"modgate_frozen{scope="all"}"#).await;
    assert_eq!(everything, Some(0));
    let log = gateway.log();
    let line = eventually("it is logged", PATIENCE, async || {
        log.events("frozen").pop()
    })
    .await;
    assert_eq!(line["scope.moderator"], "alice");
    assert_eq!(line["by.moderator"], "fred");
    assert_frozen(&gateway.moderator("alice").kick_login("user").await);
    let tried = eventually("it is logged", PATIENCE, async || {
        log.events("action_frozen").pop()
    })
    .await;
    assert_eq!([&tried["moderator"], &tried["user_id"]], ["alice", "user"]);
    let counted = operator.series(r#"modgate_frozen_actions_total{kind="kick_login"}"#);
    assert_eq!(counted.await, Some(1));
    // Again, it is no other freeze.
    brakes(&fred, FREEZE, &moderator("alice")).await;
    shown(1, true).await;
    brakes(&thea, THAW, &moderator("alice")).await;
    shown(0, false).await;
    eventually("that it is over is logged once", PATIENCE, async || {
        (log.events("thawed").len() == 1).then_some(())
    })
    .await;
    assert_eq!(log.events("frozen").len(), 1);
    let asked = log.events("brake");
    let asked = asked
        .iter()
        .map(|line| [&line["brake"], &line["moderator"]]);
    let expected = [["freeze", "fred"], ["freeze", "fred"], ["thaw", "thea"]];
    assert_eq!(asked.collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_away_nothing_is_sent_and_afterwards_it_is_still_frozen() {
    let world = keyed_again(World::with_its_own_postgres().await);
    let app = crate::support::app::TestApp::in_world(world).await;
    let [fred, thea] = leads(app.addr);
    let alice = app.moderator("alice");
    brakes(&fred, FREEZE, &everything()).await;
    let cluster = app.cluster.as_ref().expect("it has one");
    cluster.stop_fast().await;
    for _ in 0..3 {
        assert_eq!(alice.kick_login("user").await.status, 503);
    }
    assert_eq!(
        brake(&thea, THAW, &everything()).await.problem(),
        "audit-unavailable"
    );
    cluster.start().await;
    eventually("the record is back", PATIENCE, async || {
        let answer = alice.kick_login("user").await;
        assert_eq!(answer.status, 503);
        (answer.problem() == "frozen").then_some(())
    })
    .await;
    assert_eq!(app.simulator.calls().len(), 0);
    assert_eq!(frozen(&alice).await.len(), 1);
    brakes(&thea, THAW, &everything()).await;
    assert_eq!(alice.kick_login("user").await.status, 200);
    app.stop().await;
}
