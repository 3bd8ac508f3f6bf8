//! No secret leaves the gateway: in no log line, answer, metric, row or message.

mod faults;
mod scene;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use modgate::simulator::Fault;
use uuid::Uuid;

use self::faults::{ECHO, error};
use self::scene::{DATABASE_PASSWORD, Scene};
use crate::support::eventually::eventually;
use crate::support::leak::{Secrets, Seen, hexadecimal};
use crate::support::process::{Gateway, modgate};
use crate::support::world::{JWT_SECRET, SECRET_KEY, World};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_log_line_an_answer_a_metric_or_a_row_whatever_goes_wrong() {
    let mut scene = Scene::start().await;
    let succeeded = scene.kick("first").await;
    scene.suffer_every_fault().await;
    scene.suffer_strangers().await;
    scene.suffer_mistakes().await;
    scene.suffer_an_absent_tencent().await;
    scene.suffer_an_absent_database().await;
    let (secrets, seen) = scene.end().await;

    let id = succeeded.json()["id"].as_str().unwrap().to_owned();
    for place in ["the log", "an answer", "the database"] {
        let there = seen.at(place);
        assert!(there.contains(&id), "{place} was not seen");
        assert!(
            there.contains("bad ticket [redacted]"),
            "no echo came to {place}"
        );
    }
    assert!(
        seen.at("/metrics").contains("modgate_actions_total")
            && seen.at("/readyz").contains("degraded")
    );
    seen.assert_holds_none_of(&secrets);
}

/// Files with these contents, one for each variable; gone when dropped.
struct Files(PathBuf);

