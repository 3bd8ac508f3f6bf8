//! From when on the proof holds, and what is found if it must hold for longer.

use super::broken::{arm, disarm, tamper};
use super::forge::{Signer, first_seal, one_more_seal, reseal};
use super::{Evidence, SEED, all_sealed, finding, keyed, public_key_of, run, verdicts};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, modgate};
use crate::support::world::World;

async fn kick(world: &World, gateway: &Gateway) {
    assert_eq!(
        gateway.moderator("alice").kick_login("one").await.status,
        200
    );
    all_sealed(world).await;
}

async fn now(world: &World) -> String {
    let now =
        "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    sqlx::query_scalar(now)
        .fetch_one(&mut world.sql().await)
        .await
        .expect("Postgres has a clock")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_before_the_key_is_not_proven_and_found_if_it_must_be() {
    // Without a key at first, as before it was rolled out.
    let world = World::new().await;
    let unkeyed = Gateway::start(&world.variables).await.ready().await;
    let before = now(&world).await;
    kick(&world, &unkeyed).await;
    let world = world.set("MODGATE_SEAL_KEY", SEED);
    let keyed = Gateway::start(&world.variables).await.ready().await;
    // Either of the two may seal what is due, until one that has the key did.
    eventually(
        "a seal is signed",
        std::time::Duration::from_mins(1),
        async || {
            kick(&world, &keyed).await;
            let signed = world.count("select count(*) from audit.seal where signature is not null");
            (signed.await > 0).then_some(())
        },
    )
    .await;
    // One of the replicas has no key yet.
    let between = now(&world).await;
    let without = unkeyed.moderator("alice").kick_login("two").await.action();
    all_sealed(&world).await;
    unkeyed.kill();
    let after = now(&world).await;
    kick(&world, &keyed).await;
    keyed.kill();

    let key = public_key_of(SEED);
    let since = |time| Evidence {
        public_key: Some(key.path()),
        proven_since: time,
        ..Evidence::default()
    };
    let url = &world.database.url;
    let told = verdicts(url, since(None));
    told.assert_intact("nothing is asked of it");
    told.assert_tells("holds", &after[..16]);
    verdicts(url, since(Some(&after))).assert_intact("only what has a mac");
    let id = without["id"].as_str().expect("an id");
    let unproven = |wrong| {
        [
            finding(format!("action {id}"), wrong),
            finding(format!("event {id} rev 1"), wrong),
        ]
    };
    let wrong = "recorded without a mac, so that it is not proven";
    verdicts(url, since(Some(&between))).assert_found("a row without a mac", &unproven(wrong));
    verdicts(url, since(Some(&before))).assert_at_least_found(
        "before the key",
        &[finding("proof", "holds for what was recorded from ")],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_was_begun_anew_holds_only_from_then_on() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let before = now(&world).await;
    kick(&world, &gateway).await;
    gateway.kill();
    tamper(
        &world,
        "update audit.action set reason = 'kindness', mac = null; delete from audit.seal",
    )
    .await;
    tamper(
        &world,
        &format!(
            "update audit.action set leaf_hash = {}",
            crate::record::leaves::action_leaf()
        ),
    )
    .await;
    // Nothing remembers, and the ten minutes of grace begin anew.
    let anew = Gateway::start(&world.variables).await.ready().await;
    kick(&world, &anew).await;
    anew.kill();
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    verdicts(&world.database.url, evidence).assert_intact("as far as can be told");
    let since = Evidence {
        proven_since: Some(&before),
        ..evidence
    };
    verdicts(&world.database.url, since).assert_at_least_found(
        "anew",
        &[finding("proof", "holds for what was recorded from ")],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_begins_for_no_recorded_reason_is_named() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    kick(&world, &gateway).await;
    gateway.kill();
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    let last = world.count("select max(no) from audit.seal").await;
    let mut sql = world.sql().await;
    run(&mut sql, &disarm()).await;
    run(
        &mut sql,
        &format!("update audit.seal set epoch = epoch + 1 where no = {last}"),
    )
    .await;
    reseal(&mut sql, last, Some(&Signer::new(SEED))).await;
    run(&mut sql, &arm()).await;
    let wrong = finding(
        format!("seal {last}"),
        "begins an epoch for no recorded reason",
    );
    verdicts(&world.database.url, evidence).assert_found("a new epoch", &[wrong]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_check_is_not_intact() {
    let world = World::new().await;
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    let nothing = finding("record", "holds no seal, though there is a key");
    verdicts(&world.database.url, evidence)
        .assert_found("an empty record", std::slice::from_ref(&nothing));
    verdicts(&world.database.url, Evidence::default())
        .assert_unchecked("an empty record without a key");
    // Rows alone do not make it something.
    let mut sql = world.sql().await;
    crate::record::Row::action(crate::record::id_of(std::time::Duration::ZERO))
        .insert(&mut sql)
        .await
        .unwrap();
    crate::record::leaves::make(&mut sql).await;
    verdicts(&world.database.url, evidence).assert_found("no seal", &[nothing]);
    verdicts(&world.database.url, Evidence::default()).assert_unchecked("no seal, and no key");
    // Nor is a time from which on it must hold worth anything without a key.
    let now = chrono::Utc::now().timestamp_micros();
    first_seal(&mut sql, now, &Signer::new(SEED)).await;
    one_more_seal(&mut sql, None).await;
    let variables = [(
        "MODGATE_DATABASE_URL".to_owned(),
        world.database.url.clone(),
    )];
    let mut command = modgate(&variables.into());
    command.args(["verify", "--proven-since", "2026-01-01T00:00:00Z"]);
    let output = command.output().expect("the binary can be run");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
