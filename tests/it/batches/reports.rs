//! The items of a batch: in pages, and as a report.

use serde_json::{Value, json};

use super::{
    app, assert_problem, done, items, items_page, kicks, new_key, of, path, submitted, submitter,
    until_state, upload, waiting_app,
};
use crate::support::app::TestApp;
use crate::support::persona::Persona;

/// The members of an item before its action.
const MEMBERS: [&str; 14] = [
    "index", "state", "kind", "user_id", "room_id", "data", "reason", "case_ref", "silent",
    "seconds", "forever", "channels", "undoes", "shortens",
];

/// The columns of a report after those.
const OF_THE_ACTION: [&str; 9] = [
    "action_id",
    "requested_at",
    "completed_at",
    "duration_ms",
    "tencent_error_code",
    "tencent_error_info",
    "tencent_request_id",
    "failure",
    "attempts",
];

/// A batch of five items that is done: two are refused.
async fn ended(app: &TestApp, alice: &Persona) -> Value {
    for ghost in ["ghost1", "ghost2"] {
        app.simulator.declare_account(ghost, false);
    }
    let mut actions = kicks("user", 2);
    actions.push(json!({"kind": "kick_login", "user_id": "ghost1"}));
    actions.push(
        json!({"kind": "mute_user", "user_id": "user3", "seconds": 600, "channels": "groups",
                        "reason": "of its own", "case_ref": "TS-7"}),
    );
    actions.push(json!({"kind": "mute_user", "user_id": "ghost2", "forever": true}));
    let batch = submitted(alice, &of(actions)).await;
    until_state(alice, &batch, "done").await
}

