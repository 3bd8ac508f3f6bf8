//! Rows that somebody with the service's password has made, changed or copied: nothing is sent that no moderator asked
//! for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

use super::checks::{BEGUN, all_sealed, assert_at_most_once, assert_one_call_each, both};
use super::{
    approved, approver, assert_counts, id, keyed_again, kicks, look, of, submitted, submitter,
    until_state,
};
use crate::record::id_of;
use crate::record::leaves::leaf;
use crate::record::roles::{OWNER, SERVICE, sql_as, url_as, with_roles};
use crate::record::{refusal, run};
use crate::seals::forge::{Signer, first_seal};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, Log, modgate};
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// All that can be had: that of the row it is copied from, none, and a guess.
pub(super) const MACS: [&str; 3] = ["mac", "null::bytea", "sha256('')"];

/// A world in which the service has its own role, long after the key was rolled out: `verify` takes no row without a
/// mac for genuine.
pub(super) async fn world() -> World {
    let world = keyed_again(with_roles().await);
    let long_ago = (chrono::Utc::now() - chrono::Duration::hours(1)).timestamp_micros();
    first_seal(&mut world.sql().await, long_ago, &Signer::new(super::SEED)).await;
    world
}

/// What has a value in a table that a role may give it.
async fn columns(sql: &mut PgConnection, table: &str) -> Vec<String> {
    let columns = "select attname::text from pg_attribute
                    where attrelid = to_regclass($1) and attnum > 0 and not attisdropped
                      and attname not in ('recorded_at', 'xid', 'leaf_hash')";
    let columns = sqlx::query_scalar(columns).bind(format!("audit.{table}"));
    columns.fetch_all(sql).await.expect("Postgres answers")
}

/// Copies these rows of a table with these columns changed, and the leaf hash that they make by then, for which it
/// takes no key. How many there were.
pub(super) async fn forge(
    sql: &mut PgConnection,
    table: &str,
    rows: &str,
    changed: &[(&str, &str)],
) -> u64 {
    let letter = match table {
        "action" => "A",
        "event" => "E",
        "batch" => "B",
        "batch_item" => "I",
        "batch_event" => "C",
        _ => panic!("no such table"),
    };
    let columns = columns(sql, table).await;
    let changed: BTreeMap<&str, &str> = changed.iter().copied().collect();
    let values = columns
        .iter()
        .map(|column| match changed.get(column.as_str()) {
            Some(value) => format!("{value} as {column}"),
            None => column.clone(),
        });
    let values: Vec<String> = values.collect();
    let (columns, values, leaf) = (columns.join(", "), values.join(", "), leaf(letter));
    let insert = format!(
        "insert into audit.{table} ({columns}, leaf_hash)
         select {columns}, {leaf} from (select {values} from audit.{table} where {rows}) as copied"
    );
    let inserted = sqlx::query(AssertSqlSafe(insert)).execute(sql).await;
    let inserted = inserted.unwrap_or_else(|error| panic!("{table}: {error}"));
    inserted.rows_affected()
}

/// Makes every item of a batch, and more, one to be picked.
pub(super) async fn make_work(sql: &mut PgConnection, batch: &str) {
    let work = format!(
        "insert into modgate.batch_item (batch_id, batch_index, kind)
         select '{batch}', index, 'kick_login' from generate_series(0, 9) as index
         on conflict (batch_id, batch_index) do update
            set picked_until = '-infinity', is_over = false, answered_at = null"
    );
    run(sql, &work).await.expect("the service may");
}

/// Until a gateway has named false rows of batches.
pub(super) async fn named(log: &Log) {
    eventually("false rows are named", PATIENCE, async || {
        log.events("batch_row_refused").pop()
    })
    .await;
}

