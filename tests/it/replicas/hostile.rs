//! Replicas are killed, stopped and restarted, and so is Postgres, all under load: the limit holds,
//! and its full use comes back.

use std::sync::Arc;
use std::time::Duration;

use modgate::simulator::Api;
use tokio::time::{Instant, sleep};

use super::{
    DONE, GONE, MODERATORS, PATIENCE, REFUSED, Replicas, SECOND, WARM_UP, assert_only,
    impatient_crowd, measured, outcome,
};
use crate::support::open_loop::{Asked, Crowd, Load};
use crate::support::process::Gateway;
use crate::support::world::World;

/// More than the limit, also when a third of it meets closed doors.
const OFFERED: u32 = 120;
/// The share of a dead replica is free after its lease, an attempt and its grace: 12 s.
const BACK_WITHIN: Duration = Duration::from_secs(20);
/// A lease lives that long, and is renewed every second: then nobody has a permit, and knows why.
const NOTICED: Duration = Duration::from_secs(6);
const RECORD_AWAY: &str = "503 audit-unavailable";

/// Three replicas, or as many as it says, at their full rate.
struct Scene {
    replicas: Replicas,
    crowd: Arc<Crowd>,
    load: Load,
    before: f64,
}

impl Scene {
    async fn of(world: World) -> Self {
        Self::with_patience(world, PATIENCE).await
    }

    async fn with_patience(world: World, patience: Duration) -> Self {
        Self::sized(3, world, patience).await
    }

    async fn sized(count: usize, world: World, patience: Duration) -> Self {
        let mut replicas = Replicas::in_world(world).await;
        replicas.start(count).await;
        let crowd = impatient_crowd(&replicas.gateways, &MODERATORS, patience);
        let load = crowd.start("user", OFFERED, SECOND * 180);
        let before = replicas.rate(Instant::now() + WARM_UP, SECOND * 5).await;
        Self {
            replicas,
            crowd,
            load,
            before,
        }
    }

    /// A new process takes the place of one that is gone.
    async fn restart(&mut self, door: usize) {
        let successor = Gateway::start(&self.replicas.world.variables).await;
        self.crowd.moved(door, successor.addr);
        self.replicas.gateways.insert(door, successor);
    }

    async fn full_rate_is_back(&self) {
        let (tencent, rate) = (&self.replicas.tencent, 0.85 * self.before);
        let took = tencent.reaches(rate, Api::KICK_LOGIN, BACK_WITHIN).await;
        measured(&format!(
            "{:.1} calls a second; back after {took:?}",
            self.before
        ));
    }

    async fn end(self) -> (Vec<Asked>, Replicas) {
        let asked = self.load.stop().await;
        self.replicas.assert_the_limit_and_the_record().await;
        (asked, self.replicas)
    }
}

fn split(asked: &[Asked], door: usize) -> (Vec<&Asked>, Vec<&Asked>) {
    asked.iter().partition(|asked| asked.door == door)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_neither_adds_calls_nor_keeps_its_share() {
    let mut scene = Scene::of(World::under_load().await).await;
    scene.replicas.gateways.remove(1).kill();
    scene.restart(1).await;
    let restarted = Instant::now();
    scene.full_rate_is_back().await;
    let (asked, _replicas) = scene.end().await;
    let (killed, others) = split(&asked, 1);
    assert_only(others, &[DONE, REFUSED]);
    assert_only(killed.iter().copied(), &[DONE, REFUSED, GONE]);
    let of_successor = killed.into_iter().filter(|asked| asked.at > restarted);
    assert_only(of_successor, &[DONE, REFUSED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_replica_that_goes_on_sends_nothing_that_others_may_send_by_then() {
    // So that its share is free for the others, after 5 s, an attempt and 2 s, before it goes on.
    let world = World::under_load()
        .await
        .set("MODGATE_TENCENT_TIMEOUT", "2s");
    // Those who ask it are not to use up the connections that this process may have.
    let scene = Scene::with_patience(world, SECOND * 3).await;
    scene.replicas.gateways[1].signal("STOP");
    sleep(SECOND * 12).await;
    scene.replicas.gateways[1].signal("CONT");
    scene.full_rate_is_back().await;
    let (asked, _replicas) = scene.end().await;
    let (stopped, others) = split(&asked, 1);
    assert_only(others, &[DONE, REFUSED]);
    // Its attempts and commits may have timed out with it.
    let late = ["504 outcome-unknown", RECORD_AWAY];
    assert_only(stopped, &[DONE, REFUSED, GONE, late[0], late[1]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_passes_no_limit_and_loses_no_outcome() {
    let mut scene = Scene::of(World::under_load().await).await;
    for door in 0..3 {
        let leaving = scene.replicas.gateways.remove(door);
        leaving.signal("TERM");
        let status = leaving.exit(BACK_WITHIN).await;
        assert_eq!(status.code(), Some(0));
        scene.restart(door).await;
        let gateway = scene.replicas.gateways.remove(door).ready().await;
        scene.replicas.gateways.insert(door, gateway);
    }
    scene.full_rate_is_back().await;
    let (asked, replicas) = scene.end().await;
    assert_only(&asked, &[DONE, REFUSED, GONE, "503 shutting-down"]);
    let lost = "select count(*) from audit.actions where state in ('pending', 'unknown')";
    assert_eq!(replicas.world.count(lost).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_stop_and_start_in_turn_and_together_pass_no_limit() {
    let mut scene = Scene::sized(2, World::under_load().await, PATIENCE).await;
    for door in [0, 1, 0, 1] {
        let leaving = scene.replicas.gateways.remove(door);
        leaving.signal("TERM");
        assert_eq!(leaving.exit(BACK_WITHIN).await.code(), Some(0));
        scene.restart(door).await;
    }
    for _ in 0..3 {
        let leaving = std::mem::take(&mut scene.replicas.gateways);
        for gateway in &leaving {
            gateway.signal("TERM");
        }
        for gateway in leaving {
            assert_eq!(gateway.exit(BACK_WITHIN).await.code(), Some(0));
        }
        // Nothing is under way any more: they begin at once, or when the last permit has rested.
        for door in 0..2 {
            scene.restart(door).await;
        }
        sleep(SECOND).await;
    }
    scene.full_rate_is_back().await;
    let (asked, replicas) = scene.end().await;
    assert_only(&asked, &[DONE, REFUSED, GONE, "503 shutting-down"]);
    let lost = "select count(*) from audit.actions where state in ('pending', 'unknown')";
    assert_eq!(replicas.world.count(lost).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_postgres_is_told_as_what_it_is_and_passes_no_limit() {
    let scene = Scene::of(World::under_load_with_its_own_postgres().await).await;
    let cluster = scene.replicas.world.cluster.as_ref();
    let cluster = cluster.expect("it has its own");
    cluster.stop_fast().await;
    let stopped = Instant::now();
    sleep(SECOND * 10).await;
    let started = Instant::now();
    cluster.start().await;
    scene.full_rate_is_back().await;
    let (asked, _replicas) = scene.end().await;
    assert_only(&asked, &[DONE, REFUSED, RECORD_AWAY]);
    let meanwhile: Vec<&Asked> = asked
        .iter()
        .filter(|asked| asked.at > stopped + NOTICED && asked.at + asked.waited < started)
        .collect();
    assert!(meanwhile.iter().any(|asked| outcome(asked) == RECORD_AWAY));
    assert_only(meanwhile, &[RECORD_AWAY]);
}
