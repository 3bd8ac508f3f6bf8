//! A record that was dumped, and restored where transaction ids mean something else.

use std::process::Command;
use std::time::Duration;

use super::broken::{accept_break, decision};
use super::{Evidence, SEED, UNSEALED, all_sealed, heads, keyed, public_key_of, run, verdicts};
use crate::stream::listening::Listening;
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::postgres::Cluster;
use crate::support::process::Gateway;
use crate::support::world::World;

/// Without what only this program's own client understands.
pub(crate) fn plain(url: &str) -> &str {
    url.split('?').next().expect("there is a first part")
}

/// One of PostgreSQL's programs for clients.
pub(crate) fn client(name: &str) -> Command {
    // Debian's newest, where it is not on PATH.
    let script = "command -v \"$0\" || ls -d /usr/lib/postgresql/*/bin/\"$0\" | sort -V | tail -1";
    let found = Command::new("sh").args(["-c", script, name]).output();
    let found = found.expect("sh can be run");
    let path = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    assert!(!path.is_empty(), "this test needs {name}");
    Command::new(path)
}

fn dump(url: &str) -> TemporaryFile {
    let dump = TemporaryFile::new("");
    let mut command = client("pg_dump");
    command.args([
        "--no-owner",
        "--no-privileges",
        "--file",
        dump.path(),
        "--dbname",
        plain(url),
    ]);
    let dumped = command.output().expect("pg_dump can be run");
    assert!(dumped.status.success(), "{dumped:?}");
    dump
}

/// The same world around a new database with what was dumped into a file.
pub(super) async fn load(mut world: World, dump: &str) -> World {
    let cluster = match &world.cluster {
        Some(cluster) => cluster,
        None => Cluster::shared().await,
    };
    let database = cluster.create_database(None).await;
    let mut command = client("psql");
    command.args([
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        dump,
        "--dbname",
        plain(&database.url),
    ]);
    let output = command.output().expect("psql can be run");
    assert!(output.status.success(), "{output:?}");
    let url = database.url.clone();
    world.database = database;
    world
        .set("MODGATE_DATABASE_URL", &url)
        .set("MODGATE_SEAL_KEY", SEED)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_record_is_sealed_on_in_another_epoch_and_is_intact() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let mut listening = Listening::open(&alice, "", None).await;
    assert_eq!(alice.kick_login("sealed").await.status, 200);
    assert_eq!(listening.told().await, "sealed pending");
    let heard = listening.id().to_owned();
    all_sealed(&world).await;
    // What comes now is in no seal when it is dumped.
    let mut sealer = world.sql().await;
    run(
        &mut sealer,
        "begin; lock table modgate.seal_lock in share row exclusive mode",
    )
    .await;
    assert_eq!(alice.kick_login("not sealed").await.status, 200);
    gateway.kill();
    assert!(world.count(UNSEALED).await >= 1);
    let dump = dump(&world.database.url);
    let kept = TemporaryFile::new(heads(&world.database.url, 1));
    let last = world.count("select max(no) from audit.seal").await;
    run(&mut sealer, "rollback").await;
    drop((sealer, world));

    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        heads: Some(kept.path()),
        ..Evidence::default()
    };
    for (place, world) in [
        ("the same cluster", World::new().await),
        ("another cluster", World::with_its_own_postgres().await),
    ] {
        let world = load(world, dump.path()).await;
        verdicts(&world.database.url, evidence).assert_intact(place);
        let gateway = Gateway::start(&world.variables).await.ready().await;
        let log = gateway.log();
        eventually("it is said", Duration::from_secs(20), async || {
            log.events("chain_broken").pop()
        })
        .await;
        assert!(
            world.count(UNSEALED).await >= 1,
            "{place}: nothing is sealed for no recorded reason"
        );
        let accepted = decision(&accept_break(&world, Some(kept.path())));
        all_sealed(&world).await;
        let alice = gateway.moderator("alice");
        let mut listening = Listening::open(&alice, "", Some(&heard)).await;
        assert_eq!(listening.reset().await, "unknown", "{place}");
        assert_eq!(alice.kick_login("after it").await.status, 200);
        for told in ["after it pending", "after it succeeded"] {
            assert_eq!(listening.told().await, told, "{place}");
        }
        all_sealed(&world).await;
        gateway.kill();
        let epochs = "select (100 * max(epoch) filter (where no > $1) + max(epoch) filter (where no <= $1))::bigint
                      from audit.seal";
        let epochs = sqlx::query_scalar(epochs).bind(last);
        let epochs: i64 = epochs.fetch_one(&mut world.sql().await).await.unwrap();
        assert_eq!(
            epochs, 201,
            "{place}: the second epoch goes on where the first ended"
        );
        verdicts(&world.database.url, evidence).assert_decided(&accepted);
        let known = Evidence {
            accepted: Some(&accepted),
            ..evidence
        };
        verdicts(&world.database.url, known).assert_intact(place);
    }
}
