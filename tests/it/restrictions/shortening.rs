//! A mute that would end before one that is in force.

use std::time::Duration;

use serde_json::{Value, json};

use super::{app, at_tencent, id, lead, mute, seconds};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;

#[derive(Clone, Copy, Debug)]
enum By {
    /// Who has set the first.
    Oneself,
    /// Somebody else.
    Another,
    /// Somebody else, who may lift what others have set.
    Lead,
}

use By::{Another, Lead, Oneself};

/// What becomes of it if it does not name the first in `shortens`, and if it does.
type Ends = [u16; 2];

/// Set by alice; then asked for by whom; and what becomes of it.
fn rows() -> Vec<(Value, Value, By, Ends)> {
    let of = |channels: &str, seconds: u32| json!({"channels": channels, "seconds": seconds});
    let forever = || json!({"forever": true});
    vec![
        // Longer, and equally long.
        (seconds(600), seconds(1200), Oneself, [200, 200]),
        (seconds(600), seconds(1200), Another, [200, 200]),
        (seconds(600), seconds(600), Oneself, [200, 200]),
        (seconds(600), seconds(600), Another, [200, 200]),
        (seconds(600), forever(), Another, [200, 200]),
        (forever(), forever(), Another, [200, 200]),
        // Shorter.
        (seconds(600), seconds(60), Oneself, [409, 200]),
        (seconds(600), seconds(60), Another, [409, 403]),
        (seconds(600), seconds(60), Lead, [409, 200]),
        (seconds(600), seconds(1), Another, [409, 403]),
        (forever(), seconds(31_536_000), Oneself, [409, 200]),
        (forever(), seconds(31_536_000), Another, [409, 403]),
        (forever(), seconds(600), Lead, [409, 200]),
        // By channel.
        (of("direct", 600), of("groups", 60), Another, [200, 400]),
        (of("direct", 600), of("direct", 60), Another, [409, 403]),
        (of("direct", 600), seconds(60), Another, [409, 403]),
        (seconds(600), of("groups", 60), Oneself, [409, 200]),
        (seconds(600), of("groups", 60), Another, [409, 403]),
        (seconds(600), of("direct", 60), Lead, [409, 200]),
    ]
}

