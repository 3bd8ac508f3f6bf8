//! The questions of the README, asked as an auditor asks them.

mod restrictions;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::{NoContext, Timestamp, Uuid};

use super::roles::with_roles;
use super::{Row, run};

const README: &str = include_str!("../../../../README.md");

/// What each question finds: its first words, a record, and the columns of its answer that are told.
const ANSWERS: [(&str, Answer); 12] = [
    ("Who kicked a user", who_kicked_a_user),
    ("What did a moderator do last week", what_a_moderator_did),
    ("Who are the most active moderators", most_active),
    ("Which outcomes of last night", unknown_of_last_night),
    (
        "Which action does one of Tencent's RequestIds",
        of_a_request_id,
    ),
    ("What was done in one case", done_in_a_case),
    ("Who was refused or denied", refused_or_denied),
    ("How long did actions take", how_long),
    (
        "Which users were kicked more than three times",
        kicked_again,
    ),
    ("Who acted today from an address", unusual_addresses),
    ("Who is muted or banned now", restrictions::in_force_now),
    (
        "Which mutes and bans of a moderator who was dismissed",
        restrictions::of_who_was_dismissed,
    ),
];

/// When the question is asked. Of the session's time zone, which is UTC here.
struct Times {
    now: DateTime<Utc>,
    midnight: DateTime<Utc>,
    monday: DateTime<Utc>,
}

type Answer = fn(&Times) -> Found;

/// A record, and the rows that a question must find in it, in this order.
struct Found {
    record: Vec<Deed>,
    rows: Vec<Value>,
}

/// An action with its events.
struct Deed {
    id: Uuid,
    action: Row,
    events: Vec<Row>,
}

impl Deed {
    fn new(at: DateTime<Utc>, moderator: &str, user_id: &str) -> Self {
        let seconds = at.timestamp().unsigned_abs();
        let time = Timestamp::from_unix(NoContext, seconds, at.timestamp_subsec_nanos());
        let id = Uuid::new_v7(time);
        let action = Row::action(id).with("recorded_at", format!("audit.uuid7_time('{id}')"));
        let named = action.with("moderator", text(moderator));
        Self {
            id,
            action: named.with("user_id", text(user_id)),
            events: Vec::new(),
        }
    }

    fn with(mut self, column: &str, value: impl std::fmt::Display) -> Self {
        self.action = self.action.with(column, value);
        self
    }

    fn event(mut self, event: impl FnOnce(Uuid) -> Row) -> Self {
        self.events.push(event(self.id));
        self
    }

    fn succeeded(self) -> Self {
        self.event(|id| Row::answered(id, 1, "succeeded", 0).with("duration_us", 1_000))
    }

    fn refused(self, code: i64, info: &str) -> Self {
        self.event(|id| Row::answered(id, 1, "refused", code).with("error_info", text(info)))
    }

    fn denied(self, failure: &str) -> Self {
        self.event(|id| Row::event(id, 1, "denied").with("failure", text(failure)))
    }

    /// An end that nobody knows.
    fn unknown(self, decided_by: &str, failure: &str) -> Self {
        self.event(|id| {
            let row = Row::event(id, 1, "unknown").with("decided_by", text(decided_by));
            row.with("failure", text(failure))
        })
    }

    async fn insert(&self, sql: &mut PgConnection) {
        for row in std::iter::once(&self.action).chain(&self.events) {
            row.insert(sql).await.expect("it breaks no rule");
        }
    }
}

fn text(text: &str) -> String {
    format!("'{text}'")
}

