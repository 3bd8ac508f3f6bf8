//! Who sees which batches, and how they find them.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    BATCHES, app, approve, approver, assert_problem, count, deed_on, done, entity_tag, id,
    items_page, keyed, kicks, look, new_key, of, path, submitted, submitter, until_state,
    waiting_app,
};
use crate::stream::listening::Listening;
use crate::support::app::TestApp;
use crate::support::persona::Persona;

/// The ids of a list, over all of its pages.
async fn listed(who: &Persona, query: &str) -> Vec<String> {
    let (mut ids, mut from) = (Vec::new(), String::new());
    loop {
        let answer = who.get(&format!("{BATCHES}?{query}{from}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = answer.json();
        ids.extend(page["items"].as_array().expect("a list").iter().map(id));
        match page["next_cursor"].as_str() {
            Some(cursor) => from = format!("&cursor={cursor}"),
            None => return ids,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_ones_own_an_auditor_all_and_who_approves_what_is_open() {
    let app = waiting_app().await;
    let [alice, bob] = ["alice", "bob"].map(|subject| submitter(app.addr, subject));
    let (carol, auditor) = (approver(app.addr, "carol"), app.auditor());
    let first = submitted(&alice, &of(kicks("a", 2))).await;
    let second = submitted(&bob, &of(kicks("b", 2))).await;
    let all = [id(&second), id(&first)];
    for (who, sees_first, listed_now) in [
        (&alice, true, &all[1..]),
        (&bob, false, &all[..1]),
        (&carol, true, &all[..]),
        (&auditor, true, &all[..]),
        (&app.moderator("dora"), false, &[]),
    ] {
        assert_eq!(listed(who, "").await, listed_now);
        let status = if sees_first { 200 } else { 404 };
        assert_eq!(who.get(&path(&first)).await.status, status);
        for query in ["", "format=ndjson", "format=csv"] {
            let items = items_page(who, &first, query).await;
            assert_eq!(items.status, status, "{query}");
        }
    }
    for word in ["cancel", "pause", "resume"] {
        let answer = deed_on(&bob, &first, word, None, &json!({})).await;
        assert!([403, 404].contains(&answer.status), "{}", answer.text);
    }
    for nothing in [format!("{BATCHES}/{}", new_key()), format!("{BATCHES}/x")] {
        assert_problem(&auditor.get(&nothing).await, 404, "not-found");
    }
    let anonymous = app.anonymous();
    for path in [
        BATCHES.to_owned(),
        path(&first),
        format!("{}/items", path(&first)),
    ] {
        assert_problem(&anonymous.get(&path).await, 401, "unauthenticated");
    }
    // What is over is not for who approves to see.
    let tag = entity_tag(&first);
    let rejected = deed_on(&carol, &first, "reject", Some(&tag), &json!({})).await;
    assert_eq!(rejected.status, 200, "{}", rejected.text);
    assert_problem(&carol.get(&path(&first)).await, 404, "not-found");
    assert_problem(&items_page(&carol, &first, "").await, 404, "not-found");
    assert_eq!(listed(&carol, "").await, &all[..1]);
    assert_eq!(listed(&carol, "state=rejected").await, [""; 0]);
    assert_eq!(listed(&alice, "").await, &all[1..]);
    assert_eq!(listed(&auditor, "").await, all);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_found_by_what_batches_are_and_read_in_pages() {
    let app = waiting_app().await;
    let [alice, bob] = ["alice", "bob"].map(|subject| submitter(app.addr, subject));
    let mut batches = Vec::new();
    for number in 0..6 {
        let who = [&alice, &bob][number % 2];
        let mut asked = of(kicks(&format!("u{number}-"), 1));
        asked["case_ref"] = format!("TS-{}", number % 3 + 1).into();
        batches.push(submitted(who, &asked).await);
    }
    done(&alice, &batches[0], "cancel").await;
    done(&bob, &batches[5], "cancel").await;
    let auditor = app.auditor();
    let of_numbers = |numbers: &[usize]| -> Vec<String> {
        let ids = numbers.iter().map(|number| id(&batches[*number]));
        ids.collect()
    };
    let [third, fifth] = [2, 4].map(|number: usize| {
        let time = batches[number]["submitted_at"].as_str();
        time.expect("a time").to_owned()
    });
    for (query, expected) in [
        (String::new(), &[5, 4, 3, 2, 1, 0][..]),
        ("limit=1".to_owned(), &[5, 4, 3, 2, 1, 0]),
        ("limit=4".to_owned(), &[5, 4, 3, 2, 1, 0]),
        ("state=cancelled".to_owned(), &[5, 0]),
        ("state=awaiting_approval&limit=1".to_owned(), &[4, 3, 2, 1]),
        (
            "state=cancelled&state=awaiting_approval".to_owned(),
            &[5, 4, 3, 2, 1, 0],
        ),
        ("state=done".to_owned(), &[]),
        ("moderator=alice".to_owned(), &[4, 2, 0]),
        ("moderator=alice&state=cancelled&limit=1".to_owned(), &[0]),
        ("moderator=nobody".to_owned(), &[]),
        ("case_ref=TS-2".to_owned(), &[4, 1]),
        // From the first on, and to the second without it.
        (format!("since={third}"), &[5, 4, 3, 2]),
        (format!("until={fifth}"), &[3, 2, 1, 0]),
        (format!("since={third}&until={fifth}&limit=1"), &[3, 2]),
    ] {
        assert_eq!(
            listed(&auditor, &query).await,
            of_numbers(expected),
            "{query}"
        );
    }
    assert_eq!(listed(&alice, "limit=1").await, of_numbers(&[4, 2, 0]));
    assert_eq!(listed(&alice, "moderator=bob").await, of_numbers(&[]));
    // What is listed is the batch.
    let page = auditor
        .get(&format!("{BATCHES}?case_ref=TS-3&limit=1"))
        .await;
    let mut shown = page.json()["items"][0].clone();
    let mut alone = look(&auditor, &batches[5]).await;
    for batch in [&mut shown, &mut alone] {
        batch["counted_at"] = Value::Null;
    }
    assert_eq!(shown, alone);
    for query in [
        "state=open",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "since=yesterday",
        "order=up",
        "moderator=a&moderator=b",
    ] {
        let answer = auditor.get(&format!("{BATCHES}?{query}")).await;
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

/// The members of a batch, in their order.
const MEMBERS: [&str; 21] = [
    "id",
    "state",
    "moderator",
    "moderator_name",
    "reason",
    "case_ref",
    "kinds",
    "repeats",
    "solo",
    "digest",
    "total",
    "counts",
    "counted_at",
    "submitted_at",
    "started_at",
    "ended_at",
    "expires_at",
    "estimate",
    "approval",
    "paused",
    "warnings",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_all_of_its_members_always_and_its_tag_changes_with_its_state() {
    let app = waiting_app().await;
    let alice = submitter(app.addr, "alice");
    let mut asked = of(kicks("user", 2));
    asked["case_ref"] = json!("TS-1");
    let batch = submitted(&alice, &asked).await;
    for member in MEMBERS {
        assert!(batch.get(member).is_some(), "{member}: {batch}");
    }
    assert_eq!(
        batch.as_object().map(serde_json::Map::len),
        Some(MEMBERS.len())
    );
    for (member, expected) in [
        ("moderator", json!("alice")),
        ("moderator_name", json!("alice of the tests")),
        ("reason", json!("a raid")),
        ("case_ref", json!("TS-1")),
        ("kinds", json!({"kick_login": 2})),
        ("repeats", Value::Null),
        ("solo", json!(false)),
        ("estimate", Value::Null),
        ("paused", Value::Null),
        ("warnings", json!({"recently_done": 0, "would_shorten": 0})),
    ] {
        assert_eq!(batch[member], expected, "{member}");
    }
    let tag = async || {
        let answer = alice.get(&path(&batch)).await;
        answer.header("etag").expect("it has one").to_owned()
    };
    let before = tag().await;
    assert_eq!(before, tag().await);
    let answer = approve(&approver(app.addr, "bob"), &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_ne!(answer.header("etag"), Some(before.as_str()));
    let ended = until_state(&alice, &batch, "done").await;
    assert_ne!(tag().await, before);
    for member in ["started_at", "ended_at"] {
        assert!(ended[member].is_string(), "{member}: {ended}");
    }
    assert_eq!(ended["digest"], batch["digest"]);
    assert_eq!(ended["estimate"], Value::Null);
    app.stop().await;
}

/// All batches that are told until this one is in `state`.
async fn told_until(heard: &mut Listening, batch: &Value, state: &str) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let block = heard.event().await;
        if block.event.as_deref() != Some("batch") {
            continue;
        }
        assert_eq!(block.id, None, "it is no place to go on from");
        let data = block.data.expect("it has data");
        let seen: Value = serde_json::from_str(&data).expect("it is JSON");
        let is_it = seen["id"] == batch["id"] && seen["state"] == state;
        told.push(seen);
        if is_it {
            return told;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_tells_of_batches_to_who_may_see_them_and_asks_for_nothing_else() {
    let app = waiting_app().await;
    let [alice, bob] = ["alice", "bob"].map(|subject| submitter(app.addr, subject));
    let (carol, auditor) = (approver(app.addr, "carol"), app.auditor());
    let mut of_alice = Listening::open(&alice, "", None).await;
    let mut of_bob = Listening::open(&bob, "", None).await;
    let mut of_carol = Listening::open(&carol, "", None).await;
    let mut filtered = Listening::open(&auditor, "user_id=nobody", None).await;
    let batch = submitted(&alice, &of(kicks("user", 3))).await;
    let only = format!("batch_id={}", id(&batch));
    let mut of_one = Listening::open(&auditor, &only, None).await;
    let other = submitted(&bob, &of(kicks("other", 1))).await;
    told_until(&mut of_carol, &other, "awaiting_approval").await;
    let told = told_until(&mut of_bob, &other, "awaiting_approval").await;
    assert!(
        told.iter().all(|seen| seen["id"] == other["id"]),
        "{told:?}"
    );
    let approved = approve(&carol, &batch).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    for heard in [&mut of_alice, &mut of_one] {
        let told = told_until(heard, &batch, "done").await;
        // Nothing of what they may not see, or did not ask for.
        assert!(
            told.iter().all(|seen| seen["id"] == batch["id"]),
            "{told:?}"
        );
        let last = told.last().expect("there is one");
        let ended = look(&auditor, &batch).await;
        for member in ["counts", "digest", "ended_at", "approval"] {
            assert_eq!(last[member], ended[member], "{member}");
        }
        let members = last.as_object().map(serde_json::Map::len);
        assert_eq!(members, Some(MEMBERS.len()));
    }
    filtered.silent().await;
    done(&bob, &other, "cancel").await;
    told_until(&mut of_bob, &other, "cancelled").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_runs_is_told_about_once_a_second_at_most() {
    let world = keyed().await.set("MODGATE_TENCENT_QPS", "10");
    let app = TestApp::in_world(world).await;
    let alice = submitter(app.addr, "alice");
    let mut heard = Listening::open(&alice, "", None).await;
    let begun = Instant::now();
    let batch = submitted(&alice, &of(kicks("user", 25))).await;
    let told = told_until(&mut heard, &batch, "done").await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).expect("tests are short");
    assert!(told.len() >= 2, "it takes more than a second: {told:?}");
    assert!(told.len() <= seconds + 2, "{} in {seconds} s", told.len());
    let succeeded = told.iter().map(|seen| count(seen, "succeeded"));
    assert!(succeeded.is_sorted(), "{told:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_actions_are_found_by_the_batch() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    assert_eq!(alice.kick_login("single").await.status, 200);
    let batch = submitted(&alice, &of(kicks("user", 3))).await;
    until_state(&alice, &batch, "done").await;
    let query = format!("batch_id={}", id(&batch));
    let actions = alice.list(&query).await;
    let users = actions
        .iter()
        .filter_map(|action| action["user_id"].as_str());
    let mut users: Vec<&str> = users.collect();
    users.sort_unstable();
    assert_eq!(users, ["user0", "user1", "user2"]);
    assert!(
        actions
            .iter()
            .all(|action| action["batch_id"] == batch["id"])
    );
    app.stop().await;
}
