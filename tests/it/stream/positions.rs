//! Where a listener goes on: the order, late commits, and ids that are none of this record.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};
use uuid::{NoContext, Timestamp, Uuid};

use super::listening::Listening;
use crate::support::app::TestApp;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::{ISSUER, World, token};

/// An id of that time.
fn id_of(time: DateTime<Utc>) -> Uuid {
    let seconds = time.timestamp().unsigned_abs();
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        time.timestamp_subsec_nanos(),
    ))
}

/// Inserts an intent of alice's by hand, recorded at the time that is in its id.
pub(super) async fn insert(sql: &mut PgConnection, id: Uuid, issuer: &str, user_id: &str) {
    let inserted = sqlx::query(
        "insert into audit.action
             (id, kind, moderator, issuer, user_id, client_ip, peer_ip, http_request_id, instance,
              version, sdk_app_id, tencent_host, requested_at, recorded_at, deadline_ms, leaf_hash)
         values ($1, 'kick_login', 'alice', $2, $3, '::1', '::1', '', '', '', 1, '',
                 audit.uuid7_time($1), audit.uuid7_time($1), 3600000, sha256(''))",
    );
    let inserted = inserted
        .bind(id)
        .bind(issuer)
        .bind(user_id)
        .execute(sql)
        .await;
    inserted.expect("a row by hand");
}

pub(super) async fn insert_end(sql: &mut PgConnection, id: Uuid) {
    let inserted = sqlx::query(
        "insert into audit.event (action_id, rev, state, at, recorded_at, decided_by, leaf_hash)
         values ($1, 1, 'unknown', audit.uuid7_time($1), audit.uuid7_time($1), 'gateway', sha256(''))",
    );
    inserted
        .bind(id)
        .execute(sql)
        .await
        .expect("an end by hand");
}

