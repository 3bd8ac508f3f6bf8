//! What happens to actions when the lease on permits cannot be renewed, though the record is there.

use std::time::Duration;

use modgate::simulator::{Fault, FaultKind};
use serde_json::json;
use sqlx::Connection;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::world::World;

/// A lease lasts five seconds, and its holder stops a little sooner.
const LAPSED_WITHIN: Duration = Duration::from_secs(8);

/// From here on no lease is renewed; begin and finish go on.
async fn break_renewals(world: &World) {
    world
        .execute("alter function modgate.renew_permit_leases rename to away")
        .await;
}

async fn mend_renewals(world: &World) {
    world
        .execute("alter function modgate.away rename to renew_permit_leases")
        .await;
}

async fn none_are_left(app: &TestApp, state: &str) {
    eventually(state, LAPSED_WITHIN, async || {
        (app.operator().permits(state).await == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_whose_lease_lapses_before_the_call_is_not_sent_and_told_so() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    app.moderator("bob").kick_login("other").await;
    break_renewals(&app).await;
    eventually("the lease is about to lapse", LAPSED_WITHIN, async || {
        let late = "select count(*) from modgate.permit_lease
                    where api = 'kick_login' and expires_at < clock_timestamp() + interval '1200 ms'";
        (app.count(late).await == 1).then_some(())
    })
    .await;
    // Whoever has a turn now cannot begin before it has.
    let mut sql = app.sql().await;
    let mut lock = sql.begin().await.expect("a transaction");
    sqlx::query("lock table audit.action in exclusive mode")
        .execute(&mut *lock)
        .await
        .expect("the lock");
    let kick = tokio::spawn(async move { alice.kick_login("test").await });
    none_are_left(&app, "held").await;
    lock.rollback().await.expect("the lock is given up");

    let answer = kick.await.expect("no panic");
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "audit-unavailable"),
        "{}",
        answer.text
    );
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.action()["state"], "not_sent");
    assert_eq!(answer.action()["attempts"][0]["failure"], "lease_lapsed");
    assert_eq!(app.simulator.calls().len(), 1, "that was the other");

    let refused = app.moderator("bob").kick_login("test").await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (503, "audit-unavailable")
    );
    let shown = app.operator().get("/readyz").await;
    assert_eq!(
        (shown.status, &shown.json()["degraded"]),
        (200, &json!(["leases"])),
        "all replicas share the fault"
    );
    assert_eq!(app.count("select count(*) from audit.action").await, 2);
    mend_renewals(&app).await;
    let again = app.moderator("bob");
    eventually("there are permits again", LAPSED_WITHIN, async || {
        (again.kick_login("test").await.status == 200).then_some(())
    })
    .await;
    eventually("nothing is degraded", LAPSED_WITHIN, async || {
        let shown = app.operator().get("/readyz").await.json();
        (shown["degraded"] == json!([])).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_listened_for_no_longer_than_there_is_a_lease() {
    let app = TestApp::in_world(World::new().await.set("MODGATE_TENCENT_TIMEOUT", "500ms")).await;
    app.simulator.fail(Fault::next(FaultKind::Never));
    assert_eq!(app.moderator("alice").kick_login("test").await.status, 504);
    assert_eq!(
        app.operator().permits("in_use").await,
        1,
        "it is listened for"
    );
    // Ten seconds long, if the lease were renewed.
    break_renewals(&app).await;
    none_are_left(&app, "in_use").await;
    assert_eq!(app.operator().permits("held").await, 0);
    mend_renewals(&app).await;
    app.stop().await;
}
