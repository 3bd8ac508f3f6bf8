//! What it takes to find one's own actions, for somebody who sees no others: no more than to look at one's
//! own, whatever else is looked for and however many others have that.

use chrono::{Duration, Utc};
use modgate::audit::Filter;
use modgate::domain::State;
use modgate::kinds::kick_seat;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::sync::OnceCell;
use tracing_subscriber::layer::SubscriberExt as _;
use uuid::Uuid;

use super::plans::{Done, LIMIT, Plans, Year, year};
use super::run;
use crate::support::world::World;

/// How many there are of what everybody looks for.
const BUSY: u64 = 80_000;

/// So many are counted before one's own alone are looked at.
const COUNTED_ACTIONS: u64 = 2_001;
const COUNTED_EVENTS: u64 = 50_001;

const ISSUER: &str = "https://id.example.test";
const BATCH: &str = "01990000-0000-7000-8000-000000000000";

/// The name of a database with a record of a year and of a busy moment, which others are copied from.
async fn busy_year() -> &'static str {
    static BUSY_YEAR: OnceCell<(World, String)> = OnceCell::const_new();
    let (_, name) = BUSY_YEAR
        .get_or_init(async || {
            let mut world = World::copied_from(year().await).await;
            fill(&mut world.sql().await).await;
            world.leave();
            let name = world.to_be_copied().await;
            (world, name)
        })
        .await;
    name
}

/// The newest actions: one room, one user, one case, one key, one batch, all refused for one reason. One in six
/// hundred is by `moderator1`.
async fn fill(sql: &mut PgConnection) {
    let kicks = format!(
        "create temporary table kicks as
         select n, timestamptz 'epoch' + interval '1 millisecond' * (first + n) as at,
                (lpad(to_hex(first + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid as id
         from generate_series(0, {BUSY} - 1) as n,
              (select (extract(epoch from now()) * 1000)::bigint as first) as clock"
    );
    let actions = format!(
        "insert into audit.action (id, kind, moderator, issuer, user_id, room_id, data, case_ref, batch_id,
             idempotency_key, client_ip, peer_ip, http_request_id, instance, version, sdk_app_id, tencent_host,
             requested_at, recorded_at, deadline_ms, tencent_random, leaf_hash)
         select id, 'kick_seat', case when n % 600 = 0 then 'moderator1' else 'busy' end, '{ISSUER}', 'busy', 'busy',
                '', 'busy', '{BATCH}', 'busy', '127.0.0.1', '::1', 'r', 'i', '0', 1400000001, 'h', at, at, 10000, n,
                sha256('')
         from kicks"
    );
    let events = "insert into audit.event (action_id, rev, state, at, recorded_at, decided_by, duration_us, attempt,
             tencent_random, attempt_duration_us, http_status, action_status, error_code, error_info, leaf_hash)
         select id, 1, 'refused', at, at, 'gateway', 41200, 1, n, 38000, 200, 'FAIL', 70107, '', sha256('')
         from kicks";
    for statement in [
        &kicks,
        &actions,
        events,
        "analyze audit.action",
        "analyze audit.event",
    ] {
        run(&mut *sql, statement)
            .await
            .expect("the rows break no rule");
    }
}

/// Everything that can be looked for, with what is busiest; and how much of it is counted first.
fn filters() -> Vec<(&'static str, Filter, u64)> {
    let busy = || Some("busy".to_owned());
    let all = Filter::default;
    let room = || Filter {
        room_id: busy(),
        ..all()
    };
    let (since, until) = (
        Some(Utc::now() - Duration::days(1)),
        Some(Utc::now() + Duration::days(1)),
    );
    let states = vec![State::Refused, State::Pending];
    vec![
        ("room_id", room(), COUNTED_ACTIONS),
        (
            "user_id",
            Filter {
                user_id: busy(),
                ..all()
            },
            COUNTED_ACTIONS,
        ),
        (
            "case_ref",
            Filter {
                case_ref: busy(),
                ..all()
            },
            COUNTED_ACTIONS,
        ),
        (
            "idempotency_key",
            Filter {
                idempotency_key: busy(),
                ..all()
            },
            COUNTED_ACTIONS,
        ),
        (
            "batch_id",
            Filter {
                batch_id: BATCH.parse().ok(),
                ..all()
            },
            COUNTED_ACTIONS,
        ),
        (
            "error_code",
            Filter {
                error_code: Some(70107),
                ..all()
            },
            COUNTED_EVENTS,
        ),
        (
            "state",
            Filter {
                states: vec![State::Refused],
                ..all()
            },
            COUNTED_EVENTS,
        ),
        (
            "states",
            Filter {
                states: states.clone(),
                ..all()
            },
            COUNTED_EVENTS,
        ),
        (
            "pending",
            Filter {
                states: vec![State::Pending],
                ..all()
            },
            0,
        ),
        (
            "kind",
            Filter {
                kinds: vec![kick_seat::KIND],
                ..all()
            },
            0,
        ),
        (
            "kind and state",
            Filter {
                kinds: vec![kick_seat::KIND],
                states,
                ..all()
            },
            COUNTED_EVENTS,
        ),
        (
            "room and kind",
            Filter {
                kinds: vec![kick_seat::KIND],
                ..room()
            },
            COUNTED_ACTIONS,
        ),
        (
            "room and state",
            Filter {
                states: vec![State::Refused],
                ..room()
            },
            COUNTED_ACTIONS,
        ),
        (
            "room and code",
            Filter {
                error_code: Some(70107),
                ..room()
            },
            COUNTED_ACTIONS,
        ),
        (
            "room and times",
            Filter {
                since,
                until,
                ..room()
            },
            COUNTED_ACTIONS,
        ),
        (
            "no code",
            Filter {
                error_code: Some(0),
                ..room()
            },
            COUNTED_ACTIONS,
        ),
    ]
}

impl Year {
    /// What is found for a moderator, and what was done for it.
    async fn own(&mut self, moderator: &str, filter: &Filter) -> (Vec<Uuid>, Done) {
        let filter = Filter {
            visible_to: Some((ISSUER.to_owned(), moderator.to_owned())),
            ..filter.clone()
        };
        self.plans.take();
        let page = self.record.list(&filter, LIMIT, None).await;
        let page = page.expect("the record can be read");
        let mut done = Done::default();
        for plan in self.plans.take() {
            done.add(&plan["Plan"]);
        }
        (page.items.iter().map(|action| action.id).collect(), done)
    }

    async fn ids(&mut self, condition: &str) -> Vec<Uuid> {
        let query = format!(
            "select id from audit.actions where {condition} order by id desc limit {LIMIT}"
        );
        let ids = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut self.sql);
        ids.await.expect("Postgres answers")
    }
}

