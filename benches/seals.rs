//! What seals cost: how soon a row is sealed at 200 actions a second, what writers lose by it, and how fast
//! `verify` is.
//!
//! `cargo bench --bench seals` needs `PostgreSQL`'s server programs, or a database in `TEST_DATABASE_URL`. It ends
//! with 1 if a bound is broken: 5 seconds, 10 %, 20,000 rows a second.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads its environment and starts tasks"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{SubsecRound, Utc};
use modgate::audit::verify::{Evidence, database};
use modgate::audit::{AuditLog, Claims, Deployment, SealKeys};
use modgate::db;
use modgate::dev::{Lifetime, LocalPostgres, Options};
use modgate::domain::{
    Answer, Attempt, Command, DecidedBy, End, Intent, Moderator, Origin, Request, State, Targets,
    UserId,
};
use modgate::kinds::kick_login;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Connection;
use tokio::task::JoinSet;

/// As many as may be in flight at the gateway's limit and a slow Tencent.
const WRITERS: usize = 16;

/// How long writers write with the sealer or without, each time.
const ROUND: Duration = Duration::from_secs(4);

/// How often each of the two.
const ROUNDS: usize = 7;

const PACED_FOR: Duration = Duration::from_secs(15);

const ACTIONS_PER_SECOND: u32 = 200;

#[tokio::main]
async fn main() -> ExitCode {
    let (url, _postgres) = postgres();
    db::migrate(&url, &|_| {})
        .await
        .expect("the database can be migrated");
    let pools = db::open(&db::Settings {
        url: url.clone(),
        max_connections: 32,
    })
    .expect("the URL is right");
    let deployment = Deployment {
        instance: "bench".to_owned(),
        version: "0".to_owned(),
        sdk_app_id: 1,
        tencent_host: "bench".to_owned(),
    };
    let keys = Arc::new(SealKeys::parse(&"5a".repeat(32).into()).expect("it is a key"));
    let audit = AuditLog::new(&pools, deployment, Arc::clone(&keys));

    let lag = lag(&audit, &url).await;
    println!("sealed after its commit, at {ACTIONS_PER_SECOND} actions/s: at most {lag:.2} s");
    let (with, without) = throughput(&audit).await;
    let cost = 100.0 * (1.0 - with / without);
    println!("actions/s with the sealer {with:.0}, without {without:.0}: {cost:.1} % less");
    audit.seal().await.expect("what is left can be sealed");
    let rate = verified(&url, keys).await;
    println!("verified: {rate:.0} rows/s");
    ExitCode::from(u8::from(lag > 5.0 || cost > 10.0 || rate < 20_000.0))
}

fn postgres() -> (SecretString, Option<LocalPostgres>) {
    if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
        return (url.into(), None);
    }
    let directory = std::env::temp_dir().join(format!("modgate-bench-{}", std::process::id()));
    let mut postgres = LocalPostgres::create(Options {
        directory,
        lifetime: Lifetime::Temporary,
        settings: Vec::new(),
    })
    .expect("PostgreSQL's programs are there");
    postgres.start().expect("it starts");
    (postgres.url().into(), Some(postgres))
}

/// The longest that a row waited for its seal, in seconds.
async fn lag(audit: &AuditLog, url: &SecretString) -> f64 {
    let writing = Arc::new(AtomicBool::new(true));
    let sealing = tokio::spawn(seal_each_second(audit.clone(), Arc::clone(&writing)));
    let mut actions = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / ACTIONS_PER_SECOND);
    let began = Instant::now();
    while began.elapsed() < PACED_FOR {
        ticks.tick().await;
        let audit = audit.clone();
        actions.spawn(async move { act(&audit).await });
    }
    actions.join_all().await;
    writing.store(false, Ordering::Relaxed);
    sealing.await.expect("the sealer does not panic");
    let mut sql = sqlx::PgConnection::connect(url.expose_secret())
        .await
        .expect("the database is there");
    let (rows, longest): (i64, f64) = sqlx::query_as(
        "select count(*), max(extract(epoch from sealed_at - recorded_at))::float8
         from audit.seal cross join generate_series(0, n - 1) as entry
         cross join lateral (select encode(substring(leaves from 51 * entry + 2 for 16), 'hex')::uuid as id) of_seal
         join audit.action using (id)
         where substring(leaves from 51 * entry + 1 for 1) = 'A'",
    )
    .fetch_one(&mut sql)
    .await
    .expect("the record can be read");
    println!("{rows} actions in {} s", PACED_FOR.as_secs());
    longest
}

