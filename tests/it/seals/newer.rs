//! What a newer release writes into the record: it is carried, left to that release, and never called forged.

use std::time::Duration;

use super::guard::{self, UNGUARD};
use super::{Evidence, UNSEALED, all_sealed, keyed, run, verdicts};
use crate::record::{Row, id_of};
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::process::{Gateway, Log};
use crate::support::world::{World, token};

/// What the migration of a newer release would do.
const NEWER_SCHEMA: &str = "
    alter table audit.action drop constraint action_row_format_is_known;
    alter table audit.event drop constraint event_row_format_is_known, drop constraint event_state_is_known;
    insert into public._sqlx_migrations (version, description, success, checksum, execution_time)
    values (999, 'newer', true, '', 0)";

const SALT: &str = "decode(repeat('5a', 16), 'hex')";

async fn said(log: &Log, event: &str, words: &str) {
    eventually(words, Duration::from_mins(1), async || {
        let lines = log.events(event);
        let is_said = lines.iter().any(|line| line.to_string().contains(words));
        is_said.then_some(())
    })
    .await;
}

/// A click of somebody works, and waits for its seal.
async fn recorded_but_not_sealed(world: &World, gateway: &Gateway, seals: i64) {
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("meanwhile").await.status, 200);
    assert!(world.count(UNSEALED).await >= 2);
    let ready = gateway.operator().get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    assert_eq!(ready.json()["degraded"], serde_json::json!(["seals"]));
    assert_eq!(world.count("select count(*) from audit.seal").await, seals);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_newer_version_are_shown_and_left_to_the_release_that_can_seal_them() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (log, mut sql) = (gateway.log(), world.sql().await);
    assert_eq!(
        gateway.moderator("alice").kick_login("before").await.status,
        200
    );
    all_sealed(&world).await;
    let seals = world.count("select count(*) from audit.seal").await;
    run(&mut sql, NEWER_SCHEMA).await;
    let id = id_of(Duration::ZERO);
    let action = Row::action(id).with("row_format", 3).with("salt", SALT);
    let action = action.with("kind", "'mute_group'").with("user_id", "null");
    action
        .with("room_id", "'room'")
        .insert(&mut sql)
        .await
        .unwrap();
    let event = Row::event(id, 1, "warned")
        .with("row_format", 3)
        .with("salt", SALT);
    event.insert(&mut sql).await.unwrap();

    said(&log, "record_newer", &format!("action {id} of version 3")).await;
    recorded_but_not_sealed(&world, &gateway, seals).await;
    assert!(log.events("row_refused").is_empty());
    let auditor = Persona::new(gateway.addr, Some(token("auditor", &["audit:read"])));
    let shown = auditor.action(&id.to_string()).await.json();
    let kind_and_state = (shown["kind"].as_str(), shown["state"].as_str());
    assert_eq!(kind_and_state, (Some("mute_group"), Some("warned")));
    assert!(
        shown["user_id"].is_null() && shown["room_id"] == "room",
        "{shown}"
    );
    for path in [
        "/v1/actions",
        "/v1/actions/export?format=ndjson",
        "/v1/actions/export?format=csv",
    ] {
        let answer = auditor.get(path).await;
        assert!(
            answer.status == 200 && answer.text.contains(&id.to_string()),
            "{path}: {answer:?}"
        );
    }
    verdicts(&world.database.url, Evidence::default()).assert_unchecked("a newer version");

    // Once it is dealt with, what has waited is sealed.
    run(&mut sql, UNGUARD).await;
    let gone = format!(
        "delete from audit.event where action_id = '{id}'; delete from audit.action where id = '{id}'"
    );
    run(&mut sql, &gone).await;
    guard::restore(&world.database.url);
    said(&log, "sealing_resumed", "sealing_resumed").await;
    all_sealed(&world).await;
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_a_newer_release_stops_the_sealer_once_it_has_rows() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (log, mut sql) = (gateway.log(), world.sql().await);
    run(
        &mut sql,
        "create table audit.report (id uuid primary key, leaf_hash bytea not null)",
    )
    .await;
    assert_eq!(
        gateway.moderator("alice").kick_login("before").await.status,
        200
    );
    all_sealed(&world).await;
    let row = format!(
        "insert into audit.report values ('{}', '')",
        id_of(Duration::ZERO)
    );
    run(&mut sql, &row).await;
    said(&log, "record_newer", "rows of table report").await;
    let seals = world.count("select count(*) from audit.seal").await;
    recorded_but_not_sealed(&world, &gateway, seals).await;
    run(&mut sql, "drop table audit.report").await;
    said(&log, "sealing_resumed", "sealing_resumed").await;
    all_sealed(&world).await;
    gateway.kill();
}