/// A batch of two that was submitted by somebody, and is done: whoever looks for work has looked again.
pub(super) async fn another_is_done(gateway: &Gateway, name: &str) -> Vec<Value> {
    let alice = submitter(gateway.addr, "alice");
    let actions = kicks(name, 2);
    let batch = submitted(&alice, &of(actions.clone())).await;
    until_state(&alice, &batch, "done").await;
    actions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_nobody_submitted_sends_nothing_and_each_row_of_it_is_named() {
    let world = world().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = submitter(gateway.addr, "alice");
    let mut genuine = kicks("genuine", 3);
    let batch = submitted(&alice, &of(genuine.clone())).await;
    until_state(&alice, &batch, "done").await;

    let mut service = sql_as(&world, SERVICE).await;
    let mut forged = Vec::new();
    // Against others, and the very same once more.
    for users in ["'victim' || batch_index", "user_id"] {
        for mac in MACS {
            let new = id_of(Duration::ZERO).to_string();
            let (quoted, of_genuine) = (format!("'{new}'::uuid"), format!("'{}'", id(&batch)));
            let submitted_at = format!("audit.uuid7_time({quoted})");
            let expires_at = format!("{submitted_at} + interval '2 hours'");
            let targets_digest = format!("encode(sha256('{new}'), 'hex')");
            let submitted = [
                ("id", quoted.as_str()),
                ("submitted_at", submitted_at.as_str()),
                ("expires_at", expires_at.as_str()),
                ("targets_digest", targets_digest.as_str()),
                ("mac", mac),
            ];
            let rows = format!("id = {of_genuine}");
            assert_eq!(forge(&mut service, "batch", &rows, &submitted).await, 1);
            let rows = format!("batch_id = {of_genuine}");
            let items = [
                ("batch_id", quoted.as_str()),
                ("user_id", users),
                ("mac", mac),
            ];
            assert_eq!(forge(&mut service, "batch_item", &rows, &items).await, 3);
            // That it was submitted, and has started.
            let rows = format!("{rows} and event <> 'done'");
            let events = [("batch_id", quoted.as_str()), ("mac", mac)];
            assert_eq!(forge(&mut service, "batch_event", &rows, &events).await, 2);
            make_work(&mut service, &new).await;
            forged.push(new);
        }
    }
    named(&gateway.log()).await;
    genuine.extend(another_is_done(&gateway, "another").await);
    // A process that starts later judges the same.
    let later = Gateway::start(&world.variables).await.ready().await;
    named(&later.log()).await;
    genuine.extend(another_is_done(&later, "later").await);
    assert_one_call_each(&world, &genuine);
    assert_at_most_once(&world).await;

    all_sealed(&world).await;
    drop((gateway, later));
    let owner = ("MODGATE_DATABASE_URL".to_owned(), url_as(&world, OWNER));
    let mut variables = world.variables_of_the_record();
    variables.extend([owner]);
    let verified = modgate(&variables).arg("verify").output();
    let verified = verified.expect("the binary can be run");
    assert_eq!(verified.status.code(), Some(1), "{verified:?}");
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    for id in forged {
        let items = (0..3).map(|index| format!("batch_item {id} index {index}"));
        let events = (1..=2).map(|rev| format!("batch_event {id} rev {rev}"));
        for row in items.chain(events).chain([format!("batch {id}")]) {
            assert!(
                told.contains(&format!("tampered: {row}: ")),
                "{row}: {told}"
            );
        }
    }
}

/// Batches here await approval.
async fn with_approval() -> (World, Gateway) {
    let world = world().await.set("MODGATE_MODERATOR_HOURLY", "100000");
    let world = world.set("MODGATE_BATCH_APPROVAL_ABOVE", "0");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    (world, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_were_added_copied_or_edited_are_not_sent() {
    let (world, gateway) = with_approval().await;
    let alice = submitter(gateway.addr, "alice");
    let bob = approver(gateway.addr, "bob");
    let (genuine, others) = (kicks("genuine", 3), both("other", 6));
    let batch = submitted(&alice, &of(genuine.clone())).await;
    let other = submitted(&alice, &of(others.clone())).await;

    let mut service = sql_as(&world, SERVICE).await;
    // Against others, the very same once more, and those of another batch.
    let mut index = 3;
    for users in ["'victim' || batch_index", "user_id"] {
        for (from, mac) in MACS
            .map(|mac| (&batch, mac))
            .into_iter()
            .chain([(&other, "mac")])
        {
            let rows = format!("batch_id = '{}' and batch_index = 0", id(from));
            let (new, place) = (format!("'{}'::uuid", id(&batch)), index.to_string());
            let item = [
                ("batch_id", new.as_str()),
                ("batch_index", place.as_str()),
                ("user_id", users),
                ("mac", mac),
            ];
            assert_eq!(forge(&mut service, "batch_item", &rows, &item).await, 1);
            index += 1;
        }
    }
    for statement in [
        "update audit.batch_item set user_id = 'victim'",
        "update audit.batch set total = 9",
        "update audit.batch_event set event = 'approved'",
        "delete from audit.batch_item",
        "delete from audit.batch_event",
        "truncate audit.batch_item",
        "drop function modgate.claim_item",
        "drop table modgate.begin_lock",
    ] {
        assert_eq!(
            refusal(run(&mut service, statement).await),
            "42501",
            "{statement}"
        );
    }
    make_work(&mut service, &id(&batch)).await;
    for of_both in [&batch, &other] {
        approved(&bob, of_both).await;
        // Also once it runs, and while it does.
        make_work(&mut service, &id(of_both)).await;
        let ended = until_state(&alice, of_both, "done").await;
        let total = ended["total"].as_u64().expect("a number");
        assert_counts(&ended, &[("succeeded", total)]);
        make_work(&mut service, &id(of_both)).await;
    }
    assert_one_call_each(&world, &[genuine, others].concat());
    assert_eq!(world.count(BEGUN).await, 9);
    assert_at_most_once(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_that_nobody_gave_start_nothing() {
    let (world, gateway) = with_approval().await;
    let alice = submitter(gateway.addr, "alice");
    let bob = approver(gateway.addr, "bob");
    let genuine = kicks("genuine", 2);
    let first = submitted(&alice, &of(genuine.clone())).await;
    approved(&bob, &first).await;
    until_state(&alice, &first, "done").await;
    let second = submitted(&alice, &of(kicks("second", 3))).await;

    let mut service = sql_as(&world, SERVICE).await;
    let mut rev = 2;
    // Of bob's, for the other batch, and that it has started by then.
    for mac in MACS {
        for event in ["approved", "started"] {
            let rows = format!("batch_id = '{}' and event = '{event}'", id(&first));
            let (new, number) = (format!("'{}'::uuid", id(&second)), rev.to_string());
            let copied = [
                ("batch_id", new.as_str()),
                ("rev", number.as_str()),
                ("mac", mac),
            ];
            assert_eq!(forge(&mut service, "batch_event", &rows, &copied).await, 1);
            rev += 1;
        }
    }
    make_work(&mut service, &id(&second)).await;
    named(&gateway.log()).await;
    let later = Gateway::start(&world.variables).await.ready().await;
    named(&later.log()).await;
    for door in [&gateway, &later] {
        let seen = look(&submitter(door.addr, "alice"), &second).await;
        assert_eq!(seen["state"], "awaiting_approval", "{seen}");
        assert_eq!(seen["approval"]["by"], Value::Null);
    }
    assert_one_call_each(&world, &genuine);
    assert_eq!(world.count(BEGUN).await, 2);
    // Who may approve it still may.
    approved(&bob, &look(&bob, &second).await).await;
    let ended = until_state(&alice, &second, "done").await;
    assert_counts(&ended, &[("succeeded", 3)]);
    assert_eq!(ended["approval"]["by"], "bob");
    assert_one_call_each(&world, &[genuine, kicks("second", 3)].concat());
}
