//! What nobody has tampered with is intact, whoever wrote it and however they ended.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Evidence, all_sealed, heads, keyed, public_key_of, verdicts};
use super::{OTHER_SEED, SEED};
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::persona::Persona;
use crate::support::process::{Gateway, Log, modgate};
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_key_is_intact_and_unsigned() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    all_sealed(&world).await;
    gateway.kill();
    let heads = TemporaryFile::new(heads(&world.database.url, 1));
    let evidence = Evidence {
        public_key: None,
        heads: Some(heads.path()),
        ..Evidence::default()
    };
    let verdicts = verdicts(&world.database.url, evidence);
    verdicts.assert_intact("without a key");
    for (of, output) in &verdicts.0 {
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("unsigned"), "{of}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seal_key_shows_that_its_gateways_wrote_each_row() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    all_sealed(&world).await;
    gateway.kill();
    let told = |keys: &str| {
        let variables = [
            (
                "MODGATE_DATABASE_URL".to_owned(),
                world.database.url.clone(),
            ),
            ("MODGATE_SEAL_KEY".to_owned(), keys.to_owned()),
        ];
        let output = modgate(&variables.into()).arg("verify").output();
        let output = output.expect("the binary can be run");
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    for keys in [SEED.to_owned(), format!("{OTHER_SEED}\n{SEED}")] {
        let (code, told) = told(&keys);
        assert_eq!(code, Some(0), "{told}");
    }
    let (code, told) = told(OTHER_SEED);
    let wrong = told.matches(": its mac is not of a known key").count();
    assert_eq!((code, wrong), (Some(1), 2), "an action and its end: {told}");
    assert!(told.contains("signed by an unknown key"), "{told}");
}

/// Kicks until the gateway is gone.
async fn keep_kicking(moderator: Persona) {
    while moderator.try_kick_login("bob").await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_three_replicas_wrote_that_were_killed_is_intact() {
    let world = keyed().await.set("MODGATE_MODERATOR_QPS", "1000");
    // So that recovery need not be waited for longer.
    let world = world
        .set("MODGATE_ACTION_DEADLINE", "2s")
        .set("MODGATE_TENCENT_TIMEOUT", "2s");
    let (mut replicas, mut moderators, mut logs) = (Vec::new(), JoinSet::new(), Vec::new());
    for number in 0..6_usize {
        let gateway = Gateway::start(&world.variables).await.ready().await;
        logs.push(gateway.log());
        moderators.spawn(keep_kicking(
            gateway.moderator(&format!("moderator-{number}")),
        ));
        replicas.push(gateway);
        if replicas.len() < 3 {
            continue;
        }
        // The oldest of three is killed in the middle of its work; three times, and another takes its place.
        let counted = "select count(*) from audit.seal";
        let before = world.count(counted).await;
        eventually("two seals more", Duration::from_secs(30), async || {
            (world.count(counted).await >= before + 2).then_some(())
        })
        .await;
        replicas.remove(0).kill();
    }
    let last = replicas.pop().expect("two are left");
    replicas.into_iter().for_each(Gateway::kill);
    moderators.abort_all();
    all_sealed(&world).await;
    last.kill();

    let logs = logs.iter().flat_map(Log::lines);
    let logs = TemporaryFile::new(logs.collect::<Vec<_>>().join("\n"));
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        heads: Some(logs.path()),
        ..Evidence::default()
    };
    let actions = world.count("select count(*) from audit.action").await;
    assert!(actions > 50, "there was something to do: {actions}");
    verdicts(&world.database.url, evidence).assert_intact("after kill -9");
}
