//! `modgate freeze` and `modgate thaw`, which need no replica.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;

use super::{
    FREEZE, THAW, app, assert_frozen, brake, brakes, everything, frozen, keyed_again, leads,
    moderator,
};
use crate::record::roles::{OWNER, SERVICE, url_as, with_roles};
use crate::support::process::modgate;
use crate::support::world::ISSUER;

fn run(variables: &BTreeMap<String, String>, command: &str, arguments: &[&str]) -> Output {
    let mut run = modgate(variables);
    run.args([command, "--reason", "by hand"]).args(arguments);
    if !arguments.contains(&"--by") {
        run.args(["--by", "olga"]);
    }
    run.output().expect("the binary can be run")
}

/// What is frozen after it, a line each.
fn done(variables: &BTreeMap<String, String>, command: &str, arguments: &[&str]) -> Vec<Value> {
    let output = run(variables, command, arguments);
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).expect("text");
    let lines = lines.lines().filter(|line| *line != "nothing is frozen");
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn assert_fails(output: &Output, told: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(told), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_froze_only_a_command_thaws() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    let variables = app.variables_of_the_record();
    let alice = app.moderator("alice");
    assert_eq!(alice.kick_login("user").await.status, 200);
    let lines = done(&variables, "freeze", &[]);
    assert_eq!(
        [&lines[0]["by"]["operator"], &lines[0]["reason"]],
        ["olga", "by hand"]
    );
    assert_frozen(&alice.kick_login("user").await);
    assert_eq!(frozen(&fred).await[0]["by"]["operator"], "olga");
    let answer = brake(&thea, THAW, &everything()).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "forbidden")
    );
    assert!(answer.text.contains("modgate thaw"), "{}", answer.text);
    // Nor does a freeze over the API make it one that the API thaws.
    assert_eq!(brakes(&fred, FREEZE, &everything()).await.len(), 2);
    assert_eq!(brakes(&thea, THAW, &everything()).await.len(), 1);
    assert_frozen(&alice.kick_login("user").await);
    // A command ends both.
    brakes(&fred, FREEZE, &everything()).await;
    assert_eq!(done(&variables, "thaw", &[]).len(), 0);
    assert_eq!(alice.kick_login("user").await.status, 200);
    assert_fails(
        &run(&variables, "thaw", &[]),
        "nothing is frozen with exactly this scope",
    );

    for (arguments, shown) in [
        (&["--kind", "kick_login"][..], ["kick_login", "", ""]),
        (
            &["--moderator", "alice", "--issuer", ISSUER],
            ["", ISSUER, "alice"],
        ),
        (&["--issuer", ISSUER], ["", ISSUER, ""]),
    ] {
        let line = done(&variables, "freeze", arguments).remove(0);
        let scope = ["kind", "issuer", "moderator"].map(|name| line[name].as_str().unwrap_or(""));
        assert_eq!(scope, shown);
        assert_frozen(&alice.kick_login("user").await);
        assert_eq!(done(&variables, "thaw", arguments).len(), 0);
    }
    // The issuer of the deployment, where it is known.
    assert_fails(
        &run(&variables, "freeze", &["--moderator", "alice"]),
        "--issuer",
    );
    let mut knows = variables.clone();
    knows.insert("MODGATE_JWT_ISSUER".to_owned(), ISSUER.to_owned());
    done(&knows, "freeze", &["--moderator", "alice"]);
    assert_eq!(frozen(&fred).await[0]["issuer"], ISSUER);
    assert_eq!(brake(&thea, THAW, &moderator("alice")).await.status, 403);
    done(&knows, "thaw", &["--moderator", "alice"]);
    // Done, and said where it may hit nobody.
    for (arguments, warns) in [
        (&["--moderator", "alice"][..], false),
        (&["--moderator", "Alice"], true),
        (
            &[
                "--moderator",
                "alice",
                "--issuer",
                "https://id.example.com/",
            ],
            true,
        ),
        (&["--issuer", "https://id.example.com/"], true),
        (&["--issuer", ISSUER], false),
    ] {
        let output = run(&knows, "freeze", arguments);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            said.contains("warning: nobody of that name"),
            warns,
            "{arguments:?}: {said}"
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_would_freeze_nothing_says_so() {
    let world = keyed_again(with_roles().await);
    let owner = |key: &str| {
        let mut variables = BTreeMap::new();
        variables.insert("MODGATE_DATABASE_URL".to_owned(), url_as(&world, OWNER));
        variables.insert("MODGATE_SEAL_KEY".to_owned(), key.to_owned());
        variables
    };
    let unproven = run(&owner(super::SEED), "freeze", &[]);
    assert_fails(&unproven, "nothing in the record was written");
    let gateway = crate::support::process::Gateway::start(&world.variables)
        .await
        .ready()
        .await;
    assert_eq!(
        gateway.moderator("alice").kick_login("user").await.status,
        200
    );
    crate::support::eventually::eventually(
        "it is sealed",
        std::time::Duration::from_secs(20),
        async || (world.count(crate::seals::UNSEALED).await == 0).then_some(()),
    )
    .await;
    let as_role = |role: &str, key: Option<&str>| {
        let mut variables = BTreeMap::new();
        variables.insert("MODGATE_DATABASE_URL".to_owned(), url_as(&world, role));
        variables.extend(key.map(|key| ("MODGATE_SEAL_KEY".to_owned(), key.to_owned())));
        variables
    };
    assert_fails(
        &run(&as_role(SERVICE, Some(super::SEED)), "freeze", &[]),
        "only the owner",
    );
    assert_fails(
        &run(&as_role(OWNER, None), "freeze", &[]),
        "MODGATE_SEAL_KEY: must be set",
    );
    let other = "77".repeat(32);
    assert_fails(
        &run(&as_role(OWNER, Some(&other)), "freeze", &[]),
        "add --unproven-key",
    );
    let usage = run(
        &as_role(OWNER, Some(super::SEED)),
        "freeze",
        &["--kind", "kick"],
    );
    assert_eq!(usage.status.code(), Some(2), "{usage:?}");
    let hidden = run(
        &as_role(OWNER, Some(super::SEED)),
        "freeze",
        &["--issuer", "a\u{7}"],
    );
    assert_fails(&hidden, "--issuer: must not hold control characters");
    for by in ["", " ", "ol\nga", &"o".repeat(101)] {
        let usage = run(&as_role(OWNER, Some(super::SEED)), "thaw", &["--by", by]);
        assert_eq!(usage.status.code(), Some(2), "{by:?}: {usage:?}");
    }
    assert_eq!(world.count("select count(*) from audit.brake").await, 0);
    assert_eq!(
        done(&as_role(OWNER, Some(super::SEED)), "freeze", &[]).len(),
        1
    );
    assert_frozen(&gateway.moderator("alice").kick_login("user").await);
}
