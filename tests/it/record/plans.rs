//! How Postgres finds a page: by indexes, in the months that can have it, and without reading much
//! more than what is on it. Seen in the plans of the very statements that a list makes.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use modgate::audit::{AuditLog, Filter};
use modgate::domain::State;
use modgate::kinds::{kick_login, kick_seat};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::sync::OnceCell;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::recovery::{audit_log, sweep};
use super::run;
use crate::support::world::World;

pub(super) const ACTIONS: u32 = 100_000;
pub(super) const LIMIT: u16 = 50;

/// What Postgres sends of its plans, as it is told to below.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans(Arc<Mutex<Vec<Value>>>);

impl<S: Subscriber> Layer<S> for Plans {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::postgres::notice" {
            event.record(&mut self.clone());
        }
    }
}

impl Plans {
    pub(super) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.0.lock().expect("nobody panics in here"))
    }
}

impl Visit for Plans {
    fn record_str(&mut self, field: &Field, text: &str) {
        if let ("message", Some((_, plan))) = (field.name(), text.split_once("plan:\n")) {
            let plan = serde_json::from_str(plan).expect("Postgres makes JSON");
            self.0.lock().expect("nobody panics in here").push(plan);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// What the plans of one list did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The tables that were read, without their schema.
    read: BTreeSet<String>,
    /// Those of them that were read from end to end, and have more than a few rows.
    pub(super) in_sequence: BTreeSet<String>,
    /// How many rows the scans looked at.
    pub(super) rows: u64,
}

impl Done {
    pub(super) fn add(&mut self, node: &Value) {
        let number = |name: &str| node[name].as_f64().unwrap_or_default();
        let table = node["Relation Name"].as_str();
        if let (Some(table), true) = (table, number("Actual Loops") > 0.0) {
            let once = number("Actual Rows") + number("Rows Removed by Filter");
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "rows are counted from 0, and far below 2^52"
            )]
            let rows = (once * number("Actual Loops")).round() as u64;
            self.rows += rows;
            self.read.insert(table.to_owned());
            // A table of a few pages, as that of a month that the year only touches, is read so whatever is asked.
            if node["Node Type"] == "Seq Scan" && once > 500.0 {
                self.in_sequence.insert(table.to_owned());
            }
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.add(child);
        }
    }
}

/// A record of a year, and the plans of what is read from it.
pub(super) struct Year {
    pub(super) record: AuditLog,
    pub(super) sql: PgConnection,
    pub(super) plans: Plans,
    _world: World,
}

/// The name of a database with a record of a year, which others are copied from.
pub(super) async fn year() -> &'static str {
    static YEAR: OnceCell<(World, String)> = OnceCell::const_new();
    let (_, name) = YEAR
        .get_or_init(async || {
            let mut world = World::new().await;
            let script = include_str!("../../../benches/record.sql")
                .replace(":actions", &ACTIONS.to_string())
                .replace(":months", "12");
            run(&mut world.sql().await, &script)
                .await
                .expect("the script runs");
            world.leave();
            let name = world.to_be_copied().await;
            (world, name)
        })
        .await;
    name
}

impl Year {
    /// A copy of the record in `database`.
    pub(super) async fn copied_from(database: &str, plans: Plans) -> Self {
        let world = World::copied_from(database).await;
        let mut sql = world.sql().await;
        let name: String = sqlx::query_scalar("select current_database()::text")
            .fetch_one(&mut sql)
            .await
            .expect("Postgres knows its name");
        for setting in [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_analyze = on",
            "auto_explain.log_timing = off",
            "auto_explain.log_format = 'json'",
            "auto_explain.log_level = 'notice'",
        ] {
            run(&mut sql, &format!("alter database {name} set {setting}"))
                .await
                .expect(setting);
        }
        let record = audit_log(&world);
        plans.take();
        sweep(&record).await;
        Self {
            record,
            sql,
            plans,
            _world: world,
        }
    }

