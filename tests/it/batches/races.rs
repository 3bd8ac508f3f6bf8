//! A batch is approved, cancelled and at its end at once: one of them holds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    ENDS, PATIENCE, approve, approver, count, deed, events, id, kicks, look, mixed, of, submitted,
    submitter, until_state, waiting_app,
};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};

fn time(text: &Value) -> DateTime<Utc> {
    let text = text.as_str().expect("a time");
    text.parse().expect("RFC 3339")
}

/// What everyone was told, and what became of it.
struct Told {
    batch: Value,
    approved: Vec<Answer>,
    cancelled: Answer,
    /// When the answer to the cancellation had come.
    cancelled_at: DateTime<Utc>,
}

/// Two approve and one cancels at once, so many milliseconds after its end, or before.
async fn race(app: &TestApp, alice: &Persona, batch: Value, after_end: i64) -> Told {
    let [bob, carol] = ["bob", "carol"].map(|subject| approver(app.addr, subject));
    let moment = time(&batch["expires_at"]) + chrono::Duration::milliseconds(after_end);
    // Until when, not for how long a state takes.
    let left = (moment - Utc::now()).to_std().unwrap_or(Duration::ZERO);
    tokio::time::sleep(left).await;
    let cancel = async {
        let answer = deed(alice, &batch, "cancel").await;
        (answer, Utc::now())
    };
    let (first, (cancelled, cancelled_at), second) =
        tokio::join!(approve(&bob, &batch), cancel, approve(&carol, &batch));
    Told {
        batch,
        approved: vec![first, second],
        cancelled,
        cancelled_at,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approved_cancelled_and_expired_at_once_it_is_one_of_them_for_everyone() {
    let app = waiting_app().await;
    let submitters = ["alice", "anna", "amir"].map(|subject| submitter(app.addr, subject));
    // Far from the end, so that approval and cancellation race alone; and around it.
    let moments = [-900, -800, -700, -600, -60, -30, -15, -5, 0, 5, 15, 60];
    let mut batches = Vec::new();
    for number in 0..moments.len() {
        let mut asked = of(mixed(&format!("u{number}-"), 3));
        asked["expires_in"] = json!(2);
        let alice = &submitters[number % submitters.len()];
        batches.push(submitted(alice, &asked).await);
    }
    let races = batches.into_iter().zip(moments).enumerate();
    let races = races.map(|(number, (batch, after_end))| {
        race(
            &app,
            &submitters[number % submitters.len()],
            batch,
            after_end,
        )
    });
    let all = join_all(races).await;
    for (number, told) in all.iter().enumerate() {
        let alice = &submitters[number % submitters.len()];
        let row = format!("{} ms: {}", moments[number], told.batch);
        let ended = eventually("it ends", PATIENCE, async || {
            let seen = look(alice, &told.batch).await;
            let state = seen["state"].as_str().expect("a state");
            ENDS.contains(&state).then_some(seen)
        })
        .await;
        let words = events(&app, &told.batch).await;
        let are_there = |word: &str| words.iter().filter(|is| *is == word).count();
        let ends: usize = ENDS.iter().map(|end| are_there(end)).sum();
        assert_eq!(ends, 1, "{row}: {words:?}");
        assert_eq!(ended["state"], *words.last().expect("there are"), "{row}");

        let yes = told.approved.iter().filter(|answer| answer.status == 200);
        let yes: Vec<_> = yes.collect();
        assert_eq!(yes.len(), are_there("approved"), "{row}: {words:?}");
        for answer in &told.approved {
            let refused = [404, 409, 412].contains(&answer.status);
            assert!(answer.status == 200 || refused, "{row}: {}", answer.text);
        }
        if let [answer] = yes.as_slice() {
            let approval = &answer.json()["approval"];
            let in_time = time(&approval["at"]) < time(&told.batch["expires_at"]);
            assert!(in_time, "{row}: {approval}");
            assert_eq!(ended["approval"]["by"], approval["by"], "{row}");
        } else {
            assert_eq!(ended["approval"]["by"], Value::Null, "{row}");
            assert_eq!(ended["started_at"], Value::Null, "{row}");
        }
        match told.cancelled.status {
            200 => assert_eq!(ended["state"], "cancelled", "{row}"),
            409 => assert_ne!(ended["state"], "cancelled", "{row}"),
            other => panic!("{other}: {row}: {}", told.cancelled.text),
        }
        assert_begun_in_time(&app, told, &ended).await;
    }
    // Something of everything, or this shows nothing.
    let has = |ends: &dyn Fn(&Told) -> bool| all.iter().any(ends);
    assert!(has(&|told| told.cancelled.status == 200));
    assert!(has(&|told| told
        .approved
        .iter()
        .any(|answer| answer.status == 200)));
    app.stop().await;
}

/// None of its items began after its end, nor after the answer to its cancellation, nor without approval.
async fn assert_begun_in_time(app: &TestApp, told: &Told, ended: &Value) {
    let begun = "select requested_at from audit.action where batch_id = $1::uuid";
    let begun = sqlx::query_scalar::<_, DateTime<Utc>>(begun).bind(id(ended));
    let begun = begun.fetch_all(&mut app.sql().await).await;
    let begun = begun.expect("the record can be read");
    for at in &begun {
        assert!(*at < time(&told.batch["expires_at"]), "{at}: {ended}");
        let before_the_answer = *at < told.cancelled_at;
        let is_late = told.cancelled.status == 200 && !before_the_answer;
        assert!(!is_late, "{at}, answered at {}: {ended}", told.cancelled_at);
    }
    let not_begun = count(ended, "cancelled") + count(ended, "expired");
    let items = ended["total"].as_u64().expect("a number") - not_begun;
    assert!(usize::try_from(items).is_ok_and(|items| items <= begun.len()));
    if ended["approval"]["by"].is_null() {
        assert_eq!(begun.len(), 0, "{ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_approve_or_reject_at_once_one_does() {
    let app = waiting_app().await;
    let alice = submitter(app.addr, "alice");
    for round in 0..4 {
        let batch = submitted(&alice, &of(kicks(&format!("u{round}-"), 2))).await;
        let decide = async |number: usize| {
            let who = approver(app.addr, &format!("bob{number}"));
            let word = ["approve", "reject"][number % 2];
            let tag = super::entity_tag(&batch);
            let answer = super::deed_on(&who, &batch, word, Some(&tag), &json!({})).await;
            (word, answer)
        };
        let told = join_all((0..6).map(decide)).await;
        let yes: Vec<_> = told
            .iter()
            .filter(|(_, answer)| answer.status == 200)
            .collect();
        let [(word, _)] = yes.as_slice() else {
            panic!("one of them: {told:?}")
        };
        for (_, answer) in &told {
            let is_known = [200, 404, 409, 412].contains(&answer.status);
            assert!(is_known, "{}", answer.text);
        }
        let (end, calls) = match *word {
            "approve" => ("done", 2),
            _ => ("rejected", 0),
        };
        until_state(&alice, &batch, end).await;
        let begun = "select count(*) from audit.action where batch_id = $1::uuid";
        let begun = sqlx::query_scalar::<_, i64>(begun).bind(id(&batch));
        let begun = begun.fetch_one(&mut app.sql().await).await;
        assert_eq!(begun.expect("the record can be read"), calls);
    }
    app.stop().await;
}
