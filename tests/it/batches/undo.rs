//! A batch that lifts what somebody has set.

use chrono::{SecondsFormat, Utc};
use modgate::simulator::Restriction;
use serde_json::{Value, json};

use super::{
    app, assert_counts, assert_problem, denied_tries, items, new_key, submit, submitted, submitter,
    until_state, validate, with,
};
use crate::support::app::TestApp;
use crate::support::persona::Persona;
use crate::support::world::ISSUER;

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Someone who may lift what others have set, many at once.
fn lead(app: &TestApp) -> Persona {
    with(app.addr, "lea", &["batch:submit", "action:lift"])
}

/// An action that is carried out; its id.
async fn act(who: &Persona, kind: &str, body: &Value) -> Value {
    let answer = who.post(&format!("/v1/actions/{kind}"), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["id"].clone()
}

fn user(name: &str) -> Value {
    json!({"user_id": name, "seconds": 600})
}

fn undo(members: &Value) -> Value {
    json!({"reason": "a stolen token", "undo": members})
}

fn is_muted(app: &TestApp, name: &str) -> bool {
    let until = app
        .simulator
        .restricted_until(Restriction::Groups, "", name);
    until.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_somebody_has_set_and_is_in_force_is_lifted_and_nothing_else() {
    let app = app().await;
    let (mallory, bob) = (app.moderator("mallory"), app.moderator("bob"));
    let room = json!({"room_id": "room"});
    let earlier = act(&mallory, "mute_user", &user("earlier")).await;
    let since = now();
    let mut set = vec![
        act(&mallory, "mute_user", &user("u0")).await,
        act(
            &mallory,
            "mute_user",
            &json!({"user_id": "u1", "forever": true}),
        )
        .await,
        act(&mallory, "mute_group", &room).await,
    ];
    // Not in force, not to be undone, or somebody else's.
    act(&mallory, "mute_user", &user("lifted")).await;
    act(&mallory, "unmute_user", &json!({"user_id": "lifted"})).await;
    act(&mallory, "kick_login", &json!({"user_id": "u0"})).await;
    act(&bob, "mute_user", &user("bobs")).await;
    // What somebody else has set since would be lifted with it.
    act(&mallory, "mute_user", &user("again")).await;
    let longer = json!({"user_id": "again", "seconds": 1200});
    act(&bob, "mute_user", &longer).await;
    let until = now();
    let later = act(&mallory, "mute_user", &user("later")).await;

    let lea = lead(&app);
    let of = |members: Value| {
        let mut all = json!({"moderator": "mallory", "since": since});
        all.as_object_mut()
            .expect("it is one")
            .extend(members.as_object().expect("it is one").clone());
        undo(&all)
    };
    for (members, kinds) in [
        (json!({}), json!({"unmute_user": 3, "unmute_group": 1})),
        (
            json!({"until": until}),
            json!({"unmute_user": 2, "unmute_group": 1}),
        ),
        (json!({"kind": "mute_user"}), json!({"unmute_user": 3})),
        (
            json!({"issuer": ISSUER, "kind": "mute_group"}),
            json!({"unmute_group": 1}),
        ),
    ] {
        let answer = validate(&lea, &of(members.clone())).await;
        assert_eq!(answer.status, 200, "{members}: {}", answer.text);
        assert_eq!(answer.json()["kinds"], kinds, "{members}");
    }
    let batch = submitted(&lea, &of(json!({"until": until}))).await;
    let ended = until_state(&lea, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 3)]);
    let mut undone: Vec<Value> = Vec::new();
    for item in items(&lea, &batch, "").await {
        assert_eq!(item["action"]["undoes"], item["undoes"], "{item}");
        assert_eq!(item["action"]["moderator"], "lea", "{item}");
        undone.push(item["undoes"].clone());
    }
    let by_text = |id: &Value| id.to_string();
    undone.sort_by_key(by_text);
    set.sort_by_key(by_text);
    assert_eq!(undone, set);
    assert!(!undone.contains(&earlier) && !undone.contains(&later));
    let muted = ["earlier", "u0", "u1", "bobs", "again", "later"].map(|name| is_muted(&app, name));
    assert_eq!(muted, [true, false, false, true, true, true]);
    assert!(!app.simulator.are_all_muted("room"));
    // Of that time nothing is left to lift.
    let again = submit(&lea, &new_key(), &of(json!({"until": until}))).await;
    assert!((400..500).contains(&again.status), "{}", again.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_has_set_since_is_not_lifted_with_it() {
    let app = app().await;
    let (mallory, bob) = (app.moderator("mallory"), app.moderator("bob"));
    let since = now();
    let of = |name: &str, seconds: u32, channels: &str| json!({"user_id": name, "seconds": seconds, "channels": channels});
    act(&mallory, "mute_user", &of("part", 600, "all")).await;
    act(&bob, "mute_user", &of("part", 1200, "direct")).await;
    // The newest of hers is about other messages than what he has set.
    act(&mallory, "mute_user", &of("mixed", 600, "groups")).await;
    act(&bob, "mute_user", &of("mixed", 1200, "groups")).await;
    act(&mallory, "mute_user", &of("mixed", 600, "direct")).await;
    let lea = lead(&app);
    let asked = undo(&json!({"moderator": "mallory", "since": since}));
    let batch = submitted(&lea, &asked).await;
    let ended = until_state(&lea, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 2)]);
    let lifted: Vec<(Value, Value)> = items(&lea, &batch, "")
        .await
        .into_iter()
        .map(|item| (item["user_id"].clone(), item["channels"].clone()))
        .collect();
    let [part, mixed] = [("part", "groups"), ("mixed", "direct")]
        .map(|(user, channels)| (json!(user), json!(channels)));
    assert_eq!(lifted, [part, mixed]);
    assert!(!is_muted(&app, "part") && is_muted(&app, "mixed"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_thousands_of_times_for_one_user_is_lifted() {
    let app = app().await;
    let mallory = app.moderator("mallory");
    let since = now();
    act(&mallory, "mute_user", &user("u0")).await;
    act(&mallory, "mute_user", &user("u1")).await;
    // As many as nobody looks at in one statement.
    app.execute(
        "do $do$ declare columns text; begin
             select string_agg(quote_ident(attname), ', ' order by attnum) into columns from pg_attribute
              where attrelid = 'audit.action'::regclass and attnum > 0 and not attisdropped
                and attname not in ('id', 'xid');
             execute format('insert into audit.action (id, %1$s)
                 select (left(id::text, 20) || %2$L || lpad(to_hex(number), 12, %3$L))::uuid, %1$s
                 from audit.action, generate_series(1, 5100) as number where user_id = %4$L',
                 columns, '000-', '0', 'u0');
             select string_agg(quote_ident(attname), ', ' order by attnum) into columns from pg_attribute
              where attrelid = 'audit.event'::regclass and attnum > 0 and not attisdropped
                and attname not in ('action_id', 'xid', 'recorded_at');
             execute format('insert into audit.event (action_id, %1$s)
                 select copied.id, %1$s from (select event.* from audit.event event
                     join audit.action action on action.id = event.action_id and action.user_id = %2$L) as ended,
                     (select id from audit.action where user_id = %2$L
                      and id not in (select action_id from audit.event)) as copied',
                 columns, 'u0');
         end $do$",
    )
    .await;
    let lea = lead(&app);
    let asked = undo(&json!({"moderator": "mallory", "since": since}));
    let batch = submitted(&lea, &asked).await;
    let ended = until_state(&lea, &batch, "done").await;
    assert_counts(&ended, &[("succeeded", 2)]);
    assert!(!is_muted(&app, "u0") && !is_muted(&app, "u1"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_is_undone_by_oneself_and_anothers_by_who_may_lift_it() {
    let app = app().await;
    let (alice, bob) = (submitter(app.addr, "alice"), submitter(app.addr, "bob"));
    let since = now();
    act(&alice, "mute_user", &user("user")).await;
    let asked = undo(&json!({"moderator": "alice", "since": since}));
    let answer = submit(&bob, &new_key(), &asked).await;
    assert_problem(&answer, 403, "forbidden");
    assert!(answer.text.contains("action:lift"), "{}", answer.text);
    let denied = denied_tries(&app).await;
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0]["because"], "missing_scope");
    assert_eq!(denied[0]["scope"], "action:lift");
    assert_eq!(app.count("select count(*) from audit.batch").await, 0);
    assert!(is_muted(&app, "user"));
    let batch = submitted(&alice, &asked).await;
    until_state(&alice, &batch, "done").await;
    assert!(!is_muted(&app, "user"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_says_too_little_or_too_much_is_refused() {
    let app = app().await;
    let lea = lead(&app);
    let since = now();
    for members in [
        json!({}),
        json!({"moderator": "mallory"}),
        json!({"since": since}),
        json!({"moderator": "", "since": since}),
        json!({"moderator": "mallory", "since": "yesterday"}),
        json!({"moderator": "mallory", "since": since, "until": 0}),
        json!({"moderator": "mallory", "since": since, "kind": "mute"}),
        json!({"moderator": "mallory", "since": since, "issuer": ""}),
        json!({"moderator": "mallory", "since": since, "user_id": "u"}),
        json!("mallory"),
    ] {
        let answer = validate(&lea, &undo(&members)).await;
        assert_problem(&answer, 400, "invalid-request");
    }
    assert_eq!(app.count("select count(*) from audit.batch").await, 0);
    app.stop().await;
}
