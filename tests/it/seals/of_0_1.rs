//! A record that modgate 0.1 (commit 877c5e3) made: `data/record_0_1.*` is what it wrote, restored once into another
//! database, and what its own `pg_dump`, `modgate export` and `modgate seals` gave.

use std::time::Duration;

use super::broken::{accept_break, decision};
use super::forge::{Signer, first_seal_of_format};
use super::restored::load;
use super::{Evidence, SEED, all_sealed, finding, keyed, public_key_of, verdicts};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, modgate};
use crate::support::world::{World, migrate};
use crate::verifier;

fn data(name: &str) -> String {
    format!(
        "{}/tests/it/data/record_0_1.{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_0_1_is_intact_after_the_migration_and_goes_on() {
    let world = load(World::new().await, &data("sql")).await;
    migrate(&world.database.url).await;
    let (key, heads) = (public_key_of(SEED), data("heads"));
    let evidence = Evidence {
        public_key: Some(key.path()),
        heads: Some(&heads),
        ..Evidence::default()
    };
    let url = &world.database.url;
    verdicts(url, evidence).assert_intact("migrated");
    // Its sealer went on for no recorded reason after the restore.
    let since = Evidence {
        proven_since: Some("2026-11-29T00:00:00Z"),
        ..evidence
    };
    verdicts(url, since).assert_at_least_found("since", &[finding("seal 4", "begins an epoch")]);

    let gateway = Gateway::start(&world.variables).await.ready().await;
    let log = gateway.log();
    let said = eventually(
        "it was restored here",
        Duration::from_secs(20),
        async || log.events("chain_broken").pop(),
    );
    said.await;
    let accepted = decision(&accept_break(&world, Some(&heads)));
    assert_eq!(
        gateway.moderator("alice").kick_login("four").await.status,
        200
    );
    all_sealed(&world).await;
    gateway.kill();
    verdicts(url, evidence).assert_decided(&accepted);
    let known = Evidence {
        accepted: Some(&accepted),
        ..evidence
    };
    verdicts(url, known).assert_intact("gone on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_0_1_is_still_checked() {
    let (key, heads, export) = (public_key_of(SEED), data("heads"), data("ndjson"));
    let variables = [(
        "MODGATE_SEAL_PUBLIC_KEY_FILE".to_owned(),
        key.path().to_owned(),
    )];
    let mut command = modgate(&variables.into());
    let arguments = ["verify", "--from", &export, "--seal-file", &heads];
    let output = command
        .args(arguments)
        .output()
        .expect("the binary can be run");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let arguments = [&export, "--public-key", key.path(), "--seal-file", &heads];
    let output = verifier::verify(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_format_1_goes_on_in_the_same_epoch_in_its_own_cluster() {
    let world = keyed().await;
    let now = chrono::Utc::now().timestamp_micros();
    let signer = Signer::new(SEED);
    first_seal_of_format(&mut world.sql().await, now, &signer, 1).await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("one").await.status,
        200
    );
    all_sealed(&world).await;
    gateway.kill();
    let formats = "select count(distinct format) * 10 + count(distinct epoch) from audit.seal";
    assert_eq!(world.count(formats).await, 21);
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    verdicts(&world.database.url, evidence).assert_intact("from format 1 to 3");
}
