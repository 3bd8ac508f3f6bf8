//! Clients go away and SIGTERM comes in the middle of a call: no outcome is lost, nothing is begun.

use std::net::SocketAddr;
use std::time::Duration;

use modgate::simulator::{Fault, FaultKind};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(15);

/// Longer than a drain with a call of two seconds in it, and far shorter than the time-out of a
/// drain that waits for something which does not come.
const EXIT_WITHIN: Duration = Duration::from_secs(12);

fn slow_calls(world: &World, duration: Duration) {
    world
        .simulator
        .fail(Fault::next(FaultKind::Delay { duration }).for_ever());
}

async fn in_flight(world: &World) {
    eventually("the call is in flight", PATIENCE, async || {
        (world.simulator.calls().len() == 1).then_some(())
    })
    .await;
}

async fn assert_succeeded(world: &World) {
    let recorded =
        "select count(*) from audit.actions where state = 'succeeded' and decided_by = 'gateway'";
    eventually("the outcome is recorded", PATIENCE, async || {
        (world.count(recorded).await == 1).then_some(())
    })
    .await;
    assert_eq!(world.count("select count(*) from audit.event").await, 1);
    world.assert_the_record_is_whole().await;
}

/// Somebody asks, in the background.
fn kicking(moderator: Persona) -> JoinSet<Result<Answer, reqwest::Error>> {
    let mut asking = JoinSet::new();
    asking.spawn(async move { moderator.try_kick_login("test").await });
    asking
}

async fn answered(
    mut asking: JoinSet<Result<Answer, reqwest::Error>>,
) -> Result<Answer, reqwest::Error> {
    asking
        .join_next()
        .await
        .expect("one asks")
        .expect("without a panic")
}

