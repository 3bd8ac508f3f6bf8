//! What one moderator may ask for within an hour, over all replicas.

use std::time::Duration;

use chrono::Utc;
use futures_util::future::join_all;
use modgate::simulator::{Fault, FaultKind};
use serde_json::json;

use crate::record::id_of;
use crate::seals::genuine::Genuine;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Answer;
use crate::support::process::Gateway;
use crate::support::world::{ISSUER, World};

const ASKED: &str =
    "select count(*) from audit.action where tencent_random is not null and moderator = 'alice'";

/// Connections for begins that a replica has of its 16.
const BEGINS_AT_ONCE: i64 = 8;

fn assert_full(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (429, "rate-limited"),
        "{}",
        answer.text
    );
    assert_eq!(answer.json()["limit"], "moderator_hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_requests_at_three_replicas_exceed_it_by_no_more_than_was_beginning() {
    let world = World::under_load().await;
    let world = world
        .set("MODGATE_MODERATOR_QPS", "1000")
        .set("MODGATE_MODERATOR_HOURLY", "15");
    let replicas = (0..3).map(|_| Gateway::start(&world.variables));
    let replicas = join_all(replicas).await.into_iter().map(Gateway::ready);
    let replicas = join_all(replicas).await;
    let alices = replicas.iter().map(|replica| replica.moderator("alice"));
    let alices: Vec<_> = alices.collect();
    let at_once = (0..90).map(async |number: usize| {
        let user = format!("user{number}");
        alices[number % 3].kick_login(&user).await
    });
    let answers = join_all(at_once).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    let done = i64::try_from(done).expect("few");
    assert_eq!(world.count(ASKED).await, done);
    assert!((15..=15 + 3 * BEGINS_AT_ONCE).contains(&done), "{done}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_full(answer);
    }
    for replica in &replicas {
        let answer = replica.moderator("alice").kick_login("user").await;
        assert_full(&answer);
        let wait: u64 = answer
            .header("retry-after")
            .expect("one")
            .parse()
            .expect("seconds");
        assert!((3500..=3660).contains(&wait), "{wait}");
        assert_eq!(
            replica.moderator("bob").kick_login("user").await.status,
            200
        );
    }
    assert_eq!(world.count(ASKED).await, done);
    world.assert_the_record_is_whole().await;
}

