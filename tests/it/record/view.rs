//! The view that people and dashboards query.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Row, id_of};
use crate::support::app::TestApp;
use crate::support::world::World;

const COLUMNS: &str = "id, kind, state, moderator, moderator_name, issuer, token_id, client_id, actor, \
    user_id, room_id, data, reason, case_ref, supersedes, batch_id, idempotency_key, client_ip, peer_ip, \
    user_agent, trace_id, http_request_id, instance, version, sdk_app_id, tencent_host, requested_at, \
    recorded_at, completed_at, duration_ms, attempts, tencent_random, http_status, action_status, \
    error_code, error_info, tencent_request_id, decided_by, genuine, batch_index, parameters";

#[tokio::test(flavor = "multi_thread")]
async fn the_view_has_the_columns_of_the_contract_in_its_order() {
    let world = World::new().await;
    let columns: String = sqlx::query_scalar(
        "select string_agg(column_name, ', ' order by ordinal_position)
         from information_schema.columns where table_schema = 'audit' and table_name = 'actions'",
    )
    .fetch_one(&mut world.sql().await)
    .await
    .unwrap();
    assert_eq!(columns, COLUMNS);
}

/// The one row of an action in the view.
async fn shown(sql: &mut PgConnection, id: Uuid) -> Value {
    let rows = sqlx::query_scalar("select to_json(a)::text from audit.actions a where id = $1");
    let rows: Vec<String> = rows
        .bind(id)
        .fetch_all(sql)
        .await
        .expect("Postgres answers");
    let [row] = rows.as_slice() else {
        panic!("one row an action: {rows:?}")
    };
    serde_json::from_str(row).expect("Postgres makes JSON")
}

/// An action with these events.
async fn recorded(sql: &mut PgConnection, events: impl Fn(Uuid) -> Vec<Row>) -> Uuid {
    let id = id_of(Duration::ZERO);
    Row::action(id)
        .insert(sql)
        .await
        .expect("it breaks no rule");
    for event in events(id) {
        event.insert(sql).await.expect("it breaks no rule");
    }
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_without_an_end_is_shown_as_pending() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let id = recorded(&mut sql, |_| vec![]).await;
    let action = shown(&mut sql, id).await;
    assert_eq!(action["state"], "pending");
    assert_eq!(
        (&action["attempts"], &action["tencent_random"]),
        (&json!(0), &json!(7))
    );
    for column in [
        "completed_at",
        "duration_ms",
        "decided_by",
        "error_code",
        "http_status",
    ] {
        assert_eq!(action[column], Value::Null, "{column}");
    }

    let id = recorded(&mut sql, |id| vec![Row::retrying(id, 1)]).await;
    let action = shown(&mut sql, id).await;
    assert_eq!(
        (&action["state"], &action["completed_at"]),
        (&json!("pending"), &Value::Null)
    );
    assert_eq!(
        (&action["attempts"], &action["tencent_random"]),
        (&json!(1), &json!(8))
    );
    assert_eq!(action["error_code"], 60008);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definite_end_stands_above_unknown_whichever_came_first() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    for (unknown, definite) in [(2, 3), (3, 2)] {
        let id = recorded(&mut sql, |id| {
            vec![
                Row::retrying(id, 1),
                Row::event(id, unknown, "unknown")
                    .with("decided_by", "'recovery'")
                    .with("failure", "'abandoned'"),
                Row::answered(id, definite, "succeeded", 0)
                    .with("attempt", 2)
                    .with("tencent_random", 8)
                    .with("duration_us", 1_500)
                    .with("action_status", "'OK'")
                    .with("tencent_request_id", "'Id-1'"),
            ]
        })
        .await;
        let action = shown(&mut sql, id).await;
        assert_eq!(
            (&action["state"], &action["decided_by"]),
            (&json!("succeeded"), &json!("gateway"))
        );
        assert_eq!(
            (&action["attempts"], &action["tencent_random"]),
            (&json!(2), &json!(8))
        );
        assert_eq!(
            (&action["error_code"], &action["http_status"]),
            (&json!(0), &json!(200))
        );
        assert_eq!(
            (&action["action_status"], &action["error_info"]),
            (&json!("OK"), &json!(""))
        );
        assert_eq!(
            (&action["duration_ms"], &action["tencent_request_id"]),
            (&json!(1.5), &json!("Id-1"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_end_keeps_the_last_answer_that_there_was() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let id = recorded(&mut sql, |id| {
        let lost = Row::event(id, 2, "unknown")
            .with("attempt", 2)
            .with("tencent_random", 8);
        vec![
            Row::retrying(id, 1),
            lost.with("attempt_duration_us", 5_000_000)
                .with("failure", "'timed_out'"),
        ]
    })
    .await;
    let action = shown(&mut sql, id).await;
    assert_eq!(
        (&action["state"], &action["attempts"]),
        (&json!("unknown"), &json!(2))
    );
    assert_eq!(
        (&action["tencent_random"], &action["http_status"]),
        (&json!(8), &Value::Null)
    );
    assert_eq!(action["error_code"], 60008);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_no_end_leaves_the_state_as_it_is_for_whoever_reads() {
    let app = TestApp::start().await;
    let mut sql = app.sql().await;
    let id = recorded(&mut sql, |id| {
        vec![Row::event(id, 1, "unknown"), Row::probed(id, 2)]
    })
    .await;
    let view = shown(&mut sql, id).await;
    assert_eq!(
        (&view["state"], &view["decided_by"]),
        (&json!("unknown"), &json!("gateway"))
    );
    let auditor = app.auditor();
    let one = auditor.action(&id.to_string()).await.json();
    assert_eq!(one["state"], "unknown");
    let listed = async |state: &str| {
        let list = auditor.get(&format!("/v1/actions?state={state}")).await;
        list.json()["items"].as_array().map(Vec::len)
    };
    assert_eq!(listed("unknown").await, Some(1));
    assert_eq!(listed("pending").await, Some(0));
    app.stop().await;
}
