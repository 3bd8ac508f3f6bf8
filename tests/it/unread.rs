//! Whoever reads what a command writes may end first: the command does not panic, and its exit code still says what
//! it did or found.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::{Gateway, modgate};
use crate::support::world::World;

const SEED: &str = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100";

type Variables = BTreeMap<String, String>;

fn read(variables: &Variables, arguments: &[&str]) -> Output {
    let run = modgate(variables).args(arguments).output();
    run.expect("the binary can be run")
}

/// Runs a command when nobody reads its standard output, nor its standard error if it is `deaf`.
fn unread(variables: &Variables, arguments: &[&str], deaf: bool) -> Output {
    let (reader, writer) = std::io::pipe().expect("there are pipes");
    drop(reader);
    let errors = if deaf {
        Stdio::from(writer.try_clone().expect("it can be had twice"))
    } else {
        Stdio::piped()
    };
    let mut command = modgate(variables);
    let run = command.args(arguments).stdout(writer).stderr(errors);
    run.output().expect("the binary can be run")
}

#[track_caller]
fn assert_ends_as_if_read(variables: &Variables, arguments: &[&str], code: i32) {
    let read = read(variables, arguments);
    assert_eq!(read.status.code(), Some(code), "{arguments:?} {read:?}");
    assert!(!read.stdout.is_empty(), "{arguments:?} writes something");
    for deaf in [false, true] {
        let Output { status, stderr, .. } = unread(variables, arguments, deaf);
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(code), "{arguments:?} {said}");
        assert!(!said.contains("panicked"), "{arguments:?} {said}");
    }
}

/// A world with a sealed record of two actions.
async fn recorded() -> World {
    let world = World::new().await.set("MODGATE_SEAL_KEY", SEED);
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    for user in ["bob", "carol"] {
        assert_eq!(alice.kick_login(user).await.status, 200);
    }
    eventually("all is sealed", Duration::from_mins(1), async || {
        let sealed = world.count("select coalesce(sum(n), 0)::bigint from audit.seal");
        (sealed.await == 4).then_some(())
    })
    .await;
    gateway.kill();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_nobody_reads_ends_as_if_somebody_did() {
    let world = recorded().await;
    let exported = read(&world.variables, &["export"]).stdout;
    let exported = String::from_utf8(exported).expect("JSON is UTF-8");
    assert!(exported.contains("carol"), "{exported}");
    let altered = TemporaryFile::new(exported.replace("carol", "carla"));
    let witness = TemporaryFile::new("");
    let witnessed = world.set("MODGATE_SEAL_WITNESS_FILE", witness.path());
    let variables = &witnessed.variables;
    let token: &[&str] = &["token", "--sub", "alice", "--scope", "audit:read"];
    for (arguments, code) in [
        (["openapi"].as_slice(), 0),
        (&["--help"], 0),
        (&["check"], 0),
        (&["migrate"], 0),
        (&["retain"], 0),
        (&["seals", "--witness-init"], 0),
        // It finds that the role of this test could rewrite the record.
        (&["check", "--live"], 1),
        (&["seals"], 0),
        (&["seals", "--public-key"], 0),
        (&["export"], 0),
        (token, 0),
        (&["verify"], 0),
        (&["verify", "--from", altered.path()], 1),
    ] {
        assert_ends_as_if_read(variables, arguments, code);
    }
    let mut faulty = variables.clone();
    faulty.insert("MODGATE_QUEUE_TIMEOUT".to_owned(), "soon".to_owned());
    assert_ends_as_if_read(&faulty, &["check"], 1);
    let Output { stderr, .. } = unread(variables, &["export"], false);
    let said = String::from_utf8_lossy(&stderr);
    assert!(said.contains("the export ended early"), "{said}");
}

#[test]
fn a_disk_without_room_is_a_fault_that_is_named() {
    let full = OpenOptions::new().write(true).open("/dev/full");
    let full = full.expect("Linux has it");
    let mut command = modgate(&Variables::new());
    let run = command.arg("openapi").stdout(full).output();
    let Output { status, stderr, .. } = run.expect("the binary can be run");
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("standard output: No space left"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
