//! What is recorded stays, whoever asks.

use serde_json::json;
use sqlx::PgConnection;

use super::{refusal, run};
use crate::support::app::TestApp;

/// All tables and all of their months.
pub(super) async fn tables(sql: &mut PgConnection) -> Vec<String> {
    let tables = sqlx::query_scalar(
        "select oid::regclass::text from pg_class
         where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p') and relname ~ '^(action|event|batch|brake)'",
    );
    let tables: Vec<String> = tables.fetch_all(sql).await.expect("Postgres answers");
    assert!(
        tables.len() >= 26,
        "four months of five, and those, and brakes: {tables:?}"
    );
    tables
}

pub(super) fn changes(table: &str) -> Vec<String> {
    let (column, key) = match table.trim_start_matches("audit.") {
        event if event.starts_with("event") => ("decided_by", "action_id, rev"),
        item if item.starts_with("batch_item") => ("kind", "batch_id, batch_index"),
        event if event.starts_with("batch_event") => ("version", "batch_id, rev"),
        _ => ("version", "id"),
    };
    let set = format!("set {column} = 'recovery'");
    vec![
        format!("update {table} {set}"),
        format!("update {table} {set} where false"),
        format!("update only {table} {set}"),
        format!("with changed as (update {table} {set} returning 1) select count(*) from changed"),
        format!("delete from {table}"),
        format!("delete from {table} where false"),
        format!("truncate {table}"),
        format!("truncate {table} cascade"),
        format!("merge into {table} t using (select 1) s on true when matched then update {set}"),
        format!("merge into {table} t using (select 1) s on false when matched then update {set}"),
        format!("merge into {table} t using (select 1) s on true when matched then delete"),
        format!("insert into {table} select * from {table} on conflict ({key}) do update {set}"),
        format!(
            "insert into {table} select * from {table} where false on conflict ({key}) do update {set}"
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_or_removes_a_row_not_even_the_owner() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    assert_eq!(alice.kick_login("bob").await.status, 200);
    assert_eq!(alice.kick_seat("room", "bob", "").await.status, 200);
    let before = alice.list("").await;

    let mut sql = app.sql().await;
    let superuser: bool =
        sqlx::query_scalar("select rolsuper from pg_roles where rolname = current_user")
            .fetch_one(&mut sql)
            .await
            .unwrap();
    assert!(superuser, "or this test shows less than it says");
    for role in ["origin", "replica", "local"] {
        run(&mut sql, &format!("set session_replication_role = {role}"))
            .await
            .unwrap();
        for table in tables(&mut sql).await {
            for change in changes(&table) {
                let refused = run(&mut sql, &change).await;
                let told = format!("{refused:?}");
                assert_eq!(refusal(refused), "42501", "as {role}: {change}: {told}");
                assert!(told.contains("append-only"), "{told}");
            }
        }
    }
    assert_eq!(json!(alice.list("").await), json!(before));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_month_is_guarded_even_in_replica_mode() {
    let app = TestApp::start().await;
    let mut sql = app.sql().await;
    run(&mut sql, "select audit.ensure_partitions('2035-06-15')")
        .await
        .unwrap();
    let guarded: Vec<String> = sqlx::query_scalar(
        "select tgrelid::regclass::text from pg_trigger
         where tgname = 'append_only' and tgenabled = 'A' and not tgisinternal",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    for table in tables(&mut sql).await {
        assert!(
            guarded.contains(&table),
            "{table} is not guarded: {guarded:?}"
        );
    }
    app.stop().await;
}
