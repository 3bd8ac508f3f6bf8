//! Who seals, what, and when.

use std::sync::Arc;
use std::time::Duration;

use modgate::audit::decision::{By, accept_break};
use modgate::audit::verify::{Evidence, KeptHeads, Report, Verdict, database};
use modgate::audit::{AuditLog, Deployment, SealKeys};
use modgate::db;
use secrecy::SecretString;
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Row, id_of, leaves, run};
use crate::seals::forge::{Signer, first_seal};
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::World;

const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const PATIENCE: Duration = Duration::from_secs(20);

fn keys(text: &str) -> Arc<SealKeys> {
    Arc::new(SealKeys::parse(&text.into()).expect("they are keys"))
}

fn audit_log(world: &World, keys: Arc<SealKeys>) -> AuditLog {
    let pools = db::open(&db::Settings {
        url: SecretString::from(world.database.url.clone()),
        max_connections: 6,
    })
    .expect("the URL is right");
    let deployment = Deployment {
        instance: "test".to_owned(),
        version: "0".to_owned(),
        sdk_app_id: 1,
        tencent_host: "test".to_owned(),
    };
    AuditLog::new(&pools, deployment, keys)
}

async fn verify(world: &World, seal_keys: Arc<SealKeys>) -> Report {
    let evidence = Evidence {
        public_keys: seal_keys.public_keys(),
        seal_keys,
        ..Evidence::default()
    };
    let url = SecretString::from(world.database.url.clone());
    database::verify(&url, evidence)
        .await
        .expect("it can be read")
}

