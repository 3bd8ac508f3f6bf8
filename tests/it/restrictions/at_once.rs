//! Several moderators, at several replicas, press a button at once.

use std::time::Duration;

use futures_util::future::join_all;
use modgate::simulator::Latency;

use super::{mute, seconds};
use crate::support::app::MODERATOR;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::{World, token};

/// Further apart than what counts as equally long.
const LENGTHS: [u32; 6] = [3600, 60, 1800, 600, 7200, 120];

#[tokio::test(flavor = "multi_thread")]
async fn no_mute_is_begun_that_ends_before_one_that_was_begun_earlier() {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    let replicas = [
        Gateway::start(&world.variables),
        Gateway::start(&world.variables),
    ];
    let replicas = join_all(replicas).await.into_iter().map(Gateway::ready);
    let replicas = join_all(replicas).await;
    let travel = Duration::ZERO..=Duration::from_millis(30);
    world.simulator.set_latency(Latency {
        before: travel.clone(),
        after: travel,
    });
    let (mut done, mut refused) = (0, 0);
    for round in 0..8 {
        let user = format!("user-{round}");
        let at_once = LENGTHS.iter().enumerate().map(async |(number, length)| {
            let at = replicas[number % replicas.len()].addr;
            let who = Persona::new(at, Some(token(&format!("m{number}"), &MODERATOR)));
            mute(&who, &user, &seconds(*length)).await
        });
        for answer in join_all(at_once).await {
            if answer.status == 200 {
                done += 1;
            } else {
                assert_eq!(answer.problem(), "would-shorten", "{}", answer.text);
                refused += 1;
            }
        }
    }
    assert!(done >= 8 && refused > 0, "{done} done, {refused} refused");
    let out_of_order = world
        .count(
            "select count(*) from (
                 select (parameters->>'seconds')::int as seconds,
                        max((parameters->>'seconds')::int) over (
                            partition by user_id order by recorded_at
                            rows between unbounded preceding and 1 preceding) as before
                 from audit.actions where state = 'succeeded') as begun
             where seconds < before",
        )
        .await;
    assert_eq!(out_of_order, 0);
    drop(replicas);
    world.assert_the_record_is_whole().await;
}
