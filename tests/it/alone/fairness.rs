//! One moderator's flood is that moderator's own.

use std::time::Duration;

use crate::replicas::{DONE, REFUSED, Replicas, assert_only, crowd, measured, outcome};
use crate::support::open_loop::Asked;
use crate::support::world::World;

const CLICKING: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
/// Four clicks a second of each: together half of the limit.
const CLICKS: u32 = 20;
/// Three times the limit.
const FLOOD: u32 = 120;
/// Calm and flood take turns, so that what else the machine does is in both. Two rounds give a
/// hundredth of 200 clicks each.
const ROUNDS: u32 = 2;
const ROUND: Duration = Duration::from_secs(5);
/// `MODGATE_QUEUE_TIMEOUT`, as it is by default.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long 99 of 100 clicks waited at most.
fn p99(clicks: &[Asked]) -> Duration {
    let mut waited: Vec<Duration> = clicks.iter().map(|click| click.waited).collect();
    waited.sort_unstable();
    waited[(waited.len() * 99).div_ceil(100) - 1]
}

async fn assert_a_flood_is_not_felt_by_others(count: usize) {
    let mut replicas = Replicas::in_world(World::new().await).await;
    replicas.start(count).await;
    replicas.world.be_alone().await;
    let clicking = crowd(&replicas.gateways, &CLICKING);
    let flooding = crowd(&replicas.gateways, &["mallory"]);
    let (mut calm, mut flooded, mut flood) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (name, lasting) = (format!("calm{round}-"), ROUND);
        calm.extend(clicking.clone().offer(&name, CLICKS, lasting).await);
        let load = flooding.start(&format!("flood{round}-"), FLOOD, ROUND * 2);
        let name = format!("flooded{round}-");
        flooded.extend(clicking.clone().offer(&name, CLICKS, lasting).await);
        flood.extend(load.stop().await);
    }
    assert_only(&flood, &[DONE, REFUSED]);
    let refused = |asked: &Asked| outcome(asked) == REFUSED;
    assert!(flood.iter().any(refused), "that was no flood");
    assert_only(calm.iter().chain(&flooded), &[DONE]);
    let (before, during) = (p99(&calm), p99(&flooded));
    measured(&format!(
        "99 of 100 clicks are answered within {before:?}, in a flood within {during:?}"
    ));
    assert!(
        during <= before * 3 + Duration::from_millis(50),
        "{during:?} in a flood, {before:?} without"
    );
    replicas.assert_the_limit_and_the_record().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_moderator_does_not_delay_the_clicks_of_another() {
    let mut replicas = Replicas::in_world(World::new().await).await;
    replicas.start(1).await;
    replicas.world.be_alone().await;
    let lasting = Duration::from_secs(5);
    let (flood, clicks) = tokio::join!(
        crowd(&replicas.gateways, &["mallory"]).offer("flooded", 300, lasting),
        crowd(&replicas.gateways, &["alice"]).offer("clicked", 2, lasting)
    );
    assert!(
        flood.iter().any(|asked| outcome(asked) == REFUSED),
        "that was no flood"
    );
    assert_only(&clicks, &[DONE]);
    for click in clicks {
        let waited = click.waited;
        assert!(
            waited < QUEUE_TIMEOUT,
            "{} waited {waited:?}",
            click.user_id
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_does_not_let_a_flood_delay_the_clicks_of_others() {
    assert_a_flood_is_not_felt_by_others(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_do_not_let_a_flood_delay_the_clicks_of_others() {
    assert_a_flood_is_not_felt_by_others(3).await;
}
