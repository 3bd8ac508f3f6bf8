//! What a witness file remembers for a process that starts anew.

use std::process::Output;
use std::time::Duration;

use super::broken::{accept_break, decision, tamper};
use super::cut::CUT;
use super::{SEED, all_sealed, keyed};
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::{Gateway, modgate};
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway that has sealed one action, with its witness.
async fn witnessed() -> (World, Gateway, TemporaryFile) {
    let file = TemporaryFile::nowhere();
    let world = keyed().await.set("MODGATE_SEAL_WITNESS_FILE", file.path());
    let gateway = Gateway::start(&world.variables).await.ready().await;
    kick(&world, &gateway).await;
    (world, gateway, file)
}

/// Sealed, and written down.
async fn kick(world: &World, gateway: &Gateway) {
    assert_eq!(
        gateway.moderator("alice").kick_login("one").await.status,
        200
    );
    all_sealed(world).await;
    let last = world.count("select max(no) from audit.seal").await;
    let file = &world.variables["MODGATE_SEAL_WITNESS_FILE"];
    eventually("it is written down", PATIENCE, async || {
        let seen = std::fs::read_to_string(file).ok()?;
        seen.contains(&format!("\"no\":{last},")).then_some(())
    })
    .await;
}

async fn broken(gateway: &Gateway) -> String {
    let log = gateway.log();
    let said = eventually("it is said", PATIENCE, async || {
        log.events("chain_broken").pop()
    });
    said.await.to_string()
}

fn witness_init(world: &World) -> Output {
    let mut command = modgate(&world.variables_of_the_record());
    command.args(["seals", "--witness-init"]);
    command.output().expect("the binary can be run")
}

async fn goes_on(world: &World, gateway: &Gateway) {
    let seals = world.count("select count(*) from audit.seal").await;
    kick(world, gateway).await;
    assert!(world.count("select count(*) from audit.seal").await > seals);
}

/// So that it gives its permits back: the one that was killed before it has most of them for a while.
async fn stop(gateway: Gateway) {
    gateway.signal("TERM");
    assert!(gateway.exit(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_tells_a_process_that_starts_anew_what_was_cut_off_meanwhile() {
    let (world, gateway, file) = witnessed().await;
    kick(&world, &gateway).await;
    gateway.kill();
    let last = world.count("select max(no) from audit.seal").await;
    tamper(&world, &CUT.replace("FROM", &last.to_string())).await;
    let anew = Gateway::start(&world.variables).await.ready().await;
    let said = broken(&anew).await;
    assert!(said.contains(&format!("seal {last} was seen")), "{said}");
    let refused = witness_init(&world);
    assert!(
        !refused.status.success(),
        "a break is no reason to begin: {refused:?}"
    );
    // The witness is what the owner decides by.
    decision(&accept_break(&world, Some(file.path())));
    goes_on(&world, &anew).await;
    stop(anew).await;
    let once_more = Gateway::start(&world.variables).await.ready().await;
    goes_on(&world, &once_more).await;
    assert!(once_more.log().events("chain_broken").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_is_missing_or_empty_beside_a_chain_is_a_break() {
    let (world, gateway, file) = witnessed().await;
    gateway.kill();
    for content in [
        None,
        Some(""),
        Some("no head at all\n"),
        Some("{\"no\":1,\"head\":"),
    ] {
        std::fs::remove_file(file.path()).unwrap();
        if let Some(content) = content {
            std::fs::write(file.path(), content).unwrap();
        }
        let anew = Gateway::start(&world.variables).await.ready().await;
        let said = broken(&anew).await;
        assert!(said.contains("--witness-init"), "{said}");
        let begun = witness_init(&world);
        assert!(begun.status.success(), "{begun:?}");
        goes_on(&world, &anew).await;
        stop(anew).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_gets_shorter_under_a_running_gateway_is_a_break() {
    let (world, gateway, file) = witnessed().await;
    kick(&world, &gateway).await;
    let text = std::fs::read_to_string(file.path()).unwrap();
    let first = text.lines().next().unwrap();
    std::fs::write(file.path(), format!("{first}\n")).unwrap();
    let said = broken(&gateway).await;
    assert!(said.contains("shorter"), "{said}");
    assert!(witness_init(&world).status.success());
    goes_on(&world, &gateway).await;
    gateway.kill();

    let nowhere = world.set("MODGATE_SEAL_WITNESS_FILE", "/nonexistent/witness");
    let output = modgate(&nowhere.variables).arg("check").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && told.contains("MODGATE_SEAL_WITNESS_FILE"),
        "{told}"
    );
    assert!(!told.contains(SEED));
}