fn who_kicked_a_user(times: &Times) -> Found {
    let hours = |hours| times.now - Duration::hours(hours);
    let seat = Deed::new(hours(2), "bob", "user2").with("kind", "'kick_seat'");
    let seat = seat.with("room_id", "'room'").with("data", "''");
    let record = vec![
        Deed::new(times.now - Duration::days(91), "alice", "user2").succeeded(),
        Deed::new(times.now - Duration::days(89), "alice", "user2")
            .with("reason", "'spam'")
            .with("case_ref", "'TS-1'")
            .succeeded(),
        seat.refused(100_005, "no seat"),
        Deed::new(hours(1), "bob", "user3").succeeded(),
    ];
    let rows = vec![
        json!({"moderator": "bob", "kind": "kick_seat", "room_id": "room", "state": "refused", "reason": null}),
        json!({"moderator": "alice", "kind": "kick_login", "state": "succeeded", "reason": "spam", "case_ref": "TS-1"}),
    ];
    Found { record, rows }
}

fn what_a_moderator_did(times: &Times) -> Found {
    let week = Duration::weeks(1);
    let before = Duration::milliseconds(1);
    let deed = |at, user| Deed::new(at, "alice", user).succeeded();
    let record = vec![
        deed(times.monday - week - before, "too early"),
        deed(times.monday - week, "first"),
        Deed::new(times.monday - Duration::days(3), "bob", "of another").succeeded(),
        deed(times.monday - before, "last"),
        deed(times.monday, "too late"),
    ];
    let rows = ["first", "last"].map(|user| json!({"user_id": user, "state": "succeeded"}));
    Found {
        record,
        rows: rows.into(),
    }
}

fn most_active(times: &Times) -> Found {
    let deed = |days, who| Deed::new(times.now - Duration::days(days), who, "user");
    let record = vec![
        deed(31, "alice").succeeded(),
        deed(29, "alice").succeeded(),
        deed(1, "bob").refused(70107, ""),
        deed(2, "bob").succeeded(),
        // A definite end stands above `unknown`.
        deed(3, "bob").unknown("gateway", "timed_out").event(|id| {
            let late = Row::answered(id, 2, "succeeded", 0).with("attempt", 1);
            late.with("duration_us", 9_000_000)
        }),
        // Somebody else's alice, and one whose action has no end.
        deed(4, "alice").with("issuer", "'other'"),
    ];
    let rows = vec![
        json!({"moderator": "bob", "issuer": "test", "actions": 3, "succeeded_percent": 66.7}),
        json!({"moderator": "alice", "issuer": "other", "actions": 1, "succeeded_percent": 0.0}),
        json!({"moderator": "alice", "issuer": "test", "actions": 1, "succeeded_percent": 100.0}),
    ];
    Found { record, rows }
}

fn unknown_of_last_night(times: &Times) -> Found {
    let deed = |hours, user| Deed::new(times.midnight + Duration::hours(hours), "alice", user);
    let record = vec![
        deed(-5, "evening").unknown("gateway", "timed_out"),
        deed(-4, "first").unknown("recovery", "abandoned"),
        deed(-1, "known").succeeded(),
        deed(1, "late")
            .unknown("gateway", "timed_out")
            .event(|id| Row::answered(id, 2, "refused", 70107).with("attempt", 1)),
        deed(7, "last").event(|id| {
            let lost = Row::answered(id, 1, "unknown", 70500).with("http_status", 200);
            lost.with("failure", "null")
        }),
        deed(8, "morning").unknown("gateway", "timed_out"),
    ];
    let rows = vec![
        json!({"user_id": "first", "decided_by": "recovery", "failure": "abandoned", "attempts": 0}),
        json!({"user_id": "last", "decided_by": "gateway", "failure": null, "attempts": 1}),
    ];
    Found { record, rows }
}