    /// A value of the record.
    pub(super) async fn value<T>(&mut self, query: &str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut self.sql)
            .await
            .expect(query)
    }

    /// How many actions the first page and one in the middle have, and what was done for each.
    async fn pages(&mut self, filter: &Filter) -> Vec<(usize, Done)> {
        let mut pages = Vec::new();
        let mut cursor = None;
        for _ in 0..2 {
            self.plans.take();
            let page = self.record.list(filter, LIMIT, cursor).await;
            let page = page.expect("the record can be read");
            let mut done = Done::default();
            let plans = self.plans.take();
            assert_eq!(plans.len(), 3, "the ids, the actions and the events");
            for plan in plans {
                done.add(&plan["Plan"]);
            }
            pages.push((page.items.len(), done));
            let Some(last) = page.next else { break };
            let middle = sqlx::query_scalar(
                "select id from audit.action where id < $1 order by id offset
                     (select count(*) / 2 from audit.action where id < $1) limit 1",
            );
            cursor = middle
                .bind(last)
                .fetch_optional(&mut self.sql)
                .await
                .expect("Postgres answers");
        }
        pages
    }
}

/// Every single filter, by its name; how many candidates a page may need for each action on it.
async fn single_filters(year: &mut Year) -> Vec<(&'static str, Filter, u64)> {
    let all = Filter::default;
    let of = |column| {
        format!(
            "select {column} from audit.action where {column} is not null
             group by 1 order by count(*) desc, 1 limit 1"
        )
    };
    let mut filters = vec![("none", all(), 1)];
    for (name, user) in [
        ("moderator", "moderator1"),
        ("moderator, gone", "moderator3"),
    ] {
        let moderator = Some(user.to_owned());
        filters.push((name, Filter { moderator, ..all() }, 1));
    }
    let own = (
        "https://id.example.test".to_owned(),
        "moderator7".to_owned(),
    );
    let visible_to = Some(own);
    filters.push((
        "own",
        Filter {
            visible_to,
            ..all()
        },
        1,
    ));
    // There are no others in this record.
    for kind in [kick_login::KIND, kick_seat::KIND] {
        let kinds = vec![kind];
        filters.push((kind.as_str(), Filter { kinds, ..all() }, 1));
    }
    for state in State::ALL {
        let states = vec![*state];
        // Of the youngest about half are pending.
        let candidates = if *state == State::Pending { 2 } else { 1 };
        filters.push((state.as_str(), Filter { states, ..all() }, candidates));
    }
    let user_id = Some(year.value(&of("user_id")).await);
    filters.push(("user_id", Filter { user_id, ..all() }, 1));
    let room_id = Some(year.value(&of("room_id")).await);
    filters.push(("room_id", Filter { room_id, ..all() }, 1));
    let case_ref = Some(year.value(&of("case_ref")).await);
    filters.push(("case_ref", Filter { case_ref, ..all() }, 1));
    let batch_id = Some(year.value(&of("batch_id")).await);
    filters.push(("batch_id", Filter { batch_id, ..all() }, 1));
    let idempotency_key = Some(year.value(&of("idempotency_key")).await);
    let key = Filter {
        idempotency_key,
        ..all()
    };
    filters.push(("idempotency_key", key, 1));
    let id = "select tencent_request_id from audit.event
              where tencent_request_id is not null order by action_id limit 1";
    let tencent_request_id = Some(year.value(id).await);
    let request_id = Filter {
        tencent_request_id,
        ..all()
    };
    filters.push(("tencent_request_id", request_id, 1));
    for (code, candidates) in [(0, 1), (70_107, 1), (60_008, 40)] {
        let error_code = Some(code);
        let filter = Filter {
            error_code,
            ..all()
        };
        filters.push(("error_code", filter, candidates));
    }
    filters
}

