//! What is being begun at the very moment of a freeze.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use sqlx::Connection as _;

use super::{
    FREEZE, SEED, THAW, app, assert_frozen, brake, brakes, everything, frozen, keyed_again, leads,
    moderator,
};
use crate::record::id_of;
use crate::seals::genuine::Genuine;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::{Gateway, modgate};
use crate::support::world::{ISSUER, World};

const PATIENCE: Duration = Duration::from_secs(30);

/// What begin asks, before it inserts.
const BEGINS: &str = "select modgate.has_unjudged_brake('0', '{}')";

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_is_answered_only_when_what_has_not_seen_it_is_over() {
    let app = app().await;
    let [fred, _] = leads(app.addr);
    let mut beginning = app.sql().await;
    let mut transaction = beginning.begin().await.expect("Postgres answers");
    let sees = sqlx::query_scalar::<_, bool>(BEGINS).fetch_one(&mut *transaction);
    assert!(!sees.await.expect("Postgres answers"), "there is none yet");
    let freezing = tokio::spawn(async move { brake(&fred, FREEZE, &everything()).await });
    eventually("it is recorded", PATIENCE, async || {
        (app.count("select count(*) from audit.brake").await == 1).then_some(())
    })
    .await;
    // Nobody else is kept waiting meanwhile, and what begins now has seen it.
    assert_eq!(
        app.moderator("alice").kick_login("user").await.problem(),
        "frozen"
    );
    let mut later = app.sql().await;
    let mut later = later.begin().await.expect("Postgres answers");
    let sees = sqlx::query_scalar::<_, bool>(BEGINS).fetch_one(&mut *later);
    assert!(sees.await.expect("Postgres answers"));
    assert!(!freezing.is_finished(), "the first one is not over");
    transaction.commit().await.expect("nothing is in its way");
    let answer = freezing.await.expect("without a panic");
    assert_eq!(
        answer.status, 200,
        "though the later one is not over: {}",
        answer.text
    );
    later.rollback().await.expect("nothing is in its way");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_that_cannot_be_certain_says_so_and_holds_for_what_comes_after_it() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    let mut stalled = app.sql().await;
    let mut transaction = stalled.begin().await.expect("Postgres answers");
    let asked = sqlx::query_scalar::<_, bool>(BEGINS).fetch_one(&mut *transaction);
    asked.await.expect("Postgres answers");
    let answer = brake(&fred, FREEZE, &everything()).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (504, "outcome-unknown")
    );
    assert_eq!(answer.header("retry-after"), None);
    assert_eq!(frozen(&fred).await.len(), 1);
    assert_eq!(
        app.moderator("alice").kick_login("user").await.problem(),
        "frozen"
    );
    transaction.rollback().await.expect("nothing is in its way");
    // As it says, to repeat it does no harm: what was frozen stays as it was, and one thaw ends it.
    let first = frozen(&fred).await;
    assert_eq!(brakes(&fred, FREEZE, &everything()).await, first);
    assert_eq!(brakes(&thea, THAW, &everything()).await.len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brake_of_which_postgres_said_nothing_is_tried_again_and_else_told_as_unclear() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    // What the sequence has given is not taken back: the session ends at the first try.
    app.execute("create sequence public.tries").await;
    app.execute(
        "create function public.cut() returns trigger language plpgsql as $$ begin
             if nextval('public.tries') <= tg_argv[0]::integer then perform pg_terminate_backend(pg_backend_pid()); end if;
             return new; end $$",
    )
    .await;
    app.execute("create trigger cut before insert on audit.brake for each row execute function public.cut(1)")
        .await;
    assert_eq!(brakes(&fred, FREEZE, &everything()).await.len(), 1);
    assert_eq!(app.count("select count(*) from audit.brake").await, 1);
    app.execute("drop trigger cut on audit.brake").await;
    app.execute("create trigger cut before insert on audit.brake for each row execute function public.cut(99)")
        .await;
    let kind = json!({"kind": "kick_login"});
    for (who, path, scope) in [(&fred, FREEZE, &kind), (&thea, THAW, &everything())] {
        let answer = brake(who, path, scope).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (504, "outcome-unknown")
        );
    }
    app.execute("drop trigger cut on audit.brake").await;
    assert_eq!(frozen(&fred).await.len(), 1);
    brakes(&thea, THAW, &everything()).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn freezes_and_thaws_of_one_scope_at_once_tell_each_what_holds() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    for _ in 0..20 {
        brakes(&fred, FREEZE, &everything()).await;
        let (scope, other) = (everything(), everything());
        let (frozen_then, thawed) =
            tokio::join!(brake(&fred, FREEZE, &scope), brake(&thea, THAW, &other));
        // Whoever was told 200 has it among what was frozen at that moment.
        assert_eq!(frozen_then.status, 200, "{}", frozen_then.text);
        assert_eq!(
            frozen_then.json()["brakes"].as_array().map(Vec::len),
            Some(1)
        );
        assert!([200, 404].contains(&thawed.status), "{}", thawed.text);
        let kicked = app.moderator("alice").kick_login("user").await;
        let is_frozen = frozen(&fred).await.len() == 1;
        assert_eq!(kicked.status == 503, is_frozen, "{}", kicked.text);
        if is_frozen {
            brakes(&thea, THAW, &everything()).await;
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_outlives_a_crash_of_postgres_and_another_key() {
    let world = keyed_again(World::with_its_own_postgres().await);
    let file = TemporaryFile::nowhere();
    std::fs::write(file.path(), SEED).expect("it can be written");
    let world = world
        .set("MODGATE_SEAL_KEY", "")
        .set("MODGATE_SEAL_KEY_FILE", file.path());
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let [fred, thea] = leads(gateway.addr);
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("user").await.status, 200);
    brakes(&fred, FREEZE, &everything()).await;
    let cluster = world.cluster.as_ref().expect("it has one");
    cluster.stop_immediate().await;
    cluster.start().await;
    eventually("the record is back", PATIENCE, async || {
        let answer = alice.kick_login("user").await;
        assert_eq!(answer.status, 503);
        (answer.problem() == "frozen").then_some(())
    })
    .await;
    // The old key stays as a further line, as the README has it.
    std::fs::write(file.path(), format!("{SEED}\n{}", "77".repeat(32))).expect("it can be written");
    let log = gateway.log();
    eventually("it is in use", PATIENCE, async || {
        log.events("rotated").pop()
    })
    .await;
    std::fs::write(file.path(), format!("{}\n{SEED}", "77".repeat(32))).expect("it can be written");
    eventually("the other is the first", PATIENCE, async || {
        (log.events("rotated").len() == 2).then_some(())
    })
    .await;
    assert_frozen(&alice.kick_login("user").await);
    brakes(&thea, THAW, &everything()).await;
    assert_eq!(alice.kick_login("user").await.status, 200);
    brakes(&fred, FREEZE, &everything()).await;
    assert_frozen(&alice.kick_login("user").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_false_rows_stop_nothing_for_long() {
    let world = keyed_again(World::new().await);
    world
        .execute(
            "insert into audit.brake (id, brake, reason, requested_at, decided_by, operator, host, version, row_format, salt,
                                      leaf_hash, mac)
             select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
                     || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid,
                    'freeze', repeat('x', 1000), at, 'me', 'me', 'here', '0', 2, decode(repeat('5a', 16), 'hex'),
                    sha256(''), sha256('')
             from (select n, date_trunc('milliseconds', now()) as at from generate_series(1, 20000) as n) as rows",
        )
        .await;
    let app = TestApp::in_world(world).await;
    let [fred, _] = leads(app.addr);
    let alice = app.moderator("alice");
    eventually("all are judged", PATIENCE, async || {
        let answer = alice.kick_login("user").await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        (answer.status == 200).then_some(())
    })
    .await;
    // Also in sessions that have asked so often that Postgres keeps one plan for all.
    for _ in 0..12 {
        let clicks = (0..8).map(|_| alice.kick_login("user"));
        for answer in join_all(clicks).await {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }
    let variables = app.variables_of_the_record();
    let command = |command| {
        let mut run = modgate(&variables);
        run.args([command, "--reason", "by hand"])
            .output()
            .expect("the binary can be run")
    };
    let done = command("freeze");
    assert!(done.status.success(), "{done:?}");
    assert_frozen(&alice.kick_login("user").await);
    let done = command("thaw");
    assert_eq!(done.stdout, b"nothing is frozen\n", "{done:?}");
    assert_eq!(brakes(&fred, FREEZE, &everything()).await.len(), 1);
    assert_frozen(&alice.kick_login("user").await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_frozen_already_leaves_no_further_row_and_too_many_freezes_are_refused() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    for _ in 0..3 {
        brakes(&fred, FREEZE, &moderator("mallory")).await;
    }
    assert_eq!(app.count("select count(*) from audit.brake").await, 1);
    let mut sql = app.sql().await;
    for number in 0..999 {
        let row = Genuine::brake_by(id_of(Duration::ZERO), "freeze", "fred");
        let row = row.with("kind", json!(null));
        let row = row.with("issuer", json!("elsewhere"));
        row.with("moderator", json!(format!("m{number}")))
            .insert(&mut sql)
            .await;
    }
    let refused = brake(&fred, FREEZE, &moderator("one more")).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (429, "rate-limited"),
        "{}",
        refused.text
    );
    assert_eq!(refused.json()["limit"], "freezes");
    assert_eq!(
        brakes(&fred, FREEZE, &moderator("mallory")).await.len(),
        1_000
    );
    assert_eq!(
        brakes(&fred, FREEZE, &everything()).await.len(),
        1_001,
        "always"
    );
    assert_eq!(brakes(&thea, THAW, &everything()).await.len(), 1_000);
    // The owner's command, which no token can call, always does.
    let mut command = modgate(&app.variables_of_the_record());
    command.args([
        "freeze",
        "--reason",
        "x",
        "--moderator",
        "fred",
        "--issuer",
        ISSUER,
    ]);
    let done = command.output().expect("the binary can be run");
    assert!(done.status.success(), "{done:?}");
    app.stop().await;
}
