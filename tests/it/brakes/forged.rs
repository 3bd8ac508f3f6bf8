//! Rows that somebody with the service's password has made.

use std::time::Duration;

use serde_json::json;

use super::{FREEZE, SEED, THAW, brakes, everything, frozen, keyed_again, leads};
use crate::record::id_of;
use crate::record::roles::{OWNER, SERVICE, sql_as, url_as, with_roles};
use crate::seals::forge::{Signer, first_seal};
use crate::seals::genuine::Genuine;
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, modgate};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn forged_rows_freeze_and_thaw_nothing_and_each_is_named() {
    let world = keyed_again(with_roles().await);
    // Long after the key was rolled out: `verify` takes no row without a mac for genuine.
    let long_ago = (chrono::Utc::now() - chrono::Duration::hours(1)).timestamp_micros();
    first_seal(&mut world.sql().await, long_ago, &Signer::new(SEED)).await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let [fred, thea] = leads(gateway.addr);
    let alice = gateway.moderator("alice");
    let mut service = sql_as(&world, SERVICE).await;
    let mut forged = Vec::new();
    // All that can be had: none, a guess, and one of a genuine row.
    brakes(&fred, FREEZE, &json!({"kind": "mute_group"})).await;
    brakes(&thea, THAW, &json!({"kind": "mute_group"})).await;
    let copied = sqlx::query_scalar::<_, String>("select mac::text from audit.brake limit 1");
    let copied = copied.fetch_one(&mut service).await.expect("it may read");
    let macs = [
        json!(null),
        json!(format!("\\x{}", "00".repeat(32))),
        json!(copied),
    ];
    let mut forge = async |brake: &str, forged: &mut Vec<String>| {
        for mac in &macs {
            let id = id_of(Duration::ZERO);
            let row = Genuine::brake(id, brake).with("mac", mac.clone());
            row.with("kind", json!(null)).insert(&mut service).await;
            forged.push(id.to_string());
        }
    };
    forge("freeze", &mut forged).await;
    assert_eq!(alice.kick_login("user").await.status, 200);
    assert_eq!(frozen(&alice).await.len(), 0);
    brakes(&fred, FREEZE, &everything()).await;
    forge("thaw", &mut forged).await;
    assert_eq!(alice.kick_login("user").await.problem(), "frozen");
    assert_eq!(frozen(&alice).await.len(), 1);
    // A process that starts later judges the same.
    let later = Gateway::start(&world.variables).await.ready().await;
    let at_later = later.moderator("alice").kick_login("user").await;
    assert_eq!(at_later.problem(), "frozen");
    brakes(&thea, THAW, &everything()).await;
    assert_eq!(alice.kick_login("user").await.status, 200);

    let log = later.log();
    eventually("they are logged", PATIENCE, async || {
        let line = log.events("brake_refused").pop()?;
        (line["refused"] == 6).then_some(())
    })
    .await;
    eventually("all is sealed", PATIENCE, async || {
        (world.count(crate::seals::UNSEALED).await == 0).then_some(())
    })
    .await;
    drop((gateway, later));
    let owner = ("MODGATE_DATABASE_URL".to_owned(), url_as(&world, OWNER));
    let mut variables = world.variables_of_the_record();
    variables.extend([owner]);
    let verified = modgate(&variables).arg("verify").output();
    let verified = verified.expect("the binary can be run");
    assert_eq!(verified.status.code(), Some(1), "{verified:?}");
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    for id in forged {
        assert!(told.contains(&format!("brake {id}")), "{id}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_can_neither_change_nor_remove_nor_date_back_a_brake() {
    let world = keyed_again(with_roles().await);
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let [fred, _] = leads(gateway.addr);
    brakes(&fred, FREEZE, &everything()).await;
    let mut service = sql_as(&world, SERVICE).await;
    for statement in [
        "update audit.brake set brake = 'thaw'",
        "delete from audit.brake",
        "truncate audit.brake",
        "insert into audit.brake (recorded_at) values (now())",
        "insert into audit.brake (xid) values ('1')",
        "create or replace function modgate.has_unjudged_brake(seen_before xid8, judged_since uuid[])
             returns boolean language sql as 'select false'",
        "drop table modgate.begin_lock",
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut service).await;
        let code = refused.expect_err(statement);
        let code = code.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}");
    }
    assert_eq!(
        gateway
            .moderator("alice")
            .kick_login("user")
            .await
            .problem(),
        "frozen"
    );
}