/// Waits for the next minute if this one is almost over: what is counted changes with it.
async fn early_in_a_minute() {
    eventually("a minute has begun", Duration::from_secs(30), async || {
        (Utc::now().timestamp() % 60 < 40).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_an_hour_ago_denied_or_replayed_does_not_count() {
    let world = World::new().await.set("MODGATE_MODERATOR_HOURLY", "4");
    let app = TestApp::in_world(world).await;
    let mut sql = app.sql().await;
    sqlx::query("select audit.ensure_partitions(now() - interval '2 hours')")
        .execute(&mut sql)
        .await
        .expect("a month");
    early_in_a_minute().await;
    // In the minutes that began 60 and 61 minutes before this one.
    let into_this_minute = u64::try_from(Utc::now().timestamp() % 60).expect("after 1970");
    for (minutes, times) in [(61, 2), (60, 3)] {
        for _ in 0..times {
            let id = id_of(Duration::from_secs(minutes * 60 + into_this_minute - 1));
            let row = Genuine::action(id).with("issuer", json!(ISSUER));
            let row = row.with("deadline_ms", json!(1));
            row.of_the_past(id).insert(&mut sql).await;
        }
    }
    let alice = app.moderator("alice");
    for _ in 0..3 {
        let keyed = alice.try_kick_login_keyed("key", "user").await;
        assert_eq!(keyed.expect("it is answered").status, 200);
        let protected = alice.kick_login("administrator").await;
        assert_eq!(protected.problem(), "protected-target");
    }
    let refused = alice.kick_seat("room", "user", "").await;
    assert_full(&refused);
    // When this minute is over.
    let wait: u64 = refused
        .header("retry-after")
        .expect("one")
        .parse()
        .expect("seconds");
    assert!(wait <= 60, "{wait}");
    let counts = "select sum(total)::bigint from modgate.moderator_hour where moderator = 'alice'";
    assert_eq!(app.count(counts).await, 4, "three of the hour, and hers");
    // A key that was not used stays free, and what was refused has left nothing.
    let other = async || alice.try_kick_login_keyed("other", "user").await;
    assert_full(&other().await.expect("it is answered"));
    assert_eq!(app.moderator("bob").kick_login("user").await.status, 200);
    let an_hour =
        "update modgate.moderator_hour set minute = minute - 61 where moderator = 'alice'";
    app.execute(an_hour).await;
    assert_eq!(other().await.expect("it is answered").status, 200);
    app.shut_down().await;
}

/// What the functions count must be what a list of all times says, whatever the minutes between.
#[tokio::test(flavor = "multi_thread")]
async fn minutes_are_counted_as_a_list_of_them_would_be() {
    let world = World::new().await;
    early_in_a_minute().await;
    let mut sql = world.sql().await;
    for (gap, expected) in [
        (0, 3),
        (1, 3),
        (59, 3),
        (60, 3),
        (61, 1),
        (62, 1),
        (200, 1),
        (-1, 3),
        (-5, 1),
    ] {
        sqlx::raw_sql(
            "delete from modgate.moderator_hour; select modgate.hourly_limit_wait('i', 'm', 9);
             select modgate.count_action('i', 'm'); select modgate.count_action('i', 'm')",
        )
        .execute(&mut sql)
        .await
        .expect("it counts");
        // As if that many minutes had passed: each count keeps its minute.
        let passed = sqlx::query(
            "update modgate.moderator_hour
             set minute = minute - $1,
                 counts = (select array_agg(counts[(place + $1 + 61) % 61 + 1] order by place)
                           from generate_series(0, 60) as place)",
        );
        passed
            .bind(gap)
            .execute(&mut sql)
            .await
            .expect("it is there");
        let waits = "select modgate.hourly_limit_wait('i', 'm', 9) is not null";
        let waits_now = sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut sql);
        assert!(!waits_now.await.expect("it is known"));
        let count = "select modgate.count_action('i', 'm')";
        sqlx::query(count)
            .execute(&mut sql)
            .await
            .expect("it counts");
        let waits = "select modgate.hourly_limit_wait('i', 'm', $1) is not null";
        for (at_most, is_full) in [(expected, true), (expected + 1, false)] {
            let waits = sqlx::query_scalar::<_, bool>(waits).bind(at_most);
            let waits = waits.fetch_one(&mut sql).await.expect("it is known");
            assert_eq!(waits, is_full, "{gap} minutes later, {at_most}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_over_it_takes_no_trial_of_a_suspended_api() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    let app = TestApp::in_world(world.set("MODGATE_MODERATOR_HOURLY", "10")).await;
    let [alice, bob] = ["alice", "bob"].map(|subject| app.moderator(subject));
    let away = FaultKind::ErrorCode {
        code: 91000,
        info: None,
    };
    app.simulator.fail(Fault::next(away).for_ever());
    for _ in 0..10 {
        assert_eq!(alice.kick_login("user").await.status, 504);
    }
    assert_eq!(
        alice.kick_login("user").await.problem(),
        "tencent-unavailable"
    );
    app.simulator.clear_faults();
    // Whoever gets the trial finds out; she would get it first, and may not call.
    eventually(
        "it is there for others",
        Duration::from_secs(20),
        async || {
            let hers = alice.kick_login("user").await;
            if hers.problem() != "rate-limited" {
                return None;
            }
            (bob.kick_login("user").await.status == 200).then_some(())
        },
    )
    .await;
    app.stop().await;
}
