//! Actions whose process fell silent.

use std::time::Duration;

use modgate::audit::{AuditLog, Deployment, Error, Swept};
use modgate::db;
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Row, id_of};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::world::World;

/// The record of a world, as a replica has it.
pub(super) fn audit_log(world: &World) -> AuditLog {
    audit_log_as(&world.database.url)
}

/// The same with the rights of the role in `url`.
pub(super) fn audit_log_as(url: &str) -> AuditLog {
    let settings = db::Settings {
        url: SecretString::from(url),
        max_connections: 8,
    };
    let pools = db::open(&settings).expect("the URL is one");
    let deployment = Deployment {
        instance: "test".to_owned(),
        version: "0".to_owned(),
        sdk_app_id: 1,
        tencent_host: "test".to_owned(),
    };
    AuditLog::new(&pools, deployment, std::sync::Arc::default())
}

/// One sweep over everything, as soon as a connection can be had.
pub(super) async fn sweep(record: &AuditLog) -> Swept {
    eventually("a sweep", Duration::from_secs(20), async || {
        match record.recover(Uuid::nil()).await {
            Err(Error::Database(sqlx::Error::PoolTimedOut)) => None,
            swept => Some(swept.expect("the record can be read")),
        }
    })
    .await
}

/// An intent that was recorded some seconds ago, whose deadline is that long after.
async fn pending(sql: &mut PgConnection, seconds_ago: u64, deadline: Duration) -> Uuid {
    let id = id_of(Duration::from_secs(seconds_ago));
    let row = Row::action(id).with(
        "recorded_at",
        format!("clock_timestamp() - interval '{seconds_ago} s'"),
    );
    row.with("deadline_ms", deadline.as_millis())
        .insert(sql)
        .await
        .expect("it breaks no rule");
    id
}

async fn state(sql: &mut PgConnection, id: Uuid) -> String {
    let state = sqlx::query_scalar("select state from audit.actions where id = $1");
    state
        .bind(id)
        .fetch_one(sql)
        .await
        .expect("Postgres answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_behind_is_unknown_at_the_next_start() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let second = Duration::from_secs(1);
    let abandoned = pending(&mut sql, 30, second).await;
    let retrying = pending(&mut sql, 30, second).await;
    Row::retrying(retrying, 1).insert(&mut sql).await.unwrap();
    let alive = pending(&mut sql, 30, Duration::from_mins(50)).await;
    let ended = pending(&mut sql, 30, second).await;
    Row::answered(ended, 1, "succeeded", 0)
        .insert(&mut sql)
        .await
        .unwrap();

    let app = TestApp::in_world(world).await;
    let auditor = app.auditor();
    for (id, attempts) in [(abandoned, 0), (retrying, 1)] {
        let action = eventually("it is unknown", Duration::from_secs(20), async || {
            let action = auditor.action(&id.to_string()).await.json();
            (action["state"] == "unknown").then_some(action)
        })
        .await;
        assert_eq!(action["attempts"].as_array().map(Vec::len), Some(attempts));
        assert_eq!(
            (&action["duration_ms"], &action["recorded"]),
            (&Value::Null, &json!(true))
        );
        let (rev, by, failure): (i16, String, String) = sqlx::query_as(
            "select rev, decided_by, failure from audit.event where action_id = $1 and state = 'unknown'",
        )
        .bind(id)
        .fetch_one(&mut sql)
        .await
        .unwrap();
        assert_eq!(usize::from(rev.unsigned_abs()), attempts + 1);
        assert_eq!((by.as_str(), failure.as_str()), ("recovery", "abandoned"));
    }
    assert_eq!(state(&mut sql, alive).await, "pending");
    assert_eq!(state(&mut sql, ended).await, "succeeded");
    assert_eq!(app.simulator.calls().len(), 0, "recovery asks nobody");
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_sweeps_but_never_before_the_deadline_and_five_seconds() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    // Due in four seconds, and without the five at once: too late for the first sweep.
    let first = pending(&mut sql, 20, Duration::from_secs(19)).await;
    let retrying = pending(&mut sql, 20, Duration::from_secs(19)).await;
    Row::retrying(retrying, 1).insert(&mut sql).await.unwrap();
    let app = TestApp::in_world(world).await;
    for id in [first, retrying] {
        eventually("it is unknown", Duration::from_secs(30), async || {
            (state(&mut sql, id).await == "unknown").then_some(())
        })
        .await;
    }
    let waits: Vec<f64> = sqlx::query_scalar(
        "select extract(epoch from e.recorded_at - a.recorded_at)::float8
         from audit.action a join audit.event e on e.action_id = a.id where e.state = 'unknown'",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(waits.len(), 2);
    assert!(waits.iter().all(|wait| *wait >= 24.0), "{waits:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deadline_is_its_own() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let record = audit_log(&world);
    let due = pending(&mut sql, 40, Duration::from_secs(34)).await;
    let not_due = pending(&mut sql, 40, Duration::from_secs(55)).await;
    let swept = sweep(&record).await;
    assert_eq!(swept.ended, 1);
    assert_eq!(state(&mut sql, due).await, "unknown");
    assert_eq!(state(&mut sql, not_due).await, "pending");
    assert!(swept.oldest_pending.is_some() && swept.next_from <= not_due);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_recover_at_once_end_each_action_once() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    for _ in 0..50 {
        pending(&mut sql, 30, Duration::from_secs(1)).await;
    }
    let replicas: Vec<AuditLog> = (0..4).map(|_| audit_log(&world)).collect();
    let swept = futures_util::future::join_all(replicas.iter().map(sweep)).await;
    let ended: usize = swept.into_iter().map(|swept| swept.ended).sum();
    assert_eq!(ended, 50);
    assert_eq!(
        world
            .count("select count(*) from audit.event where state = 'unknown'")
            .await,
        50
    );
    let again = sweep(&replicas[0]).await;
    assert_eq!((again.ended, again.oldest_pending), (0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_unknown_is_counted_until_somebody_finds_out() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let (unknown, learnt) = (id_of(Duration::from_secs(5)), id_of(Duration::from_secs(4)));
    for id in [unknown, learnt] {
        Row::action(id).insert(&mut sql).await.unwrap();
        let end = Row::event(id, 1, "unknown").with("failure", "'timed_out'");
        end.insert(&mut sql).await.unwrap();
    }
    let record = audit_log(&world);
    let kick = modgate::kinds::kick_login::KIND;
    let counted = record.unresolved(Duration::ZERO).await.unwrap();
    assert_eq!(counted, [(kick, 2)]);
    // A probe, or a late answer, may still find out.
    let counted = record.unresolved(Duration::from_mins(1)).await.unwrap();
    assert_eq!(counted, []);
    let late = Row::answered(learnt, 2, "succeeded", 0).with("attempt", 1);
    late.insert(&mut sql).await.unwrap();
    let counted = record.unresolved(Duration::ZERO).await.unwrap();
    assert_eq!(counted, [(kick, 1)]);
}
