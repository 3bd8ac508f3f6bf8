//! The examples and questions of `docs/batches.md`, as they stand there.

use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{
    app, approving, assert_taken_in, batch_of, deed_on, denied_tries, done, entity_tag, id, kicks,
    new_key, of, only, path, submit, submitted, submitter, until_state, upload, validate, with,
};
use crate::stream::listening::Listening;
use crate::support::app::TestApp;
use crate::support::world::World;

const GUIDE: &str = include_str!("../../../docs/batches.md");

/// The blocks of the guide in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("\n```{language}\n");
    let mut blocks = Vec::new();
    let mut rest = GUIDE;
    while let Some((_, after)) = rest.split_once(&fence) {
        let (block, after) = after.split_once("\n```").expect("it ends");
        blocks.push(block);
        rest = after;
    }
    assert!(!blocks.is_empty(), "{language}");
    blocks
}

/// The bodies that its commands send.
fn bodies() -> Vec<Value> {
    let commands = blocks("sh").join("\n");
    let bodies = commands.split("-d '").skip(1).map(|rest| {
        let (body, _) = rest.split_once('\'').expect("it ends");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
    });
    bodies.collect()
}

/// The addresses that its commands ask, behind `$MODGATE`.
fn addresses() -> Vec<String> {
    let commands = blocks("sh").join("\n");
    let addresses = commands.split("\"$MODGATE").skip(1);
    let addresses = addresses.map(|rest| rest.split('"').next().unwrap_or_default().to_owned());
    addresses.collect()
}

