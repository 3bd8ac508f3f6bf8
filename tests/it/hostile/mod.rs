//! Hostile and broken requests: always a clear refusal, never an effect, and the gateway goes on.

mod bodies;
mod headers;
mod protocol;
mod queries;

use modgate::simulator::Api;
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::persona::Answer;
use crate::support::world::World;

/// A gateway whose moderators may ask as often as a table is long.
async fn patient_app() -> TestApp {
    TestApp::in_world(World::new().await.set("MODGATE_MODERATOR_QPS", "1000000")).await
}

/// The faults that an `invalid-request` names, field and rule.
fn faults(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.problem(), "invalid-request");
    let hidden = |character: char| {
        character.is_control()
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let problem = answer.json();
    let errors = problem["errors"].as_array().expect("the faults are listed");
    assert!(!errors.is_empty(), "{}", answer.text);
    let text = |fault: &Value, member: &str| {
        let text = fault[member]
            .as_str()
            .expect("field and rule are texts")
            .to_owned();
        assert!(
            !text.contains(hidden) && text.chars().count() <= 400,
            "{text:?}"
        );
        text
    };
    errors
        .iter()
        .map(|fault| (text(fault, "field"), text(fault, "rule")))
        .collect()
}

/// The fields that an `invalid-request` names.
fn faulty_fields(answer: &Answer) -> Vec<String> {
    let named = faults(answer).into_iter().map(|(field, rule)| {
        assert!(!rule.is_empty());
        field
    });
    named.collect()
}

/// What must hold after any number of refused requests.
async fn assert_nothing_happened(app: TestApp) {
    assert_eq!(app.simulator.calls().len(), 0, "something was sent");
    let rows = "select (select count(*) from audit.action) + (select count(*) from audit.event)
                + (select count(*) from modgate.idempotency)";
    assert_eq!(app.count(rows).await, 0, "something was recorded");
    let answer = app.moderator("afterwards").kick_login("bob").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(app.simulator.calls_to(Api::KICK_LOGIN).len(), 1);
    app.stop().await;
}
