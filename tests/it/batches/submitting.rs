//! What becomes of a submission: looked at only, taken in once, refused where the same was asked for.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::uploads::{assert_nothing_kept, faults, of_batch, of_item};
use super::{
    BATCHES, app, assert_counts, assert_problem, assert_taken_in, denied_tries, items, keyed,
    kicks, new_key, of, submit, submitted, submitter, until_state, upload, validate, with,
};
use crate::support::app::TestApp;
use crate::support::persona::Answer;
use crate::support::world::World;

/// Rows of batches.
const BATCH_ROWS: &str =
    "select (select count(*) from audit.batch) + (select count(*) from audit.batch_item)
            + (select count(*) from audit.batch_event) + (select count(*) from modgate.batch_item)";

/// How long from now on a batch may run.
fn seconds_left(batch: &Value) -> i64 {
    let at = batch["expires_at"].as_str().expect("a time");
    let at: DateTime<Utc> = at.parse().expect("RFC 3339");
    (at - Utc::now()).num_seconds()
}

fn valid(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    for header in ["location", "etag"] {
        assert_eq!(answer.header(header), None);
    }
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_looked_at_says_what_would_be_said_and_leaves_nothing() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    assert_eq!(alice.kick_login("user0").await.status, 200);
    let mute = json!({"user_id": "user1", "forever": true});
    let muted = alice.post("/v1/actions/mute_user", &mute).await;
    assert_eq!(muted.status, 200, "{}", muted.text);
    app.simulator.forget_calls();
    let batch = of(json!([
        {"kind": "kick_login", "user_id": "user0"}, {"kind": "kick_login", "user_id": "user2"},
        {"kind": "mute_user", "user_id": "user1", "seconds": 60}, {"kind": "mute_user", "user_id": "user2", "seconds": 60},
    ]));
    let looked_at = valid(&validate(&alice, &batch).await);
    let digest = looked_at["digest"].as_str().expect("a text");
    assert!(digest.len() == 64 && digest.chars().all(|digit| digit.is_ascii_hexdigit()));
    let expected = json!({
        "state": "valid", "total": 4, "kinds": {"kick_login": 2, "mute_user": 2}, "digest": digest,
        "approval": {"required": false}, "expires_at": looked_at["expires_at"],
        // A kick and a mute were done a moment ago, and the mute is longer.
        "warnings": {"recently_done": 2, "would_shorten": 1},
    });
    assert_eq!(looked_at, expected);
    let csv = "kind,user_id,seconds\nkick_login,user0,\nkick_login,user2,\nmute_user,user1,60\nmute_user,user2,60\n";
    let of_table = valid(&upload(&alice, "reason=a%20raid&validate_only=true", csv).await);
    for member in ["digest", "total", "kinds", "warnings"] {
        assert_eq!(of_table[member], looked_at[member], "{member}");
    }
    assert_eq!(app.count(BATCH_ROWS).await, 0);
    assert_eq!(app.simulator.calls().len(), 0);

    let answer = submit(&alice, &new_key(), &batch).await;
    let batch = assert_taken_in(&answer);
    for member in ["digest", "total", "kinds", "warnings"] {
        assert_eq!(batch[member], looked_at[member], "{member}");
    }
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 3), ("not_sent", 1)]);
    let shorter = &items(&alice, &batch, "state=not_sent").await[0];
    assert_eq!(shorter["index"], 2);
    assert_eq!(shorter["action"]["state"], "not_sent");
    assert_eq!(app.simulator.calls().len(), 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_batch_may_run_depends_on_what_is_in_it() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let mute = json!({"kind": "mute_user", "user_id": "u", "seconds": 60});
    let removal =
        json!({"kind": "remove_group_member", "room_id": "g", "user_id": "u", "data": ""});
    let (hours, kick) = (3600, kicks("user", 1).remove(0));
    for (actions, expires_in, expected) in [
        (json!([mute]), None, 24 * hours),
        (json!([mute, kick]), None, 2 * hours),
        (json!([removal]), None, 2 * hours),
        (json!([kick]), Some(24 * hours), 24 * hours),
        (json!([mute]), Some(60), 60),
    ] {
        let mut batch = of(actions.clone());
        if let Some(seconds) = expires_in {
            batch["expires_in"] = json!(seconds);
        }
        let left = seconds_left(&valid(&validate(&alice, &batch).await));
        let is_about = (expected - 30..=expected).contains(&left);
        assert!(is_about, "{actions}, {expires_in:?}: {left}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_its_key_is_the_same_batch_as_it_is_by_then() {
    let app = app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), submitter(app.addr, "bob"));
    let asked = of(kicks("user", 3));
    let first = submit(&alice, "key", &asked).await;
    assert_eq!(first.header("idempotent-replayed"), None);
    let batch = assert_taken_in(&first);
    let ended = until_state(&alice, &batch, "done").await;
    for key in ["key", "\"key\""] {
        let again = submit(&alice, key, &asked).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let replayed = assert_taken_in(&again);
        for member in ["id", "state", "counts", "digest", "ended_at"] {
            assert_eq!(replayed[member], ended[member], "{member}");
        }
    }
    let mut others = vec![of(kicks("user", 2)), of(kicks("other", 3)), asked.clone()];
    others[2]["reason"] = json!("another");
    for other in &others {
        let answer = submit(&alice, "key", other).await;
        assert_problem(&answer, 422, "idempotency-mismatch");
    }
    assert_eq!(app.count("select count(*) from audit.batch").await, 1);
    assert_eq!(app.simulator.calls().len(), 3);
    // It is nobody else's key, and none of a single action.
    let of_bob = submit(&bob, "key", &of(kicks("bobs", 1))).await;
    assert_eq!(of_bob.header("idempotent-replayed"), None);
    until_state(&bob, &assert_taken_in(&of_bob), "done").await;
    let single = alice.try_kick_login_keyed("key", "single").await;
    let single = single.expect("it is answered");
    assert_eq!(
        (single.status, single.header("idempotent-replayed")),
        (200, None)
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_to_the_same_is_done_once_more_only_on_purpose() {
    let app = app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), submitter(app.addr, "bob"));
    let first = submitted(&alice, &of(kicks("user", 2))).await;
    until_state(&alice, &first, "done").await;
    // In another order, with other reasons, by somebody else.
    let mut same = kicks("user", 2);
    same.reverse();
    same[0]["reason"] = json!("of his own");
    let mut same = json!({"reason": "also", "case_ref": "TS-9", "actions": same});
    let refused = [
        submit(&bob, &new_key(), &same).await,
        validate(&bob, &same).await,
        submit(&alice, &new_key(), &of(kicks("user", 2))).await,
        upload(
            &bob,
            "",
            "kind,user_id\nkick_login,user1\nkick_login,user0\n",
        )
        .await,
    ];
    for answer in &refused {
        assert_problem(answer, 409, "duplicate-batch");
        assert_eq!(answer.json()["batch"], json!({"id": first["id"]}));
    }
    same["repeats"] = json!(new_key());
    let another = submit(&bob, &new_key(), &same).await;
    assert!([400, 409].contains(&another.status), "{}", another.text);
    assert_eq!(app.count("select count(*) from audit.batch").await, 1);
    // More, or less, is not the same.
    let more = submitted(&bob, &of(kicks("user", 3))).await;
    same["repeats"] = first["id"].clone();
    let repeated = submitted(&bob, &same).await;
    assert_eq!(repeated["repeats"], first["id"]);
    assert_eq!([&more["repeats"], &first["repeats"]], [&Value::Null; 2]);
    for batch in [&more, &repeated] {
        until_state(&bob, batch, "done").await;
    }
    assert_eq!(app.simulator.calls().len(), 2 + 3 + 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_targets_are_named_by_index_and_the_try_is_recorded() {
    let protected: Vec<String> = (0..12).map(|number| format!("vip{number}")).collect();
    let world = keyed().await;
    let world = world.set("MODGATE_PROTECTED_USERS", &protected.join(","));
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let mut actions = kicks("user", 6);
    actions[1]["user_id"] = json!("VIP3");
    actions[4]["user_id"] = json!("administrator");
    let many = json!({"actions": kicks("vip", 12)});
    let tries = [
        submit(&alice, &new_key(), &of(actions.clone())).await,
        validate(&alice, &of(actions)).await,
        submit(&alice, &new_key(), &many).await,
    ];
    let indexes: [&[u64]; 3] = [&[1, 4], &[1, 4], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]];
    let denied = denied_tries(&app).await;
    assert_eq!(denied.len(), tries.len());
    let words = ["submit", "validate", "submit"];
    for (number, answer) in tries.iter().enumerate() {
        assert_problem(answer, 403, "protected-target");
        let problem = answer.json();
        assert!(problem.get("action").is_none(), "{problem}");
        let errors = problem["errors"].as_array().expect("a list").iter();
        let named: Vec<_> = errors
            .map(|error| (&error["index"], &error["field"]))
            .collect();
        let (fields, expected) = (json!("user_id"), indexes[number]);
        assert_eq!(named.len(), expected.len(), "{problem}");
        for ((index, field), expected) in named.into_iter().zip(expected) {
            assert_eq!((index.as_u64(), field), (Some(*expected), &fields));
        }
        assert_eq!(denied[number]["because"], "protected_target");
        assert_eq!(denied[number]["tried"], words[number]);
        assert_eq!(denied[number]["indexes"], json!(expected));
    }
    assert_nothing_kept(&app).await;
    let who =
        "select count(*) from audit.batch_event where event = 'denied' and moderator = 'alice'
               and batch_id not in (select id from audit.batch)";
    assert_eq!(app.count(who).await, 3);
    // What was done to them once can be taken back.
    let unmute = json!([{"kind": "unmute_user", "user_id": "vip0"}]);
    let answer = validate(&alice, &of(unmute)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_are_not_offered_here_are_a_fault_of_the_item() {
    let world = keyed().await.set("MODGATE_KINDS", "kick_login");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let kick = || json!({"kind": "kick_login", "user_id": "u"});
    let mute = json!({"kind": "mute_user", "user_id": "u", "seconds": 60});
    let answer = submit(&alice, &new_key(), &of(json!([kick(), mute]))).await;
    assert_eq!(faults(&answer), of_item(1, None, "kind"));
    let csv = "kind,user_id,seconds\nkick_login,u,\nmute_user,u,60\n";
    let answer = upload(&alice, "", csv).await;
    assert_eq!(faults(&answer), of_item(1, Some(3), "kind"));
    assert_nothing_kept(&app).await;
    let batch = submitted(&alice, &of(json!([kick()]))).await;
    until_state(&alice, &batch, "done").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_reason_is_required_the_batch_or_each_item_has_one() {
    let world = keyed().await.set("MODGATE_REQUIRE_REASON", "true");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let mut actions = kicks("user", 3);
    let none = validate(&alice, &json!({"actions": actions})).await;
    assert_eq!(faults(&none), of_batch("reason"));
    actions[1]["reason"] = json!("spam");
    let some = validate(&alice, &json!({"actions": actions})).await;
    let expected = [of_item(0, None, "reason"), of_item(2, None, "reason")];
    assert_eq!(faults(&some), expected.concat());
    let of_batch = validate(&alice, &of(actions.clone())).await;
    assert_eq!(of_batch.status, 200, "{}", of_batch.text);
    actions[0]["reason"] = json!("spam");
    actions[2]["reason"] = json!("more");
    let each = validate(&alice, &json!({"actions": actions})).await;
    assert_eq!(each.status, 200, "{}", each.text);
    // An action has its own, or else that of the batch.
    let mut actions = kicks("user", 2);
    actions[1]["reason"] = json!("spam");
    let batch = submitted(&alice, &of(actions)).await;
    until_state(&alice, &batch, "done").await;
    let items = items(&alice, &batch, "").await;
    let reasons: Vec<_> = items.iter().map(|item| &item["action"]["reason"]).collect();
    assert_eq!(reasons, ["a raid", "spam"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_seal_key_there_are_no_batches() {
    let app = TestApp::in_world(World::new().await.set("MODGATE_MODERATOR_QPS", "1000")).await;
    let everything = ["batch:submit", "batch:approve", "audit:read"];
    let alice = with(app.addr, "alice", &everything);
    let batch = format!("{BATCHES}/{}", new_key());
    for path in [BATCHES, &batch, &format!("{batch}/items")] {
        assert_problem(&alice.get(path).await, 404, "not-found");
    }
    for word in ["approve", "reject", "cancel", "pause", "resume"] {
        let answer = alice.post(&format!("{batch}/{word}"), &json!({})).await;
        assert_problem(&answer, 404, "not-found");
    }
    let asked = of(kicks("user", 1));
    assert_problem(&submit(&alice, &new_key(), &asked).await, 404, "not-found");
    assert_problem(&validate(&alice, &asked).await, 404, "not-found");
    assert_eq!(app.count(BATCH_ROWS).await, 0);
    app.stop().await;
}
