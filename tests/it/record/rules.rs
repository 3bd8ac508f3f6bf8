//! The rules of the schema, each broken once.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Row, id_of, refusal};
use crate::support::world::World;

async fn assert_refuses(sql: &mut PgConnection, row: &Row, rule: &str) {
    assert_eq!(refusal(row.insert(sql).await), rule, "{row:?}");
}

/// A new action that is in the record.
async fn action(sql: &mut PgConnection) -> Uuid {
    let id = id_of(Duration::ZERO);
    Row::action(id)
        .insert(sql)
        .await
        .expect("it breaks no rule");
    id
}

const UNIQUE: &str = "23505";
const NOT_NULL: &str = "23502";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_breaks_no_rule_is_taken() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let new = || Row::action(id_of(Duration::ZERO));
    new().insert(&mut sql).await.unwrap();
    new()
        .with("tencent_random", "null")
        .insert(&mut sql)
        .await
        .unwrap();
    new()
        .with("tencent_random", u32::MAX)
        .with("mac", super::LEAF)
        .insert(&mut sql)
        .await
        .unwrap();
    Row::action(id_of(Duration::from_secs(50)))
        .insert(&mut sql)
        .await
        .unwrap();
    let seat = new()
        .with("kind", "'kick_seat'")
        .with("room_id", "'r'")
        .with("data", "''");
    seat.insert(&mut sql).await.unwrap();
    for (state, code) in [("succeeded", 0), ("refused", 70107), ("unknown", 60008)] {
        let id = action(&mut sql).await;
        Row::retrying(id, 1).insert(&mut sql).await.unwrap();
        Row::answered(id, 2, state, code)
            .insert(&mut sql)
            .await
            .unwrap();
    }
    for state in ["not_sent", "unknown", "denied"] {
        let id = action(&mut sql).await;
        Row::event(id, 1, state).insert(&mut sql).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_dated_back_or_ahead() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let sql = &mut sql;
    let id = id_of(Duration::ZERO);
    let at = |shift: &str| {
        Row::action(id).with("requested_at", format!("audit.uuid7_time('{id}') {shift}"))
    };
    assert_refuses(
        sql,
        &at("- interval '1 microsecond'"),
        "action_id_matches_requested_at",
    )
    .await;
    assert_refuses(
        sql,
        &at("+ interval '1 millisecond'"),
        "action_id_matches_requested_at",
    )
    .await;
    let old = id_of(Duration::from_secs(70));
    assert_refuses(sql, &Row::action(old), "action_clocks_agree").await;
    let recorded = |shift: &str| Row::action(id).with("recorded_at", format!("now() {shift}"));
    assert_refuses(sql, &recorded("+ interval '70 s'"), "action_clocks_agree").await;
    assert_refuses(sql, &recorded("- interval '70 s'"), "action_clocks_agree").await;
    // 4 where the version is: an id whose time nobody vouches for.
    let mut random = id.to_string();
    random.replace_range(14..15, "4");
    let random = Row::action(id).with("id", format!("'{random}'"));
    assert_refuses(sql, &random, "action_id_is_uuid7").await;
    // A month that nobody made: there is no place for it.
    let ahead = Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        2_100_000_000,
        0,
    ));
    assert_refuses(sql, &Row::action(ahead), "23514").await;
}

const SALT: &str = "decode(repeat('5a', 16), 'hex')";

