//! What those are told who ask Tencent about an action, and cannot.

use modgate::domain::{Kind, Slot};
use modgate::simulator::{Fault, FaultKind};

use super::document::Operation;
use super::problems::{Seen, everybody};
use crate::support::app::TestApp;
use crate::support::persona::Persona;

/// The probe of this action of hers.
pub(super) fn of(seen: &Seen, id: &str) -> Operation {
    let mut operation = seen.document.operation("probeAction");
    operation.path = operation.path.replace("{id}", id);
    operation
}

/// Does the first example of `kind`. The id of the action.
pub(super) async fn done(seen: &Seen, who: &Persona, kind: Kind) -> String {
    let operation = seen.document.action(kind);
    let answer = who.send(operation.request(who)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.header("modgate-action-id");
    id.expect("it belongs to a row").to_owned()
}

/// The first kind that sets what Tencent can be asked about.
pub(super) fn probed() -> Kind {
    let mut kinds = Kind::ALL.iter().copied();
    let found = kinds.find(|kind| kind.probe.is_some() && kind.has(Slot::Seconds));
    found.expect("there is one")
}

pub(super) async fn are_refused(seen: &mut Seen) {
    let app = TestApp::start().await;
    let alice = everybody(&app);
    let mut kinds = Kind::ALL.iter();
    let kick = kinds.find(|kind| kind.probe.is_none());
    let kicked = done(seen, &alice, *kick.expect("there is one")).await;
    let answer = alice.send(of(seen, &kicked).request(&alice)).await;
    seen.note(&of(seen, &kicked), &answer, "probe-not-possible");
    let set = done(seen, &alice, probed()).await;
    let operation = of(seen, &set);
    let shown = alice.send(operation.request(&alice)).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    seen.document.assert_describes(&operation, &shown);
    let answer = alice.send(operation.request(&alice)).await;
    seen.note(&operation, &answer, "rate-limited");
    app.stop().await;
    // The signature remains wrong after another was made; too many were wrong.
    for (code, problem) in [
        (70_009, "tencent-rejected-gateway"),
        (70_050, "tencent-unavailable"),
    ] {
        let app = TestApp::start().await;
        let alice = everybody(&app);
        let set = done(seen, &alice, probed()).await;
        let fault = FaultKind::ErrorCode { code, info: None };
        app.simulator.fail(Fault::next(fault).for_ever());
        assert_eq!(
            alice.kick_login("user").await.problem(),
            "tencent-rejected-gateway"
        );
        app.simulator.clear_faults();
        let calls = app.simulator.calls().len();
        let operation = of(seen, &set);
        let answer = alice.send(operation.request(&alice)).await;
        seen.note(&operation, &answer, problem);
        assert_eq!(app.simulator.calls().len(), calls, "nothing is sent");
        app.stop().await;
    }
}