fn of_a_request_id(times: &Times) -> Found {
    let asked = "'Id-ba54d9e519d55a9a4ff9a5777b52e8a8-O-Seq-2'";
    let hours = |hours| times.now - Duration::hours(hours);
    let record = vec![
        Deed::new(times.now - Duration::days(91), "alice", "long ago")
            .event(|id| Row::retrying(id, 1).with("tencent_request_id", asked)),
        // Not the last answer of its action, which alone is in the view.
        Deed::new(hours(3), "alice", "it")
            .event(|id| Row::retrying(id, 1).with("tencent_request_id", asked))
            .event(|id| {
                let again = Row::answered(id, 2, "succeeded", 0).with("tencent_random", 8);
                again.with("tencent_request_id", "'Id-2'")
            }),
        Deed::new(hours(2), "alice", "another")
            .event(|id| Row::answered(id, 1, "succeeded", 0).with("tencent_request_id", "'Id-3'")),
    ];
    let rows = vec![
        json!({"user_id": "it", "rev": 1, "state": "retrying", "attempt": 1, "tencent_random": 7, "error_code": 60008,
               "tencent_request_id": asked.trim_matches('\'')}),
        json!({"user_id": "it", "rev": 2, "state": "succeeded", "attempt": 2, "tencent_random": 8, "error_code": 0,
               "tencent_request_id": "Id-2"}),
    ];
    Found { record, rows }
}

fn done_in_a_case(times: &Times) -> Found {
    let hours = |hours| times.now - Duration::hours(hours);
    let case =
        |hours_ago, user| Deed::new(hours(hours_ago), "alice", user).with("case_ref", "'TS-1'");
    let first = case(9, "lost").unknown("gateway", "timed_out");
    let repeat = Deed::new(hours(6), "bob", "lost").with("supersedes", format!("'{}'", first.id));
    let repeat = repeat.unknown("gateway", "connection_lost");
    let third = Deed::new(hours(3), "carol", "lost").with("supersedes", format!("'{}'", repeat.id));
    let elsewhere = Deed::new(hours(5), "bob", "else").with("case_ref", "'TS-2'");
    let repeat_elsewhere =
        Deed::new(hours(4), "bob", "else").with("supersedes", format!("'{}'", elsewhere.id));
    let (first_id, repeat_id) = (first.id, repeat.id);
    let old = Deed::new(times.now - Duration::days(91), "alice", "old");
    let record = vec![
        old.with("case_ref", "'TS-1'").succeeded(),
        third.succeeded(),
        first,
        case(7, "other").refused(70107, "no such user"),
        repeat,
        elsewhere.succeeded(),
        repeat_elsewhere.succeeded(),
    ];
    let rows = vec![
        json!({"moderator": "alice", "user_id": "lost", "state": "unknown", "supersedes": null, "case_ref": "TS-1"}),
        json!({"moderator": "alice", "user_id": "other", "state": "refused", "supersedes": null, "case_ref": "TS-1"}),
        json!({"moderator": "bob", "user_id": "lost", "state": "unknown", "supersedes": first_id, "case_ref": null}),
        json!({"moderator": "carol", "user_id": "lost", "state": "succeeded", "supersedes": repeat_id}),
    ];
    Found { record, rows }
}

fn refused_or_denied(times: &Times) -> Found {
    let deed = |days, who| Deed::new(times.now - Duration::days(days), who, "user");
    let record = vec![
        deed(8, "alice").denied("missing_scope"),
        deed(6, "alice").denied("protected_target"),
        deed(5, "bob").denied("missing_scope"),
        deed(4, "bob").refused(70107, "no such user"),
        deed(3, "bob").succeeded(),
        deed(2, "bob").unknown("gateway", "timed_out"),
        deed(1, "bob"),
    ];
    let rows = vec![
        json!({"moderator": "bob", "state": "refused", "failure": null, "error_code": 70107, "error_info": "no such user"}),
        json!({"moderator": "bob", "state": "denied", "failure": "missing_scope", "error_code": null}),
        json!({"moderator": "alice", "state": "denied", "failure": "protected_target"}),
    ];
    Found { record, rows }
}