fn names(object: &Value) -> Vec<&String> {
    object.as_object().expect("it is one").keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_tables_and_bodies_are_batches() {
    let app = app().await;
    let mallory = app.moderator("mallory");
    let mute = json!({"user_id": "user", "seconds": 600});
    let muted = mallory.post("/v1/actions/mute_user", &mute).await;
    assert_eq!(muted.status, 200, "{}", muted.text);
    let lead = with(app.addr, "lea", &["batch:submit", "action:lift"]);
    // The file and the way to look at it, and to submit it.
    let queries: Vec<String> = addresses()
        .iter()
        .filter_map(|address| {
            address
                .strip_prefix("/v1/batches?reason")
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(queries.len(), 2, "{queries:?}");
    let [example] = blocks("json")[..] else {
        panic!("one answer is shown")
    };
    let example: Value = serde_json::from_str(example).expect("it is JSON");
    for csv in blocks("csv") {
        for query in &queries {
            let answer = upload(&lead, &format!("reason{query}"), format!("{csv}\n")).await;
            if query.contains("validate_only") {
                assert_eq!(answer.status, 200, "{query}: {}", answer.text);
                assert_eq!(names(&answer.json()), names(&example));
            } else {
                until_state(&lead, &assert_taken_in(&answer), "done").await;
            }
        }
    }
    // What programs send.
    let mut submissions = 0;
    for mut body in bodies() {
        if body.get("undo").is_some() {
            // As if it had been stolen an hour ago.
            let since = Utc::now() - Duration::from_hours(1);
            body["undo"]["since"] = since.to_rfc3339_opts(SecondsFormat::Secs, true).into();
        } else if body.get("actions").is_none() {
            continue;
        }
        submissions += 1;
        assert_eq!(validate(&lead, &body).await.status, 200, "{body}");
        let batch = submitted(&lead, &body).await;
        let ended = until_state(&lead, &batch, "done").await;
        assert_eq!(ended["counts"]["succeeded"], ended["total"], "{ended}");
    }
    assert_eq!(submissions, 2, "a list and an undo");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_commands_are_answered() {
    let app = TestApp::in_world(approving("0").await).await;
    let alice = submitter(app.addr, "alice");
    let lead = with(app.addr, "lea", &["batch:approve", "audit:read"]);
    let batch = submitted(&alice, &of(kicks("user", 2))).await;
    let mut asked = 0;
    for address in addresses() {
        let address = address.replace("$BATCH", &id(&batch));
        if let Some(query) = address.strip_prefix("/v1/actions/stream?") {
            Listening::open(&lead, query, None).await;
        } else if address.starts_with("/v1/batches?state") || address.contains("/items") {
            assert_eq!(lead.get(&address).await.status, 200, "{address}");
        } else {
            continue;
        }
        asked += 1;
    }
    assert!(asked >= 5, "{asked}");
    // The decisions, with the bodies that are shown there, or none.
    let reasons: Vec<Value> = bodies()
        .into_iter()
        .filter(|body| names(body) == ["reason"])
        .collect();
    let [approval, cancellation] = &reasons[..] else {
        panic!("an approval and a cancellation: {reasons:?}")
    };
    let other = submitted(&alice, &of(kicks("other", 2))).await;
    let cancelled = deed_on(&alice, &other, "cancel", None, cancellation).await;
    assert_eq!(batch_of(&cancelled)["state"], "cancelled");
    let tag = entity_tag(&batch);
    let approved = deed_on(&lead, &batch, "approve", Some(&tag), approval).await;
    batch_of(&approved);
    until_state(&alice, &batch, "done").await;
    // Without a body and a type of it.
    let open = submitted(&alice, &of(kicks("third", 2))).await;
    let cancel = alice.request(Method::POST, &format!("{}/cancel", path(&open)));
    let answer = alice.send(cancel).await;
    assert_eq!(batch_of(&answer)["state"], "cancelled");
    app.stop().await;
}

/// What the record answers to a question about this batch.
async fn ask(world: &World, question: &str, batch: &Value) -> Vec<Value> {
    let asked_of = "01a2270c-7ac0-7b1e-8d5f-3c1f0e9a4b77";
    let question = question.trim_end().trim_end_matches(';');
    let question = question.replace(asked_of, &id(batch));
    let rows = format!("select to_jsonb(found) from ({question}) found");
    let rows = sqlx::query_scalar(AssertSqlSafe(rows));
    let rows = rows.fetch_all(&mut world.sql().await).await;
    rows.unwrap_or_else(|error| panic!("{error}: {question}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn its_questions_are_answered_by_the_record() {
    let app = TestApp::in_world(approving("0").await).await;
    let alice = submitter(app.addr, "alice");
    let lead = with(app.addr, "lea", &["batch:approve", "audit:read"]);
    let ran = submitted(&alice, &of(kicks("user", 3))).await;
    let approve = deed_on(&lead, &ran, "approve", Some(&entity_tag(&ran)), &json!({})).await;
    batch_of(&approve);
    let never_ran = submitted(&alice, &of(kicks("other", 2))).await;
    done(&alice, &never_ran, "cancel").await;
    let nora = with(app.addr, "nora", &["batch:submit", "batch:solo"]);
    let alone = submitted(&nora, &of(kicks("third", 2))).await;
    let mallory = only(app.addr, "mallory", &["batch:submit"]);
    let denied = submit(&mallory, &new_key(), &of(kicks("user", 1))).await;
    assert_eq!(denied.status, 403, "{}", denied.text);
    assert_eq!(denied_tries(&app).await.len(), 1);
    until_state(&alice, &ran, "done").await;
    until_state(&nora, &alone, "done").await;

    let questions = blocks("sql");
    let about = async |words: &str, batch: &Value| {
        let mut of_these = questions.iter().filter(|question| question.contains(words));
        let question = of_these.next().unwrap_or_else(|| panic!("no {words}"));
        ask(&app, question, batch).await
    };
    let approvals = about("('approved', 'rejected')", &ran).await;
    assert_eq!(approvals.len(), 1, "{approvals:?}");
    assert_eq!(
        [&approvals[0]["moderator"], &approvals[0]["submitter"]],
        ["lea", "alice"]
    );
    assert_eq!(approvals[0]["id"], ran["id"]);
    let became = about("'not begun'", &ran).await;
    assert_eq!(became.len(), 3);
    assert!(
        became.iter().all(|item| item["state"] == "succeeded"),
        "{became:?}"
    );
    let became = about("'not begun'", &never_ran).await;
    assert!(
        became.iter().all(|item| item["state"] == "not begun"),
        "{became:?}"
    );
    let ran_alone = about("\"solo\"", &ran).await;
    assert_eq!(ran_alone.len(), 1, "{ran_alone:?}");
    assert_eq!(ran_alone[0]["id"], alone["id"]);
    let tries = about("'denied'", &ran).await;
    assert_eq!(tries.len(), 1, "{tries:?}");
    assert_eq!(tries[0]["because"], "missing_scope");
    // Each other one, too, has something to say of what has happened.
    for question in questions {
        let rows = ask(&app, question, &never_ran).await;
        assert!(!rows.is_empty(), "{question}");
    }
    app.stop().await;
}
