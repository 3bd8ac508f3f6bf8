//! The limit follows the demand.

use tokio::time::Instant;

use super::{
    DONE, MODERATORS, N, REFUSED, Replicas, SECOND, WARM_UP, assert_only, crowd, measured,
};
use crate::support::eventually::eventually;
use crate::support::world::World;

/// How many permits an idle replica keeps for its first clicks.
const KEPT: u32 = 5;
/// What one replica is offered: more than the limit.
const OFFERED: u32 = 80;

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_replica_has_the_whole_limit_soon_after_the_others_are_idle() {
    let mut replicas = Replicas::in_world(World::under_load().await).await;
    replicas.start(1).await;
    let busy = crowd(&replicas.gateways, &MODERATORS);
    let load = busy.start("alone", OFFERED, SECOND * 60);
    let alone = replicas.rate(Instant::now() + WARM_UP, SECOND * 8).await;
    let mut asked = load.stop().await;

    replicas.start(2).await;
    let load = busy.start("busy", OFFERED, SECOND * 60);
    let others = crowd(&replicas.gateways[1..], &MODERATORS);
    let others = others.start("idle", OFFERED * 2, SECOND * 60);
    let together = replicas.rate(Instant::now() + WARM_UP, SECOND * 3).await;
    // The last of what they had begun has been answered.
    let others = others.stop().await;
    let again = replicas.rate(Instant::now() + SECOND * 5, SECOND * 8).await;
    asked.extend(load.stop().await);
    measured(&format!(
        "{alone:.1} calls a second alone, {together:.1} with the others, {again:.1} after"
    ));
    assert_only(asked.iter().chain(&others), &[DONE, REFUSED]);
    replicas.assert_the_limit_and_the_record().await;
    let left = f64::from(N - 2 * KEPT) / f64::from(N);
    assert!(
        again >= 0.85 * left * alone,
        "{again:.1} calls a second beside idle replicas, {alone:.1} alone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_with_little_to_do_have_equal_shares_and_leave_a_quarter_to_others() {
    let mut replicas = Replicas::in_world(World::under_load().await).await;
    replicas.start(2).await;
    for gateway in &replicas.gateways {
        let kicked = gateway.moderator("alice").kick_login("test").await;
        assert_eq!(kicked.status, 200, "{}", kicked.text);
    }
    for gateway in &replicas.gateways {
        let operator = gateway.operator();
        eventually(
            "each has half of what is not left free",
            SECOND * 10,
            async || {
                let shares = (
                    operator.permits("held").await,
                    operator.permits("leased_to_others").await,
                );
                (shares == (15, 15)).then_some(())
            },
        )
        .await;
    }
}
