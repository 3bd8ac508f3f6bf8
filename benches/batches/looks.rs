//! What looks at a large batch cost while it runs, and what memory it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::stage::{Stage, answer, token};
use super::{MOST_MEMORY, percentile, verdict};

/// People who look.
const PEOPLE: usize = 10;

/// How often each does.
const EACH: Duration = Duration::from_millis(200);

pub(crate) const HEAD: &str = "\
| items | looks | action p50, p99, ms | batch p50, p99, ms | memory, MB | kept |
|---|---|---|---|---|---|";

/// What was looked at, and how long it took.
#[derive(Default)]
struct Took {
    actions: Vec<Duration>,
    batch: Vec<Duration>,
}

/// Prints a line, and says whether the bounds were kept.
pub(crate) async fn measure(server: &str, items: usize) -> bool {
    let stage = Arc::new(Stage::new(server, "looks", 1).await);
    let alice = token(
        "alice",
        &["batch:submit", "action:kick_login", "action:kick_seat"],
    );
    let batch = stage.submit(items, &alice).await;
    let actions = some_actions(&stage, &batch, &alice).await;
    let (over, ended) = watch::channel(());
    let mut people = JoinSet::new();
    for person in 0..PEOPLE {
        let (stage, batch, ended) = (Arc::clone(&stage), batch.clone(), ended.clone());
        let action = actions[person * actions.len() / PEOPLE].clone();
        people.spawn(async move { look(&stage, person, &batch, &action, ended).await });
    }
    stage.until_done(&batch, &alice).await;
    drop(over);
    let mut all = Took::default();
    for took in people.join_all().await {
        all.actions.extend(took.actions);
        all.batch.extend(took.batch);
    }
    report(items, &mut all, stage.most_megabytes())
}

/// The ids of its first actions, once there are some.
async fn some_actions(stage: &Stage, batch: &str, token: &str) -> Vec<String> {
    loop {
        let path = format!("/v1/actions?batch_id={batch}&limit=200");
        let page = answer(stage.request(0, Method::GET, &path, token)).await;
        let ids = page["items"].as_array().expect("a list").iter();
        let ids = ids.filter_map(|action: &Value| action["id"].as_str().map(str::to_owned));
        let ids: Vec<String> = ids.collect();
        if ids.len() >= PEOPLE {
            return ids;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Somebody looks at the batch and at an action in turn, until the sender is gone.
async fn look(
    stage: &Stage,
    person: usize,
    batch: &str,
    action: &str,
    mut ended: watch::Receiver<()>,
) -> Took {
    let token = token(&format!("auditor{person}"), &["audit:read"]);
    let (batch, action) = (
        format!("/v1/batches/{batch}"),
        format!("/v1/actions/{action}"),
    );
    let mut ticks = interval(EACH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut took = Took::default();
    loop {
        tokio::select! {
            _ = ended.changed() => return took,
            _ = ticks.tick() => {}
        }
        for (path, took) in [(&action, &mut took.actions), (&batch, &mut took.batch)] {
            let since = Instant::now();
            answer(stage.request(0, Method::GET, path, &token)).await;
            took.push(since.elapsed());
        }
    }
}

fn report(items: usize, took: &mut Took, memory: u64) -> bool {
    let looks = took.batch.len();
    let [actions, batch] = [&mut took.actions, &mut took.batch]
        .map(|took| [50, 99].map(|part| percentile(took, part)));
    let kept = batch[1] <= 3.0 * actions[1] + 20.0 && memory <= MOST_MEMORY;
    println!(
        "| {items} | {looks} | {:.1}, {:.1} | {:.1}, {:.1} | {memory} | {} |",
        actions[0],
        actions[1],
        batch[0],
        batch[1],
        verdict(kept),
    );
    kept
}
