//! A moderator who reads more at a time than they may.

use tokio::task::JoinSet;

use super::problems::Seen;
use crate::support::app::TestApp;
use crate::support::persona::Persona;
use crate::support::world::token;

/// Each operation that reads actions, and more than one moderator may have of it at a time.
const TOO_MANY: [(&str, usize); 5] = [
    ("listActions", 20),
    ("getAction", 20),
    ("getUser", 20),
    ("exportActions", 6),
    ("streamActions", 34),
];

/// The same of those that read batches.
const TOO_MANY_OF_BATCHES: [(&str, usize); 3] = [
    ("listBatches", 20),
    ("getBatch", 20),
    ("listBatchItems", 20),
];

pub(super) async fn are_refused(app: &TestApp, seen: &mut Seen) {
    let lock = "begin; lock table audit.decision in access exclusive mode";
    refused(app, seen, lock, &TOO_MANY).await;
}

/// Where there is a seal key.
pub(super) async fn of_batches_are_refused(app: &TestApp, seen: &mut Seen) {
    let lock = "begin; lock table audit.batch in access exclusive mode";
    refused(app, seen, lock, &TOO_MANY_OF_BATCHES).await;
}

/// What reads waits for the lock, and keeps its place meanwhile.
async fn refused(app: &TestApp, seen: &mut Seen, lock: &'static str, operations: &[(&str, usize)]) {
    let mut sql = app.sql().await;
    sqlx::raw_sql(lock)
        .execute(&mut sql)
        .await
        .expect("nobody holds it for long");
    for &(id, too_many) in operations {
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
