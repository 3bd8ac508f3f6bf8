//! Whether an intent was committed is unclear: its moderator is told that nothing was done, and the
//! record comes to say the same.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    BACK_WITHIN, app_with_its_own_postgres, assert_back, assert_unavailable, in_time,
    nothing_is_pending, own,
};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::World;

/// From now on commits do their work and then wait for a standby that does not exist, as they
/// would for a slow disk: nobody can tell whether they will have happened.
async fn hold_commits(world: &World) {
    world
        .execute("alter system set synchronous_standby_names = 'nobody'")
        .await;
    world.execute("select pg_reload_conf()").await;
    let mut probe = world.sql().await;
    let probing = async {
        loop {
            let commit = sqlx::query("comment on schema audit is 'probe'").execute(&mut probe);
            commit.await.expect("a comment can be changed");
        }
    };
    let held = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
    tokio::select! {
        () = probing => {}
        () = eventually("commits are held", BACK_WITHIN, async || {
            (world.count(held).await > 0).then_some(())
        }) => {}
    }
}

async fn release_commits(world: &World) {
    world
        .execute("alter system reset synchronous_standby_names")
        .await;
    world.execute("select pg_reload_conf()").await;
}

/// Waits until so many intents are being committed. Commits of leases and seals are held as well, and do not count.
async fn commits_held(world: &World, number: i64) {
    eventually("the intents are being committed", BACK_WITHIN, async || {
        let held = "select count(*) from pg_stat_activity
                     where application_name = 'modgate' and wait_event = 'SyncRep'
                       and query like '%insert into modgate.target%'";
        (world.count(held).await >= number).then_some(())
    })
    .await;
}

/// Four intents are on their way into the record when `disturb` happens: their moderators are told
/// that nothing was done, and the record comes to say the same once `repair` is done.
async fn assert_settled(
    app: TestApp,
    disturb: impl AsyncFn(&TestApp),
    repair: impl AsyncFn(&TestApp),
) {
    const NOT_SENT: &str =
        "select count(*) from audit.actions where state = 'not_sent' and decided_by = 'gateway'";
    const INTENTS: &str = "select count(*) from audit.action";
    let (not_sent, intents) = (app.count(NOT_SENT).await, app.count(INTENTS).await);
    let calls = app.simulator.calls().len();
    hold_commits(&app).await;
    let kicks =
        join_all(["carol", "dave", "eve", "frank"].map(|who| in_time_kick(app.moderator(who))));
    let disturbed = async {
        commits_held(&app, 4).await;
        disturb(&app).await;
    };
    let (kicks, ()) = tokio::join!(kicks, disturbed);
    kicks.iter().for_each(assert_unavailable);
    repair(&app).await;
    release_commits(&app).await;
    eventually("the record says so too", BACK_WITHIN, async || {
        (app.count(NOT_SENT).await == not_sent + 4).then_some(())
    })
    .await;
    assert_eq!(app.count(INTENTS).await, intents + 4, "one intent each");
    assert_eq!(app.simulator.calls().len(), calls, "something was sent");
    assert_back(app).await;
}

async fn in_time_kick(moderator: Persona) -> Answer {
    in_time(moderator.kick_login("test")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_on_its_way_when_postgres_freezes_ends_as_not_sent() {
    let app = app_with_its_own_postgres().await;
    let freeze = async |app: &TestApp| own(app).freeze().await;
    assert_settled(app, freeze, async |app: &TestApp| own(app).thaw().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_on_its_way_when_postgres_crashes_ends_as_not_sent() {
    let app = app_with_its_own_postgres().await;
    let crash = async |app: &TestApp| own(app).stop_immediate().await;
    assert_settled(app, crash, async |app: &TestApp| own(app).start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn intents_that_stay_unclear_for_long_do_not_keep_the_writers_connections() {
    let world = World::with_its_own_postgres()
        .await
        .set("MODGATE_DATABASE_MAX_CONNECTIONS", "6");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    // So that there is a lease.
    let first = gateway.moderator("dave").kick_login("test").await;
    assert_eq!(first.status, 200, "{}", first.text);
    hold_commits(&world).await;
    let moderators = [gateway.moderator("alice"), gateway.moderator("bob")];
    let kicks = join_all(moderators.map(in_time_kick)).await;
    kicks.iter().for_each(assert_unavailable);
    let unclear = "an intent may not be recorded: nothing was sent";
    eventually(
        "both have been given up",
        Duration::from_mins(1),
        async || {
            let lines = gateway.log().lines();
            (lines.iter().filter(|line| line.contains(unclear)).count() == 2).then_some(())
        },
    )
    .await;
    release_commits(&world).await;
    eventually("actions are taken again", BACK_WITHIN, async || {
        (gateway.moderator("carol").kick_login("test").await.status == 200).then_some(())
    })
    .await;
    nothing_is_pending(&world).await;
    world.assert_the_record_is_whole().await;
}