fn who(app: &TestApp, by: By) -> Persona {
    match by {
        Oneself => app.moderator("alice"),
        Another => app.moderator("bob"),
        Lead => lead(app, "carol"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_mute_must_name_what_it_shortens_and_needs_a_right_where_that_is_anothers() {
    let app = app().await;
    for (number, (first, second, by, ends)) in rows().into_iter().enumerate() {
        for (named, status) in [false, true].into_iter().zip(ends) {
            let user = format!("user-{number}-{named}");
            let row = format!("{first} then {second} by {by:?}, named: {named}");
            let set = mute(&app.moderator("alice"), &user, &first).await;
            assert_eq!(set.status, 200, "{row}: {}", set.text);
            let (before, calls) = (at_tencent(&app, &user), app.simulator.calls().len());
            let mut asked = second.clone();
            if named {
                asked["shortens"] = id(&set).into();
            }
            let answer = mute(&who(&app, by), &user, &asked).await;
            assert_eq!(answer.status, status, "{row}: {}", answer.text);
            let called = app.simulator.calls().len() - calls;
            assert_eq!(called, usize::from(status == 200), "{row}");
            if status != 200 {
                assert_eq!(at_tencent(&app, &user), before, "{row}");
            }
            match status {
                409 => {
                    assert_eq!(answer.problem(), "would-shorten", "{row}");
                    let restriction = &answer.json()["restriction"];
                    assert_eq!(restriction["id"], id(&set), "{row}");
                    assert_eq!(restriction["until"], set.action()["until"], "{row}");
                    // Who may not see the action is told no more.
                    let shown = answer.json().get("action").map(|shown| shown["id"].clone());
                    let may_see = matches!(by, Oneself);
                    assert_eq!(shown, may_see.then(|| id(&set).into()), "{row}");
                    assert_eq!(
                        answer.header("modgate-action-id"),
                        None,
                        "nothing is recorded"
                    );
                }
                400 => assert_eq!(answer.json()["errors"][0]["field"], "shortens", "{row}"),
                403 => {
                    assert_eq!(answer.problem(), "forbidden", "{row}");
                    assert!(
                        answer.text.contains("action:lift"),
                        "{row}: {}",
                        answer.text
                    );
                    assert_eq!(answer.action()["state"], "denied", "{row}");
                    assert_eq!(answer.action()["recorded"], true, "{row}");
                }
                _ => {
                    let shown = &answer.action()["shortens"];
                    assert_eq!(shown.is_string(), named, "{row}");
                }
            }
        }
    }
    let denied =
        "select count(*) from audit.event where state = 'denied' and failure = 'missing_lift'";
    let expected = rows().iter().filter(|(.., ends)| ends[1] == 403).count();
    assert_eq!(
        app.count(denied).await,
        i64::try_from(expected).expect("few")
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_in_force_the_one_that_ends_last_is_to_be_named() {
    let app = app().await;
    let (alice, carol) = (app.moderator("alice"), lead(&app, "carol"));
    let direct = json!({"channels": "direct", "seconds": 600});
    let groups = json!({"channels": "groups", "seconds": 6000});
    let direct = id(&mute(&alice, "user", &direct).await);
    let groups = id(&mute(&alice, "user", &groups).await);
    for named in [None, Some(&direct)] {
        let answer = mute(&carol, "user", &json!({"seconds": 60, "shortens": named})).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (409, "would-shorten")
        );
        assert_eq!(answer.json()["restriction"]["id"], *groups);
    }
    let answer = mute(&carol, "user", &json!({"seconds": 60, "shortens": groups})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // What was shortened is not in force any more.
    let answer = mute(&carol, "user", &seconds(120)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lifted_or_has_ended_or_is_of_another_target_or_was_refused_is_not_in_force() {
    let app = app().await;
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    let in_room =
        |room: &str, seconds: u32| json!({"room_id": room, "user_id": "user", "seconds": seconds});
    let live = "/v1/actions/mute_live_member";
    assert_eq!(alice.post(live, &in_room("one", 600)).await.status, 200);
    assert_eq!(
        bob.post(live, &in_room("two", 60)).await.status,
        200,
        "another room"
    );
    let user = json!({"user_id": "user", "seconds": 60});
    assert_eq!(
        bob.post("/v1/actions/mute_user", &user).await.status,
        200,
        "another kind"
    );
    let shorter = bob.post(live, &in_room("one", 60)).await;
    assert_eq!(shorter.status, 409, "{}", shorter.text);
    let room = json!({"room_id": "one", "user_id": "user"});
    assert_eq!(
        alice
            .post("/v1/actions/unmute_live_member", &room)
            .await
            .status,
        200
    );
    assert_eq!(
        bob.post(live, &in_room("one", 60)).await.status,
        200,
        "it was lifted"
    );
    app.simulator.declare_room("gone", false);
    assert_eq!(alice.post(live, &in_room("gone", 600)).await.status, 404);
    app.simulator.declare_room("gone", true);
    assert_eq!(
        bob.post(live, &in_room("gone", 60)).await.status,
        200,
        "it was refused"
    );
    assert_eq!(alice.post(live, &in_room("three", 3)).await.status, 200);
    let ended = "select count(*) from audit.actions
                 where room_id = 'three' and completed_at + interval '3 s' < now()";
    eventually("it has ended", Duration::from_secs(15), async || {
        (app.count(ended).await == 1).then_some(())
    })
    .await;
    assert_eq!(
        bob.post(live, &in_room("three", 1)).await.status,
        200,
        "it has ended"
    );
    app.stop().await;
}