fn indexes(items: &[Value]) -> Vec<u64> {
    let indexes = items.iter().map(|item| item["index"].as_u64());
    indexes.map(|index| index.expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn items_come_in_their_order_each_with_what_became_of_it() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let batch = ended(&app, &alice).await;
    let all = items(&alice, &batch, "").await;
    assert_eq!(indexes(&all), [0, 1, 2, 3, 4]);
    for item in &all {
        let members = item.as_object().expect("it is one");
        assert_eq!(members.len(), MEMBERS.len() + 2, "{item}");
        assert!(
            MEMBERS
                .iter()
                .chain(&["failure", "action"])
                .all(|member| members.contains_key(*member)),
            "{item}"
        );
        let action = &item["action"];
        let id = action["id"].as_str().expect("each has begun");
        assert_eq!(alice.action(id).await.json(), *action);
        assert_eq!(action["batch_id"], batch["id"]);
        for member in [
            "state", "kind", "user_id", "room_id", "data", "seconds", "forever",
        ] {
            assert_eq!(action[member], item[member], "{member}: {item}");
        }
    }
    let states: Vec<&Value> = all.iter().map(|item| &item["state"]).collect();
    assert_eq!(
        states,
        ["succeeded", "succeeded", "refused", "succeeded", "refused"]
    );
    assert_eq!(all[2]["action"]["tencent"]["error_code"], 70107);
    for (member, expected) in [
        ("reason", json!("of its own")),
        ("case_ref", json!("TS-7")),
        ("seconds", json!(600)),
        ("channels", json!("groups")),
        ("room_id", Value::Null),
        ("undoes", Value::Null),
    ] {
        assert_eq!(all[3][member], expected, "{member}");
    }
    for (query, expected) in [
        ("state=refused", &[2, 4][..]),
        ("state=refused&limit=1", &[2, 4]),
        ("state=succeeded&state=refused", &[0, 1, 2, 3, 4]),
        ("state=waiting", &[]),
    ] {
        let (mut found, mut from) = (Vec::new(), String::new());
        loop {
            let answer = items_page(&alice, &batch, &format!("{query}{from}")).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let page = answer.json();
            let items = page["items"].as_array().expect("a list");
            found.extend(indexes(items));
            assert!(!query.contains("limit=1") || items.len() <= 1, "{page}");
            match page["next_cursor"].as_str() {
                Some(cursor) => from = format!("&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(found, expected, "{query}");
    }
    for query in [
        "state=done",
        "limit=0",
        "limit=201",
        "cursor=x",
        "cursor=-1",
        "format=xml",
        "kind=kick_login",
    ] {
        let answer = items_page(&alice, &batch, query).await;
        assert_problem(&answer, 400, "invalid-request");
        let field = query.split('=').next();
        assert_eq!(
            answer.json()["errors"][0]["field"].as_str(),
            field,
            "{query}"
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_have_not_begun_and_never_will_have_no_action() {
    let app = waiting_app().await;
    let alice = submitter(app.addr, "alice");
    let batch = submitted(&alice, &of(kicks("user", 3))).await;
    for (state, wanted) in [("waiting", 3), ("pending", 0), ("cancelled", 0)] {
        let found = items(&alice, &batch, &format!("state={state}")).await;
        assert_eq!(found.len(), wanted, "{state}");
        assert!(
            found.iter().all(|item| item["action"].is_null()),
            "{found:?}"
        );
    }
    done(&alice, &batch, "cancel").await;
    let found = items(&alice, &batch, "").await;
    assert_eq!(found.len(), 3);
    for item in &found {
        assert_eq!(
            (&item["state"], &item["action"]),
            (&json!("cancelled"), &Value::Null)
        );
    }
    assert_eq!(items(&alice, &batch, "state=cancelled").await, found);
    assert_eq!(items(&alice, &batch, "state=waiting").await.len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_has_every_item_and_says_where_it_ends() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let batch = ended(&app, &alice).await;
    let all = items(&alice, &batch, "").await;
    for (query, expected) in [("", &[0, 1, 2, 3, 4][..]), ("&state=refused", &[2, 4])] {
        let report = items_page(&alice, &batch, &format!("format=ndjson{query}")).await;
        assert_eq!(report.status, 200, "{}", report.text);
        let lines = report.text.lines();
        let mut lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let end = lines.pop().expect("there is an end");
        assert_eq!(end, json!({"end": true, "rows": expected.len()}));
        let wanted: Vec<Value> = expected
            .iter()
            .map(|index: &usize| all[*index].clone())
            .collect();
        assert_eq!(lines, wanted);
    }
    for query in ["limit=1", "cursor=1"] {
        for format in ["ndjson", "csv"] {
            let answer = items_page(&alice, &batch, &format!("format={format}&{query}")).await;
            assert_problem(&answer, 400, "invalid-request");
        }
    }
    app.stop().await;
}

/// The rows of a report in CSV, behind its head row; what a program that knows nothing of formulas reads.
fn read(csv: &str) -> Vec<Vec<String>> {
    let text = csv
        .strip_prefix('\u{feff}')
        .expect("it begins with the mark");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let records = reader.deserialize::<Vec<String>>();
    let mut records: Vec<Vec<String>> = records.map(|record| record.expect("it is CSV")).collect();
    assert_eq!(records.remove(0), [&MEMBERS[..], &OF_THE_ACTION].concat());
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_a_report_has_no_formula_and_cannot_hit_somebody_else() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let hostile = [
        "=1+1",
        "@SUM(1+1)*cmd",
        "+1+1",
        "-2+3",
        "=cmd|' /C calc'!A0",
        "'quoted",
        "a,\"b",
    ];
    let seat = |user: &&str| json!({"kind": "kick_seat", "room_id": user, "user_id": user, "data": format!("{user}\n{user}"), "reason": user});
    let actions: Vec<Value> = hostile.iter().map(seat).collect();
    let batch = submitted(&alice, &of(actions)).await;
    until_state(&alice, &batch, "done").await;
    let report = items_page(&alice, &batch, "format=csv").await;
    assert_eq!(report.status, 200, "{}", report.text);
    let content_type = report.header("content-type").expect("it has one");
    assert!(content_type.starts_with("text/csv"), "{content_type}");
    let rows = read(&report.text);
    assert_eq!(rows.len(), hostile.len());
    let all = items(&alice, &batch, "").await;
    for ((row, item), meant) in rows.iter().zip(&all).zip(hostile) {
        for cell in row {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']),
                "{cell:?}"
            );
        }
        let of = |name: &str| {
            let mut names = MEMBERS.iter().chain(&OF_THE_ACTION);
            let place = names.position(|is| *is == name);
            row[place.expect("a column")].as_str()
        };
        for name in ["user_id", "room_id", "reason"] {
            assert!(
                of(name).trim_start_matches('\'') == meant.trim_start_matches('\''),
                "{row:?}"
            );
        }
        assert_eq!(of("state"), "succeeded");
        assert_eq!(of("tencent_error_code"), "0");
        assert_eq!(of("attempts"), "1");
        assert_eq!(Some(of("action_id")), item["action"]["id"].as_str());
        assert_eq!(
            Some(of("index")),
            item["index"]
                .as_u64()
                .map(|index| index.to_string())
                .as_deref()
        );
        for name in ["seconds", "forever", "failure", "undoes"] {
            assert_eq!(of(name), "", "{name}");
        }
    }
    // Sent back as it is, it would hit whoever has such a name: it is refused by line.
    let back = "kind,room_id,user_id,data\nkick_seat,r,'=1+1,\n";
    let answer = upload(&alice, &format!("repeats={}", new_key()), back).await;
    assert_problem(&answer, 400, "invalid-request");
    assert_eq!(answer.json()["errors"][0]["line"], 2);
    let some = items_page(&alice, &batch, "format=csv&state=refused").await;
    assert_eq!(read(&some.text).len(), 0);
    assert_eq!(
        alice
            .get(&format!("{}/items?format=csv", path(&batch)))
            .await
            .text,
        report.text
    );
    app.stop().await;
}
