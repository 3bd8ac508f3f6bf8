//! People come first, and batches share what they leave.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modgate::simulator::{Api, Latency};
use serde_json::Value;

use super::checks::BEGUN;
use super::{count, done, keyed, kicks, look, of, submitted, submitter, until_count, until_state};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;

/// An API with so few permits that a batch uses all of them: one comes back each 100 ms.
async fn with_few_permits() -> TestApp {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "10");
    let short = Duration::from_millis(5)..=Duration::from_millis(5);
    world.simulator.set_latency(Latency {
        before: short.clone(),
        after: short,
    });
    TestApp::in_world(world).await
}

/// A batch of login kicks that runs, and is longer than the test.
async fn a_long_batch(app: &TestApp, subject: &str) -> (Persona, Value) {
    let who = submitter(app.addr, subject);
    let batch = submitted(&who, &of(kicks(subject, 400))).await;
    // By then the permits of the start are used up.
    until_count(&who, &batch, "succeeded", 15).await;
    (who, batch)
}

async fn cancelled(who: &Persona, batch: &Value) {
    done(who, batch, "cancel").await;
    until_state(who, batch, "cancelled").await;
}

/// How many login kicks arrived in this time against users whose name begins so.
fn arrived(app: &TestApp, name: &str, since: Instant, until: Instant) -> usize {
    let calls = app.simulator.calls_to(Api::KICK_LOGIN).into_iter();
    let during = calls.filter(|call| (since..until).contains(&call.arrived));
    let users = during.filter_map(|call| call.user_id);
    users.filter(|user| user.starts_with(name)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_beside_a_batch_waits_for_the_next_permit_and_for_nothing_that_stands_in_line() {
    let app = with_few_permits().await;
    let (alice, batch) = a_long_batch(&app, "alice").await;
    let bob = app.moderator("bob");
    let (mut overtaken, clicks) = (0, 8);
    for click in 0..clicks {
        let asked = Instant::now();
        let answer = bob.kick_login(&format!("clicked{click}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let calls = app.simulator.calls_to(Api::KICK_LOGIN);
        let user = format!("clicked{click}");
        let its = calls
            .iter()
            .find(|call| call.user_id.as_ref() == Some(&user));
        let its = its.expect("it was kicked").arrived;
        overtaken += arrived(&app, "alice", asked, its);
    }
    // Those that had a permit already. Twenty, or more, are picked and wait.
    assert!(
        overtaken <= 2 * clicks,
        "{overtaken} items before {clicks} clicks"
    );
    assert_eq!(look(&alice, &batch).await["state"], "running");
    cancelled(&alice, &batch).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_long_as_anybody_waits_no_item_gets_a_permit() {
    let app = with_few_permits().await;
    let (alice, batch) = a_long_batch(&app, "alice").await;
    let bob = app.moderator("bob");
    let since = Instant::now();
    let clicking = async |number: usize| {
        for click in 0..4 {
            let answer = bob.kick_login(&format!("clicked{number}-{click}")).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        Instant::now()
    };
    // At each moment but the last some of them wait. They are one line: by turns, an item would get each second permit.
    let ended = join_all((0..6).map(clicking)).await;
    let until = *ended.iter().min().expect("there are six");
    let (clicks, items) = (
        arrived(&app, "clicked", since, until),
        arrived(&app, "alice", since, until),
    );
    assert!(clicks >= 15, "{clicks} clicks");
    assert!(items <= 4, "{items} items beside {clicks} clicks");
    // Then the batch goes on.
    let seen = look(&alice, &batch).await;
    until_count(&alice, &batch, "succeeded", count(&seen, "succeeded") + 5).await;
    cancelled(&alice, &batch).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_are_told_is_left_does_not_count_what_a_batch_uses() {
    let app = with_few_permits().await;
    let (alice, batch) = a_long_batch(&app, "alice").await;
    let bob = app.moderator("bob");
    for click in 0..3 {
        let answer = bob.kick_login("clicked").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let left = answer.left();
        assert_eq!(left.policy, "kick_login", "{left:?}");
        // Of ten, all of which the items use.
        assert!(left.remaining >= 5, "{left:?} after {} clicks", click + 1);
    }
    // Nobody is sent away for what stands in line: there are hundreds, which would take half a minute.
    let at_once = join_all((0..12).map(|_| bob.kick_login("clicked"))).await;
    for answer in at_once {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(look(&alice, &batch).await["state"], "running");
    cancelled(&alice, &batch).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_take_turns_by_moderator_however_many_each_has() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "40");
    let app = TestApp::in_world(world).await;
    let [alice, bob] = ["alice", "bob"].map(|subject| submitter(app.addr, subject));
    let hers = [
        submitted(&alice, &of(kicks("a", 300))).await,
        submitted(&alice, &of(kicks("b", 300))).await,
    ];
    let his = submitted(&bob, &of(kicks("c", 300))).await;
    eventually("all three run", Duration::from_secs(20), async || {
        let mut seen = Vec::new();
        for (who, batch) in [(&alice, &hers[0]), (&alice, &hers[1]), (&bob, &his)] {
            seen.push(count(&look(who, batch).await, "succeeded") > 0);
        }
        seen.into_iter().all(|runs| runs).then_some(())
    })
    .await;
    let (since, begun) = (Instant::now(), app.count(BEGUN).await);
    eventually(
        "they run for a while",
        Duration::from_secs(20),
        async || (app.count(BEGUN).await >= begun + 120).then_some(()),
    )
    .await;
    let until = Instant::now();
    let [a, b, c] = ["a", "b", "c"].map(|name| arrived(&app, name, since, until));
    let all = a + b + c;
    assert!(all >= 100, "{all}");
    // By batch he would have a third.
    assert!(
        c * 100 >= all * 42 && c * 100 <= all * 58,
        "{a} and {b}, {c}"
    );
    assert!(
        a * 100 >= all * 15 && b * 100 >= all * 15,
        "{a} and {b}, {c}"
    );
    for (who, batch) in [(&alice, &hers[0]), (&alice, &hers[1]), (&bob, &his)] {
        cancelled(who, batch).await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_batch_of_a_moderator_waits_until_another_has_ended() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "20");
    let app = TestApp::in_world(world).await;
    let [alice, bob] = ["alice", "bob"].map(|subject| submitter(app.addr, subject));
    let first = submitted(&alice, &of(kicks("a", 200))).await;
    let second = submitted(&alice, &of(kicks("b", 200))).await;
    let third = submitted(&alice, &of(kicks("c", 2))).await;
    for batch in [&first, &second] {
        until_state(&alice, batch, "running").await;
    }
    let of_another = submitted(&bob, &of(kicks("d", 2))).await;
    until_state(&bob, &of_another, "done").await;
    let waiting = look(&alice, &third).await;
    assert_eq!(
        (&waiting["state"], &waiting["started_at"]),
        (&"queued".into(), &Value::Null)
    );
    cancelled(&alice, &first).await;
    until_state(&alice, &third, "done").await;
    assert_eq!(look(&alice, &second).await["state"], "running");
    cancelled(&alice, &second).await;
    app.stop().await;
}