/// Seals once a second, as a gateway does, while `writing`.
async fn seal_each_second(audit: AuditLog, writing: Arc<AtomicBool>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while writing.load(Ordering::Relaxed) {
        ticks.tick().await;
        audit.seal().await.expect("the record can be sealed");
    }
}

/// Actions a second with the sealer and without, each the median of rounds that take turns.
async fn throughput(audit: &AuditLog) -> (f64, f64) {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        audit.seal().await.expect("the record can be sealed");
        without.push(round(audit).await);
        audit.seal().await.expect("the record can be sealed");
        let writing = Arc::new(AtomicBool::new(true));
        let sealing = tokio::spawn(seal_each_second(audit.clone(), Arc::clone(&writing)));
        with.push(round(audit).await);
        writing.store(false, Ordering::Relaxed);
        sealing.await.expect("the sealer does not panic");
    }
    (median(with), median(without))
}

async fn round(audit: &AuditLog) -> f64 {
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (audit, done) = (audit.clone(), Arc::clone(&done));
        writers.spawn(async move {
            while began.elapsed() < ROUND {
                act(&audit).await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    writers.join_all().await;
    let done = u32::try_from(done.load(Ordering::Relaxed)).expect("it is some thousands");
    f64::from(done) / began.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// One action: its intent and its end, each a commit.
async fn act(audit: &AuditLog) {
    let intent = intent();
    let (open, token) = audit
        .begin(&intent, 7, &Claims::default())
        .await
        .expect("it begins");
    let end = End {
        state: State::Succeeded,
        decided_by: DecidedBy::Gateway,
        completed_at: Utc::now().trunc_subsecs(6),
        duration: Some(Duration::from_millis(40)),
        attempt: Some(attempt(token.number())),
        failure: None,
    };
    audit.finish(&open, &end).await.expect("it ends");
}

fn attempt(number: u16) -> Attempt {
    Attempt {
        number,
        random: 7,
        duration: Duration::from_millis(38),
        http_status: Some(200),
        answer: Some(Answer {
            action_status: Some("OK".to_owned()),
            error_code: 0,
            error_info: String::new(),
            request_id: None,
        }),
        failure: None,
    }
}

fn intent() -> Intent {
    let moderator = Moderator {
        subject: "alice".to_owned(),
        name: Some("Alice W.".to_owned()),
        issuer: "https://id.example.test".to_owned(),
        token_id: Some("0199f0a1-0000-7000-8000-000000000000".to_owned()),
        client_id: None,
        actor: None,
        scopes: std::collections::BTreeSet::new(),
        expires_at: Utc::now(),
    };
    let request = Request {
        command: Command::new(
            kick_login::KIND,
            Targets {
                user_id: Some(UserId::try_from("user1".to_owned()).expect("it is one")),
                ..Targets::default()
            },
        )
        .expect("a login kick names a user"),
        reason: None,
        case_ref: None,
        supersedes: None,
        idempotency_key: None,
    };
    let origin = Origin {
        client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        peer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some("bench".to_owned()),
        http_request_id: "bench".to_owned(),
        trace_id: None,
    };
    Intent::new(moderator, request, origin, Duration::from_secs(10))
}

/// Rows a second.
async fn verified(url: &SecretString, seal_keys: Arc<SealKeys>) -> f64 {
    let evidence = Evidence {
        public_keys: seal_keys.public_keys(),
        seal_keys,
        ..Evidence::default()
    };
    let began = Instant::now();
    let report = database::verify(url, evidence)
        .await
        .expect("it can be read");
    assert!(report.is_intact(), "{report}");
    println!("{report}");
    let rows = u32::try_from(report.rows).expect("it is some hundred thousand");
    f64::from(rows) / began.elapsed().as_secs_f64()
}
