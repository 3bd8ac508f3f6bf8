//! Batches that break a rule: all that is wrong is named, and nothing of them is begun or kept.

use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tables::table;
use super::{
    BATCHES, PATIENCE, app, assert_problem, assert_taken_in, count, deed, denied_tries, id, kicks,
    new_key, of, only, submit, submitter, until_state, upload, upload_keyed, validate, waiting_app,
    with,
};
use crate::support::app::TestApp;
use crate::support::persona::{Answer, Persona};
use crate::support::raw::exchange;

/// Rows of batches and of what they asked for, without the tries that were denied.
const KEPT: &str =
    "select (select count(*) from audit.batch) + (select count(*) from audit.batch_item)
            + (select count(*) from audit.batch_event where event <> 'denied')
            + (select count(*) from audit.action) + (select count(*) from modgate.batch_item)";

pub(super) async fn assert_nothing_kept(app: &TestApp) {
    assert_eq!(app.count(KEPT).await, 0, "something was kept");
    assert_eq!(app.simulator.calls().len(), 0, "something was sent");
}

/// What an `invalid-request` says is wrong: index, line and field of each fault.
pub(super) type Faults = Vec<(Option<u64>, Option<u64>, String)>;

pub(super) fn faults(answer: &Answer) -> Faults {
    assert_problem(answer, 400, "invalid-request");
    let problem = answer.json();
    let errors = problem["errors"].as_array().expect("the faults are listed");
    assert!(!errors.is_empty() && errors.len() <= 100, "{}", answer.text);
    let fault = |fault: &Value| {
        let rule = fault["rule"].as_str();
        assert!(rule.is_some_and(|rule| !rule.is_empty()), "{fault}");
        let field = fault["field"].as_str().expect("it is named").to_owned();
        (fault["index"].as_u64(), fault["line"].as_u64(), field)
    };
    errors.iter().map(fault).collect()
}

/// One fault of one item.
pub(super) fn of_item(index: u64, line: Option<u64>, field: &str) -> Faults {
    vec![(Some(index), line, field.to_owned())]
}

/// One fault of the batch itself.
pub(super) fn of_batch(field: &str) -> Faults {
    vec![(None, None, field.to_owned())]
}

