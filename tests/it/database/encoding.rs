//! A text that the database cannot store is no reason to wait for the record.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::{Run, list, run, sql};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{KICK_LOGIN, Persona};
use crate::support::postgres::{Cluster, Database};
use crate::support::world::{World, token};

/// An empty database of the shared server with this encoding.
async fn encoded(world: &World, encoding: &str) -> (Database, String) {
    let database = Cluster::shared().await.create_database(None).await;
    let name = "select current_database()::text";
    let name = list(&mut sql(&database.url).await, name).await.remove(0);
    let mut admin = world.sql().await;
    for statement in [
        format!("drop database {name} with (force)"),
        format!(
            "create database {name} encoding '{encoding}' template template0 lc_collate 'C' lc_ctype 'C'"
        ),
    ] {
        run(&mut admin, &statement).await;
    }
    let url = database.url.clone();
    (database, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_encoding_is_refused_by_every_command_that_would_write() {
    let mut world = World::new().await;
    for encoding in ["LATIN1", "SQL_ASCII", "EUC_CN"] {
        let (database, url) = encoded(&world, encoding).await;
        let refused = format!("the database has the encoding {encoding}, and must have UTF8");
        Run::migrate(&url).await.assert_failed(&refused);
        let nothing = "select nspname::text from pg_namespace where nspname in ('audit', 'modgate')
                       union all select 'a list' from pg_class where relname = '_sqlx_migrations'";
        let mut sql = sql(&url).await;
        assert_eq!(list(&mut sql, nothing).await, Vec::<String>::new());
        // One that was migrated before this was looked at.
        super::migrations().run(&mut sql).await.expect("they run");
        sql.close().await.unwrap();
        world = world.set("MODGATE_DATABASE_URL", &url);
        for migrate in ["false", "true"] {
            world = world.set("MODGATE_MIGRATE", migrate);
            Run::of(&world.variables, &["serve"])
                .await
                .assert_failed(&refused);
        }
        let live = Run::live(&world.variables).await;
        let wrong = format!("wrong: database: MODGATE_DATABASE_URL: {refused}");
        live.assert_failed(&wrong);
        drop(database);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_the_database_cannot_store_is_told_so_and_not_to_be_repeated() {
    let app = TestApp::in_world(World::with_its_own_postgres().await).await;
    let alice = app.moderator("alice");
    assert_eq!(alice.kick_login("before").await.status, 200);
    // From here on Postgres stores and reads texts as Latin-1.
    let other = "update pg_database set encoding = pg_char_to_encoding('LATIN1') where datname = current_database();
                 select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()";
    run(&mut app.sql().await, other).await;
    let (plain, chinese) = (
        json!({"user_id": "plain", "reason": "spam"}),
        json!({"user_id": "chinese", "reason": "刷屏"}),
    );
    eventually(
        "it has new connections",
        Duration::from_secs(20),
        async || {
            let answer = alice.post(KICK_LOGIN, &plain).await;
            (answer.status == 200).then_some(())
        },
    )
    .await;
    let calls = app.simulator.calls().len();
    let keyed = async |body: &Value| {
        let request = alice.request(Method::POST, KICK_LOGIN);
        let request = request.header("Idempotency-Key", "k1");
        let request = request.header(CONTENT_TYPE, "application/json");
        alice.send(request.body(body.to_string())).await
    };
    for _ in 0..2 {
        let answer = keyed(&chinese).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (500, "internal"),
            "{}",
            answer.text
        );
        assert_eq!(answer.header("retry-after"), None);
        assert!(answer.text.contains("nothing was sent"), "{}", answer.text);
    }
    assert_eq!(app.simulator.calls().len(), calls, "nothing was sent");
    // The key is free for what can be stored.
    let answer = keyed(&plain).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // Denied all the same, and told that it is not in the record.
    let mallory = Persona::new(app.addr, Some(token("mallory", &[])));
    let denied = mallory.post(KICK_LOGIN, &chinese).await;
    assert_eq!(
        (denied.status, &denied.action()["recorded"]),
        (403, &json!(false))
    );
    app.stop().await;
}