impl Files {
    fn new(variables: &mut BTreeMap<String, String>, names: &[&str]) -> Self {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::now_v7().to_string());
        std::fs::create_dir(&directory).expect("the name is new");
        for name in names {
            let path = directory.join(name);
            let value = variables.remove(*name).expect("it is set");
            std::fs::write(&path, value + "\n").expect("the directory is ours");
            variables.insert(format!("{name}_FILE"), path.display().to_string());
        }
        Self(directory)
    }

    /// Whole or not at all, as careful scripts do.
    fn replace(&self, name: &str, value: &str) {
        let beside = self.0.join("beside");
        std::fs::write(&beside, value).expect("the directory is ours");
        std::fs::rename(&beside, self.0.join(name)).expect("a rename in one directory");
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a command wrote, to either stream, and whether it succeeded.
fn run(command: &str, variables: &BTreeMap<String, String>) -> (String, bool) {
    let output = modgate(variables)
        .arg(command)
        .output()
        .expect("the binary can be run");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(!err.contains("panicked"), "{err}");
    (format!("{out}{err}"), output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_from_files_are_used_and_stay_as_secret() {
    let mut world = World::new().await.set("MODGATE_LOG", "trace");
    let (mut secrets, mut seen) = (Secrets::default(), Seen::default());
    secrets.keep("the secret key", SECRET_KEY);
    secrets.keep("the secret of the tokens", JWT_SECRET);
    let names = [
        "MODGATE_DATABASE_URL",
        "MODGATE_JWT_SECRET",
        "MODGATE_TENCENT_SECRET_KEY",
    ];
    let files = Files::new(&mut world.variables, &names);
    let (checked, succeeded) = run("check", &world.variables);
    assert!(succeeded, "{checked}");
    for name in names {
        assert!(checked.contains(&format!("{name}=(hidden)")), "{checked}");
    }
    seen.add("check", checked);

    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        seen.answer(gateway.moderator("alice").kick_login("user").await)
            .status,
        200
    );
    rotate_and_replay(&world, &gateway, &files, &mut secrets, &mut seen).await;
    seen.add("the log", gateway.log().lines().join("\n"));
    gateway.kill();
    let calls = world.simulator.calls();
    for call in &calls {
        secrets.keep(
            "a UserSig",
            call.query_value("usersig").expect("each call has one"),
        );
    }
    let usersig = calls[0].query_value("usersig").expect("each call has one");

    world.variables.remove("MODGATE_TENCENT_SECRET_KEY_FILE");
    let mut world = world.set("MODGATE_TENCENT_USERSIG", usersig);
    let _further_files = Files::new(&mut world.variables, &["MODGATE_TENCENT_USERSIG"]);
    let gateway = Gateway::start(&world.variables).await.ready().await;
    world.simulator.fail(Fault::next(error(70402, Some(ECHO))));
    let refused = seen.answer(gateway.moderator("alice").kick_login("user").await);
    assert!(
        refused.text.contains("bad ticket [redacted]"),
        "{}",
        refused.text
    );
    seen.add("the log", gateway.log().lines().join("\n"));
    assert!(!seen.at("the log").contains(&world.database.url));
    seen.assert_holds_none_of(&secrets);
}

/// Another secret key, a replay, and a database URL that cannot be used.
async fn rotate_and_replay(
    world: &World,
    gateway: &Gateway,
    files: &Files,
    secrets: &mut Secrets,
    seen: &mut Seen,
) {
    let another_key = "f0e1d2c3b4a59687".repeat(4);
    secrets.keep("the other secret key", &another_key);
    world.simulator.set_secret_key(another_key.clone().into());
    files.replace("MODGATE_TENCENT_SECRET_KEY", &another_key);
    let patience = Duration::from_secs(20);
    eventually("the key is rotated", patience, async || {
        gateway.log().events("rotated").pop()
    })
    .await;
    for _ in 0..2 {
        let asked = gateway
            .moderator("alice")
            .try_kick_login_keyed("k1", "user")
            .await;
        assert_eq!(seen.answer(asked.expect("the gateway answers")).status, 200);
    }
    let unusable = "mysql://user:a-password-that-nobody-shall-see@127.0.0.1/";
    secrets.keep("the unusable URL", unusable);
    files.replace("MODGATE_DATABASE_URL", unusable);
    eventually("it is refused", patience, async || {
        gateway.log().events("not_rotated").pop()
    })
    .await;
    files.replace("MODGATE_DATABASE_URL", &world.database.url);
}

/// Settings that are right, with nothing behind them.
fn right_settings(database_url: &str) -> BTreeMap<String, String> {
    let settings = [
        ("MODGATE_LISTEN", "127.0.0.1:0"),
        ("MODGATE_OPS_LISTEN", "127.0.0.1:0"),
        ("MODGATE_DATABASE_URL", database_url),
        ("MODGATE_LOG", "trace"),
        ("MODGATE_TENCENT_SDK_APP_ID", "1400000001"),
        ("MODGATE_TENCENT_SECRET_KEY", SECRET_KEY),
        ("MODGATE_JWT_ISSUER", "https://id.example.test"),
        ("MODGATE_JWT_AUDIENCE", "modgate"),
        ("MODGATE_JWT_SECRET", JWT_SECRET),
    ];
    settings
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn faulty_settings_are_named_and_their_secrets_are_not_shown() {
    let secret = "31-bytes-of-what-must-be-secret";
    let url = |scheme: &str, port: &str| format!("{scheme}://user:{secret}@127.0.0.1:{port}");
    let right = right_settings(&url("postgres", "5432"));
    let faulty = [
        ("MODGATE_DATABASE_URL", url("postgres", "port")),
        ("MODGATE_TENCENT_URL", url("https", "443")),
        ("MODGATE_TENCENT_PROXY", url("ftp", "21")),
        ("MODGATE_TENCENT_SECRET_KEY", String::new()),
        ("MODGATE_TENCENT_SECRET", secret.to_owned()),
        ("MODGATE_JWT_SECRET", secret.to_owned()),
    ];
    let (mut secrets, mut seen) = (Secrets::default(), Seen::default());
    secrets.keep("a secret", secret);
    for (name, value) in faulty {
        let mut variables = right.clone();
        variables.insert(name.to_owned(), value);
        for command in ["serve", "check"] {
            let (said, succeeded) = run(command, &variables);
            assert!(
                !succeeded && said.contains(&format!("\n{name}: ")),
                "{name}: {said}"
            );
            seen.add(command, said);
        }
    }
    seen.assert_holds_none_of(&secrets);
}

#[test]
fn a_database_that_cannot_be_reached_is_not_told_with_its_password() {
    let nobody_listens = format!("postgres://gateway:{DATABASE_PASSWORD}@127.0.0.1:1/modgate");
    let settings = right_settings(&nobody_listens);
    let (mut secrets, mut seen) = (Secrets::default(), Seen::default());
    secrets.keep("the database's password", DATABASE_PASSWORD);
    secrets.keep("the secret key", SECRET_KEY);
    secrets.keep("the secret of the tokens", JWT_SECRET);
    for command in ["serve", "migrate"] {
        let (said, succeeded) = run(command, &settings);
        assert!(
            !succeeded && said.contains("the database cannot be"),
            "{said}"
        );
        seen.add(command, said);
    }
    seen.assert_holds_none_of(&secrets);
}

#[test]
fn the_search_finds_what_was_planted() {
    let usersig = "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-NgUsUp2YkFBZkpQA__";
    let mut secrets = Secrets::default();
    secrets.keep("a UserSig", usersig);
    let encoded = usersig.replace('-', "%2D").replace('_', "%5f");
    let hexadecimal = hexadecimal(usersig);
    let planted = [
        usersig,
        &usersig[20..44],
        &encoded,
        &encoded.replace('%', "%25"),
        &usersig.to_uppercase(),
        &hexadecimal,
    ];
    for planted in planted {
        assert_eq!(
            secrets.find(&format!("50 % of {planted} is here")),
            Some("a UserSig"),
            "{planted}"
        );
    }
    assert_eq!(secrets.find(&usersig[20..43]), None);
    let mut seen = Seen::default();
    seen.add("a log", format!("usersig={usersig}"));
    let caught = std::panic::catch_unwind(|| seen.assert_holds_none_of(&secrets));
    assert!(caught.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_parameter_of_the_database_url_is_in_the_log_though_nobody_knows_it() {
    let world = World::new().await;
    let url = &world.database.url;
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}sslpassword=not-for-the-log");
    let world = world
        .set("MODGATE_DATABASE_URL", &url)
        .set("MODGATE_LOG", "trace");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let answer = gateway.moderator("alice").kick_login("user").await;
    assert_eq!(answer.status, 200);
    // Its lines come by a pipe of their own.
    eventually("the action is logged", Duration::from_secs(5), async || {
        gateway.log().events("action").pop()
    })
    .await;
    assert!(!gateway.log().lines().join("\n").contains("not-for-the-log"));
    gateway.kill();
}
