//! The feed by itself: what a filter means, and who falls behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use modgate::audit::{AuditLog, Change, Deployment, Filter, Position};
use modgate::db;
use modgate::domain::{Kind, State};
use modgate::metrics::Metrics;
use modgate::simulator::{Fault, FaultKind};
use modgate::stream::{Feed, Heard, Listener};
use secrecy::SecretString;
use serde_json::json;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::listening::PATIENCE;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{KICK_SEAT, Persona};
use crate::support::world::{ISSUER, World, token};

fn audit_log(world: &World) -> AuditLog {
    let settings = db::Settings {
        url: SecretString::from(world.database.url.as_str()),
        max_connections: 6,
    };
    let pools = db::open(&settings).expect("the URL is right");
    let deployment = Deployment {
        instance: String::new(),
        version: String::new(),
        sdk_app_id: 1,
        tencent_host: String::new(),
    };
    AuditLog::new(&pools, deployment, std::sync::Arc::default())
}

async fn changes_after(audit: &AuditLog, mut position: Position) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        let segment = audit
            .changes_after(position)
            .await
            .expect("the record can be read");
        let segment = segment.expect("it is a position of this record");
        position = segment.end;
        changes.extend(segment.changes);
        if !segment.more {
            return changes;
        }
    }
}

/// One of each: succeeded, after a repeat, refused, unknown, denied.
async fn some_actions(app: &TestApp) {
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    app.simulator.declare_account("u3", false);
    let kicked = alice
        .try_kick_login_keyed("key-1", "u1")
        .await
        .expect("an answer");
    assert_eq!(kicked.status, 200);
    let (code, info) = (70500, None);
    app.simulator
        .fail(Fault::next(FaultKind::ErrorCode { code, info }));
    let body = json!({"room_id": "r1", "user_id": "u2", "data": "", "case_ref": "TS-7"});
    assert_eq!(alice.post(KICK_SEAT, &body).await.status, 200);
    assert_eq!(alice.kick_login("u3").await.status, 404);
    app.simulator
        .fail(Fault::next(FaultKind::Cut { reset: true }));
    assert_eq!(bob.kick_login("u4").await.status, 504);
    let mallory = Persona::new(app.addr, Some(token("mallory", &[])));
    assert_eq!(mallory.kick_seat("r2", "u5", "").await.status, 403);
    assert_eq!(bob.kick_seat("r2", "u1", "").await.status, 200);
}

type Condition = Box<dyn Fn(&mut Filter)>;

/// Every filter with every value that occurs, and with one that does not.
fn conditions(changes: &[Change]) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = Vec::new();
    let actions = || changes.iter().map(|change| change.action.clone());
    for action in actions() {
        let (id, at) = (action.id, action.requested_at);
        conditions.push(Box::new(move |filter| filter.id = Some(id)));
        conditions.push(Box::new(move |filter| filter.since = Some(at)));
        conditions.push(Box::new(move |filter| filter.until = Some(at)));
        for answer in action
            .attempts
            .into_iter()
            .filter_map(|attempt| attempt.answer)
        {
            conditions.push(Box::new(move |filter| {
                filter.tencent_request_id.clone_from(&answer.request_id);
            }));
        }
    }
    for kind in Kind::ALL {
        conditions.push(Box::new(|filter| filter.kinds.push(*kind)));
    }
    for state in State::ALL {
        conditions.push(Box::new(|filter| filter.states.push(*state)));
    }
    for code in [0, 70107, 70500, 1] {
        conditions.push(Box::new(move |filter| filter.error_code = Some(code)));
    }
    for text in ["alice", "bob", "u1", "u2", "r1", "r2", "TS-7", "key-1"] {
        conditions.push(Box::new(|filter| filter.moderator = Some(text.to_owned())));
        conditions.push(Box::new(|filter| filter.user_id = Some(text.to_owned())));
        conditions.push(Box::new(|filter| filter.room_id = Some(text.to_owned())));
        conditions.push(Box::new(|filter| filter.case_ref = Some(text.to_owned())));
        conditions.push(Box::new(|filter| {
            filter.idempotency_key = Some(text.to_owned());
        }));
        for issuer in [ISSUER, "https://elsewhere.test"] {
            conditions.push(Box::new(|filter| {
                filter.visible_to = Some((issuer.to_owned(), text.to_owned()));
            }));
        }
    }
    conditions.push(Box::new(|filter| filter.batch_id = Some(Uuid::nil())));
    conditions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_lets_through_what_it_finds_in_the_list() {
    let app = TestApp::start().await;
    let audit = audit_log(&app);
    let begin = audit.newest_change().await.expect("the record can be read");
    some_actions(&app).await;
    // Two for each, and one for the denial; they are told once no older transaction of the server is open.
    let all = eventually("all is told", Duration::from_secs(20), async || {
        let all = changes_after(&audit, begin).await;
        (all.len() >= 11).then_some(all)
    })
    .await;
    assert_eq!(all.len(), 11);
    // The last state of each action is that of the present, which the list shows.
    let mut present: BTreeMap<Uuid, &Change> = BTreeMap::new();
    for change in &all {
        present.insert(change.action.id, change);
    }
    let conditions = conditions(&all);
    let mut found_something = 0;
    for (index, one) in conditions.iter().enumerate() {
        for other in conditions[index..].iter().step_by(7) {
            let mut filter = Filter::default();
            one(&mut filter);
            other(&mut filter);
            let listed = audit.list(&filter, 200, None).await.expect("a list").items;
            let listed: Vec<String> = listed.iter().map(|action| format!("{action:?}")).collect();
            let told = present
                .values()
                .rev()
                .filter(|change| change.matches(&filter));
            let told: Vec<String> = told.map(|change| format!("{:?}", change.action)).collect();
            assert_eq!(told, listed, "{filter:?}");
            found_something += usize::from(!listed.is_empty());
        }
    }
    assert!(
        found_something > 100,
        "{found_something} filters let something through"
    );
    let pending = Filter {
        states: vec![State::Pending],
        ..Filter::default()
    };
    let pending = all.iter().filter(|change| change.matches(&pending)).count();
    assert_eq!(pending, 5, "an intent is pending, whatever became of it");
    let answered = Filter {
        error_code: Some(0),
        ..Filter::default()
    };
    let answered = all
        .iter()
        .filter(|change| change.matches(&answered))
        .count();
    assert_eq!(answered, 3, "a success is none before it is there");
    app.stop().await;
}

