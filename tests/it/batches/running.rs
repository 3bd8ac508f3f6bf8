//! A batch runs to its end: each item is exactly one call, and the record shows what became of each.

use std::time::Duration;

use serde_json::{Value, json};

use super::checks::{
    all_sealed, assert_at_most_once, assert_one_call_each, assert_verified, until_there_are,
};
use super::{
    app, approved, approver, approving, assert_counts, count, done, events, id, items, keyed,
    kicks, look, mixed, of, only, path, submitted, submitter, until_count, until_state,
};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::world::World;

/// Kinds that `mixed` has not, with and without a user.
fn others() -> Vec<Value> {
    let on = |kind: &str, members: Value| {
        let mut item = members;
        item["kind"] = kind.into();
        item["room_id"] = "room".into();
        item
    };
    vec![
        on("mute_group", json!({})),
        on(
            "remove_group_member",
            json!({"user_id": "removed", "data": "", "silent": true}),
        ),
        on(
            "ban_live_member",
            json!({"user_id": "banned", "data": "", "seconds": 60}),
        ),
        on(
            "kick_room_member",
            json!({"user_id": "put out", "data": "", "reason": "for another reason"}),
        ),
    ]
}

#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
struct Begun {
    batch_index: i32,
    kind: String,
    user_id: Option<String>,
    room_id: Option<String>,
    moderator: String,
    reason: Option<String>,
    case_ref: Option<String>,
}

/// The actions of a batch in the order of its items.
async fn begun(world: &World, batch: &Value) -> Vec<Begun> {
    let rows = "select batch_index, kind, user_id, room_id, moderator, reason, case_ref
                  from audit.actions where batch_id = $1::uuid order by batch_index";
    let rows = sqlx::query_as(rows).bind(id(batch));
    rows.fetch_all(&mut world.sql().await)
        .await
        .expect("the record can be read")
}

/// What the actions of these items must be.
fn asked(asked: &[Value]) -> Vec<Begun> {
    let text = |item: &Value, name: &str| item[name].as_str().map(str::to_owned);
    let of = |(batch_index, item): (i32, &Value)| Begun {
        batch_index,
        kind: text(item, "kind").expect("it has one"),
        user_id: text(item, "user_id"),
        room_id: text(item, "room_id"),
        moderator: "alice".to_owned(),
        reason: text(item, "reason").or_else(|| Some("a raid".to_owned())),
        case_ref: Some("TS-1".to_owned()),
    };
    (0..).zip(asked).map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_mixed_kinds_is_done_with_one_call_for_each_item_and_its_record_is_intact() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let actions = [mixed("user", 90), others()].concat();
    let mut batch = of(actions.clone());
    batch["case_ref"] = "TS-1".into();
    let submitted = submitted(&alice, &batch).await;
    // Each look at it checks that its counts add up.
    let ended = until_state(&alice, &submitted, "done").await;
    assert_counts(&ended, &[("succeeded", 94)]);
    assert_eq!(ended["estimate"], Value::Null);
    for time in [
        "submitted_at",
        "started_at",
        "ended_at",
        "expires_at",
        "counted_at",
    ] {
        assert!(ended[time].is_string(), "{time}: {ended}");
    }
    assert_eq!(events(&app, &ended).await, ["submitted", "started", "done"]);

    assert_one_call_each(&app, &mixed("user", 90));
    assert_eq!(app.simulator.calls().len(), 94);
    assert!(app.simulator.are_all_muted("room"));
    assert_eq!(begun(&app, &ended).await, asked(&actions));
    assert_items_are_actions(&alice, &ended, &actions).await;
    let query = format!("batch_id={}&limit=200", id(&ended));
    assert_eq!(alice.list(&query).await.len(), 94);

    all_sealed(&app).await;
    let world = app.shut_down().await;
    assert_at_most_once(&world).await;
    assert_verified(&world);
}

