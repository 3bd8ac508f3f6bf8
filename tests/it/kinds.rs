//! Which kinds of action there are is the operator's to say.

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::persona::{KICK_LOGIN, KICK_SEAT, Persona};
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_the_operator_leaves_out_is_not_there() {
    let world = World::new().await.set("MODGATE_KINDS", "kick_login");
    let app = TestApp::in_world(world).await;
    let (alice, nobody) = (app.moderator("alice"), Persona::new(app.addr, None));
    for who in [&alice, &nobody] {
        let answer = who.kick_seat("room-test", "user2", "time over").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found")
        );
    }
    assert!(app.simulator.calls().is_empty());
    assert_eq!(app.count("select count(*) from audit.action").await, 0);

    let answer = alice.kick_login("user1").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let policies = answer.header("ratelimit-policy").expect("it is there");
    assert!(policies.contains("\"kick_login\""), "{policies}");
    assert!(!policies.contains("kick_seat"), "{policies}");

    let document: Value = nobody.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("there are paths");
    assert!(paths.contains_key(KICK_LOGIN));
    assert!(!paths.contains_key(KICK_SEAT));
    assert!(document["components"]["schemas"]["KickSeatBody"].is_null());
    // What was done before it was left out stays to be seen.
    assert_eq!(alice.get("/v1/actions?kind=kick_seat").await.status, 200);
    app.stop().await;
}
