//! How fast the items of a batch are sent, and what clicks beside them feel of it.

use std::sync::Arc;
use std::time::Duration;

use modgate::simulator::{Api, Call};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::stage::{LATENCY, N, Stage, answer, token};
use super::{MOST_MEMORY, percentile, verdict};

/// Clicks of people, all for logins.
const CLICKS_PER_SECOND: u32 = 15;

/// How long people click before there is a batch.
const BEFORE: Duration = Duration::from_secs(12);

/// How long it takes until each replica has what it needs.
const WARMS_UP: Duration = Duration::from_secs(4);

/// The least part of what the permits allow.
const LEAST: f64 = 0.9;

pub(crate) const HEAD: &str = "\
| replicas | logins/s | seats/s | allowed/s | used | click p50, p99 before, ms | beside, ms | memory, MB | kept |
|---|---|---|---|---|---|---|---|---|";

/// Prints a line, and says whether the bounds were kept.
pub(crate) async fn measure(server: &str, replicas: usize, items: usize) -> bool {
    let stage = Stage::new(server, &format!("pace_{replicas}"), replicas).await;
    let stage = Arc::new(stage);
    // Until each replica has its share of the permits.
    clicks(&stage, "first", WARMS_UP).await;
    let mut before = clicks(&stage, "before", BEFORE).await;
    let alice = token(
        "alice",
        &["batch:submit", "action:kick_login", "action:kick_seat"],
    );
    let batch = stage.submit(items, &alice).await;
    let (over, ended) = watch::channel(());
    let (mut beside, ()) = tokio::join!(clicks_until(&stage, "beside", ended), async {
        stage.until_done(&batch, &alice).await;
        drop(over);
    });
    let rates = [Api::KICK_LOGIN, Api::KICK_SEAT].map(|api| rate(&stage.simulator.calls_to(api)));
    report(&stage, rates, &mut before, &mut beside)
}

/// What the permits allow: one makes a call in a second, a millisecond more, and the time that the answer takes.
fn allowed() -> f64 {
    f64::from(N) / (1.001 + LATENCY.as_secs_f64())
}

/// Calls a second, those for clicks too, from the first item to the last.
fn rate(calls: &[Call]) -> f64 {
    let is_item = |call: &&Call| {
        call.user_id
            .as_deref()
            .is_some_and(|user| user.starts_with("item"))
    };
    let mut items = calls.iter().filter(is_item);
    let first = items.next().expect("there are some").arrived;
    let last = items.next_back().expect("there are more").arrived;
    let between = calls
        .iter()
        .filter(|call| (first..=last).contains(&call.arrived));
    let between = u32::try_from(between.count()).expect("fewer than that");
    f64::from(between) / (last - first).as_secs_f64()
}

async fn clicks(stage: &Arc<Stage>, name: &str, lasting: Duration) -> Vec<Duration> {
    let (over, ended) = watch::channel(());
    let (took, ()) = tokio::join!(clicks_until(stage, name, ended), async {
        tokio::time::sleep(lasting).await;
        drop(over);
    });
    took
}

/// Clicks at their own moments, at each replica in turn, until the sender is gone. How long each took.
async fn clicks_until(
    stage: &Arc<Stage>,
    name: &str,
    mut ended: watch::Receiver<()>,
) -> Vec<Duration> {
    let bob = token("bob", &["action:kick_login"]);
    let mut ticks = interval(Duration::from_secs(1) / CLICKS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut clicks, mut number) = (JoinSet::new(), 0);
    loop {
        tokio::select! {
            _ = ended.changed() => break,
            due = ticks.tick() => {
                let (stage, bob, user) = (Arc::clone(stage), bob.clone(), format!("{name}{number}"));
                clicks.spawn(async move { click(&stage, number, due, &bob, &user).await });
                number += 1;
            }
        }
    }
    clicks.join_all().await
}

/// How long it took since it was due.
async fn click(stage: &Stage, replica: usize, due: Instant, token: &str, user: &str) -> Duration {
    let request = stage.request(replica, Method::POST, "/v1/actions/kick_login", token);
    let body = json!({"user_id": user}).to_string();
    answer(request.header(CONTENT_TYPE, "application/json").body(body)).await;
    due.elapsed()
}

fn report(
    stage: &Stage,
    [logins, seats]: [f64; 2],
    before: &mut [Duration],
    beside: &mut [Duration],
) -> bool {
    let used = logins.min(seats) / allowed();
    let [before, beside] = [before, beside].map(|took| [50, 99].map(|part| percentile(took, part)));
    let memory = stage.most_megabytes();
    let kept = used >= LEAST && beside[1] <= 3.0 * before[1] + 50.0 && memory <= MOST_MEMORY;
    println!(
        "| {} | {logins:.1} | {seats:.1} | {:.1} | {:.0} % | {:.1}, {:.1} | {:.1}, {:.1} | {memory} | {} |",
        stage.replicas.len(),
        allowed(),
        used * 100.0,
        before[0],
        before[1],
        beside[0],
        beside[1],
        verdict(kept),
    );
    kept
}
