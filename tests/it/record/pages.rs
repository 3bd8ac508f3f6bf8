//! Any filter gives what the view has, page after page.

use std::collections::{HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, TimeDelta, Utc};
use modgate::audit::{AuditLog, Filter};
use modgate::domain::{Action, Kind, State};
use modgate::kinds::{kick_login, kick_seat, mute_user};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::recovery::{audit_log, sweep};
use super::{Row, run};
use crate::support::world::World;

/// An action to be recorded. What few values are drawn from is shared by many.
#[derive(Clone, Debug)]
struct Made {
    months_ago: u64,
    millisecond: u64,
    microsecond: u64,
    tail: u64,
    seat_in: Option<&'static str>,
    columns: Vec<(&'static str, Option<&'static str>)>,
    retries: Vec<Answered>,
    ends: Vec<(&'static str, Answered)>,
}

/// Tencent's code and `RequestId`, if it answered.
type Answered = Option<(i64, Option<&'static str>)>;

const KINDS: [Kind; 3] = [kick_login::KIND, kick_seat::KIND, mute_user::KIND];
const MODERATORS: [&str; 3] = ["alice", "bob", "carol"];
const ISSUERS: [&str; 2] = ["test", "other"];
const USERS: [&str; 5] = ["u1", "u2", "u3", "u4", "u5"];
const ROOMS: [&str; 2] = ["r1", "r2"];
const CASES: [&str; 3] = ["TS-1", "TS-2", "TS-3"];
const KEYS: [&str; 2] = ["k1", "k2"];
const BATCHES: [&str; 2] = [
    "01990000-0000-7000-8000-000000000001",
    "01990000-0000-7000-8000-000000000002",
];
const REQUEST_IDS: [&str; 4] = ["Id-1", "Id-2", "Id-3", "Id-4"];
const CODES: [i64; 5] = [0, 60008, 70107, 70169, 100_206];

fn answered() -> impl Strategy<Value = Answered> {
    let request_id = option::of(select(&REQUEST_IDS[..]));
    option::weighted(0.7, (select(&CODES[..]), request_id))
}

/// Each end that the record allows, and each pair of them.
fn ends() -> impl Strategy<Value = Vec<(&'static str, Answered)>> {
    let states = select(vec![
        vec![],
        vec!["succeeded"],
        vec!["refused"],
        vec!["not_sent"],
        vec!["unknown"],
        vec!["denied"],
        vec!["unknown", "succeeded"],
        vec!["unknown", "refused"],
        vec!["refused", "unknown"],
        vec!["succeeded", "unknown"],
        vec!["unknown", "not_sent"],
    ]);
    (states, vec(answered(), 2)).prop_map(|(states, answers)| {
        let ends = states.into_iter().zip(answers);
        let ends = ends.map(|(state, answer)| match state {
            "succeeded" | "refused" => (state, Some(answer.unwrap_or((0, None)))),
            "denied" => (state, None),
            _ => (state, answer),
        });
        ends.collect()
    })
}

fn made() -> impl Strategy<Value = Made> {
    let time = (0_u64..3, 0_u64..30, 0_u64..1_000, any::<u64>());
    let who = (
        select(&MODERATORS[..]),
        select(&ISSUERS[..]),
        select(&USERS[..]),
    );
    let rest = (
        option::of(select(&CASES[..])),
        option::of(select(&KEYS[..])),
        option::of(select(&BATCHES[..])),
        option::of(select(&ROOMS[..])),
    );
    (time, who, rest, vec(answered(), 0..3), ends()).prop_map(
        |(time, who, (case_ref, key, batch, seat_in), mut retries, ends)| {
            if ends.first().is_some_and(|(state, _)| *state == "denied") {
                retries.clear();
            }
            Made {
                months_ago: time.0,
                millisecond: time.1,
                microsecond: time.2,
                tail: time.3,
                seat_in,
                columns: vec![
                    ("moderator", Some(who.0)),
                    ("issuer", Some(who.1)),
                    ("user_id", Some(who.2)),
                    ("case_ref", case_ref),
                    ("idempotency_key", key),
                    ("batch_id", batch),
                ],
                retries,
                ends,
            }
        },
    )
}

impl Made {
    /// The present month's actions are some minutes old, so that recovery lets them be.
    async fn record(&self, sql: &mut PgConnection, now: u64) {
        let age = self.months_ago * 31 * 86_400_000 + 120_000 - self.millisecond;
        let id = u128::from(now - age) << 80 | 7 << 76 | 2 << 62 | u128::from(self.tail >> 2);
        let id = Uuid::from_u128(id);
        let at = format!(
            "audit.uuid7_time('{id}') + interval '{} us'",
            self.microsecond
        );
        let mut row = Row::action(id)
            .with("requested_at", &at)
            .with("recorded_at", &at)
            .with("deadline_ms", 3_000_000);
        for (column, value) in &self.columns {
            if let Some(value) = value {
                row = row.with(column, format!("'{value}'"));
            }
        }
        if let Some(room) = self.seat_in {
            row = row
                .with("kind", "'kick_seat'")
                .with("room_id", format!("'{room}'"))
                .with("data", "''");
        }
        row.insert(sql).await.expect("it breaks no rule");
        let retries = self.retries.iter().map(|answer| ("retrying", *answer));
        for (rev, (state, answer)) in (1..).zip(retries.chain(self.ends.iter().copied())) {
            event(id, rev, state, answer)
                .insert(sql)
                .await
                .expect("it breaks no rule");
        }
    }
}

fn event(id: Uuid, rev: i16, state: &str, answer: Answered) -> Row {
    let mut row = match answer {
        Some((code, request_id)) => {
            let row = Row::answered(id, rev, state, code);
            match request_id {
                Some(request_id) => row.with("tencent_request_id", format!("'{request_id}'")),
                None => row,
            }
        }
        None => Row::event(id, rev, state).with("failure", "'connect'"),
    };
    row = row.with("duration_us", 1_500 + i64::from(rev));
    if state == "retrying" {
        row = row.with("next_random", 8);
    }
    row
}

/// A row of the view.
#[derive(Debug, FromRow)]
struct Shown {
    id: Uuid,
    kind: String,
    state: String,
    issuer: String,
    moderator: String,
    user_id: String,
    room_id: Option<String>,
    case_ref: Option<String>,
    idempotency_key: Option<String>,
    batch_id: Option<Uuid>,
    requested_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    duration_ms: Option<f64>,
    error_code: Option<i64>,
    attempts: i32,
}

/// Everything that the view shows, newest first, and which actions got which `RequestId`.
async fn shown(sql: &mut PgConnection) -> (Vec<Shown>, HashSet<(Uuid, String)>) {
    let rows = sqlx::query_as(
        "select id, kind, state, issuer, moderator, user_id, room_id, case_ref, idempotency_key,
                batch_id, requested_at, completed_at, duration_ms, error_code, attempts
         from audit.actions order by id desc",
    );
    let ids = sqlx::query_as(
        "select action_id, tencent_request_id from audit.event where tencent_request_id is not null",
    );
    let rows = rows.fetch_all(&mut *sql).await.expect("the view answers");
    let ids: Vec<_> = ids.fetch_all(sql).await.expect("Postgres answers");
    (rows, ids.into_iter().collect())
}

fn matches(filter: &Filter, row: &Shown, request_ids: &HashSet<(Uuid, String)>) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|it| it == value);
    let has = |wanted: &Option<String>, value: &Option<String>| wanted.is_none() || wanted == value;
    filter.id.is_none_or(|id| id == row.id)
        && filter
            .visible_to
            .as_ref()
            .is_none_or(|(issuer, moderator)| (issuer, moderator) == (&row.issuer, &row.moderator))
        && (filter.kinds.is_empty() || filter.kinds.iter().any(|kind| kind.as_str() == row.kind))
        && (filter.states.is_empty() || filter.states.iter().any(|it| it.as_str() == row.state))
        && is(&filter.moderator, &row.moderator)
        && is(&filter.user_id, &row.user_id)
        && has(&filter.room_id, &row.room_id)
        && has(&filter.case_ref, &row.case_ref)
        && has(&filter.idempotency_key, &row.idempotency_key)
        && (filter.batch_id.is_none() || filter.batch_id == row.batch_id)
        && (filter.error_code.is_none() || filter.error_code == row.error_code)
        && filter
            .tencent_request_id
            .as_ref()
            .is_none_or(|wanted| request_ids.contains(&(row.id, wanted.clone())))
        && filter.since.is_none_or(|since| row.requested_at >= since)
        && filter.until.is_none_or(|until| row.requested_at < until)
}

