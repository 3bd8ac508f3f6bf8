//! Postgres stops answering in the middle of a statement.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::timeout;

use super::{BACK_WITHIN, app_with_its_own_postgres, assert_unavailable, own};
use crate::support::eventually::eventually;
use crate::support::process::Gateway;
use crate::support::world::World;

/// Freezes Postgres while the gateway waits for a statement of which Postgres has no end.
async fn freeze_in_a_statement(world: &World) {
    eventually("a statement waits", BACK_WITHIN, async || {
        let waiting = "select count(*) from pg_stat_activity
                        where application_name = 'modgate' and wait_event_type = 'Lock'";
        (world.count(waiting).await > 0).then_some(())
    })
    .await;
    own(world).freeze().await;
}

/// Nobody else reads or writes intents for as long as this connection lives.
async fn lock(world: &World) -> PgConnection {
    let mut locking = world.sql().await;
    let lock = sqlx::raw_sql("begin; lock table audit.action");
    lock.execute(&mut locking)
        .await
        .expect("nobody holds it for long");
    locking
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_given_up_when_postgres_freezes_in_the_middle_of_it() {
    let app = app_with_its_own_postgres().await;
    let locking = lock(&app).await;
    let alice = app.moderator("alice");
    let list = async { timeout(Duration::from_secs(5), alice.get("/v1/actions")).await };
    let (list, ()) = tokio::join!(list, freeze_in_a_statement(&app));
    own(&app).thaw().await;
    assert_unavailable(&list.expect("a reader has an answer"));
    drop(locking);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_is_not_kept_by_a_postgres_that_never_answers() {
    let world = World::with_its_own_postgres().await;
    let gateway = Gateway::start(&world.variables).await;
    let _locking = lock(&world).await;
    freeze_in_a_statement(&world).await;
    let given_up = || {
        let lines = gateway.log().lines();
        lines
            .iter()
            .filter(|line| line.contains("recovery could not run"))
            .count()
    };
    let before = given_up();
    eventually("recovery tries again, and again", BACK_WITHIN, async || {
        (given_up() >= before + 2).then_some(())
    })
    .await;
    own(&world).thaw().await;
}
