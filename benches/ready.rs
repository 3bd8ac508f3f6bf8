//! How soon a gateway is ready: at its first start, and after one that was stopped cleanly.
//!
//! ```text
//! cargo bench --bench ready
//! ```
//!
//! On a migrated database of the server of `TEST_DATABASE_URL`, else of one from the programs installed here,
//! gone afterwards. From the start of the process to the first 200 of `/readyz`, asked for every 5 ms. Fails if
//! the median after a clean stop is 300 ms or more.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it is a program that prints figures, and is told by the environment where to run"
)]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use modgate::dev::{Lifetime, LocalPostgres, Options};
use reqwest::Client;
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

const SECRET: &str = "a-secret-that-is-only-for-benchmarks-0123456789";
const STARTS: usize = 20;
const MOST: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> ExitCode {
    let given = std::env::var("TEST_DATABASE_URL").ok();
    let local = given.is_none().then(local_postgres);
    let server = given.or_else(|| local.as_ref().map(LocalPostgres::url));
    let url = migrated(&server.expect("one or the other is there")).await;
    let http = Client::builder().no_proxy().build().expect("a client");
    println!(
        "first start: ready after {:?}",
        start_and_stop(&url, &http).await
    );
    let mut took = Vec::new();
    for _ in 0..STARTS {
        took.push(start_and_stop(&url, &http).await);
    }
    took.sort_unstable();
    let median = took[STARTS / 2];
    println!(
        "after a clean stop, {STARTS} times: ready after {:?} to {:?}, median {median:?}",
        took[0],
        took[STARTS - 1]
    );
    if median < MOST {
        ExitCode::SUCCESS
    } else {
        println!("that is more than {MOST:?}");
        ExitCode::FAILURE
    }
}

fn local_postgres() -> LocalPostgres {
    let options = Options {
        directory: Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-ready"),
        lifetime: Lifetime::Temporary,
        settings: vec![],
    };
    LocalPostgres::create(options).expect("a local server starts")
}

async fn migrated(server: &str) -> String {
    let mut sql = PgConnection::connect(server)
        .await
        .expect("Postgres answers");
    for statement in [
        "drop database if exists modgate_bench_ready",
        "create database modgate_bench_ready",
    ] {
        let done = sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut sql)
            .await;
        done.expect("Postgres does it");
    }
    let options: PgConnectOptions = server.parse().expect("it has just connected");
    let url = options
        .database("modgate_bench_ready")
        .to_url_lossy()
        .to_string();
    let done = modgate::db::migrate(&SecretString::from(url.as_str()), &|_| {}).await;
    done.expect("the migrations run");
    url
}

/// From the start of the process until it is ready.
async fn start_and_stop(url: &str, http: &Client) -> Duration {
    let (api, ops) = (free_port(), free_port());
    let began = Instant::now();
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_modgate"))
        .env_clear()
        .env("MODGATE_LISTEN", api.to_string())
        .env("MODGATE_OPS_LISTEN", ops.to_string())
        .env("MODGATE_DATABASE_URL", url)
        .env("MODGATE_TENCENT_URL", "http://127.0.0.1:9")
        .env("MODGATE_TENCENT_ALLOW_HTTP", "true")
        .env("MODGATE_TENCENT_SDK_APP_ID", "1400000001")
        .env("MODGATE_TENCENT_SECRET_KEY", SECRET)
        .env("MODGATE_LOG", "error")
        .env("MODGATE_JWT_ISSUER", "bench")
        .env("MODGATE_JWT_AUDIENCE", "modgate")
        .env("MODGATE_JWT_SECRET", SECRET)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the binary can be run");
    let ready = format!("http://{ops}/readyz");
    while !http
        .get(&ready)
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
    {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it does not get ready"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    terminate(&mut gateway);
    took
}

fn terminate(gateway: &mut Child) {
    let id = gateway.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status();
    assert!(
        sent.is_ok_and(|status| status.success()),
        "it can be stopped"
    );
    let status = gateway.wait().expect("it is a child");
    assert!(status.success(), "{status}");
}

/// One that nobody listens on at this moment.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    listener.local_addr().expect("it is bound")
}
