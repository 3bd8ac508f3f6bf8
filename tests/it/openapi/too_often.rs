//! What those are told who may ask for one thing in a second, and ask for more.

use super::problems::Seen;
use crate::support::app::{EVERYTHING, TestApp};
use crate::support::persona::Persona;
use crate::support::world::{World, token};

/// Each operation without an action of its own that counts against the limit of the moderator. Where there is no seal
/// key, and so nothing to do, too.
const COUNTED: [&str; 8] = [
    "freeze",
    "thaw",
    "createBatch",
    "approveBatch",
    "rejectBatch",
    "cancelBatch",
    "pauseBatch",
    "resumeBatch",
];

pub(super) async fn is_refused(seen: &mut Seen) {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1");
    let app = TestApp::in_world(world).await;
    for id in COUNTED {
        let operation = seen.document.operation(id);
        let who = Persona::new(app.addr, Some(token(id, &EVERYTHING)));
        let mut answer = who.send(operation.request(&who)).await;
        // However slow this machine is.
        for _ in 0..20 {
            if answer.status != 429 {
                answer = who.send(operation.request(&who)).await;
            }
        }
        seen.note(&operation, &answer, "rate-limited");
    }
    app.stop().await;
}