/// A row of now with the leaf hash of its columns and without a mac.
async fn insert(world: &World, age: Duration) -> Uuid {
    let mut sql = world.sql().await;
    let id = id_of(age);
    let then = format!("clock_timestamp() - interval '{} s'", age.as_secs());
    let row = Row::action(id)
        .with("recorded_at", then)
        .with("deadline_ms", 1_000);
    row.insert(&mut sql).await.expect("it breaks no rule");
    leaves::make(&mut sql).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_commits_late_is_in_the_next_seal_and_holds_back_none() {
    let world = World::new().await;
    let audit = audit_log(&world, Arc::default());
    audit.seal().await.unwrap();
    let mut late = world.sql().await;
    run(&mut late, "begin").await.unwrap();
    Row::action(id_of(Duration::ZERO))
        .insert(&mut late)
        .await
        .unwrap();
    let mut sql = world.sql().await;
    for _ in 0..3 {
        let row = Row::action(id_of(Duration::ZERO));
        row.insert(&mut sql).await.unwrap();
    }
    let sealed = audit.seal().await.unwrap();
    assert_eq!(
        sealed.heads.iter().map(|head| head.n).collect::<Vec<_>>(),
        [3]
    );
    assert_eq!(
        audit.seal().await.unwrap().heads.len(),
        0,
        "there is nothing more"
    );
    run(&mut late, "commit").await.unwrap();
    let sealed = audit.seal().await.unwrap();
    assert_eq!(
        sealed.heads.iter().map(|head| head.n).collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(audit.seal().await.unwrap().heads.len(), 0);
    assert_eq!(
        world
            .count("select max(epoch)::bigint from audit.seal")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_sealers_make_one_chain() {
    let world = World::new().await;
    let mut sealers = JoinSet::new();
    for _ in 0..6 {
        let audit = audit_log(&world, keys(OLD));
        sealers.spawn(async move {
            let mut sealed = 0;
            for _ in 0..20 {
                sealed += audit.seal().await.expect("it seals").heads.len();
            }
            sealed
        });
    }
    let mut sql = world.sql().await;
    for _ in 0..200 {
        Row::action(id_of(Duration::ZERO))
            .insert(&mut sql)
            .await
            .unwrap();
    }
    let made: usize = sealers.join_all().await.into_iter().sum();
    audit_log(&world, keys(OLD)).seal().await.unwrap();
    let rows = "select sum(n)::bigint from audit.seal";
    assert_eq!(world.count(rows).await, 200, "each row is in one seal");
    let seals = world.count("select max(no) from audit.seal").await;
    assert!(seals >= i64::try_from(made).unwrap());
    // The rows have no leaf of a gateway; of the chain itself nothing is wrong.
    let report = verify(&world, keys(OLD)).await;
    assert_eq!(report.findings.len(), 200, "{report}");
    assert!(
        report
            .findings
            .iter()
            .all(|finding| finding.contains("written without the key"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_somebody_forged_is_named_and_gone_on_from_by_nobody() {
    let world = World::new().await;
    let audit = audit_log(&world, keys(OLD));
    audit.seal().await.unwrap();
    let mut sql = world.sql().await;
    // All that comes after it would seem to be sealed.
    run(
        &mut sql,
        "insert into audit.seal (no, epoch, format, prev, n, leaves, sealed_at, head, signature, key_id, snapshot)
         select no + 1, epoch, format, head, 0, '', now(), sha256('forged'), signature, key_id,
                '9000000:9000000:'::pg_snapshot
         from audit.seal",
    )
    .await
    .unwrap();
    // Nobody decides at once, and what has waited for it is no back-dated row.
    insert(&world, Duration::from_mins(3)).await;
    insert(&world, Duration::ZERO).await;
    for log in [&audit, &audit_log(&world, keys(OLD))] {
        let refused = log.seal().await.expect_err("it does not go on");
        assert!(refused.to_string().contains("seal 2"), "{refused}");
        assert!(log.is_broken());
    }
    let report = verify(&world, keys(OLD)).await;
    let named = [
        "seal 2: its head is not that of its content",
        "seal 2: the signature is wrong",
    ];
    assert_eq!(report.findings, named, "{report}");

    let by = By {
        operator: "olga".to_owned(),
        host: "here".to_owned(),
        reason: "a forged seal".to_owned(),
    };
    let url = SecretString::from(world.database.url.clone());
    let accepted = accept_break(&url, &keys(OLD), &by, KeptHeads::default(), Some(2)).await;
    let accepted = accepted.expect("it is broken");
    let places: Vec<_> = accepted
        .heads
        .iter()
        .map(|head| (head.no, head.epoch, head.n))
        .collect();
    assert_eq!(places, [(3, 2, 1), (4, 2, 2)]);
    audit.seal().await.expect("it goes on");
    assert!(!audit.is_broken());
    let report = verify(&world, keys(OLD)).await;
    assert_eq!(report.verdict(), Verdict::Decided, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_mac_is_genuine_only_while_the_key_is_rolled_out() {
    let world = World::new().await;
    let audit = audit_log(&world, keys(OLD));
    insert(&world, Duration::ZERO).await;
    assert_eq!(audit.seal().await.unwrap().refused, Vec::<String>::new());
    assert!(verify(&world, keys(OLD)).await.is_intact());

    // The same with a key that has been in use for longer.
    let world = World::new().await;
    let long_ago = chrono::Utc::now() - chrono::Duration::minutes(11);
    let signer = Signer::new(OLD);
    first_seal(&mut world.sql().await, long_ago.timestamp_micros(), &signer).await;
    let audit = audit_log(&world, keys(OLD));
    let forged = insert(&world, Duration::ZERO).await;
    let pending = insert(&world, Duration::from_secs(30)).await;
    let swept = audit.recover(Uuid::nil()).await.unwrap();
    assert_eq!(swept.ended, 0, "what nobody began gets no end");
    let mut refused = audit.seal().await.unwrap().refused;
    refused.sort();
    let mut both = [forged, pending].map(|id| format!("action {id}"));
    both.sort();
    assert_eq!(refused, both);
    let unkeyed = audit_log(&world, Arc::default());
    // Without a key nobody can tell.
    assert_eq!(unkeyed.recover(Uuid::nil()).await.unwrap().ended, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_the_key_does_not_go_on_with_a_signed_chain() {
    let world = World::new().await;
    audit_log(&world, keys(OLD)).seal().await.unwrap();
    insert(&world, Duration::ZERO).await;
    let unkeyed = audit_log(&world, Arc::default());
    let refused = unkeyed.seal().await.expect_err("it cannot sign");
    assert!(
        refused.to_string().contains("MODGATE_SEAL_KEY"),
        "{refused}"
    );
    let stranger = audit_log(&world, keys(NEW));
    let refused = stranger.seal().await.expect_err("it does not fit");
    assert!(
        refused.to_string().contains("MODGATE_SEAL_KEY"),
        "{refused}"
    );
    let both = audit_log(&world, keys(&format!("{NEW}\n{OLD}")));
    let head = eventually("the others have let go", PATIENCE, async || {
        both.seal().await.expect("it seals").heads.pop()
    })
    .await;
    assert_eq!((head.no, head.epoch), (2, 1), "a key that is known goes on");
    assert!(
        verify(&world, keys(&format!("{NEW}\n{OLD}")))
            .await
            .is_intact()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metric_grows_while_one_attempt_to_seal_hangs() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let log = gateway.log();
    eventually("it has sealed", PATIENCE, async || {
        (!log.events("seal").is_empty()).then_some(())
    })
    .await;
    let mut holder = world.sql().await;
    let lock = "begin; lock table audit.seal in access exclusive mode";
    run(&mut holder, lock).await.unwrap();
    let operator = gateway.operator();
    eventually("the lag grows", PATIENCE, async || {
        (lag(&operator).await > 2.5).then_some(())
    })
    .await;
    // An attempt is given up after 20 seconds.
    assert!(log.events("not_sealed").is_empty(), "it still hangs");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metric_grows_where_nobody_has_ever_sealed() {
    let world = World::new().await;
    let mut holder = world.sql().await;
    let lock = "begin; lock table modgate.seal_lock in share row exclusive mode";
    run(&mut holder, lock).await.unwrap();
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let kicked = gateway.moderator("alice").kick_login("bob").await;
    assert_eq!(kicked.status, 200);
    let operator = gateway.operator();
    eventually("the lag grows", PATIENCE, async || {
        (lag(&operator).await > 2.5).then_some(())
    })
    .await;
    assert!(gateway.log().events("not_sealed").is_empty());
}

async fn lag(operator: &Persona) -> f64 {
    let text = operator.get("/metrics").await.text;
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix("modgate_seal_lag_seconds "));
    let value = value.and_then(|value| value.trim().parse().ok());
    value.expect("it is exposed")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metric_shows_since_when_sealing_does_not_get_through() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let operator = gateway.operator();
    let metric = async |name: &str| {
        let text = operator.get("/metrics").await.text;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|value| value.trim().parse::<f64>().ok());
        value.expect("it is exposed")
    };
    let lag = async || metric("modgate_seal_lag_seconds ").await;
    let mut holder = world.sql().await;
    run(
        &mut holder,
        "begin; lock table modgate.seal_lock in share row exclusive mode",
    )
    .await
    .unwrap();
    assert_eq!(
        gateway.moderator("alice").kick_login("bob").await.status,
        200
    );
    eventually("the lag grows", PATIENCE, async || {
        (lag().await > 2.0).then_some(())
    })
    .await;
    assert_eq!(metric("modgate_seal_signed ").await.to_bits(), 0);
    drop(holder);
    eventually("it is gone", PATIENCE, async || {
        (lag().await < 1.0).then_some(())
    })
    .await;
    let seals = gateway.log().events("seal");
    assert_eq!(seals.last().expect("one is logged")["seal.n"], 2);
    world.execute("alter table audit.seal rename to gone").await;
    eventually("so does this", PATIENCE, async || {
        (lag().await > 2.0).then_some(())
    })
    .await;
    assert!(!gateway.log().events("not_sealed").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_key_is_rotated_while_the_service_runs() {
    let file = TemporaryFile::new(OLD);
    let world = World::new().await.set("MODGATE_SEAL_KEY_FILE", file.path());
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let key_ids = async |count: usize| {
        eventually("a seal is logged", PATIENCE, async || {
            let seals = gateway.log().events("seal");
            let of_rows = seals.iter().filter(|seal| seal["seal.n"] != 0);
            let ids: Vec<Value> = of_rows.map(|seal| seal["seal.key_id"].clone()).collect();
            (ids.len() >= count).then_some(ids)
        })
        .await
    };
    assert_eq!(alice.kick_login("bob").await.status, 200);
    let first = key_ids(1).await;
    let sealed = async |rows: i64| {
        eventually("all is sealed", PATIENCE, async || {
            let sealed = "select coalesce(sum(n), 0)::bigint from audit.seal";
            (world.count(sealed).await == rows).then_some(())
        })
        .await;
    };
    sealed(2).await;
    let first = key_ids(first.len()).await;
    std::fs::write(file.path(), format!("{NEW}\n{OLD}\n")).unwrap();
    eventually("it is in use", PATIENCE, async || {
        gateway.log().events("rotated").pop()
    })
    .await;
    assert_eq!(alice.kick_login("bob").await.status, 200);
    let both = key_ids(first.len() + 1).await;
    assert_ne!(both.last(), first.first());
    assert!(both.last().is_some_and(Value::is_string));
    sealed(4).await;
    let report = verify(&world, keys(&format!("{NEW}\n{OLD}"))).await;
    assert!(report.is_intact(), "{report}");
    assert_eq!(
        world
            .count("select max(epoch)::bigint from audit.seal")
            .await,
        1
    );
    let without_the_old = verify(&world, keys(NEW)).await;
    assert!(!without_the_old.is_intact());
}
