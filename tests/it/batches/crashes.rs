//! Replicas are killed, stopped and set to a wrong time under a batch, and Postgres crashes: no item is done twice, and
//! none is lost.

use std::process::{Command, Stdio};
use std::time::Duration;

use modgate::simulator::Api;
use serde_json::json;
use sqlx::Connection as _;

use super::checks::{
    BEGUN, ENDED, all_sealed, arrivals, assert_at_most_once, assert_done_or_unknown,
    assert_one_call_each, assert_verified, both, lead, replicas, until_done, until_there_are,
};
use super::{assert_counts, keyed_again, of, submitted, submitter};
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::Gateway;
use crate::support::tencent::travelling;
use crate::support::world::World;

/// As long as a lease that nobody gave up, and what waits for it, may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a crash may leave behind of one replica: what it had under way.
const UNDER_WAY: u64 = 64;

/// Calls travel, so that each crash finds some on their way; and recovery comes soon.
fn crashing(world: World) -> World {
    world.simulator.set_latency(travelling());
    keyed_again(world)
        .set("MODGATE_TENCENT_QPS", "100")
        .set("MODGATE_ACTION_DEADLINE", "2s")
        .set("MODGATE_TENCENT_TIMEOUT", "2s")
}

async fn assert_the_record_is_true(world: &World, replicas: Vec<Gateway>) {
    all_sealed(world).await;
    drop(replicas);
    assert_at_most_once(world).await;
    assert_verified(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_every_replica_is_killed_in_turn_no_item_is_done_twice_and_none_is_lost() {
    let world = crashing(World::under_load().await);
    let mut replicas = replicas(&world, 3).await;
    let batch = of(both("user", 600));
    let batch = submitted(&submitter(replicas[0].addr, "alice"), &batch).await;
    for round in 1..=3 {
        until_there_are(&world, 60 * round, ENDED).await;
        replicas.remove(0).kill();
        replicas.push(Gateway::start(&world.variables).await);
    }
    // None of those that were there when it began is left.
    let ended = until_done(&lead(replicas[0].addr), &batch).await;
    assert_done_or_unknown(&ended, 3 * UNDER_WAY);
    let abandoned = "select count(*) from audit.event where decided_by = 'recovery'";
    assert!(world.count(abandoned).await > 0, "nothing was under way");
    assert_the_record_is_true(&world, replicas).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_replicas_are_killed_at_once_the_next_ones_go_on_where_they_were() {
    let world = crashing(World::under_load().await);
    let first = replicas(&world, 3).await;
    let batch = of(both("user", 300));
    let batch = submitted(&submitter(first[0].addr, "alice"), &batch).await;
    until_there_are(&world, 60, ENDED).await;
    for replica in first {
        replica.kill();
    }
    let replicas = replicas(&world, 2).await;
    let ended = until_done(&lead(replicas[0].addr), &batch).await;
    assert_done_or_unknown(&ended, 3 * UNDER_WAY);
    assert_the_record_is_true(&world, replicas).await;
}

/// Begins of actions that wait for the lock that keeps them from being recorded.
const KEPT_WAITING: &str = "
    select count(*) from pg_locks
     where relation = 'audit.action'::regclass and not granted
       and database = (select oid from pg_database where datname = current_database())";

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_stopped_before_it_began_what_it_had_picked_begins_none_of_it_later() {
    let world = crashing(World::under_load().await);
    let stopped = Gateway::start(&world.variables).await.ready().await;
    let mut sql = world.sql().await;
    let mut lock = sql.begin().await.expect("a transaction");
    sqlx::query("lock table audit.action in exclusive mode")
        .execute(&mut *lock)
        .await
        .expect("the lock");
    let actions = both("user", 200);
    let batch = submitted(&submitter(stopped.addr, "alice"), &of(actions.clone())).await;
    until_there_are(&world, 1, KEPT_WAITING).await;
    stopped.signal("STOP");
    let picked = "select count(*) from modgate.batch_item where picked_until > clock_timestamp()";
    assert!(world.count(picked).await > 0, "it has picked none");
    // Postgres gives up what it was asked, and there is nobody to be told.
    eventually("no begin waits", PATIENCE, async || {
        (world.count(KEPT_WAITING).await == 0).then_some(())
    })
    .await;
    lock.rollback().await.expect("the lock is given up");
    assert_eq!(world.count(BEGUN).await, 0);

    // Longer than any time-out: its lease lapses, and others do all of it.
    let mut others = replicas(&world, 2).await;
    world
        .execute("update modgate.batch_item set picked_until = '-infinity'")
        .await;
    let ended = until_done(&lead(others[0].addr), &batch).await;
    assert_counts(&ended, &[("succeeded", 200)]);
    eventually("its permits are anybody's", PATIENCE, async || {
        let leases = "select count(*) from modgate.permit_lease
                       where api = 'kick_login' and expires_at > clock_timestamp()";
        (world.count(leases).await <= 2).then_some(())
    })
    .await;
    assert_one_call_each(&world, &actions);

    stopped.signal("CONT");
    let operator = stopped.operator();
    eventually("it knows that the batch is done", PATIENCE, async || {
        let running = operator.series(r#"modgate_batches{state="running"}"#).await;
        (running == Some(0)).then_some(())
    })
    .await;
    let bob = stopped.moderator("bob");
    eventually("it works", PATIENCE, async || {
        (bob.kick_login("clicked").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(world.count(BEGUN).await, 200);
    let clicks = arrivals(&world, Api::KICK_LOGIN).remove("clicked");
    assert_eq!(clicks, Some(1));
    assert_eq!(world.simulator.calls().len(), 201);
    others.push(stopped);
    assert_the_record_is_true(&world, others).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_are_stopped_in_the_middle_of_their_work_do_nothing_twice_when_they_go_on() {
    let world = crashing(World::under_load().await);
    let replicas = replicas(&world, 3).await;
    let batch = of(both("user", 300));
    let batch = submitted(&submitter(replicas[0].addr, "alice"), &batch).await;
    until_there_are(&world, 40, ENDED).await;
    for replica in &replicas[..2] {
        replica.signal("STOP");
    }
    // What they had picked is anybody's, as if their time were over.
    world
        .execute("update modgate.batch_item set picked_until = '-infinity' where not is_over")
        .await;
    // The third does the rest, and finds out that nobody knows what became of what they had begun.
    let lead = lead(replicas[2].addr);
    let ended = until_done(&lead, &batch).await;
    assert_done_or_unknown(&ended, 2 * UNDER_WAY);
    let begun = world.count(BEGUN).await;
    for replica in &replicas[..2] {
        replica.signal("CONT");
        let operator = replica.operator();
        eventually("it knows that the batch is done", PATIENCE, async || {
            let running = operator.series(r#"modgate_batches{state="running"}"#).await;
            (running == Some(0)).then_some(())
        })
        .await;
    }
    let bobs = replicas.iter().map(|replica| replica.moderator("bob"));
    for (number, bob) in bobs.enumerate() {
        let user = format!("clicked{number}");
        eventually("it works", PATIENCE, async || {
            (bob.kick_login(&user).await.status == 200).then_some(())
        })
        .await;
    }
    assert_eq!(world.count(BEGUN).await, begun);
    // The truth about what they had begun may have come to light since.
    assert_done_or_unknown(&super::look(&lead, &batch).await, 2 * UNDER_WAY);
    assert_the_record_is_true(&world, replicas).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_and_restarts_of_postgres_under_a_batch_lose_and_repeat_nothing() {
    let world = crashing(World::under_load_with_its_own_postgres().await);
    let replicas = replicas(&world, 3).await;
    let cluster = world.cluster.as_ref().expect("it has its own");
    let batch = of(both("user", 400));
    let batch = submitted(&submitter(replicas[0].addr, "alice"), &batch).await;
    until_there_are(&world, 60, ENDED).await;
    cluster.stop_immediate().await;
    cluster.start().await;
    until_there_are(&world, 180, ENDED).await;
    cluster.stop_fast().await;
    cluster.start().await;
    let ended = until_done(&lead(replicas[0].addr), &batch).await;
    assert_done_or_unknown(&ended, 6 * UNDER_WAY);
    assert_the_record_is_true(&world, replicas).await;
}

/// A library that sets the clock of a process so many seconds ahead: of all clocks that one alone.
fn clock_ahead(seconds: i32) -> TemporaryFile {
    const CLOCK: &str = "
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <time.h>
        int clock_gettime(clockid_t clock, struct timespec *time) {
            int (*genuine)(clockid_t, struct timespec *) =
                (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, \"clock_gettime\");
            int failed = genuine(clock, time);
            if (!failed && clock == CLOCK_REALTIME) time->tv_sec += AHEAD;
            return failed;
        }";
    let (source, library) = (TemporaryFile::new(CLOCK), TemporaryFile::nowhere());
    // What links these tests.
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-x", "c", source.path()])
        .arg(format!("-DAHEAD=({seconds})"))
        .args(["-o", library.path(), "-ldl"])
        .stdin(Stdio::null())
        .output();
    let compiled = compiled.expect("cc can be run");
    assert!(compiled.status.success(), "{compiled:?}");
    library
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_whose_clocks_are_ten_minutes_off_begin_nothing_and_keep_the_others_from_nothing()
{
    let world = crashing(World::under_load().await);
    let clocks = [clock_ahead(600), clock_ahead(-600)];
    let mut replicas = replicas(&world, 1).await;
    for clock in &clocks {
        let mut variables = world.variables.clone();
        variables.insert("LD_PRELOAD".to_owned(), clock.path().to_owned());
        replicas.push(Gateway::start(&variables).await.ready().await);
    }
    // By the clock that is ahead it has expired before it begins.
    let actions = both("user", 400);
    let mut batch = of(actions.clone());
    batch["expires_in"] = json!(300);
    let batch = submitted(&submitter(replicas[0].addr, "alice"), &batch).await;
    let ended = until_done(&lead(replicas[0].addr), &batch).await;
    assert_counts(&ended, &[("succeeded", 400)]);
    assert_one_call_each(&world, &actions);
    for replica in &replicas[1..] {
        let log = replica.log();
        eventually("it has tried, and says so", PATIENCE, async || {
            log.events("batch_begin_refused").pop()
        })
        .await;
    }
    let instances = "select count(distinct instance) from audit.action where batch_id is not null";
    assert_eq!(world.count(instances).await, 1, "theirs were refused");
    // And so it is with clicks: their clocks are off.
    for replica in &replicas[1..] {
        let clicked = replica.moderator("bob").kick_login("clicked").await;
        assert_eq!(clicked.problem(), "audit-unavailable", "{}", clicked.text);
    }
    assert_eq!(world.simulator.calls().len(), 400);
    assert_the_record_is_true(&world, replicas).await;
}
