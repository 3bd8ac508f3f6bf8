//! Actions of items that somebody with the service's password has made up: none is sent, and none passes for done.

use std::time::Duration;

use super::checks::{BEGUN, assert_one_call_each};
use super::forged::{MACS, forge, named, world};
use super::{
    approved, approver, assert_counts, assert_problem, deed, id, kicks, look, of, submitted,
    submitter, until_count, until_state,
};
use crate::record::id_of;
use crate::record::roles::{SERVICE, sql_as};
use crate::support::process::Gateway;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_no_item_is_unknown_in_the_record_of_the_end() {
    let world = world().await.set("MODGATE_MODERATOR_HOURLY", "100000");
    let world = world.set("MODGATE_BATCH_APPROVAL_ABOVE", "0");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (alice, bob) = (
        submitter(gateway.addr, "alice"),
        approver(gateway.addr, "bob"),
    );
    let genuine = kicks("genuine", 1);
    let first = submitted(&alice, &of(genuine.clone())).await;
    approved(&bob, &first).await;
    until_state(&alice, &first, "done").await;
    let second = submitted(&alice, &of(kicks("user", 6))).await;

    let mut service = sql_as(&world, SERVICE).await;
    let of_first = format!("batch_id = '{}'", id(&first));
    // Of three items, each with an end, and of one that has none.
    for (index, mac) in MACS.into_iter().chain(["mac"]).enumerate() {
        let action = format!("'{}'::uuid", id_of(Duration::ZERO));
        let (batch, index_of) = (format!("'{}'::uuid", id(&second)), index.to_string());
        let (user, at) = (
            format!("'user{index}'"),
            format!("audit.uuid7_time({action})"),
        );
        let copied = [
            ("id", action.as_str()),
            ("batch_id", batch.as_str()),
            ("batch_index", index_of.as_str()),
            ("user_id", user.as_str()),
            ("requested_at", at.as_str()),
            ("mac", mac),
        ];
        assert_eq!(forge(&mut service, "action", &of_first, &copied).await, 1);
        if index < MACS.len() {
            let rows =
                format!("action_id in (select id from audit.action where {of_first}) and rev = 1");
            let end = [("action_id", action.as_str()), ("mac", mac)];
            assert_eq!(forge(&mut service, "event", &rows, &end).await, 1);
        }
    }
    approved(&bob, &look(&bob, &second).await).await;
    until_state(&alice, &second, "done").await;
    let ended = "select details::jsonb -> 'counts' from audit.batch_event
                  where event = 'done' and batch_id = $1::uuid";
    let counts: serde_json::Value = sqlx::query_scalar(ended)
        .bind(id(&second))
        .fetch_one(&mut world.sql().await)
        .await
        .expect("it has an end");
    assert_eq!(
        counts,
        serde_json::json!({"succeeded": 2, "unknown": 4}),
        "of those that nobody carried out nobody knows"
    );
    let sent = [genuine, kicks("user", 6).split_off(4)].concat();
    assert_one_call_each(&world, &sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_stop_could_be_recorded_any_more_nothing_begins() {
    let world = world().await.set("MODGATE_TENCENT_QPS", "20");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = submitter(gateway.addr, "alice");
    let batch = submitted(&alice, &of(kicks("user", 200))).await;
    until_count(&alice, &batch, "succeeded", 3).await;
    let mut service = sql_as(&world, SERVICE).await;
    let rows = format!("batch_id = '{}' and event = 'started'", id(&batch));
    let last = [("rev", "1000"), ("mac", "mac")];
    assert_eq!(forge(&mut service, "batch_event", &rows, &last).await, 1);
    let begun = world.count(BEGUN).await;
    named(&gateway.log()).await;
    // Whoever wants it stopped is not told that it is; but nothing begins.
    assert_problem(&deed(&alice, &batch, "cancel").await, 409, "batch-state");
    let another = submitted(&submitter(gateway.addr, "bob"), &of(kicks("another", 30))).await;
    until_state(&submitter(gateway.addr, "bob"), &another, "done").await;
    assert_eq!(world.count(BEGUN).await, begun + 30);
    let seen = look(&alice, &batch).await;
    assert_counts(
        &seen,
        &[
            ("succeeded", super::count(&seen, "succeeded")),
            ("waiting", super::count(&seen, "waiting")),
        ],
    );
}