async fn exits_cleanly(gateway: Gateway) {
    let log = gateway.log();
    let status = gateway.exit(EXIT_WITHIN).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(log.events("unfinished"), [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_loses_no_outcome() {
    let app = TestApp::start().await;
    slow_calls(&app, Duration::from_secs(1));
    let hasty = app.moderator("alice").impatient(Duration::from_millis(500));
    assert!(
        hasty
            .try_kick_login("test")
            .await
            .expect_err("it went away")
            .is_timeout()
    );
    assert_succeeded(&app).await;
    app.stop().await;
}

/// Asks, and resets the connection once the call is in flight: the rudest way to go.
async fn kick_and_reset(world: &World, gateway: SocketAddr, moderator: &Persona) {
    let body = r#"{"user_id":"test"}"#;
    let request = format!(
        "POST /v1/actions/kick_login HTTP/1.1\r\nhost: {gateway}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        moderator.token.as_deref().expect("a moderator has a token"),
        body.len()
    );
    let mut connection = TcpStream::connect(gateway)
        .await
        .expect("the gateway listens");
    connection
        .write_all(request.as_bytes())
        .await
        .expect("the gateway reads");
    in_flight(world).await;
    connection.set_zero_linger().expect("the socket is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_its_connection_loses_no_outcome() {
    let app = TestApp::start().await;
    slow_calls(&app, Duration::from_secs(1));
    kick_and_reset(&app, app.addr, &app.moderator("alice")).await;
    assert_succeeded(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_flight_at_sigterm_is_finished_recorded_and_answered() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    slow_calls(&world, Duration::from_secs(2));
    let asking = kicking(gateway.moderator("alice"));
    in_flight(&world).await;
    gateway.signal("TERM");
    let answer = answered(asking).await.expect("the answer comes");
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        (&answer.json()["state"], &answer.json()["recorded"]),
        (&"succeeded".into(), &true.into())
    );
    exits_cleanly(gateway).await;
    assert_succeeded(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_at_sigterm_loses_no_outcome_either() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    slow_calls(&world, Duration::from_secs(2));
    kick_and_reset(&world, gateway.addr, &gateway.moderator("alice")).await;
    gateway.signal("TERM");
    exits_cleanly(gateway).await;
    assert_succeeded(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_is_taken_after_sigterm_and_the_operations_port_closes_last() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let bob = gateway.moderator("bob");
    assert_eq!(bob.get("/v1/me").await.status, 200, "bob has a connection");
    slow_calls(&world, Duration::from_secs(3));
    let asking = kicking(gateway.moderator("alice"));
    in_flight(&world).await;
    gateway.signal("TERM");
    eventually("no connection is taken", PATIENCE, async || {
        let stranger = gateway.moderator("carol");
        let refused = stranger
            .try_send(stranger.request(reqwest::Method::GET, "/v1/me"))
            .await;
        refused.is_err_and(|error| error.is_connect()).then_some(())
    })
    .await;
    if let Ok(answer) = bob.try_kick_login("test").await {
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (503, "shutting-down")
        );
    }
    let operator = gateway.operator();
    assert_eq!(operator.get("/livez").await.status, 200);
    let ready = operator.get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.json()["causes"]),
        (503, &serde_json::json!(["draining"]))
    );
    assert_eq!(
        answered(asking).await.expect("the answer comes").status,
        200
    );
    exits_cleanly(gateway).await;
    assert_succeeded(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_in_the_queue_at_sigterm_is_sent_away_without_a_trace() {
    let world = World::new()
        .await
        .set("MODGATE_TENCENT_QPS", "1")
        .set("MODGATE_QUEUE_TIMEOUT", "30s");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    slow_calls(&world, Duration::from_secs(3));
    let served = kicking(gateway.moderator("alice"));
    in_flight(&world).await;
    let waiting = kicking(gateway.moderator("bob"));
    let operator = gateway.operator();
    eventually("bob waits in the queue", PATIENCE, async || {
        let metrics = operator.get("/metrics").await.text;
        metrics
            .contains("modgate_queue_length{api=\"kick_login\"} 1")
            .then_some(())
    })
    .await;
    gateway.signal("TERM");
    let sent_away = answered(waiting).await.expect("bob is told");
    assert_eq!(
        (sent_away.status, sent_away.problem().as_str()),
        (503, "shutting-down")
    );
    assert_eq!(
        answered(served).await.expect("the answer comes").status,
        200
    );
    exits_cleanly(gateway).await;
    assert_succeeded(&world).await;
    assert_eq!(
        world.count("select count(*) from audit.action").await,
        1,
        "bob left a row"
    );
    assert_eq!(world.simulator.calls().len(), 1, "bob's kick was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_hold_up_the_exit() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await;
    let (idle, operator) = (gateway.moderator("alice"), gateway.operator());
    assert_eq!(idle.get("/v1/me").await.status, 200);
    assert_eq!(operator.get("/livez").await.status, 200);
    gateway.signal("TERM");
    exits_cleanly(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_leaves_a_long_call_alone() {
    let world = World::new()
        .await
        .set("MODGATE_ACTION_DEADLINE", "30s")
        .set("MODGATE_TENCENT_TIMEOUT", "30s");
    let patient = Gateway::start(&world.variables).await.ready().await;
    slow_calls(&world, Duration::from_secs(13));
    let asking = kicking(patient.moderator("alice"));
    in_flight(&world).await;
    let age =
        "select extract(epoch from clock_timestamp() - max(recorded_at))::bigint from audit.action";
    eventually(
        "a replica in a hurry would have given up",
        PATIENCE,
        async || (world.count(age).await >= 7).then_some(()),
    )
    .await;
    let world = world
        .set("MODGATE_ACTION_DEADLINE", "1s")
        .set("MODGATE_TENCENT_TIMEOUT", "1s");
    let hasty = Gateway::start(&world.variables).await;
    let operator = hasty.operator();
    eventually("its recovery has seen the call", PATIENCE, async || {
        let metrics = operator.get("/metrics").await.text;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("modgate_pending_oldest_seconds "))?;
        (line.parse::<f64>().ok()? > 5.0).then_some(())
    })
    .await;
    assert_eq!(
        answered(asking).await.expect("the answer comes").status,
        200
    );
    assert_succeeded(&world).await;
    assert_eq!(hasty.log().events("recovered"), [] as [Value; 0]);
}
