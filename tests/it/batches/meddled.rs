//! What somebody with the service's password may do to a batch that runs: events and ends that nobody made, and working
//! state that is not so.

use std::time::Duration;

use modgate::simulator::{Api, Fault, FaultKind};
use sqlx::PgConnection;

use super::checks::{
    BEGUN, ENDED, arrivals, assert_at_most_once, assert_one_call_each, both, until_there_are,
};
use super::forged::{MACS, another_is_done, forge, make_work, named, world};
use super::{
    assert_counts, done, id, kicks, look, of, submitted, submitter, until_count, until_state,
};
use crate::record::roles::{SERVICE, sql_as};
use crate::record::run;
use crate::support::eventually::eventually;
use crate::support::process::Gateway;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_resumed_paused_or_ended_by_events_that_nobody_made() {
    let world = world().await.set("MODGATE_TENCENT_QPS", "20");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = submitter(gateway.addr, "alice");
    let actions = kicks("user", 80);
    let batch = submitted(&alice, &of(actions.clone())).await;
    until_count(&alice, &batch, "succeeded", 5).await;
    // So that there are genuine ones to be copied.
    done(&alice, &batch, "pause").await;
    done(&alice, &batch, "resume").await;
    done(&alice, &batch, "pause").await;
    let begun = world.count(BEGUN).await;

    let mut service = sql_as(&world, SERVICE).await;
    let of_it = format!("batch_id = '{}'", id(&batch));
    let next = format!("(select max(rev) + 1 from audit.batch_event where {of_it})::smallint");
    for mac in MACS {
        let rows = format!("{of_it} and event = 'resumed'");
        let resumed = [("rev", next.as_str()), ("mac", mac)];
        // The genuine one is the first.
        let rows =
            format!("{rows} and rev = (select min(rev) from audit.batch_event where {rows})");
        assert_eq!(forge(&mut service, "batch_event", &rows, &resumed).await, 1);
    }
    make_work(&mut service, &id(&batch)).await;
    named(&gateway.log()).await;
    another_is_done(&gateway, "another").await;
    assert_eq!(look(&alice, &batch).await["state"], "paused");
    assert_eq!(world.count(BEGUN).await, begun + 2);

    assert_eq!(done(&alice, &batch, "resume").await["state"], "running");
    // Nor do they stop for good what somebody wants done.
    for event in [
        "'paused'",
        "'cancelling'",
        "'cancelled'",
        "'expired'",
        "'done'",
    ] {
        let rows = format!("{of_it} and rev = 3");
        let ended = [("rev", next.as_str()), ("event", event), ("mac", "mac")];
        assert_eq!(forge(&mut service, "batch_event", &rows, &ended).await, 1);
    }
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 80)]);
    assert_one_call_each(&world, &[actions, kicks("another", 2)].concat());
    assert_at_most_once(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn working_state_that_was_removed_or_reset_loses_nothing_and_repeats_nothing() {
    let world = world().await.set("MODGATE_TENCENT_QPS", "30");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = submitter(gateway.addr, "alice");
    let actions = both("user", 160);
    let batch = submitted(&alice, &of(actions.clone())).await;
    let mut service = sql_as(&world, SERVICE).await;
    for (ended, sabotage) in [
        (
            10,
            "update modgate.batch_item set picked_until = '-infinity', is_over = false, answered_at = null",
        ),
        (
            30,
            "delete from modgate.batch_item where batch_index % 3 = 0",
        ),
        (
            50,
            "delete from modgate.batch_item; delete from modgate.batch_submitter",
        ),
        (70, "update modgate.batch_item set is_over = true"),
        (80, "update modgate.batch_item set kind = 'mute_group'"),
        (
            90,
            "update modgate.batch_item
                set kind = case when kind = 'kick_login' then 'kick_seat' else 'kick_login' end",
        ),
        (
            100,
            "update modgate.batch_item set is_over = false, picked_until = '-infinity'",
        ),
    ] {
        until_there_are(&world, ended, ENDED).await;
        run(&mut service, sabotage).await.expect("the service may");
    }
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 160)]);
    make_work(&mut service, &id(&batch)).await;
    let later = another_is_done(&gateway, "later").await;
    assert_one_call_each(&world, &[actions, later].concat());
    assert_eq!(world.count(BEGUN).await, 162);
    assert_at_most_once(&world).await;
}

/// An end as if nothing had left for an action: that of another action, changed.
async fn forge_not_sent(service: &mut PgConnection, user: &str, rev: &str, mac: &str) {
    let genuine = "(action_id, rev) in (select action_id, rev from audit.event
                                         where state = 'succeeded' and rev = 1 order by action_id limit 1)";
    let action =
        format!("(select id from audit.action where user_id = '{user}' and batch_id is not null)");
    let of_an_attempt = [
        "attempt",
        "tencent_random",
        "attempt_duration_us",
        "http_status",
        "action_status",
        "error_code",
        "error_info",
        "tencent_request_id",
    ];
    // Null, of the type of the column.
    let nothing = of_an_attempt.map(|column| (column, format!("nullif({column}, {column})")));
    let mut end = vec![
        ("action_id", action.as_str()),
        ("rev", rev),
        ("state", "'not_sent'"),
        ("failure", "'connect'"),
        ("mac", mac),
    ];
    end.extend(
        nothing
            .iter()
            .map(|(column, value)| (*column, value.as_str())),
    );
    assert_eq!(forge(service, "event", genuine, &end).await, 1, "{user}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_that_nobody_wrote_make_no_item_begin_again() {
    let world = world().await.set("MODGATE_TENCENT_QPS", "30");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = submitter(gateway.addr, "alice");
    let slow = FaultKind::Delay {
        duration: Duration::from_secs(4),
    };
    let cut = FaultKind::Cut { reset: true };
    for (user, kind) in [(0, &slow), (1, &slow), (2, &slow), (3, &cut)] {
        let fault = Fault::next(kind.clone()).against(&format!("user{user}"));
        world.simulator.fail(fault.for_ever());
    }
    let batch = submitted(&alice, &of(kicks("user", 60))).await;
    until_there_are(
        &world,
        1,
        "select count(*) from audit.event where state = 'unknown'",
    )
    .await;
    until_there_are(&world, 5, ENDED).await;
    // Three are under way, and one may have happened.
    let mut service = sql_as(&world, SERVICE).await;
    for (user, mac) in ["user0", "user1", "user2"].into_iter().zip(MACS) {
        forge_not_sent(&mut service, user, "1", mac).await;
    }
    forge_not_sent(&mut service, "user3", "2", MACS[0]).await;
    make_work(&mut service, &id(&batch)).await;
    until_there_are(&world, 60, BEGUN).await;
    another_is_done(&gateway, "later").await;
    let arrived = eventually("all have arrived", PATIENCE, async || {
        let arrived = arrivals(&world, Api::KICK_LOGIN);
        (arrived.len() == 62).then_some(arrived)
    })
    .await;
    for (user, calls) in arrived {
        assert_eq!(calls, 1, "{user}");
    }
    assert_eq!(world.count(BEGUN).await, 62);
}
