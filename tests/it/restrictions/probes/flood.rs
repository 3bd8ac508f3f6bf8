//! Mutes, what lifts them, and questions about them: what arrives at Tencent of each API.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modgate::simulator::{Api, Call};
use serde_json::json;
use tokio::time::sleep_until;

use super::{UNMUTE, id, mute, seconds};
use crate::support::app::TestApp;
use crate::support::persona::Answer;
use crate::support::tencent::travelling;
use crate::support::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// `MODGATE_TENCENT_QPS`
const N: usize = 20;

/// Offered in each second.
const OFFERED: u32 = 5 * 20;

const LASTING: u32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_and_its_undo_share_a_limit_and_probes_have_one_of_their_own() {
    let world = World::under_load()
        .await
        .set("MODGATE_MODERATOR_QPS", "1000");
    let world = world.set("MODGATE_QUEUE_TIMEOUT", "4s");
    let app = TestApp::in_world(world.set("MODGATE_TENCENT_QPS", &N.to_string())).await;
    app.simulator.set_latency(travelling());
    let moderators = ["alice", "bob", "carol", "dave", "erin"].map(|name| app.moderator(name));
    let alice = &moderators[0];
    let muted = join_all(
        (0..2 * N)
            .map(async |number| id(&mute(alice, &format!("muted-{number}"), &seconds(600)).await)),
    )
    .await;

    let start = tokio::time::Instant::now();
    let flood = (0..OFFERED * LASTING).map(async |number| {
        sleep_until(start + SECOND * number / OFFERED).await;
        let moderator = &moderators[number as usize % moderators.len()];
        let user = format!("user-{number}");
        if number % 2 == 0 {
            mute(moderator, &user, &seconds(60)).await
        } else {
            moderator.post(UNMUTE, &json!({"user_id": user})).await
        }
    });
    let probes = muted.iter().map(async |id| {
        let path = format!("/v1/actions/{id}/probe");
        alice.post_text(&path, "").await
    });
    let (flood, probes) = tokio::join!(join_all(flood), join_all(probes));
    for answer in flood.iter().chain(&probes) {
        assert!(is_done_or_limited(answer), "{}", answer.text);
    }

    for api in [Api::SETNOSPEAKING, Api::GETNOSPEAKING] {
        let largest = app.simulator.largest_window(api, SECOND);
        assert!(largest <= N, "{largest} calls in one second of {api:?}");
    }
    let (acts, questions) = (
        app.simulator.calls_to(Api::SETNOSPEAKING),
        app.simulator.calls_to(Api::GETNOSPEAKING),
    );
    let lifts = acts.iter().filter(|call| call.body.contains(":0")).count();
    assert!(lifts > 0 && lifts < acts.len(), "{lifts} of {}", acts.len());
    let both: Vec<&Call> = acts.iter().chain(&questions).collect();
    let together = in_one_second(&both);
    assert!(together > N, "{together}: the one takes from the other");
    app.stop().await;
}

fn is_done_or_limited(answer: &Answer) -> bool {
    answer.status == 200 || answer.status == 429 && answer.json()["limit"] == "api"
}

/// The most that arrived in any second.
fn in_one_second(calls: &[&Call]) -> usize {
    let mut arrived: Vec<Instant> = calls.iter().map(|call| call.arrived).collect();
    arrived.sort_unstable();
    let windows = arrived
        .iter()
        .enumerate()
        .map(|(first, from)| arrived[first..].partition_point(|moment| *moment < *from + SECOND));
    windows.max().unwrap_or(0)
}