#[tokio::test(flavor = "multi_thread")]
async fn an_action_breaks_no_rule_of_its_columns() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let new = || Row::action(id_of(Duration::ZERO));
    let newer = || new().with("row_format", 2).with("salt", SALT);
    for (row, rule) in [
        (new().with("row_format", 0), "action_row_format_is_known"),
        (newer().with("row_format", 3), "action_row_format_is_known"),
        (new().with("salt", SALT), "action_row_format_1_is_whole"),
        (
            new().with("parameters", "'{}'"),
            "action_row_format_1_is_whole",
        ),
        (
            new().with("user_id", "null").with("room_id", "'r'"),
            "action_row_format_1_is_whole",
        ),
        (newer().with("user_id", "null"), "action_has_a_target"),
        (newer().with("salt", "null"), "action_salt_is_16_bytes"),
        (newer().with("salt", "'\\x00'"), "action_salt_is_16_bytes"),
        (
            newer().with("parameters", "'[]'"),
            "action_parameters_are_an_object",
        ),
        (
            newer().with("batch_index", 0),
            "action_batch_index_has_a_batch",
        ),
        (
            newer()
                .with("batch_id", "gen_random_uuid()")
                .with("batch_index", 10_000),
            "action_batch_index_has_a_batch",
        ),
        (new().with("deadline_ms", 0), "action_deadline_is_positive"),
        (new().with("tencent_random", -1), "action_random_is_u32"),
        (
            new().with("tencent_random", 4_294_967_296_i64),
            "action_random_is_u32",
        ),
        (new().with("leaf_hash", "'\\x00'"), "action_leaf_is_sha256"),
        (new().with("mac", "'\\x00'"), "action_mac_is_sha256"),
    ] {
        assert_refuses(&mut sql, &row, rule).await;
    }
    let id = action(&mut sql).await;
    assert_refuses(&mut sql, &Row::action(id), UNIQUE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_breaks_no_rule_of_its_columns() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let id = action(&mut sql).await;
    let answered = |state: &str| Row::answered(id, 1, state, 0);
    let event = |state: &str| Row::event(id, 1, state);
    for (row, rule) in [
        (Row::event(id, 0, "not_sent"), "event_rev_is_positive"),
        (event("pending"), "event_state_is_known"),
        (
            Row::retrying(id, 1).with("next_random", "null"),
            "event_retrying_announces",
        ),
        (
            answered("succeeded").with("next_random", 8),
            "event_retrying_announces",
        ),
        (Row::event(id, 2, "denied"), "event_denied_is_first"),
        (
            event("unknown").with("decided_by", "'nobody'"),
            "event_decider_is_known",
        ),
        (
            answered("succeeded").with("decided_by", "'recovery'"),
            "event_recovery_decides_unknown",
        ),
        (
            answered("refused").with("decided_by", "'recovery'"),
            "event_recovery_decides_unknown",
        ),
        (
            event("not_sent").with("decided_by", "'recovery'"),
            "event_recovery_decides_unknown",
        ),
        (
            answered("succeeded").with("tencent_random", "null"),
            "event_attempt_is_whole",
        ),
        (
            answered("succeeded").with("attempt", "null"),
            "event_attempt_is_whole",
        ),
        (
            answered("succeeded").with("attempt_duration_us", "null"),
            "event_attempt_is_whole",
        ),
        (
            event("unknown").with("http_status", 502),
            "event_attempt_is_whole",
        ),
        (event("succeeded"), "event_end_by_tencent_has_answer"),
        (
            answered("refused").with("error_code", "null"),
            "event_end_by_tencent_has_answer",
        ),
        (
            answered("succeeded").with("tencent_random", -1),
            "event_random_is_u32",
        ),
        (
            Row::retrying(id, 1).with("next_random", 4_294_967_296_i64),
            "event_random_is_u32",
        ),
        (
            event("unknown").with("leaf_hash", "'\\x00'"),
            "event_leaf_is_sha256",
        ),
        (
            event("unknown").with("mac", "'\\x00'"),
            "event_mac_is_sha256",
        ),
    ] {
        assert_refuses(&mut sql, &row, rule).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_says_what_it_read_and_makes_nothing_but_a_success() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let id = action(&mut sql).await;
    let probed = || Row::probed(id, 1);
    for (row, rule) in [
        (
            probed().with("decided_by", "'gateway'"),
            "event_probe_decides_success",
        ),
        (probed().with("error_code", 0), "event_attempt_is_whole"),
        (
            probed().with("state", "'refused'"),
            "event_probe_decides_success",
        ),
        (
            probed().with("state", "'unknown'"),
            "event_probe_decides_success",
        ),
        (probed().with("details", "null"), "event_probed_has_details"),
        (
            probed().with("details", "'[]'"),
            "event_details_are_an_object",
        ),
        (probed().with("salt", "null"), "event_salt_is_16_bytes"),
        (
            probed().with("row_format", 1).with("salt", "null"),
            "event_probe_decides_success",
        ),
    ] {
        assert_refuses(&mut sql, &row, rule).await;
    }
    probed().insert(&mut sql).await.unwrap();
    let success = Row::probed(id, 2).with("state", "'succeeded'");
    success.insert(&mut sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_ends_at_most_once_as_unknown_and_once_for_good() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let ends = [
        Row::answered(Uuid::nil(), 1, "succeeded", 0),
        Row::answered(Uuid::nil(), 1, "refused", 70107),
        Row::event(Uuid::nil(), 1, "not_sent"),
        Row::event(Uuid::nil(), 1, "denied"),
    ];
    for first in &ends {
        for second in &ends[..3] {
            let id = action(&mut sql).await;
            let of = |row: &Row, rev: i16| {
                row.clone()
                    .with("action_id", format!("'{id}'"))
                    .with("rev", rev)
            };
            of(first, 1).insert(&mut sql).await.unwrap();
            assert_refuses(&mut sql, &of(second, 1), UNIQUE).await;
            assert_refuses(&mut sql, &of(second, 2), UNIQUE).await;
        }
    }
    let id = action(&mut sql).await;
    Row::event(id, 1, "unknown").insert(&mut sql).await.unwrap();
    assert_refuses(&mut sql, &Row::event(id, 2, "unknown"), UNIQUE).await;
    Row::answered(id, 2, "succeeded", 0)
        .insert(&mut sql)
        .await
        .unwrap();
    assert_refuses(&mut sql, &Row::answered(id, 3, "refused", 70107), UNIQUE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_be_known_is_never_null() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let id = action(&mut sql).await;
    let actions = [
        "kind",
        "moderator",
        "issuer",
        "client_ip",
        "peer_ip",
        "http_request_id",
        "instance",
        "version",
        "sdk_app_id",
        "tencent_host",
        "requested_at",
        "recorded_at",
        "deadline_ms",
        "xid",
        "leaf_hash",
    ];
    for column in actions {
        let row = Row::action(id_of(Duration::ZERO)).with(column, "null");
        assert_refuses(&mut sql, &row, NOT_NULL).await;
    }
    for column in [
        "rev",
        "state",
        "at",
        "recorded_at",
        "decided_by",
        "xid",
        "leaf_hash",
    ] {
        let row = Row::event(id, 1, "unknown").with(column, "null");
        assert_refuses(&mut sql, &row, NOT_NULL).await;
    }
}