/// Each item is shown with its action, in the order in which they were submitted.
async fn assert_items_are_actions(who: &Persona, batch: &Value, actions: &[Value]) {
    let shown = items(who, batch, "").await;
    assert_eq!(shown.len(), actions.len());
    for (index, (item, asked)) in shown.iter().zip(actions).enumerate() {
        assert_eq!(item["index"], index);
        let action = &item["action"];
        assert_eq!(action["batch_id"].as_str(), Some(id(batch).as_str()));
        for member in ["kind", "user_id", "room_id"] {
            assert_eq!(item[member], asked[member], "{member} of {index}");
            assert_eq!(action[member], asked[member], "{member} of {index}");
        }
        for member in ["state", "reason"] {
            let of_batch = member == "reason" && asked["reason"].is_null();
            if !of_batch {
                assert_eq!(item[member], action[member], "{member} of {index}");
            }
        }
        assert_eq!(action["supersedes"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_end_counted_stands_in_the_record_and_is_shown_ever_after() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    app.simulator.declare_account("user1", false);
    let batch = submitted(&alice, &of(kicks("user", 5))).await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 4), ("refused", 1)]);
    let details =
        "select (details::jsonb -> 'counts')::text from audit.batch_event where event = 'done'";
    let details: String = sqlx::query_scalar(details)
        .fetch_one(&mut app.sql().await)
        .await
        .expect("there is one");
    let counted: Value = serde_json::from_str(&details).expect("it is JSON");
    for state in super::ITEM_STATES {
        assert_eq!(
            counted[state].as_u64().unwrap_or(0),
            count(&ended, state),
            "{state}"
        );
    }
    let world = app.shut_down().await;
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    assert_eq!(look(&alice, &batch).await["counts"], ended["counts"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_fast_it_runs_and_when_it_will_be_done_is_said_after_some_seconds() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "20");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let batch = submitted(&alice, &of(kicks("user", 1_000))).await;
    assert_eq!(batch["estimate"], Value::Null, "nobody knows yet");
    let seen = eventually("there is one", Duration::from_secs(20), async || {
        let seen = look(&alice, &batch).await;
        seen["estimate"].is_object().then_some(seen)
    })
    .await;
    let rate = seen["estimate"]["rate_per_second"]
        .as_f64()
        .expect("a number");
    assert!((5.0..=25.0).contains(&rate), "{seen}");
    let time = |value: &Value| {
        let text = value.as_str().expect("a time");
        chrono::DateTime::parse_from_rfc3339(text).expect("a time")
    };
    let left = time(&seen["estimate"]["done_at"]) - time(&seen["counted_at"]);
    assert!((20..=200).contains(&left.num_seconds()), "{seen}");
    let paused = done(&alice, &batch, "pause").await;
    assert_eq!(paused["estimate"], Value::Null);
    done(&alice, &batch, "cancel").await;
    until_state(&alice, &batch, "cancelled").await;
    app.stop().await;
}

/// The failure in the last event of the only action against this user.
async fn failure(world: &World, user: &str) -> Option<String> {
    let failure = "select failure from audit.event join audit.action on action.id = action_id
                    where batch_id is not null and user_id = $1 order by rev desc limit 1";
    let failure = sqlx::query_scalar(failure).bind(user);
    let failure = failure.fetch_one(&mut world.sql().await).await;
    failure.expect("it has an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_become_protected_before_an_item_begins_is_left_alone_and_the_item_denied() {
    let app = TestApp::in_world(approving("0").await).await;
    let alice = submitter(app.addr, "alice");
    let batch = submitted(&alice, &of(kicks("user", 5))).await;
    let world = app
        .shut_down()
        .await
        .set("MODGATE_PROTECTED_USERS", "user2,other");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    approved(&approver(app.addr, "bob"), &batch).await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 4), ("denied", 1)]);
    let denied = items(&alice, &batch, "state=denied").await;
    assert_eq!((denied.len(), &denied[0]["index"]), (1, &json!(2)));
    assert_eq!(denied[0]["action"]["state"], "denied");
    assert_eq!(
        failure(&app, "user2").await.as_deref(),
        Some("protected_target")
    );
    let others = [0, 1, 3, 4].map(|index| kicks("user", 5)[index].clone());
    assert_one_call_each(&app, &others);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_that_would_by_then_shorten_another_is_not_sent_and_says_why() {
    let app = TestApp::in_world(approving("0").await).await;
    let alice = submitter(app.addr, "alice");
    let mute = |user: &str| json!({"kind": "mute_user", "user_id": user, "seconds": 60});
    let actions = ["one", "two", "three"].map(mute);
    let batch = submitted(&alice, &of(actions.to_vec())).await;
    assert_eq!(batch["warnings"]["would_shorten"], 0);
    // Between submission and approval.
    let longer = json!({"user_id": "two", "seconds": 6_000});
    let muted = app
        .moderator("bob")
        .post("/v1/actions/mute_user", &longer)
        .await;
    assert_eq!(muted.status, 200, "{}", muted.text);
    approved(&approver(app.addr, "carol"), &batch).await;
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 2), ("not_sent", 1)]);
    let not_sent = items(&alice, &batch, "state=not_sent").await;
    assert_eq!((not_sent.len(), &not_sent[0]["index"]), (1, &json!(1)));
    assert_eq!(failure(&app, "two").await.as_deref(), Some("would_shorten"));
    // It is no reason to begin it again.
    let tries = "select count(*) from audit.action where batch_id is not null and user_id = 'two'";
    assert_eq!(app.count(tries).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_whoever_submitted_it_are_those_of_then() {
    let app = TestApp::in_world(keyed().await.set("MODGATE_TENCENT_QPS", "20")).await;
    let alice = submitter(app.addr, "alice");
    let actions = kicks("user", 60);
    let batch = submitted(&alice, &of(actions.clone())).await;
    until_count(&alice, &batch, "succeeded", 10).await;
    // Her token of now may do nothing but look; what she asked for goes on.
    let alice = only(app.addr, "alice", &[]);
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 60)]);
    assert_one_call_each(&app, &actions);
    // Whoever has nothing to do with it sees nothing of it.
    let mallory = app.moderator("mallory");
    assert_eq!(mallory.get(&path(&batch)).await.status, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_outlives_the_gateway_that_took_it_in() {
    let app = TestApp::in_world(keyed().await.set("MODGATE_TENCENT_QPS", "40")).await;
    let actions = mixed("user", 150);
    let batch = submitted(&submitter(app.addr, "alice"), &of(actions.clone())).await;
    until_there_are(&app, 20, super::checks::ENDED).await;
    // As SIGTERM does: what has begun ends, and nothing else is begun.
    let world = app.shut_down().await;
    world.assert_the_record_is_whole().await;
    let ended = world.count(super::checks::ENDED).await;
    assert!(ended < 150, "that was its end");
    assert_eq!(world.count(super::checks::BEGUN).await, ended);
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let done = until_state(&alice, &batch, "done").await;
    assert_counts(&done, &[("succeeded", 150)]);
    assert_one_call_each(&app, &actions);
    assert_at_most_once(&app).await;
    app.stop().await;
}
