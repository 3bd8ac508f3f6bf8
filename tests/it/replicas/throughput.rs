//! Three replicas reach what one reaches, and no more.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{DONE, MODERATORS, REFUSED, Replicas, SECOND, WARM_UP, assert_only, crowd, measured};
use crate::support::world::World;

/// Four times the limit.
const OFFERED: u32 = 160;

/// Offers far more than the limit, with a stall of the network every 6 seconds, and measures what
/// arrives after the warm-up.
async fn rate_under_load(replicas: &Replicas, name: &str, lasting: Duration) -> f64 {
    let start = Instant::now();
    let stalls = async {
        let mut stall = start + SECOND * 7;
        while stall < start + lasting {
            sleep_until(stall).await;
            replicas.tencent.stall(Duration::from_millis(300)).await;
            stall += SECOND * 6;
        }
    };
    let (asked, rate, ()) = tokio::join!(
        crowd(&replicas.gateways, &MODERATORS).offer(name, OFFERED, lasting),
        replicas.rate(start + WARM_UP, lasting.saturating_sub(WARM_UP)),
        stalls
    );
    assert_only(&asked, &[DONE, REFUSED]);
    rate
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_keep_the_limit_of_one_and_reach_its_throughput() {
    let mut replicas = Replicas::in_world(World::under_load().await).await;
    replicas.start(1).await;
    let alone = rate_under_load(&replicas, "alone", SECOND * 15).await;
    replicas.start(2).await;
    let together = rate_under_load(&replicas, "together", SECOND * 18).await;
    measured(&format!(
        "{alone:.1} calls a second of one replica, {together:.1} of three"
    ));
    replicas.assert_the_limit_and_the_record().await;
    assert!(
        together >= 0.9 * alone,
        "{together:.1} calls a second of three replicas, {alone:.1} of one"
    );
}