fn how_long(times: &Times) -> Found {
    let took = |at, state: &'static str, code, millis: i64| {
        Deed::new(at, "alice", "user")
            .event(move |id| Row::answered(id, 1, state, code).with("duration_us", millis * 1_000))
    };
    let (one, two) = (
        times.midnight - Duration::hours(12),
        times.midnight - Duration::hours(36),
    );
    let mut record = vec![
        took(times.now - Duration::days(8), "succeeded", 0, 5_000),
        took(two, "succeeded", 0, 7),
        took(one, "refused", 70107, 30),
        // Recovery does not know how long it took.
        Deed::new(one, "alice", "user").unknown("recovery", "abandoned"),
        Deed::new(one, "alice", "user"),
    ];
    record.extend((1..=100).map(|millis| took(one, "succeeded", 0, millis)));
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    let rows = vec![
        json!({"day": day(one), "state": "refused", "actions": 1, "p50_ms": 30, "p95_ms": 30, "slowest_ms": 30}),
        json!({"day": day(one), "state": "succeeded", "actions": 100, "p50_ms": 50, "p95_ms": 95, "slowest_ms": 100}),
        json!({"day": day(two), "state": "succeeded", "actions": 1, "p50_ms": 7, "slowest_ms": 7}),
    ];
    Found { record, rows }
}

fn kicked_again(times: &Times) -> Found {
    let deed = |days, who, user| Deed::new(times.now - Duration::days(days), who, user);
    let mut record = vec![
        deed(5, "carol", "boss").denied("protected_target"),
        deed(4, "carol", "often").denied("missing_scope"),
        deed(3, "carol", "thrice").refused(70107, ""),
        deed(31, "alice", "thrice").succeeded(),
    ];
    for (who, user, times) in [
        ("alice", "often", 3),
        ("bob", "often", 2),
        ("alice", "by one alone", 9),
        ("alice", "thrice", 2),
        ("bob", "thrice", 1),
    ] {
        record.extend((0..times).map(|_| deed(2, who, user).succeeded()));
    }
    let rows = vec![
        json!({"user_id": "often", "kicks": 5, "denied_as_protected": 0, "moderators": "alice, bob"}),
        json!({"user_id": "boss", "kicks": 0, "denied_as_protected": 1, "moderators": "carol"}),
    ];
    Found { record, rows }
}

fn unusual_addresses(times: &Times) -> Found {
    let from = |at: DateTime<Utc>, who, user, address: &str, client: &str| {
        let deed = Deed::new(at, who, user).with("client_ip", text(address));
        deed.with("client_id", client).succeeded()
    };
    let (usual, other) = ("192.0.2.1", "203.0.113.9");
    let (today, earlier) = (times.midnight, times.midnight - Duration::days(5));
    let record = vec![
        from(earlier, "alice", "earlier", usual, "'dashboard'"),
        from(earlier, "bob", "earlier", other, "null"),
        from(
            times.midnight - Duration::days(91),
            "alice",
            "long ago",
            other,
            "'dashboard'",
        ),
        from(today, "alice", "as ever", usual, "'dashboard'"),
        from(today, "bob", "as ever", other, "null"),
        from(
            today + Duration::milliseconds(1),
            "alice",
            "by a script",
            usual,
            "'script'",
        ),
        from(
            today + Duration::milliseconds(2),
            "alice",
            "from elsewhere",
            other,
            "'dashboard'",
        ),
        from(
            today + Duration::milliseconds(3),
            "alice",
            "by nothing named",
            usual,
            "null",
        ),
    ];
    let rows = vec![
        json!({"user_id": "by nothing named", "moderator": "alice", "client_ip": usual, "client_id": null}),
        json!({"user_id": "from elsewhere", "client_ip": other, "client_id": "dashboard"}),
        json!({"user_id": "by a script", "client_ip": usual, "client_id": "script"}),
    ];
    Found { record, rows }
}

