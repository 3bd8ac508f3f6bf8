//! What the brakes and the hourly limit cost a click.
//!
//! ```text
//! cargo bench --bench clicks
//! ```
//!
//! Three gateways on one database of the server of `TEST_DATABASE_URL`, else of one from the programs installed here, gone
//! afterwards: one as before there were either, one with a seal key, so that each click asks for freezes, and one with
//! the hourly limit besides. They are asked in turn, one click at a time, for login kicks by a moderator who has asked
//! for many within the hour. Fails if the limit costs more than 0.2 ms at the median.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it is a program that prints figures, and is told by the environment where to run"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::Utc;
use modgate::auth::mint::{Claims, Minter};
use modgate::config::Settings;
use modgate::dev::{Lifetime, LocalPostgres, Options};
use modgate::server::Server;
use modgate::simulator::{self, Simulator};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a-secret-that-is-only-for-benchmarks-0123456789";
const SEED: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
const SDK_APP_ID: u32 = 1_400_000_001;
const CLICKS: usize = 1_500;
const MOST: Duration = Duration::from_micros(200);

/// What each is called, and what it is told besides.
const GATEWAYS: [(&str, &[(&str, &str)]); 3] = [
    ("without either", &[]),
    ("with brakes", &[("MODGATE_SEAL_KEY", SEED)]),
    (
        "with the limit besides",
        &[
            ("MODGATE_SEAL_KEY", SEED),
            ("MODGATE_MODERATOR_HOURLY", "1000000"),
        ],
    ),
];

#[tokio::main]
async fn main() -> ExitCode {
    let given = std::env::var("TEST_DATABASE_URL").ok();
    let local = given.is_none().then(local_postgres);
    let server = given.or_else(|| local.as_ref().map(LocalPostgres::url));
    let url = migrated(&server.expect("one or the other is there")).await;
    let mut settings = simulator::Settings::new(SDK_APP_ID, SecretString::from(SECRET));
    settings.limit = None;
    let simulator = Simulator::start(settings).expect("it starts on free ports");
    let (stop, mut servers) = (CancellationToken::new(), JoinSet::new());
    let mut doors = Vec::new();
    for (_, further) in GATEWAYS {
        doors.push(start(&url, &simulator, further, &mut servers, &stop).await);
    }
    let mut took: [Vec<Duration>; 3] = Default::default();
    let http = Client::builder().no_proxy().build().expect("a client");
    let token = token();
    for click in 0..CLICKS {
        for (door, took) in doors.iter().zip(&mut took) {
            let waited = kick(&http, door, &token, click).await;
            // The first are for connections, plans and permits.
            if click >= CLICKS / 10 {
                took.push(waited);
            }
        }
    }
    stop.cancel();
    servers.join_all().await;
    report(&mut took)
}

fn report(took: &mut [Vec<Duration>; 3]) -> ExitCode {
    println!("| gateway | p50 | p99 |\n|---|---|---|");
    let mut medians = Vec::new();
    for ((name, _), took) in GATEWAYS.iter().zip(took) {
        took.sort_unstable();
        let [p50, p99] = [50, 99].map(|percent| took[took.len() * percent / 100]);
        println!("| {name} | {p50:.3?} | {p99:.3?} |");
        medians.push(p50);
    }
    let cost = medians[2].saturating_sub(medians[1]);
    println!("the limit costs {cost:.3?} at the median");
    if cost <= MOST {
        ExitCode::SUCCESS
    } else {
        println!("that is more than {MOST:?}");
        ExitCode::FAILURE
    }
}

fn local_postgres() -> LocalPostgres {
    let options = Options {
        directory: Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-clicks"),
        lifetime: Lifetime::Temporary,
        // The disk would be most of what is measured.
        settings: vec!["fsync=off".to_owned()],
    };
    LocalPostgres::create(options).expect("a local server starts")
}

async fn migrated(server: &str) -> String {
    let options: PgConnectOptions = server.parse().expect("it is a URL");
    let mut sql = PgConnection::connect_with(&options)
        .await
        .expect("Postgres answers");
    for statement in [
        "drop database if exists modgate_bench_clicks",
        "create database modgate_bench_clicks",
    ] {
        let done = sqlx::raw_sql(statement).execute(&mut sql).await;
        done.expect("Postgres does it");
    }
    let url = options.database("modgate_bench_clicks").to_url_lossy();
    let done = modgate::db::migrate(&SecretString::from(url.as_str()), &|_| {}).await;
    done.expect("the migrations run");
    url.to_string()
}

/// Where its kicks are asked for.
async fn start(
    url: &str,
    simulator: &Simulator,
    further: &[(&str, &str)],
    servers: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> String {
    let (tencent, app) = (simulator.url(), SDK_APP_ID.to_string());
    let variables = [
        ("MODGATE_LISTEN", "127.0.0.1:0"),
        ("MODGATE_OPS_LISTEN", "127.0.0.1:0"),
        ("MODGATE_DATABASE_URL", url),
        ("MODGATE_TENCENT_URL", tencent.as_str()),
        ("MODGATE_TENCENT_SDK_APP_ID", app.as_str()),
        ("MODGATE_TENCENT_SECRET_KEY", SECRET),
        ("MODGATE_TENCENT_QPS", "3000"),
        ("MODGATE_MODERATOR_QPS", "1000000"),
        ("MODGATE_QUEUE_TIMEOUT", "30s"),
        ("MODGATE_JWT_ISSUER", "bench"),
        ("MODGATE_JWT_AUDIENCE", "modgate"),
        ("MODGATE_JWT_SECRET", SECRET),
    ];
    let all = variables.iter().chain(further);
    let environment = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut settings = Settings::read(&environment.collect()).expect("they are right");
    settings.limit.cold_start = Duration::ZERO;
    let server = Server::bind(settings).await.expect("the gateway starts");
    let door = format!("http://{}/v1/actions/kick_login", server.addr());
    let stopped = stop.clone().cancelled_owned();
    servers.spawn(async move { server.run(stopped).await.expect("the gateway runs") });
    door
}

async fn kick(http: &Client, door: &str, token: &str, click: usize) -> Duration {
    let body = format!(r#"{{"user_id":"user{click}"}}"#);
    let request = http.post(door).bearer_auth(token);
    let request = request.header(CONTENT_TYPE, "application/json").body(body);
    let began = Instant::now();
    let answer = request.send().await.expect("it is answered");
    let status = answer.status();
    let text = answer.text().await.expect("to its end");
    assert!(status.is_success(), "{text}");
    began.elapsed()
}

fn token() -> String {
    let minter = Minter::from_secret(&SecretString::from(SECRET)).expect("it is long enough");
    let claims = Claims {
        issuer: "bench".to_owned(),
        audience: vec!["modgate".to_owned()],
        subject: "alice".to_owned(),
        name: None,
        scopes: vec!["action:kick_login".to_owned()],
        ttl: Duration::from_hours(1),
        now: Utc::now(),
    };
    let token = minter.mint(&claims).expect("the claims are plain");
    token.expose_secret().to_owned()
}
