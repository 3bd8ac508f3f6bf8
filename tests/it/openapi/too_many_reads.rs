//! A moderator who reads more at a time than they may.

use tokio::task::JoinSet;

use super::problems::Seen;
use crate::support::app::TestApp;
use crate::support::persona::Persona;
use crate::support::world::token;

/// Each operation that reads the record, and more than one moderator may have of it at a time.
const TOO_MANY: [(&str, usize); 5] = [
    ("listActions", 20),
    ("getAction", 20),
    ("getUser", 20),
    ("exportActions", 6),
    ("streamActions", 34),
];

pub(super) async fn are_refused(app: &TestApp, seen: &mut Seen) {
    let mut sql = app.sql().await;
    // What reads actions waits for this, and keeps its place meanwhile.
    sqlx::raw_sql("begin; lock table audit.decision in access exclusive mode")
        .execute(&mut sql)
        .await
        .expect("nobody holds it for long");
    for (id, too_many) in TOO_MANY {
        let operation = seen.document.operation(id);
        let who = Persona::new(app.addr, Some(token(id, &["audit:read"])));
        let mut asking = JoinSet::new();
        for _ in 0..too_many {
            let (who, request) = (who.clone(), operation.request(&who));
            asking.spawn(async move { who.send(request).await });
        }
        let refused = loop {
            let answer = asking.join_next().await.expect("one is refused");
            let answer = answer.expect("without a panic");
            if answer.status == 429 {
                break answer;
            }
        };
        seen.note(&operation, &refused, "rate-limited");
    }
    sqlx::raw_sql("rollback")
        .execute(&mut sql)
        .await
        .expect("it is open");
}