/// A filter of some of the conditions; the times are those of actions, or nearly.
fn filter(rows: &[Shown]) -> impl Strategy<Value = Filter> + use<> {
    let moments: Vec<DateTime<Utc>> = rows.iter().map(|row| row.requested_at).collect();
    let moment = move || {
        let nudges = select(vec![0, 1, -1, 1_000]);
        let moment = (select(moments.clone()), nudges, any::<bool>());
        let moment = moment.prop_map(|(moment, nudge, whole)| {
            let micros = moment.timestamp_micros();
            let micros = if whole {
                micros / 1_000 * 1_000
            } else {
                micros
            };
            DateTime::from_timestamp_micros(micros).expect("it was one")
                + TimeDelta::microseconds(nudge)
        });
        option::weighted(0.2, moment)
    };
    let text = |of: &'static [&'static str], often: f64| {
        option::weighted(often, select(of).prop_map(str::to_owned))
    };
    let visible_to = (select(&ISSUERS[..]), select(&MODERATORS[..]));
    let visible_to = visible_to.prop_map(|(issuer, who)| (issuer.to_owned(), who.to_owned()));
    let batch = select(&BATCHES[..]).prop_map(|id| id.parse().expect("it is a UUID"));
    let id = select(rows.iter().map(|row| row.id).collect::<Vec<_>>());
    let words = (
        // Those of the record, and one that it has none of.
        vec(select(&KINDS[..]), 0..3),
        prop_oneof![Just(vec![]), vec(select(State::ALL), 1..4)],
        option::weighted(0.2, select(&CODES[..])),
        option::weighted(0.02, id),
    );
    let who = (
        option::weighted(0.3, visible_to),
        text(&MODERATORS, 0.3),
        text(&USERS, 0.1),
    );
    let which = (
        text(&ROOMS, 0.1),
        text(&CASES, 0.1),
        text(&REQUEST_IDS, 0.1),
        text(&KEYS, 0.1),
        option::weighted(0.1, batch),
    );
    (words, who, which, moment(), moment()).prop_map(|(words, who, which, since, until)| Filter {
        id: words.3,
        visible_to: who.0,
        kinds: words.0,
        states: words.1,
        moderator: who.1,
        user_id: who.2,
        room_id: which.0,
        case_ref: which.1,
        tencent_request_id: which.2,
        error_code: words.2,
        idempotency_key: which.3,
        batch_id: which.4,
        since,
        until,
    })
}

