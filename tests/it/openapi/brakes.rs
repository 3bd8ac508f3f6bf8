//! What those are told who freeze and thaw, or are frozen.

use modgate::domain::Kind;
use serde_json::json;

use super::problems::{Seen, changed, everybody};
use crate::support::app::TestApp;
use crate::support::persona::Persona;
use crate::support::world::{World, token};

const BRAKES: [&str; 2] = ["freeze", "thaw"];

pub(super) async fn are_refused(seen: &mut Seen) {
    let world = World::new()
        .await
        .set("MODGATE_SEAL_KEY", crate::seals::SEED)
        .set("MODGATE_MODERATOR_QPS", "1000");
    let app = TestApp::in_world(world).await;
    let alice = everybody(&app);
    let lead = Persona::new(
        app.addr,
        Some(token("lead", &["service:freeze", "service:thaw"])),
    );
    let thaw = seen.document.operation("thaw");
    let answer = lead.send(thaw.request(&lead)).await;
    seen.note(&thaw, &answer, "not-found");
    // The first example freezes alice.
    for id in ["freeze", "getLimits"] {
        let operation = seen.document.operation(id);
        let answer = lead.send(operation.request(&lead)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        seen.document.assert_describes(&operation, &answer);
    }
    for kind in Kind::ALL {
        let operation = seen.document.action(*kind);
        let answer = alice.send(operation.request(&alice)).await;
        seen.note(&operation, &answer, "frozen");
    }
    let answer = alice.send(thaw.request(&alice)).await;
    seen.note(&thaw, &answer, "frozen");
    app.execute(
        "create function public.cut() returns trigger language plpgsql as
             'begin perform pg_terminate_backend(pg_backend_pid()); return new; end'",
    )
    .await;
    app.execute("create trigger cut before insert on audit.brake for each row execute function public.cut()")
        .await;
    // What is frozen already is not recorded again.
    for (id, moderator) in BRAKES.iter().zip(["bob", "alice"]) {
        let operation = seen.document.operation(id);
        let other = changed(&operation, "moderator", moderator);
        seen.ask_with(&lead, &operation, other, "outcome-unknown")
            .await;
    }
    app.execute("drop trigger cut on audit.brake").await;
    let answer = lead.send(thaw.request(&lead)).await;
    assert_eq!(answer.json(), json!({"brakes": []}));
    seen.document.assert_describes(&thaw, &answer);
    app.execute("alter schema audit rename to away").await;
    for id in BRAKES.iter().chain(&["getLimits"]) {
        let operation = seen.document.operation(id);
        let answer = lead.send(operation.request(&lead)).await;
        seen.note(&operation, &answer, "audit-unavailable");
    }
    app.execute("alter schema away rename to audit").await;
    app.stop().await;
}

/// Where there is no seal key, and whoever asks may freeze, or not.
pub(super) async fn do_not_exist(app: &TestApp, seen: &mut Seen) {
    let mallory = Persona::new(app.addr, Some(token("mallory", &[])));
    for id in BRAKES {
        let operation = seen.document.operation(id);
        let answer = mallory.send(operation.request(&mallory)).await;
        seen.note(&operation, &answer, "forbidden");
        let alice = everybody(app);
        let answer = alice.send(operation.request(&alice)).await;
        seen.note(&operation, &answer, "not-found");
        let wrong = changed(&operation, "reason", "");
        seen.ask_with(&alice, &operation, wrong, "invalid-request")
            .await;
        seen.takes_plain_json_of_16_kibibytes(&alice, &operation)
            .await;
    }
}