#[tokio::test]
async fn ones_own_actions_are_found_at_the_cost_of_ones_own_whatever_is_looked_for() {
    let plans = Plans::default();
    let subscriber = tracing_subscriber::registry().with(plans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut year = Year::copied_from(busy_year().await, plans).await;
    let few = "moderator150";
    let own: i64 = year
        .value(&format!(
            "select count(*) from audit.action where moderator = '{few}'"
        ))
        .await;
    let own = u64::try_from(own).expect("a count");
    assert!((20..500).contains(&own), "{own} of their own");
    for (name, filter, counted) in filters() {
        let (_, done) = year.own(few, &filter).await;
        // What is counted, and a fifth more: Postgres may count what most of a month has by another index. Of each
        // month one row at its end, where it is counted and where it is read; for each of one's own the row, and
        // the events that two checks look at; and the page.
        let bound = counted * 6 / 5 + 2 * 16 + 6 * own + 4 * u64::from(LIMIT);
        assert!(
            done.rows <= bound,
            "{name}: {} rows, {own} of their own",
            done.rows
        );
        assert!(done.in_sequence.is_empty(), "{name}: {done:?}");
    }
    let others = Filter {
        moderator: Some("busy".to_owned()),
        ..Filter::default()
    };
    let (found, done) = year.own(few, &others).await;
    assert_eq!(
        (found.len(), done.rows),
        (0, 0),
        "nothing is read for another's"
    );
}

#[tokio::test]
async fn who_has_many_of_their_own_finds_them_among_others_and_what_is_rare_by_itself() {
    let plans = Plans::default();
    let subscriber = tracing_subscriber::registry().with(plans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut year = Year::copied_from(busy_year().await, plans).await;
    let whose = "moderator = 'moderator1'";
    for (name, filter, condition) in [
        ("room", filters().swap_remove(0).1, "room_id = 'busy'"),
        ("code", filters().swap_remove(5).1, "error_code = 70107"),
        ("state", filters().swap_remove(6).1, "state = 'refused'"),
        (
            "states",
            filters().swap_remove(7).1,
            "state in ('refused', 'pending')",
        ),
        ("nothing else", Filter::default(), "true"),
    ] {
        let expected = year.ids(&format!("{whose} and {condition}")).await;
        assert_eq!(expected.len(), usize::from(LIMIT), "{name}");
        let (found, _) = year.own("moderator1", &filter).await;
        assert_eq!(found, expected, "{name}");
    }
    let rare: String = year
        .value(&format!(
            "select user_id from audit.action where {whose} order by id limit 1"
        ))
        .await;
    let expected = year.ids(&format!("{whose} and user_id = '{rare}'")).await;
    let rare = Filter {
        user_id: Some(rare),
        ..Filter::default()
    };
    let (found, done) = year.own("moderator1", &rare).await;
    assert_eq!(found, expected);
    assert!(
        done.rows < 1_000,
        "{} rows of more than ten thousand",
        done.rows
    );
}