/// The questions of the README with their statements, in order.
fn questions() -> Vec<(&'static str, &'static str)> {
    let section = README
        .split_once("\n## Questions to the record\n")
        .expect("the section")
        .1;
    let section = section.split("\n## ").next().expect("there is a first");
    let (mut questions, mut title) = (Vec::new(), "");
    for part in section.split("\n\n") {
        match part.trim().strip_prefix("```") {
            Some(block) => {
                let sql = block.strip_prefix("sql\n").expect("all blocks are SQL");
                let sql = sql.strip_suffix(";\n```").expect("one whole statement");
                questions.push((title, sql));
            }
            None => title = part.trim(),
        }
    }
    assert_eq!(questions.len(), section.matches("```").count() / 2);
    questions
}

async fn times(sql: &mut PgConnection) -> Times {
    let times = "select now(), current_date::timestamptz, date_trunc('week', now()), current_setting('timezone')";
    let (now, midnight, monday, zone): (_, _, _, String) = sqlx::query_as(times)
        .fetch_one(sql)
        .await
        .expect("Postgres answers");
    assert_eq!(zone, "UTC");
    Times {
        now,
        midnight,
        monday,
    }
}

async fn asked(sql: &mut PgConnection, question: &str) -> Vec<Value> {
    let question = AssertSqlSafe(format!("select row_to_json(q) from ({question}) q"));
    let rows: Vec<sqlx::types::Json<Value>> = sqlx::query_scalar(question)
        .fetch_all(sql)
        .await
        .expect("an auditor may ask it");
    rows.into_iter().map(|row| row.0).collect()
}

/// The rows as far as `like` speaks of their columns.
fn told(rows: &[Value], like: &[Value]) -> Vec<Value> {
    let rows = rows.iter().enumerate().map(|(index, row)| {
        let Some(Value::Object(columns)) = like.get(index) else {
            return row.clone();
        };
        let told: BTreeMap<_, _> = columns.keys().map(|name| (name, &row[name])).collect();
        let missing: Vec<_> = columns
            .keys()
            .filter(|name| row.get(name).is_none())
            .collect();
        assert!(missing.is_empty(), "{missing:?} is not answered");
        json!(told)
    });
    rows.collect()
}

/// What Postgres reads of the month that no question is about.
async fn read_of_the_old_month(sql: &mut PgConnection, question: &str) -> Vec<String> {
    let explained = AssertSqlSafe(format!("explain (analyze, costs off) {question}"));
    let plan: Vec<String> = sqlx::query_scalar(explained)
        .fetch_all(sql)
        .await
        .expect("an auditor may ask");
    assert!(
        plan.iter().any(|line| line.contains("action_20")),
        "{plan:#?}"
    );
    let read = plan
        .into_iter()
        .filter(|line| line.contains("_202501") && !line.contains("never executed"));
    read.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_question_of_the_readme_finds_what_it_asks_for_and_reads_no_other_month() {
    let questions = questions();
    assert_eq!(questions.len(), ANSWERS.len(), "{questions:#?}");
    let world = with_roles().await;
    let mut sql = world.sql().await;
    let months = "select audit.ensure_partitions(now() - interval '100 days', 4),
                         audit.ensure_partitions('2025-01-15', 0)";
    run(&mut sql, months).await.unwrap();
    let old = "2025-01-15T12:00:00Z".parse().expect("it is a time");
    let old = Deed::new(old, "alice", "user2").with("case_ref", "'TS-1'");
    old.succeeded().insert(&mut sql).await;

    for ((title, question), (words, found)) in questions.into_iter().zip(ANSWERS) {
        assert!(title.starts_with(words), "{title:?} is not {words:?}");
        run(&mut sql, "begin").await.unwrap();
        let found = found(&times(&mut sql).await);
        for deed in &found.record {
            deed.insert(&mut sql).await;
        }
        run(&mut sql, "set local role modgate_auditor")
            .await
            .unwrap();
        let rows = asked(&mut sql, question).await;
        assert_eq!(told(&rows, &found.rows), found.rows, "{title}");
        let read = read_of_the_old_month(&mut sql, question).await;
        assert!(read.is_empty(), "{title}: {read:#?}");
        run(&mut sql, "rollback").await.unwrap();
    }
}