#[tokio::test]
async fn no_filter_reads_a_month_from_end_to_end_or_much_more_than_its_page() {
    let plans = Plans::default();
    let subscriber = tracing_subscriber::registry().with(plans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut year = Year::copied_from(year().await, plans).await;
    for (name, filter, candidates) in single_filters(&mut year).await {
        let pages = year.pages(&filter).await;
        assert!(pages[0].0 > 0, "{name} finds something");
        for (items, done) in pages {
            assert_eq!(done.in_sequence, BTreeSet::new(), "{name}: {done:?}");
            // For each month one row at its end; for each action the id, the row, its events, and
            // what two checks look at; and the one after the page.
            let bound = 3 * 16 + 8 * candidates * (u64::from(LIMIT) + 1);
            assert!(done.rows <= bound, "{name}, {items} items: {done:?}");
        }
    }
}

#[tokio::test]
async fn a_time_range_leaves_out_the_other_months() {
    let plans = Plans::default();
    let subscriber = tracing_subscriber::registry().with(plans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut year = Year::copied_from(year().await, plans).await;
    let month = "date_trunc('month', now(), 'UTC') - interval '3 months'";
    let since: DateTime<Utc> = year.value(&format!("select {month}")).await;
    let until: DateTime<Utc> = year
        .value(&format!("select {month} + interval '1 month'"))
        .await;
    let months = ["action", "event"].map(|table| format!("{table}_{}", since.format("%Y%m")));
    let user = format!(
        "select user_id from audit.action where id between audit.uuid7_floor({month})
             and audit.uuid7_floor({month} + interval '1 month') limit 1"
    );
    let range = Filter {
        since: Some(since),
        until: Some(until),
        ..Filter::default()
    };
    let (moderator, user_id) = (Some("moderator1".to_owned()), Some(year.value(&user).await));
    let (kinds, states) = (vec![kick_seat::KIND], vec![State::Refused]);
    let filters = [
        ("no other", range.clone()),
        (
            "moderator",
            Filter {
                moderator,
                ..range.clone()
            },
        ),
        (
            "user_id",
            Filter {
                user_id,
                ..range.clone()
            },
        ),
        (
            "kind",
            Filter {
                kinds,
                ..range.clone()
            },
        ),
        (
            "state",
            Filter {
                states,
                ..range.clone()
            },
        ),
        (
            "since alone",
            Filter {
                until: None,
                ..range.clone()
            },
        ),
        (
            "until alone",
            Filter {
                since: None,
                ..range.clone()
            },
        ),
        (
            "error_code",
            Filter {
                error_code: Some(0),
                ..range
            },
        ),
    ];
    for (name, filter) in filters {
        let pages = year.pages(&filter).await;
        let (items, done) = &pages[0];
        assert!(*items > 0, "{name} finds something");
        assert_eq!(done.in_sequence, BTreeSet::new(), "{name}: {done:?}");
        let outside = |table: &&String| {
            let month = table.rsplit('_').next();
            let (first, last) = (months[0].rsplit('_').next(), months[1].rsplit('_').next());
            (filter.since.is_some() && month < first) || (filter.until.is_some() && month > last)
        };
        // One table is not divided into months, and has next to no rows.
        let months = done.read.iter().filter(|table| *table != "decision");
        let outside: Vec<&String> = months.filter(outside).collect();
        assert!(outside.is_empty(), "{name} reads {outside:?}");
    }
}

#[tokio::test]
async fn a_sweep_of_a_year_reads_it_a_few_times_and_not_once_more_in_each_stride() {
    let plans = Plans::default();
    let subscriber = tracing_subscriber::registry().with(plans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let year = Year::copied_from(year().await, plans).await;
    let mut done = Done::default();
    for plan in year.plans.take() {
        done.add(&plan["Plan"]);
    }
    // The actions to find where a stride ends and to look at them, their events, and what is read
    // beyond a bound before it is noticed.
    let bound = 4 * u64::from(ACTIONS);
    assert!(done.rows <= bound, "{} rows: {done:?}", done.rows);
    assert!(done.rows >= 2 * u64::from(ACTIONS), "the sweep was seen");
}