/// Inserts an intent as a dump brings it, with the number that its transaction had elsewhere: so
/// far from those that are given here at present.
async fn restore(sql: &mut PgConnection, away: i64) -> Uuid {
    let id = Uuid::now_v7();
    let restored = sqlx::query(
        "insert into audit.action
             (id, kind, moderator, issuer, user_id, client_ip, peer_ip, http_request_id, instance,
              version, sdk_app_id, tencent_host, requested_at, deadline_ms, leaf_hash, xid)
         select $1, 'kick_login', 'alice', '', 'restored', '::1', '::1', '', '', '', 1, '',
                audit.uuid7_time($1), 3600000, sha256(''),
                (pg_current_xact_id()::text::bigint + $2)::text::xid8",
    );
    let restored = restored.bind(id).bind(away).execute(sql).await;
    restored.expect("a row by hand");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_is_not_skipped() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    let mut heard = Listening::open(&app.auditor(), "", None).await;
    let opening = heard.id().to_owned();
    let mut sql = app.sql().await;
    let mut late = sql.begin().await.expect("a transaction");
    let id = Uuid::now_v7();
    insert(&mut late, id, ISSUER, "late").await;
    // Later, and committed at once.
    assert_eq!(alice.kick_login("early").await.status, 200);
    heard.silent().await;
    let mut other = Listening::open(&app.auditor(), "", Some(&opening)).await;
    other.silent().await;
    late.commit().await.expect("it commits");
    for heard in [&mut heard, &mut other] {
        assert_eq!(heard.told().await, "late pending");
        assert_eq!(heard.told().await, "early pending");
        assert_eq!(heard.told().await, "early succeeded");
    }
    insert_end(&mut sql, id).await;
    assert_eq!(heard.told().await, "late unknown");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_overtakes_its_intent_is_the_only_state() {
    let app = TestApp::start().await;
    let mut heard = Listening::open(&app.auditor(), "", None).await;
    let (mut sql, mut other) = (app.sql().await, app.sql().await);
    let id = Uuid::now_v7();
    // What `settle` does while the begin that it settles is still on its way.
    let mut settling = sql.begin().await.expect("a transaction");
    sqlx::query("select pg_current_xact_id()")
        .execute(&mut *settling)
        .await
        .expect("a number");
    insert(&mut other, id, ISSUER, "settled").await;
    insert_end(&mut settling, id).await;
    settling.commit().await.expect("it commits");
    assert_eq!(heard.told().await, "settled unknown");
    heard.silent().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_replica_goes_on_from_any_id() {
    let world = World::new().await;
    let one = TestApp::in_world(world).await;
    let other = Gateway::start(&one.variables).await;
    let alice = one.moderator("alice");
    let mut heard = Listening::open(&one.auditor(), "", None).await;
    let mut ids = vec![heard.id().to_owned()];
    for user in ["u1", "u2", "u3"] {
        assert_eq!(alice.kick_login(user).await.status, 200);
    }
    let expected = [
        "u1 pending",
        "u1 succeeded",
        "u2 pending",
        "u2 succeeded",
        "u3 pending",
        "u3 succeeded",
    ];
    for told in expected {
        assert_eq!(heard.told().await, told);
        ids.push(heard.id().to_owned());
    }
    let auditor = Persona::new(other.addr, Some(token("auditor", &["audit:read"])));
    for (seen, id) in ids.iter().enumerate() {
        let mut again = Listening::open(&auditor, "", Some(id)).await;
        for (told, id) in expected[seen..].iter().zip(&ids[seen + 1..]) {
            assert_eq!(again.told().await, *told);
            assert_eq!(again.id(), id, "an event has the same id everywhere");
        }
    }
    drop(other);
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_record_is_answered_with_a_reset() {
    let (app, foreign) = (TestApp::start().await, TestApp::start().await);
    let (alice, bob) = (app.moderator("alice"), foreign.moderator("bob"));
    let mut elsewhere = Listening::open(&foreign.auditor(), "", None).await;
    assert_eq!(bob.kick_login("u1").await.status, 200);
    elsewhere.event().await;
    let mut here = Listening::open(&app.auditor(), "", None).await;
    assert_eq!(alice.kick_login("before").await.status, 200);
    // The stream has passed it by.
    for told in ["before pending", "before succeeded"] {
        assert_eq!(here.told().await, told);
    }
    for id in [elsewhere.id(), "1", "not an id", "AQAAAAAAAAAB"] {
        let mut heard = Listening::open(&app.auditor(), "", Some(id)).await;
        assert_eq!(heard.reset().await, "unknown", "{id}");
        assert_eq!(alice.kick_login("after").await.status, 200);
        assert_eq!(heard.told().await, "after pending");
        assert_eq!(heard.told().await, "after succeeded");
        // What came with the reset is a good id.
        let mut again = Listening::open(&app.auditor(), "", Some(heard.id())).await;
        again.silent().await;
    }
    foreign.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_before_something_that_happened_too_long_ago_is_answered_with_a_reset() {
    let app = TestApp::start().await;
    let opening = Listening::open(&app.auditor(), "", None)
        .await
        .id()
        .to_owned();
    let mut sql = app.sql().await;
    let recent = id_of(Utc::now() - TimeDelta::minutes(14));
    insert(&mut sql, recent, ISSUER, "recent").await;
    let mut heard = Listening::open(&app.auditor(), "", Some(&opening)).await;
    assert_eq!(heard.told().await, "recent pending");
    let after_recent = heard.id().to_owned();
    let old = id_of(Utc::now() - TimeDelta::minutes(16));
    insert(&mut sql, old, ISSUER, "old").await;
    assert_eq!(heard.told().await, "old pending", "who is there hears it");
    let mut late = Listening::open(&app.auditor(), "user_id=nobody", Some(&after_recent)).await;
    assert_eq!(late.reset().await, "too_old");
    late.silent().await;
    for id in [recent, old] {
        insert_end(&mut sql, id).await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_restored_from_another_server_are_not_told_as_new() {
    let app = TestApp::start().await;
    let mut sql = app.sql().await;
    let mut restored = vec![restore(&mut sql, 1_000_000).await];
    // The first who listens: the present is looked for.
    let mut heard = Listening::open(&app.auditor(), "", None).await;
    for _ in 0..3 {
        let number = sqlx::query("select pg_current_xact_id()");
        number.execute(&mut sql).await.expect("a number");
    }
    for away in [-1, 30] {
        restored.push(restore(&mut sql, away).await);
    }
    for user in 0..20 {
        let user = format!("u{user}");
        assert_eq!(app.moderator("alice").kick_login(&user).await.status, 200);
        assert_eq!(heard.told().await, format!("{user} pending"));
        assert_eq!(heard.told().await, format!("{user} succeeded"));
    }
    heard.silent().await;
    for id in restored {
        insert_end(&mut sql, id).await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_lost_what_was_told_resets_everyone_and_goes_on() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    let mut heard = Listening::open(&app.auditor(), "", None).await;
    let mut quiet = Listening::open(&app.auditor(), "user_id=nobody", None).await;
    assert_eq!(alice.kick_login("lost").await.status, 200);
    assert_eq!(heard.told().await, "lost pending");
    assert_eq!(heard.told().await, "lost succeeded");
    // As after a fail-over to a standby that was behind.
    app.execute(
        "do $$ declare part text; begin
             for part in select inhrelid::regclass from pg_inherits where inhparent = 'audit.event'::regclass loop
                 execute format('alter table %s disable trigger all; delete from %s; alter table %s enable always trigger append_only',
                                part, part, part);
             end loop; end $$",
    )
    .await;
    assert_eq!(heard.reset().await, "unknown");
    assert_eq!(quiet.reset().await, "unknown");
    assert_eq!(alice.kick_login("after").await.status, 200);
    assert_eq!(heard.told().await, "after pending");
    assert_eq!(heard.told().await, "after succeeded");
    quiet.silent().await;
    app.shut_down().await;
}
