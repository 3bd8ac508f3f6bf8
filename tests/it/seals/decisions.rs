//! What the owner of the record decides is in the record like everything else, and covers nothing up.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::broken::{decision, tamper};
use super::inserted::forged;
use super::{Evidence, OTHER_SEED, SEED, UNSEALED, finding, public_key_of, run, verdicts};
use crate::record::id_of;
use crate::record::leaves::action_leaf;
use crate::record::roles::{AUDITOR, SERVICE, sql_as, url_as, with_roles};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, modgate};
use crate::support::world::World;

/// A record with an action of a gateway and one that somebody with the service's password made up, long
/// after the key was rolled out.
pub(super) async fn with_a_false_row() -> (World, Gateway, Uuid, Uuid) {
    let world = with_roles().await.set("MODGATE_SEAL_KEY", SEED);
    let long_ago = (chrono::Utc::now() - chrono::Duration::hours(1)).timestamp_micros();
    super::forge::first_seal(
        &mut world.sql().await,
        long_ago,
        &super::forge::Signer::new(SEED),
    )
    .await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let genuine = gateway.moderator("alice").kick_login("bob").await.action();
    let genuine: Uuid = genuine["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("it is one");
    let id = id_of(Duration::ZERO);
    run(
        &mut sql_as(&world, SERVICE).await,
        &forged(id, &action_leaf(), "null"),
    )
    .await;
    every_row_is_sealed(&world).await;
    (world, gateway, genuine, id)
}

/// The false action never ends.
pub(super) async fn every_row_is_sealed(world: &World) {
    eventually("all is sealed", Duration::from_secs(20), async || {
        (world.count(UNSEALED).await == 0).then_some(())
    })
    .await;
}

pub(super) fn acknowledge(world: &World, id: Uuid, key: Option<&str>) -> Output {
    let mut variables = world.variables_of_the_record();
    variables.remove("MODGATE_SEAL_KEY");
    variables.extend(key.map(|key| ("MODGATE_SEAL_KEY".to_owned(), key.to_owned())));
    let mut command = modgate(&variables);
    command.args(["acknowledge", &id.to_string(), "--by", "olga"]);
    command.args(["--reason", "case 7: a stolen password"]);
    command.output().expect("the binary can be run")
}

fn retain(world: &World) -> Output {
    let mut variables = world.variables_of_the_record();
    variables.insert("MODGATE_RETENTION".to_owned(), "30d".to_owned());
    modgate(&variables)
        .arg("retain")
        .output()
        .expect("the binary can be run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_row_can_be_acknowledged_and_nothing_else_can() {
    let (world, gateway, genuine, id) = with_a_false_row().await;
    // There is something to retain, which the false row blocks.
    let past = "select audit.ensure_partitions(now() - interval '100 days', 0)";
    run(&mut world.sql().await, past).await;
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    let url = &world.database.url;
    let wrong = finding(format!("action {id}"), "written without the key (seal ");
    verdicts(url, evidence).assert_found("a false row", std::slice::from_ref(&wrong));
    let blocked = retain(&world);
    assert!(!blocked.status.success(), "{blocked:?}");

    for (what, id, key) in [
        ("a genuine one", genuine, Some(SEED)),
        ("none at all", id_of(Duration::ZERO), Some(SEED)),
        ("without the key", id, None),
        ("with another key", id, Some(OTHER_SEED)),
    ] {
        let refused = acknowledge(&world, id, key);
        assert!(!refused.status.success(), "{what}: {refused:?}");
    }
    assert_eq!(world.count("select count(*) from audit.decision").await, 0);
    let known = decision(&acknowledge(&world, id, Some(SEED)));
    let twice = acknowledge(&world, id, Some(SEED));
    assert!(!twice.status.success(), "{twice:?}");

    verdicts(url, evidence).assert_decided(&known);
    let accepted = Evidence {
        accepted: Some(&known),
        ..evidence
    };
    verdicts(url, accepted).assert_intact("it is known");
    let retained = retain(&world);
    assert!(retained.status.success(), "{retained:?}");
    assert_told_as_false(&world, &gateway, genuine, id).await;
    assert_eq!(
        gateway.moderator("alice").kick_login("carol").await.status,
        200
    );
    every_row_is_sealed(&world).await;
    assert!(gateway.log().events("chain_broken").is_empty());

    // It is that row, as it was, which is known.
    tamper(
        &world,
        &format!("update audit.action set reason = 'x' where id = '{id}'"),
    )
    .await;
    let changed = finding(format!("action {id}"), "changed after it was sealed");
    verdicts(url, accepted).assert_found("changed", &[changed]);
    tamper(
        &world,
        &format!("delete from audit.action where id = '{id}'"),
    )
    .await;
    verdicts(url, accepted).assert_found("gone", &[finding(format!("action {id}"), "missing")]);
}

/// Lists, exports and the view of auditors.
async fn assert_told_as_false(world: &World, gateway: &Gateway, genuine: Uuid, id: Uuid) {
    let auditor = crate::support::persona::Persona::new(
        gateway.addr,
        Some(crate::support::world::token("auditor", &["audit:read"])),
    );
    let listed = auditor.list("").await;
    let of = |id: Uuid| {
        let action = listed.iter().find(|action| action["id"] == id.to_string());
        action.expect("it is listed")["genuine"].clone()
    };
    assert_eq!((of(id), of(genuine)), (Value::from(false), Value::Null));
    let one = auditor.action(&id.to_string()).await.json();
    assert_eq!(one["genuine"], false);
    let csv = auditor.get("/v1/actions/export?format=csv").await.text;
    let cells = |line: &str| line.split("\",\"").map(str::to_owned).collect::<Vec<_>>();
    let head = cells(csv.lines().next().unwrap_or_default());
    let column = head.iter().position(|name| name == "genuine");
    let genuine_of = |id: Uuid| {
        let mut lines = csv.lines();
        let row = lines.find(|line| line.contains(&id.to_string()))?;
        cells(row).get(column?).cloned()
    };
    assert_eq!(genuine_of(id).as_deref(), Some("false"), "{csv}");
    assert_eq!(genuine_of(genuine).as_deref(), Some("true"), "{csv}");
    for role in [AUDITOR, SERVICE] {
        let genuine: bool = sqlx::query_scalar("select genuine from audit.actions where id = $1")
            .bind(id)
            .fetch_one(&mut sql_as(world, role).await)
            .await
            .expect("it may look");
        assert!(!genuine, "{role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_cannot_be_made_up_changed_or_removed_unseen() {
    let (world, gateway, _, id) = with_a_false_row().await;
    let known = decision(&acknowledge(&world, id, Some(SEED)));
    gateway.kill();
    for role in [SERVICE, AUDITOR] {
        let insert = "insert into audit.decision
                          (id, kind, subject, decided_at, decided_by, operator, host, reason, details, leaf_hash, mac)
                      select gen_random_uuid(), kind, subject, decided_at, decided_by, operator, host, reason, details,
                             leaf_hash, mac from audit.decision";
        let refused = sqlx::query(insert)
            .execute(&mut sql_as(&world, role).await)
            .await;
        let refused = refused.expect_err("only the owner may").to_string();
        assert!(refused.contains("permission denied"), "{role}: {refused}");
    }
    let key = public_key_of(SEED);
    let accepted = Evidence {
        public_key: Some(key.path()),
        accepted: Some(&known),
        ..Evidence::default()
    };
    let url = &world.database.url;
    verdicts(url, accepted).assert_intact("before it");
    let named = format!("decision {known}");
    for (what, statement, wrong) in [
        (
            "the reason",
            "update audit.decision set reason = 'none'",
            "changed after it was sealed",
        ),
        (
            "the person",
            "update audit.decision set operator = 'oscar'",
            "changed after it was sealed",
        ),
        (
            "the time",
            "update audit.decision set decided_at = now()",
            "changed after it was sealed",
        ),
    ] {
        let before = "create table before as select * from audit.decision";
        tamper(&world, &format!("{before}; {statement}")).await;
        let told = verdicts(url, accepted);
        told.assert_at_least_found(what, &[finding(&named, wrong)]);
        tamper(&world, "delete from audit.decision; insert into audit.decision select * from before; drop table before")
            .await;
    }
    verdicts(url, accepted).assert_intact("as it was");
    let another = "insert into audit.decision
                   select '019b76da-a7ff-7000-8000-000000000001', kind, subject, decided_at, decided_by, operator, host,
                          reason, details, xid, leaf_hash, mac from audit.decision";
    tamper(&world, another).await;
    let made_up = finding(
        "decision 019b76da-a7ff-7000-8000-000000000001",
        "in no seal",
    );
    verdicts(url, accepted).assert_found("made up", &[made_up]);
    tamper(&world, "delete from audit.decision").await;
    let wrong = [
        finding(&named, "missing"),
        finding(format!("action {id}"), "written without the key"),
    ];
    verdicts(url, accepted).assert_found("gone", &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_takes_the_right_and_the_key_of_the_owner() {
    let (world, gateway, _, id) = with_a_false_row().await;
    for role in [SERVICE, AUDITOR] {
        let mut variables = world.variables_of_the_record();
        variables.insert("MODGATE_DATABASE_URL".to_owned(), url_as(&world, role));
        let mut command = modgate(&variables);
        let id = id.to_string();
        let output = command
            .args(["acknowledge", &id, "--reason", "mine"])
            .output();
        let output = output.expect("the binary can be run");
        assert!(!output.status.success(), "{role}: {output:?}");
    }
    let empty = acknowledge_for(&world, id, "");
    assert!(!empty.status.success(), "a reason is needed: {empty:?}");
    let none = world.count("select count(*) from audit.decision").await;
    assert_eq!(none, 0, "nothing is half done");
    assert_eq!(
        gateway.moderator("alice").kick_login("bob").await.status,
        200
    );
    every_row_is_sealed(&world).await;
}

fn acknowledge_for(world: &World, id: Uuid, reason: &str) -> Output {
    let mut command = modgate(&world.variables_of_the_record());
    command.args(["acknowledge", &id.to_string(), "--reason", reason]);
    command.output().expect("the binary can be run")
}
