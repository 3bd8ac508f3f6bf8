//! PgBouncer between the gateway and Postgres, with its defaults. It has to be installed, so `.ci/run` runs
//! these and `cargo test` alone does not.

use std::process::{Child, Command, Stdio};
use std::str::FromStr as _;
use std::time::Duration;

use modgate::dev::free_port;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use super::Run;
use super::manifest::{SEED, with_roles_alone};
use crate::record::roles::{AUDITOR, OWNER, PASSWORD, SERVICE, url_as};
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::{Gateway, Log};
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// A pooler in front of a world's server. Ends with the value.
struct Pooler {
    child: Child,
    port: u16,
    _files: [TemporaryFile; 2],
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pooler {
    /// With its defaults, and these settings beside them.
    async fn start(world: &World, settings: &str) -> Self {
        let server = PgConnectOptions::from_str(&world.database.url).expect("it is a URL");
        let port = free_port().expect("there is one");
        let users = [OWNER, SERVICE, AUDITOR].map(|role| format!("\"{role}\" \"{PASSWORD}\"\n"));
        let users = TemporaryFile::new(users.concat());
        let settings = TemporaryFile::new(format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_file = {}\n{settings}\n",
            server.get_host(),
            server.get_port(),
            users.path()
        ));
        // It refuses to run as root, and is where only root looks by default.
        let script = "PATH=$PATH:/usr/sbin; [ \"$(id -u)\" != 0 ] || set -- -u nobody \"$@\"; exec pgbouncer \"$@\"";
        let child = Command::new("sh")
            .args(["-c", script, "sh", settings.path()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("sh can be run");
        let log = Log::default();
        log.follow(child.stderr.take().expect("it is piped"));
        let pooler = Self {
            child,
            port,
            _files: [users, settings],
        };
        eventually("the pooler listens", PATIENCE, async || {
            let lines = log.lines();
            assert!(
                !lines.iter().any(|line| line.contains("not found")),
                "this test needs pgbouncer"
            );
            lines
                .iter()
                .any(|line| line.contains("process up"))
                .then_some(())
        })
        .await;
        pooler
    }

    /// The way through it.
    fn url(&self, world: &World, role: &str) -> String {
        let options = PgConnectOptions::from_str(&url_as(world, role)).expect("it is a URL");
        options.port(self.port).to_url_lossy().to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs pgbouncer; .ci/run runs it"]
async fn everything_works_through_a_pooler_in_session_mode_with_its_defaults() {
    let world = with_roles_alone().await;
    let pooler = Pooler::start(&world, "").await;
    let owner = pooler.url(&world, OWNER);
    for _ in 0..2 {
        Run::migrate(&owner).await.assert_done();
    }
    let service = pooler.url(&world, SERVICE);
    let world = world
        .set("MODGATE_DATABASE_URL", &service)
        .set("MODGATE_OWNER_DATABASE_URL", &owner)
        .set("MODGATE_RETENTION", "400d");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    assert_eq!(alice.kick_seat("room", "bob", "时间到").await.status, 200);
    let again = alice.try_kick_login_keyed("k1", "carol").await.unwrap();
    assert_eq!(again.status, 200);
    assert_eq!(alice.list("").await.len(), 3);
    let shown = gateway.operator().get("/readyz").await.json();
    assert_eq!(shown["status"], "ready", "{shown}");
    eventually("all is sealed", PATIENCE, async || {
        let sealed = world.count("select coalesce(sum(n), 0)::bigint from audit.seal");
        (sealed.await == 6).then_some(())
    })
    .await;
    let live = Run::live(&world.variables).await;
    assert!(!live.said.contains("wrong: database"), "{}", live.said);
    Run::of(&world.variables, &["retain"]).await.assert_done();
    let auditor = (
        "MODGATE_DATABASE_URL".to_owned(),
        pooler.url(&world, AUDITOR),
    );
    let key = ("MODGATE_SEAL_KEY".to_owned(), SEED.to_owned());
    for command in ["verify", "seals", "export"] {
        let variables = [auditor.clone(), key.clone()].into();
        Run::of(&variables, &[command]).await.assert_done();
    }
    let log = gateway.log();
    gateway.signal("TERM");
    assert!(gateway.exit(PATIENCE).await.success());
    for line in log.lines() {
        assert!(!line.contains("\"ERROR\""), "{line}");
    }
    for event in ["lease_not_renewed", "not_sealed", "rights_unknown"] {
        assert!(log.events(event).is_empty(), "{event}");
    }
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs pgbouncer; .ci/run runs it"]
async fn a_pooler_that_does_not_keep_sessions_is_refused_and_named() {
    let world = with_roles_alone().await;
    let owner = url_as(&world, OWNER);
    Run::migrate(&owner).await.assert_done();
    for (mode, said) in [
        ("transaction", "a pooler in transaction mode is in between"),
        ("statement", "a pooler in statement mode is in between"),
    ] {
        let pooler = Pooler::start(&world, &format!("pool_mode = {mode}")).await;
        let mut variables = world.variables.clone();
        variables.insert(
            "MODGATE_DATABASE_URL".to_owned(),
            pooler.url(&world, SERVICE),
        );
        Run::of(&variables, &["serve"]).await.assert_failed(said);
        let live = Run::live(&variables).await;
        live.assert_failed("wrong: database: MODGATE_DATABASE_URL: ");
        live.assert_failed(said);
        Run::migrate(&pooler.url(&world, OWNER))
            .await
            .assert_failed(said);
        for command in ["verify", "seals", "export", "retain"] {
            variables.insert("MODGATE_RETENTION".to_owned(), "400d".to_owned());
            Run::of(&variables, &[command]).await.assert_failed(said);
        }
    }
}