/// The first with the members of the second besides, or instead.
fn and(mut first: Value, second: &Value) -> Value {
    let members = first.as_object_mut().expect("it is one");
    members.extend(second.as_object().expect("it is one").clone());
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_items_are_a_batch_and_one_more_is_none() {
    let app = waiting_app().await;
    let alice = submitter(app.addr, "alice");
    let too_many = submit(&alice, &new_key(), &of(kicks("user", 10_001))).await;
    assert_eq!(faults(&too_many), of_batch("actions"));
    let too_long = upload(&alice, "", table(10_001)).await;
    for answer in [too_many, too_long] {
        assert_problem(&answer, 400, "invalid-request");
        let says_how_many = answer.text.replace([',', ' '], "").contains("10000");
        assert!(says_how_many, "{}", answer.text);
    }
    let none = submit(&alice, &new_key(), &of(json!([]))).await;
    for answer in [none, upload(&alice, "", table(0)).await] {
        assert_problem(&answer, 400, "invalid-request");
    }
    assert_nothing_kept(&app).await;

    let answer = upload(&alice, "reason=a%20raid", table(10_000)).await;
    let batch = assert_taken_in(&answer);
    assert_eq!(batch["kinds"], json!({"kick_login": 10_000}));
    assert_eq!(batch["state"], "awaiting_approval");
    assert_eq!(count(&batch, "waiting"), 10_000);
    let items = "select count(distinct batch_index) from audit.batch_item";
    assert_eq!(app.count(items).await, 10_000);
    assert_eq!(deed(&alice, &batch, "cancel").await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_line_in_ten_thousand_refuses_all_and_of_many_the_first_hundred_are_named() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let mut actions = kicks("user", 9_999);
    actions[4_998]["user_id"] = json!("not an id\u{e9}");
    let answer = submit(&alice, &new_key(), &of(actions)).await;
    assert_eq!(faults(&answer), of_item(4_998, None, "user_id"));
    assert_eq!(answer.json()["errors_total"], 1);
    let bad = table(9_999).replace("user4998\n", "not an id\u{e9}\n");
    let answer = upload(&alice, "", bad).await;
    assert_eq!(faults(&answer), of_item(4_998, Some(5_000), "user_id"));
    assert_eq!(answer.json()["errors_total"], 1);

    let bad = table(9_999).replace("kick_login", "kick");
    let answer = upload(&alice, "", bad).await;
    let faults = faults(&answer);
    assert_eq!(faults.len(), 100);
    assert_eq!(answer.json()["errors_total"], 9_999);
    for (index, fault) in (0..).zip(faults) {
        assert_eq!(fault, (Some(index), Some(index + 2), "kind".to_owned()));
    }
    assert_nothing_kept(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_an_item_is_named_by_its_index_and_field() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let kick = |members: Value| and(json!({"kind": "kick_login", "user_id": "u"}), &members);
    let seat = |members: Value| and(json!({"kind": "kick_seat"}), &members);
    let mute = |members: Value| and(json!({"kind": "mute_user", "user_id": "u"}), &members);
    let rows = [
        (json!({"user_id": "u"}), "kind"),
        (kick(json!({"kind": "kick"})), "kind"),
        (kick(json!({"kind": 1})), "kind"),
        (json!({"kind": "kick_login"}), "user_id"),
        (kick(json!({"user_id": ""})), "user_id"),
        (kick(json!({"user_id": 1e16})), "user_id"),
        (kick(json!({"user_id": "\u{202e}u"})), "user_id"),
        (kick(json!({"room_id": "r"})), "room_id"),
        (kick(json!({"supersedes": new_key()})), "supersedes"),
        (kick(json!({"constructor": 1})), "constructor"),
        (kick(json!({"reason": " "})), "reason"),
        (kick(json!({"case_ref": "\u{e9}"})), "case_ref"),
        (seat(json!({"room_id": "r", "user_id": "u"})), "data"),
        (seat(json!({"user_id": "u", "data": ""})), "room_id"),
        (
            json!({"kind": "mute_group", "room_id": "r", "user_id": "u"}),
            "user_id",
        ),
        (mute(json!({"seconds": 0})), "seconds"),
        (mute(json!({"seconds": 31_536_001})), "seconds"),
        (mute(json!({"seconds": 60, "forever": true})), "forever"),
        (mute(json!({"seconds": 60, "channels": "some"})), "channels"),
    ];
    let before = json!({"kind": "kick_login", "user_id": "before"});
    for (row, field) in &rows {
        let answer = validate(&alice, &of(json!([before, row]))).await;
        let expected = of_item(1, None, field);
        assert_eq!(faults(&answer), expected, "{row}: {}", answer.text);
    }
    // All of them at once, each by its place.
    let all: Vec<Value> = rows.iter().map(|(row, _)| row.clone()).collect();
    let named = faults(&submit(&alice, &new_key(), &of(all)).await);
    for (index, (row, field)) in (0..).zip(&rows) {
        let fault = (Some(index), None, (*field).to_owned());
        assert!(named.contains(&fault), "{row}: {named:?}");
    }
    // What is no item at all.
    for none in [json!(null), json!("kick_login"), json!([]), json!({})] {
        let answer = validate(&alice, &of(json!([before, none]))).await;
        let named = faults(&answer);
        assert!(
            named.iter().all(|(index, ..)| *index == Some(1)),
            "{named:?}"
        );
    }
    let twice = r#"{"actions": [{"kind": "kick_login", "user_id": "a", "user_id": "b"}], "validate_only": true}"#;
    assert_problem(
        &alice.post_text(BATCHES, twice).await,
        400,
        "invalid-request",
    );
    assert_nothing_kept(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_batch_itself_is_named_without_an_index() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let whole = of(kicks("user", 1));
    for (members, field) in [
        (json!({"reason": ""}), "reason"),
        (json!({"reason": "a\u{7}"}), "reason"),
        (json!({"reason": "r".repeat(501)}), "reason"),
        (json!({"case_ref": "c".repeat(65)}), "case_ref"),
        (json!({"expires_in": 0}), "expires_in"),
        (json!({"expires_in": 86_401}), "expires_in"),
        (json!({"expires_in": 1.5}), "expires_in"),
        (json!({"expires_in": "60"}), "expires_in"),
        (json!({"repeats": "the last one"}), "repeats"),
        (json!({"validate_only": "yes"}), "validate_only"),
        (json!({"accept_rounded": true}), "accept_rounded"),
        (json!({"approve": true}), "approve"),
        (json!({"actions": {}}), "actions"),
    ] {
        let answer = submit(&alice, &new_key(), &and(whole.clone(), &members)).await;
        let expected = of_batch(field);
        assert_eq!(faults(&answer), expected, "{members}: {}", answer.text);
    }
    let undo = json!({"undo": {"moderator": "mallory", "since": "2026-11-29T00:00:00Z"}});
    for batch in [and(whole.clone(), &undo), json!({"reason": "x"}), json!([])] {
        let answer = submit(&alice, &new_key(), &batch).await;
        assert_problem(&answer, 400, "invalid-request");
    }
    // Without a key nobody could repeat it.
    let without = alice.post(BATCHES, &whole).await;
    let bad = submit(&alice, "a key", &whole).await;
    for answer in [without, bad] {
        assert_eq!(faults(&answer), of_batch("Idempotency-Key"));
    }
    // What only a table has in its query, and what neither has.
    for query in ["reason=x", "validate_only=true", "dry_run=true"] {
        let request = alice.request(Method::POST, &format!("{BATCHES}?{query}"));
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", new_key());
        let answer = alice.send(request.body(whole.to_string())).await;
        assert_problem(&answer, 400, "invalid-request");
    }
    for query in [
        "dry_run=true",
        "validate_only=maybe",
        "expires_in=0",
        "repeats=x",
        "reason=a&reason=b",
    ] {
        let answer = upload(&alice, query, table(1)).await;
        let of_batch = |(index, line, _): &(Option<u64>, Option<u64>, String)| {
            index.is_none() && line.is_none()
        };
        assert!(faults(&answer).iter().all(of_batch), "{}", answer.text);
    }
    assert_nothing_kept(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_for_one_kind_only_submits_nothing_and_leaves_what_was_tried() {
    let app = app().await;
    let mallory = only(app.addr, "mallory", &["batch:submit", "action:kick_login"]);
    let mixed = of(json!([
        {"kind": "kick_login", "user_id": "a"}, {"kind": "mute_user", "user_id": "a", "seconds": 60},
        {"kind": "kick_login", "user_id": "b"},
    ]));
    let csv = "kind,user_id,seconds\nkick_login,a,\nmute_user,a,60\n";
    let key = new_key();
    let tries = [
        submit(&mallory, &key, &mixed).await,
        validate(&mallory, &mixed).await,
        upload(&mallory, "", csv).await,
    ];
    for answer in &tries {
        assert_problem(answer, 403, "forbidden");
        assert!(answer.text.contains("mute_user"), "{}", answer.text);
    }
    let denied = denied_tries(&app).await;
    let deeds: Vec<&Value> = denied.iter().map(|details| &details["tried"]).collect();
    assert_eq!(deeds, ["submit", "validate", "submit"]);
    for details in &denied {
        assert_eq!(details["because"], "missing_scope");
        assert_eq!(details["scope"], "action:mute_user");
        assert_eq!(details["kinds"], json!(["mute_user"]));
    }
    // Nor do the scopes of all items make one who may submit.
    let bob = with(app.addr, "bob", &[]);
    assert_problem(&submit(&bob, &new_key(), &mixed).await, 403, "forbidden");
    assert_nothing_kept(&app).await;
    // A key whose use was denied is as if it had not been used.
    let answer = submit(&mallory, &key, &of(kicks("user", 2))).await;
    until_state(&mallory, &assert_taken_in(&answer), "done").await;
    app.stop().await;
}

/// A request to submit a table of so many bytes, up to its body.
fn head(who: &Persona, key: &str, length: usize) -> String {
    let token = who.token.as_deref().expect("they have one");
    format!(
        "POST {BATCHES} HTTP/1.1\r\nHost: modgate\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: text/csv\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_submit_is_told_before_the_body_comes_and_what_is_too_large_is_refused() {
    let app = app().await;
    let nobody = only(app.addr, "nobody", &["action:kick_login"]);
    // None of it is sent.
    let head_alone = head(&nobody, "key", 4_000_000);
    let answer = exchange(app.addr, head_alone.as_bytes(), PATIENCE).await;
    assert_eq!(answer.status, Some(403), "{}", answer.text);
    let alice = submitter(app.addr, "alice");
    let large = "kind,user_id\n".to_owned() + &"\n".repeat(4 * 1024 * 1024);
    let request = head(&alice, "key", large.len()) + &large;
    let answer = exchange(app.addr, request.as_bytes(), PATIENCE).await;
    assert_eq!(answer.status, Some(413), "{}", answer.text);
    assert_nothing_kept(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_in_the_middle_leaves_nothing_and_its_key_free() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let whole = table(100);
    // At the end of a record, where what has arrived is a batch too.
    let half = &whole[..=whole[..whole.len() / 2]
        .rfind('\n')
        .expect("there are lines")];
    for _ in 0..3 {
        let connection = TcpStream::connect(app.addr).await;
        let mut connection = connection.expect("the gateway listens");
        let request = head(&alice, "key", whole.len()) + half;
        let sent = connection.write_all(request.as_bytes()).await;
        sent.expect("it is taken");
        connection.shutdown().await.expect("it can end");
        // Until the gateway has done with it, whatever it says.
        let mut said = Vec::new();
        let over = timeout(PATIENCE, connection.read_to_end(&mut said)).await;
        let _ = over.expect("it ends");
        assert!(!said.starts_with(b"HTTP/1.1 2"), "it was taken for whole");
    }
    assert_nothing_kept(&app).await;
    let answer = upload_keyed(&alice, "key", "", whole).await;
    let batch = assert_taken_in(&answer);
    assert_eq!(batch["total"], 100);
    assert_eq!(answer.header("idempotent-replayed"), None);
    until_state(&alice, &batch, "done").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_used_many_times_at_once_is_one_batch() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let batch = of(kicks("user", 20));
    let answers = join_all((0..8).map(|_| submit(&alice, "key", &batch))).await;
    let (mut ids, mut first) = (Vec::new(), 0);
    for answer in &answers {
        if answer.status == 429 {
            assert_eq!(answer.json()["limit"], "batches", "{}", answer.text);
        } else {
            ids.push(id(&assert_taken_in(answer)));
            first += usize::from(answer.header("idempotent-replayed").is_none());
        }
    }
    ids.dedup();
    assert_eq!((ids.len(), first), (1, 1), "{ids:?}");
    assert_eq!(app.count("select count(*) from audit.batch").await, 1);
    until_state(&alice, &json!({"id": ids[0]}), "done").await;
    assert_eq!(app.simulator.calls().len(), 20);
    app.stop().await;
}
