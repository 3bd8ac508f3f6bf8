//! The record is away: nothing is sent, everyone is told so in time, and nothing has to be restarted.

mod halfway;
mod pooled;
mod unclear;

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::postgres::Cluster;
use crate::support::world::{World, token};

/// An answer waits two seconds for the record; the third is for the machine.
const AT_ONCE: Duration = Duration::from_secs(3);

/// How soon the gateway works again once the record does.
const BACK_WITHIN: Duration = Duration::from_secs(15);

fn own(world: &World) -> &Cluster {
    world
        .cluster
        .as_ref()
        .expect("this test has a server of its own")
}

async fn app_with_its_own_postgres() -> TestApp {
    let app = TestApp::in_world(World::with_its_own_postgres().await).await;
    // With connections that were good once: the harder case.
    works(&app).await;
    app
}

async fn in_time(asked: impl Future<Output = Answer>) -> Answer {
    let started = Instant::now();
    let answer = asked.await;
    let waited = started.elapsed();
    assert!(waited < AT_ONCE, "{} only after {waited:?}", answer.status);
    answer
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.problem(), "audit-unavailable");
    assert_eq!(
        answer.header("modgate-state"),
        None,
        "nobody knows of a row"
    );
}

/// Someone whose token has no right to kick anybody.
fn mallory(app: &TestApp) -> Persona {
    Persona::new(app.addr, Some(token("mallory", &["action:kick_seat"])))
}

/// What holds for everyone who wants something done while the record is away.
async fn assert_nothing_is_sent(app: &TestApp) {
    let calls = app.simulator.calls().len();
    // Made before the clocks run: a client reads its root certificates first.
    let moderators: Vec<Persona> = (0..6)
        .map(|number| app.moderator(&format!("moderator-{number}")))
        .collect();
    let mallory = mallory(app);
    let kicks = join_all(moderators.iter().map(|who| in_time(who.kick_login("test"))));
    let (kicks, denial) = tokio::join!(kicks, in_time(mallory.kick_login("test")));
    kicks.iter().for_each(assert_unavailable);
    assert_eq!(
        (denial.status, denial.problem().as_str()),
        (403, "forbidden")
    );
    assert_eq!(denial.action()["recorded"], false);
    assert_eq!(app.simulator.calls().len(), calls, "something was sent");
}

async fn assert_nothing_is_read(alice: &Persona) {
    let (list, one) = tokio::join!(
        in_time(alice.get("/v1/actions")),
        in_time(alice.action("01a201ca-577a-77fa-b1d9-afa8ff23a803"))
    );
    assert_unavailable(&list);
    assert_unavailable(&one);
}

async fn assert_nothing_is_done(app: &TestApp) {
    let alice = app.moderator("alice");
    tokio::join!(assert_nothing_is_sent(app), assert_nothing_is_read(&alice));
}

async fn works(app: &TestApp) {
    let bob = app.moderator("bob");
    eventually("actions are taken", BACK_WITHIN, async || {
        let answer = bob.kick_login("test").await;
        (answer.status == 200 && answer.json()["recorded"] == true).then_some(())
    })
    .await;
}

/// The gateway works again by itself, and nothing is left open.
async fn assert_back(app: TestApp) {
    works(&app).await;
    assert!(
        !app.moderator("bob")
            .list("state=succeeded")
            .await
            .is_empty()
    );
    nothing_is_pending(&app).await;
    assert_eq!(
        app.count("select count(*) from audit.actions where state = 'unknown'")
            .await,
        0
    );
    app.stop().await;
}

async fn nothing_is_pending(world: &World) {
    eventually("every action has an end", BACK_WITHIN, async || {
        (world
            .count("select count(*) from audit.actions where state = 'pending'")
            .await
            == 0)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_postgres_is_stopped() {
    let app = app_with_its_own_postgres().await;
    own(&app).stop_fast().await;
    assert_nothing_is_done(&app).await;
    own(&app).start().await;
    assert_back(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_after_postgres_has_crashed() {
    let app = app_with_its_own_postgres().await;
    own(&app).stop_immediate().await;
    assert_nothing_is_done(&app).await;
    own(&app).start().await;
    assert_back(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_postgres_is_frozen() {
    let app = app_with_its_own_postgres().await;
    own(&app).freeze().await;
    assert_nothing_is_done(&app).await;
    own(&app).thaw().await;
    assert_back(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_the_table_of_intents_is_gone() {
    let app = TestApp::start().await;
    app.execute("alter table audit.action rename to action_away")
        .await;
    assert_nothing_is_sent(&app).await;
    app.execute("alter table audit.action_away rename to action")
        .await;
    assert_back(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_refused_for_the_record_leaves_its_permit_free() {
    let world = World::new().await.set("MODGATE_TENCENT_QPS", "1");
    let app = TestApp::in_world(world).await;
    app.execute("alter table audit.action rename to action_away")
        .await;
    for _ in 0..3 {
        assert_unavailable(&in_time(app.moderator("alice").kick_login("test")).await);
    }
    app.execute("alter table audit.action_away rename to action")
        .await;
    assert_back(app).await;
}
