//! What attackers with the database, or with the service's password, got past the proof once.

use std::time::Duration;

use super::broken::{decision, tamper};
use super::decisions::{acknowledge, every_row_is_sealed, with_a_false_row};
use super::inserted::forged;
use super::{
    Evidence, Recorded, SEED, UNSEALED, all_sealed, finding, keyed, public_key_of, run, verdicts,
};
use crate::record::id_of;
use crate::record::leaves::action_leaf;
use crate::record::roles::{SERVICE, sql_as, with_roles};
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::{Gateway, modgate};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_past_that_says_it_was_recorded_in_the_future_is_named() {
    let recorded = Recorded::shared().await;
    let mut copy = recorded.copy().await;
    let id = id_of(Duration::from_mins(2));
    let insert = format!(
        "insert into audit.action
         select (jsonb_populate_record(a, jsonb_build_object(
             'id', '{id}', 'requested_at', audit.uuid7_time('{id}'), 'recorded_at', now() + interval '1 year',
             'xid', '3'))).*
         from audit.action a where id = '{}';
         update audit.action set leaf_hash = {} where id = '{id}'",
        recorded.actions.succeeded,
        action_leaf()
    );
    copy.run(&insert).await;
    let wrong = finding(format!("action {id}"), "its recorded_at is not the time");
    copy.verdicts(recorded.key_and_heads())
        .assert_found("forged", &[wrong]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_no_snapshot_tells_of_is_sealed_all_the_same() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("one").await.status, 200);
    all_sealed(&world).await;
    let mut sql = world.sql().await;
    run(
        &mut sql,
        "create function public.elsewhere() returns trigger language plpgsql as
             $$ begin new.xid := '3'; return new; end $$;
         create trigger elsewhere before insert on audit.action for each row execute function public.elsewhere();
         create trigger elsewhere before insert on audit.event for each row execute function public.elsewhere()",
    )
    .await;
    assert_eq!(alice.kick_login("two").await.status, 200);
    run(
        &mut sql,
        "drop trigger elsewhere on audit.action; drop trigger elsewhere on audit.event;
         drop function public.elsewhere()",
    )
    .await;
    eventually("it is sealed", Duration::from_secs(30), async || {
        (world.count(UNSEALED).await == 0).then_some(())
    })
    .await;
    gateway.kill();
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    verdicts(&world.database.url, evidence).assert_intact("each row is in one seal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_does_something_else_than_it_says_is_named() {
    let recorded = Recorded::shared().await;
    let mut copy = recorded.copy().await;
    copy.run(
        "create cast (text as pg_node_tree) without function;
         update pg_rewrite set ev_action =
             regexp_replace(ev_action::text, ':varattno 3 ', ':varattno 9 ')::pg_node_tree
         where ev_class = 'audit.actions'::regclass;
         drop cast (text as pg_node_tree)",
    )
    .await;
    let evidence = recorded.key();
    let told = copy.verdicts(evidence);
    let output = &told.0[0].1;
    let text = String::from_utf8_lossy(&output.stdout);
    let wrong = "tampered: view audit.actions: does something else than its definition says";
    assert!(
        output.status.code() == Some(1) && text.contains(wrong),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_cannot_be_accepted_for_a_seal_whose_head_was_kept() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    for user in ["one", "two", "three"] {
        assert_eq!(
            gateway.moderator("alice").kick_login(user).await.status,
            200
        );
        all_sealed(&world).await;
    }
    gateway.kill();
    let heads = TemporaryFile::new(super::heads(&world.database.url, 1));
    let last = world.count("select max(no) from audit.seal").await;
    tamper(
        &world,
        &format!("update audit.seal set signature = set_byte(signature, 0, get_byte(signature, 0) # 1) where no = {last}"),
    )
    .await;
    let mut accept = modgate(&world.variables_of_the_record());
    let void_from = last.to_string();
    accept.args([
        "seals",
        "--accept-break",
        "--reason",
        "x",
        "--void-from",
        &void_from,
    ]);
    let output = accept.args(["--seal-file", heads.path()]).output();
    let output = output.expect("the binary can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && told.contains("kept outside"),
        "{told}"
    );
    // Whoever does not say what was kept is found by those who do.
    let mut accept = modgate(&world.variables_of_the_record());
    let output = accept
        .args([
            "seals",
            "--accept-break",
            "--reason",
            "x",
            "--void-from",
            &void_from,
        ])
        .output();
    let id = decision(&output.expect("the binary can be run"));
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        heads: Some(heads.path()),
        accepted: Some(&id),
        ..Evidence::default()
    };
    let wrong = finding(
        format!("seal {last}"),
        "does not count by a decision, though its head was kept",
    );
    verdicts(&world.database.url, evidence).assert_found("covered up", &[wrong]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_can_add_nothing_that_cannot_be_read() {
    let world = with_roles().await;
    let mut service = sql_as(&world, SERVICE).await;
    let id = id_of(Duration::ZERO);
    let event = |at: &str, rev: &str, text: &str| {
        format!(
            "insert into audit.event (action_id, rev, state, at, decided_by, failure, leaf_hash)
             values ('{id}', {rev}, 'not_sent', {at}, 'gateway', {text}, sha256(''))"
        )
    };
    let seal = |at: &str| {
        format!(
            "insert into audit.seal (no, epoch, format, prev, n, leaves, sealed_at, head, snapshot)
             select coalesce(max(no), 0) + 1, 1, 3, sha256(''), 0, '', {at}, sha256(''), pg_current_snapshot()
             from audit.seal"
        )
    };
    for statement in [
        event("'infinity'", "1", "null"),
        event("'-infinity'", "1", "null"),
        event("'294276-12-31'", "1", "null"),
        event("now()", "32767", "null"),
        event("now()", "1", "repeat('x', 70000)"),
        seal("'infinity'"),
        seal("'294276-12-31'"),
        forged(id, "sha256('')", "null").replace("'bob'", "repeat('x', 70000)"),
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(statement.clone()))
            .execute(&mut service)
            .await;
        let refused = refused.expect_err(&statement).to_string();
        assert!(
            refused.contains("violates check constraint"),
            "{statement}: {refused}"
        );
    }
    let none = "select (select count(*) from audit.event) + (select count(*) from audit.action)";
    assert_eq!(world.count(none).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_row_of_a_slow_transaction_can_be_acknowledged_like_any_other() {
    let (world, gateway, _, first) = with_a_false_row().await;
    // As if it had been inserted two minutes ago and committed now.
    let id = id_of(Duration::from_mins(2));
    let leaf = action_leaf();
    let values = format!("deadline_ms, requested_at, {leaf}");
    let slow = forged(id, &leaf, "null")
        .replace(
            "requested_at, leaf_hash, mac)",
            "requested_at, recorded_at, leaf_hash, mac)",
        )
        .replace(
            &values,
            &format!("deadline_ms, requested_at, requested_at, {leaf}"),
        );
    run(&mut world.sql().await, &slow).await;
    every_row_is_sealed(&world).await;
    assert_eq!(
        gateway.moderator("alice").kick_login("carol").await.status,
        200
    );
    every_row_is_sealed(&world).await;
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    let named = format!("action {id}");
    let wrong = [
        finding(&named, "written without the key"),
        finding(&named, "back-dated"),
    ];
    verdicts(&world.database.url, evidence).assert_at_least_found("slow", &wrong);
    for id in [first, id] {
        let known = decision(&acknowledge(&world, id, Some(SEED)));
        if id != first {
            verdicts(&world.database.url, evidence).assert_decided(&known);
        }
    }
}
