//! A second person looks at a batch before it runs, at exactly that batch, and is a second person.

use futures_util::future::join_all;
use modgate::config::Settings;
use serde_json::{Value, json};

use super::{
    PATIENCE, app, approve, approved, approver, approving, assert_counts, assert_problem,
    assert_taken_in, claiming, deed, deed_on, denied_tries, done, entity_tag, events, kicks, look,
    mixed, new_key, of, only, submit, submitted, submitter, until_state, validate, waiting_app,
    with,
};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;

#[tokio::test(flavor = "multi_thread")]
async fn what_another_person_approves_runs_and_nothing_before() {
    let app = waiting_app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), approver(app.addr, "bob"));
    let batch = submitted(&alice, &of(mixed("user", 6))).await;
    assert_eq!(batch["state"], "awaiting_approval");
    assert_eq!(
        batch["approval"],
        json!({"required": true, "by": null, "at": null})
    );
    assert_eq!(batch["started_at"], Value::Null);
    let approved = approved(&bob, &batch).await;
    assert_eq!(approved["approval"]["by"], "bob");
    let at = approved["approval"]["at"].as_str().expect("a time");
    let submitted_at = batch["submitted_at"].as_str().expect("a time");
    assert!(at > submitted_at, "{at}, {submitted_at}");
    assert_eq!(approved["digest"], batch["digest"]);
    let ended = until_state(&alice, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 6)]);
    assert_eq!(ended["approval"], approved["approval"]);
    let first_call = "select min(requested_at) from audit.action";
    let began_after = format!("select (({first_call}) > timestamptz '{at}')::int::bigint");
    let began_after = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(began_after));
    let began_after = began_after.fetch_one(&mut app.sql().await).await;
    assert_eq!(began_after.expect("there are actions"), 1);
    assert_eq!(
        events(&app, &batch).await,
        ["submitted", "approved", "started", "done"]
    );
    // It stays what it is.
    for word in ["approve", "reject"] {
        let again = deed_on(&bob, &batch, word, Some(&entity_tag(&ended)), &json!({})).await;
        // Who approves sees only what is open.
        assert!([404, 409].contains(&again.status), "{}", again.text);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_names_what_was_looked_at() {
    let app = waiting_app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), approver(app.addr, "bob"));
    let batch = submitted(&alice, &of(kicks("user", 2))).await;
    let other = submitted(&alice, &of(kicks("other", 2))).await;
    let digest = batch["digest"].as_str().expect("a text");
    for word in ["approve", "reject"] {
        let without = deed(&bob, &batch, word).await;
        assert_problem(&without, 428, "precondition-required");
        for tag in [
            entity_tag(&other),
            format!("\"{digest}.queued\""),
            format!("\"{digest}\""),
            format!("W/{}", entity_tag(&batch)),
            "*".to_owned(),
            "\"\"".to_owned(),
        ] {
            let answer = deed_on(&bob, &batch, word, Some(&tag), &json!({})).await;
            assert_problem(&answer, 412, "precondition-failed");
        }
    }
    let seen = look(&alice, &batch).await;
    assert_eq!(seen["state"], "awaiting_approval");
    assert_eq!(app.simulator.calls().len(), 0);
    let approved = approved(&bob, &batch).await;
    until_state(&alice, &approved, "done").await;
    assert_eq!(done(&alice, &other, "cancel").await["state"], "cancelled");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_their_own_whatever_client_or_service_they_come_through() {
    let app = waiting_app().await;
    let says = |claims: Value| claiming(app.addr, &claims);
    let by_svc = |subject: &str| json!({"sub": "svc", "act": {"sub": subject}});
    let rows = [
        // The same person by another client, under another name, and on behalf of somebody.
        (json!({}), json!({"jti": "another token"})),
        (
            json!({"azp": "console"}),
            json!({"azp": "script", "preferred_username": "Bob"}),
        ),
        (json!({}), json!({"sub": "bob", "act": {"sub": "alice"}})),
        (by_svc("alice"), json!({})),
        // One service for both.
        (
            json!({"act": {"sub": "svc"}}),
            json!({"sub": "bob", "act": {"sub": "svc"}}),
        ),
        (
            by_svc("alice"),
            json!({"sub": "svc", "act": {"sub": "bob"}}),
        ),
    ];
    let mut expected = 0;
    for (number, (submits, approves)) in rows.into_iter().enumerate() {
        let row = format!("{submits} and {approves}");
        let (first, second) = (says(submits), says(approves));
        let batch = submitted(&first, &of(kicks(&format!("user{number}-"), 2))).await;
        for word in ["approve", "reject"] {
            let answer =
                deed_on(&second, &batch, word, Some(&entity_tag(&batch)), &json!({})).await;
            assert_problem(&answer, 403, "forbidden");
            expected += 1;
            let denied = denied_tries(&app).await;
            assert_eq!(denied.len(), expected, "{row}");
            let tried = denied.last().expect("it was counted");
            assert_eq!(tried["tried"], word, "{row}");
            assert_eq!(tried["because"], "own_batch", "{row}");
            assert_eq!(tried["batch"], batch["id"], "{row}");
        }
        let seen = look(&first, &batch).await;
        assert_eq!(seen["state"], "awaiting_approval", "{row}");
        assert_eq!(done(&first, &batch, "cancel").await["state"], "cancelled");
    }
    assert_eq!(app.simulator.calls().len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_of_another_issuer_is_no_second_person() {
    let app = waiting_app().await;
    let batch = submitted(&submitter(app.addr, "alice"), &of(kicks("user", 2))).await;
    let elsewhere = "https://elsewhere.example.test";
    let world = app.shut_down().await.set("MODGATE_JWT_ISSUER", elsewhere);
    let app = TestApp::in_world(world).await;
    let of_elsewhere =
        |subject: &str| claiming(app.addr, &json!({"iss": elsewhere, "sub": subject}));
    let answer = approve(&of_elsewhere("alice"), &batch).await;
    assert_problem(&answer, 403, "forbidden");
    assert_eq!(denied_tries(&app).await[0]["because"], "own_batch");
    // Nor is it hers to cancel without the right to approve others'.
    let only_submits = json!({"iss": elsewhere, "scope": "batch:submit action:kick_login"});
    let cancelled = deed(&claiming(app.addr, &only_submits), &batch, "cancel").await;
    assert!([403, 404].contains(&cancelled.status), "{}", cancelled.text);
    let bob = of_elsewhere("bob");
    approved(&bob, &batch).await;
    let calls = || app.simulator.calls().len();
    eventually("it runs", PATIENCE, async || (calls() == 2).then_some(())).await;
    let ended = "select count(*) from audit.batch_event where event = 'done'";
    eventually("it is done", PATIENCE, async || {
        (app.count(ended).await == 1).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_do_the_items_does_not_approve_them() {
    let app = waiting_app().await;
    let alice = submitter(app.addr, "alice");
    let batch = submitted(&alice, &of(mixed("user", 3))).await;
    let some = ["batch:approve", "action:kick_login", "action:kick_seat"];
    let bob = only(app.addr, "bob", &some);
    for word in ["approve", "reject"] {
        let answer = deed_on(&bob, &batch, word, Some(&entity_tag(&batch)), &json!({})).await;
        assert_problem(&answer, 403, "forbidden");
        assert!(answer.text.contains("mute_user"), "{}", answer.text);
    }
    let denied = denied_tries(&app).await;
    assert_eq!(denied.len(), 2);
    assert_eq!(denied[0]["tried"], "approve");
    assert_eq!(denied[0]["because"], "missing_scope");
    assert_eq!(denied[0]["scope"], "action:mute_user");
    assert_eq!(denied[0]["batch"], batch["id"]);
    // Who sees it and may not approve at all: an auditor, and who submitted it.
    let auditor = with(app.addr, "auditor", &["audit:read", "batch:submit"]);
    for who in [&auditor, &alice] {
        let answer = approve(who, &batch).await;
        assert_problem(&answer, 403, "forbidden");
    }
    let denied = denied_tries(&app).await;
    assert_eq!(denied.len(), 4);
    assert_eq!(denied[2]["scope"], "batch:approve");
    assert_eq!(look(&alice, &batch).await["state"], "awaiting_approval");
    approved(&approver(app.addr, "carol"), &batch).await;
    until_state(&alice, &batch, "done").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_never_runs() {
    let app = waiting_app().await;
    let alice = submitter(app.addr, "alice");
    let bob = with(app.addr, "bob", &["batch:approve", "audit:read"]);
    let batch = submitted(&alice, &of(kicks("user", 3))).await;
    let reason = json!({"reason": "they are guests"});
    let answer = deed_on(&bob, &batch, "reject", Some(&entity_tag(&batch)), &reason).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let rejected = answer.json();
    assert_eq!(rejected["state"], "rejected");
    assert!(rejected["ended_at"].is_string(), "{rejected}");
    assert_eq!(
        rejected["approval"],
        json!({"required": true, "by": null, "at": null})
    );
    assert_counts(&rejected, &[("cancelled", 3)]);
    let tag = entity_tag(&rejected);
    for word in ["approve", "reject", "cancel", "pause", "resume"] {
        let answer = deed_on(&bob, &batch, word, Some(&tag), &json!({})).await;
        assert_problem(&answer, 409, "batch-state");
        let named = &answer.json()["batch"];
        assert_eq!(named["id"], batch["id"], "{word}");
        assert_eq!(named["state"], "rejected", "{word}");
    }
    assert_eq!(events(&app, &batch).await, ["submitted", "rejected"]);
    let why = "select count(*) from audit.batch_event
               where event = 'rejected' and reason = 'they are guests' and moderator = 'bob'";
    assert_eq!(app.count(why).await, 1);
    assert_eq!(app.simulator.calls().len(), 0);
    app.stop().await;
}

/// So many single kicks of `who`, one after the other.
async fn kick(who: &Persona, number: usize) {
    for index in 0..number {
        let answer = who.kick_login(&format!("single{index}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_approval_is_counted_over_the_hour_with_single_actions() {
    let app = TestApp::in_world(approving("5").await).await;
    let (alice, dora) = (submitter(app.addr, "alice"), submitter(app.addr, "dora"));
    let batch_of = |name: &str, number: usize| of(kicks(name, number));
    // One moderator's count is nothing to another's.
    kick(&dora, 5).await;
    kick(&alice, 3).await;
    for (number, required) in [(2, false), (3, true)] {
        let answer = validate(&alice, &batch_of("a", number)).await;
        let said = &answer.json()["approval"];
        assert_eq!(*said, json!({"required": required}), "{}", answer.text);
    }
    let first = submitted(&alice, &batch_of("a", 2)).await;
    assert_eq!(first["approval"]["required"], false);
    assert_eq!(first["solo"], false);
    // The hour is full, by a batch that may not even have begun.
    let second = submitted(&alice, &batch_of("b", 1)).await;
    assert_eq!(second["state"], "awaiting_approval");
    until_state(&alice, &first, "done").await;
    approved(&approver(app.addr, "bob"), &second).await;
    until_state(&alice, &second, "done").await;

    // Nor do many small ones at once go around it.
    let carol = submitter(app.addr, "carol");
    let taken_in = async |number: usize| {
        let (key, batch) = (new_key(), batch_of(&format!("c{number}-"), 2));
        eventually("it is taken in", PATIENCE, async || {
            let answer = submit(&carol, &key, &batch).await;
            let is_too_soon = answer.status == 429 && answer.json()["limit"] == "batches";
            (!is_too_soon).then(|| assert_taken_in(&answer))
        })
        .await
    };
    let batches = join_all((0..4).map(taken_in)).await;
    let free = |batch: &&Value| batch["approval"]["required"] == false;
    assert_eq!(batches.iter().filter(free).count(), 2, "four of five");
    for batch in &batches {
        if free(&batch) {
            until_state(&carol, batch, "done").await;
        } else {
            assert_eq!(done(&carol, batch, "cancel").await["state"], "cancelled");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_never_needed_unless_it_is_set_and_cannot_be_set_where_single_actions_go_around_it() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let batch = submitted(&alice, &of(kicks("user", 30))).await;
    assert_eq!(batch["approval"]["required"], false);
    assert_ne!(batch["state"], "awaiting_approval");
    until_state(&alice, &batch, "done").await;
    let read = |hourly: &str, above: &str| {
        let mut variables = app.variables.clone();
        for (name, value) in [
            ("MODGATE_MODERATOR_HOURLY", hourly),
            ("MODGATE_BATCH_APPROVAL_ABOVE", above),
        ] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        Settings::read(&variables.into_iter().collect()).map_err(|faults| faults.to_string())
    };
    for (hourly, above) in [
        ("unlimited", "0"),
        ("unlimited", "100"),
        ("100", "-1"),
        ("100", "many"),
        ("100", "1000001"),
    ] {
        let faults = read(hourly, above).expect_err(above);
        assert!(faults.contains("MODGATE_BATCH_APPROVAL_ABOVE"), "{faults}");
    }
    assert!(read("100", "0").is_ok());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_for_emergencies_needs_nobody_else_and_is_counted() {
    let app = TestApp::in_world(approving("2").await).await;
    let nightly = with(app.addr, "nora", &["batch:submit", "batch:solo"]);
    let series = "modgate_batches_solo_total";
    let operator = app.operator();
    // What needs no approval anyhow is no emergency.
    let small = submitted(&nightly, &of(kicks("small", 2))).await;
    assert_eq!(small["solo"], false);
    assert_eq!(operator.series(series).await.unwrap_or(0), 0);
    let batch = submitted(&nightly, &of(kicks("user", 5))).await;
    assert_eq!(batch["solo"], true);
    assert_eq!(
        batch["approval"],
        json!({"required": false, "by": null, "at": null})
    );
    assert_eq!(operator.series(series).await, Some(1));
    for batch in [&small, &batch] {
        until_state(&nightly, batch, "done").await;
    }
    // It does not approve what others submitted.
    let other = submitted(&submitter(app.addr, "alice"), &of(kicks("other", 3))).await;
    assert_eq!(other["state"], "awaiting_approval");
    let answer = approve(&nightly, &other).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text);
    let seen = look(&app.auditor(), &other).await;
    assert_eq!(seen["state"], "awaiting_approval");
    assert_eq!(app.simulator.calls().len(), 7);
    app.stop().await;
}