async fn hear(listener: &mut Listener, count: usize) -> Vec<Bytes> {
    let mut heard = Vec::with_capacity(count);
    while heard.len() < count {
        match listener.next().await {
            Heard::Change(notice) => {
                let render = |change: &Change| Bytes::from(change.position.to_string());
                heard.push(notice.rendered(render));
            }
            Heard::Reset(lapse) => panic!("{lapse:?}"),
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn who_falls_behind_misses_nothing() {
    const ROWS: usize = 10_000;
    let world = World::new().await;
    let audit = audit_log(&world);
    let (tasks, metrics) = (TaskTracker::new(), Arc::new(Metrics::new()));
    let feed = Arc::new(Feed::new(audit, tasks.clone(), Handle::current(), metrics));
    let closing = CancellationToken::new();
    let (polled, stopped) = (Arc::clone(&feed), closing.clone());
    tasks.spawn(async move { polled.poll(&stopped).await });
    let mut slow = feed.listen(Filter::default(), None).await;
    let mut quick = feed.listen(Filter::default(), None).await;
    // In one transaction, so that it is more than is kept before anybody can read it.
    world
        .execute(
            "insert into audit.action
                 (id, kind, moderator, issuer, user_id, client_ip, peer_ip, http_request_id, instance,
                  version, sdk_app_id, tencent_host, requested_at, deadline_ms, leaf_hash)
             select id, 'kick_login', 'alice', '', 'u', '::1', '::1', '', '', '', 1, '',
                    audit.uuid7_time(id), 3600000, sha256('')
             from (select overlay(gen_random_uuid()::text placing
                              left(audit.uuid7_floor(now())::text, 13) || '-7' from 1 for 15)::uuid as id
                   from generate_series(1, 10000)) as ids",
        )
        .await;
    let heard = tokio::time::timeout(PATIENCE * 4, hear(&mut quick, ROWS)).await;
    let heard = heard.expect("everything is told");
    assert!(
        heard.iter().collect::<std::collections::HashSet<_>>().len() == ROWS,
        "each once"
    );
    let late = tokio::time::timeout(PATIENCE * 4, hear(&mut slow, ROWS)).await;
    assert!(
        late.expect("everything is told") == heard,
        "the same, in the same order"
    );
    // Both have heard it all.
    eventually("both go on", PATIENCE, async || {
        (slow.position() == quick.position()).then_some(())
    })
    .await;
    let nothing = tokio::time::timeout(Duration::from_secs(1), slow.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    closing.cancel();
}