/// All pages of a list, each but the last of which is full.
async fn pages(record: &AuditLog, filter: &Filter, limit: u16) -> Vec<Action> {
    let (mut actions, mut cursor) = (Vec::new(), None);
    loop {
        let page = record.list(filter, limit, cursor).await;
        let page = page.unwrap_or_else(|error| panic!("{error:?} for {filter:?}"));
        let length = page.items.len();
        actions.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return actions;
        }
        assert_eq!(length, usize::from(limit), "{filter:?}");
        assert_eq!(cursor, actions.last().map(|last| last.id), "{filter:?}");
    }
}

fn assert_shown(action: &Action, row: &Shown) {
    let duration = action.duration.map(|duration| duration.as_micros());
    let shown = row.duration_ms.map(|millis| format!("{millis:.3}"));
    assert_eq!(
        (action.state.as_str(), action.completed_at),
        (row.state.as_str(), row.completed_at)
    );
    assert_eq!(
        duration.map(|micros| format!("{}.{:03}", micros / 1_000, micros % 1_000)),
        shown
    );
    let last = action.attempts.last().map_or(0, |attempt| attempt.number);
    assert_eq!(i32::from(last), row.attempts);
    assert_eq!(
        action.last_answer().map(|answer| answer.error_code),
        row.error_code
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_filter_gives_page_by_page_what_the_view_has() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    run(
        &mut sql,
        "select audit.ensure_partitions(now() - interval '63 days', 2)",
    )
    .await
    .unwrap();
    let seed: [u8; 32] = rand::random();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    for made in vec(made(), 250).new_tree(&mut runner).unwrap().current() {
        made.record(&mut sql, now).await;
    }
    let record = audit_log(&world);
    let mut found = HashMap::new();
    // Before any sweep an action of any age may be pending; after it, only one of the last minutes.
    for swept in [false, true] {
        if swept {
            sweep(&record).await;
        }
        let (rows, request_ids) = shown(&mut sql).await;
        let any_filter = filter(&rows);
        for _ in 0..150 {
            let filter = any_filter.new_tree(&mut runner).unwrap().current();
            let limit = (1_u16..40).new_tree(&mut runner).unwrap().current();
            let expected = rows
                .iter()
                .filter(|row| matches(&filter, row, &request_ids));
            let expected: Vec<&Shown> = expected.collect();
            let actions = pages(&record, &filter, limit).await;
            let ids: Vec<Uuid> = actions.iter().map(|action| action.id).collect();
            assert_eq!(
                ids,
                expected.iter().map(|row| row.id).collect::<Vec<_>>(),
                "swept: {swept}, {filter:?}, seed {seed:?}"
            );
            for (action, row) in actions.iter().zip(&expected) {
                assert_shown(action, row);
            }
            *found.entry(ids.is_empty()).or_insert(0) += 1;
        }
        let pending = rows.iter().filter(|row| row.state == "pending").count();
        assert!(pending > 0, "some actions have not ended");
    }
    assert!(
        found[&false] > 100,
        "most filters find something: {found:?}"
    );
}
