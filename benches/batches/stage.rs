//! Replicas on a database of their own, Tencent behind them, and people in front.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use modgate::auth::mint::{Claims, Minter};
use modgate::simulator::{self, Latency, Simulator};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::replica::Replica;

const SECRET: &str = "a-secret-that-is-only-for-benchmarks-0123456789";
const SEED: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
const SDK_APP_ID: u32 = 1_400_000_001;

/// Calls of one API in a second: the default.
pub(crate) const N: u32 = 200;

/// How long an answer of Tencent's takes, there and back.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);

/// Everything that is measured at once.
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) http: Client,
}

impl Stage {
    pub(crate) async fn new(server: &str, name: &str, replicas: usize) -> Self {
        let url = migrated(server, name).await;
        let mut settings = simulator::Settings::new(SDK_APP_ID, SecretString::from(SECRET));
        settings.limit = None;
        let simulator = Simulator::start(settings).expect("it starts on free ports");
        let way = LATENCY / 2..=LATENCY / 2;
        simulator.set_latency(Latency {
            before: way.clone(),
            after: way,
        });
        let http = Client::builder().no_proxy().build().expect("a client");
        let variables = variables(&url, &simulator);
        let mut started = Vec::new();
        for _ in 0..replicas {
            started.push(Replica::start(&variables, &http).await);
        }
        Self {
            simulator,
            replicas: started,
            http,
        }
    }

    /// A request of somebody's, to the replica of this number or one that takes its place.
    pub(crate) fn request(
        &self,
        replica: usize,
        method: Method,
        path: &str,
        token: &str,
    ) -> RequestBuilder {
        let addr = self.replicas[replica % self.replicas.len()].addr;
        let request = self.http.request(method, format!("http://{addr}{path}"));
        request.bearer_auth(token)
    }

    /// Submits login and seat kicks in turn. Its id.
    pub(crate) async fn submit(&self, items: usize, token: &str) -> String {
        let of = |number: usize| {
            let user = format!("item{number}");
            if number.is_multiple_of(2) {
                json!({"kind": "kick_login", "user_id": user})
            } else {
                json!({"kind": "kick_seat", "room_id": "room", "user_id": user, "data": "a raid"})
            }
        };
        let actions: Vec<Value> = (0..items).map(of).collect();
        let request = self.request(0, Method::POST, "/v1/batches", token);
        let request = request
            .header("Idempotency-Key", "the-batch")
            .header(CONTENT_TYPE, "application/json");
        let body = json!({"reason": "a raid", "actions": actions}).to_string();
        let batch = answer(request.body(body)).await;
        batch["id"].as_str().expect("it has one").to_owned()
    }

    /// Waits until all of its items have ended, which they must have done well.
    pub(crate) async fn until_done(&self, batch: &str, token: &str) {
        loop {
            let path = format!("/v1/batches/{batch}");
            let seen = answer(self.request(0, Method::GET, &path, token)).await;
            let state = seen["state"].as_str().expect("it has one");
            if state == "done" {
                assert_eq!(seen["counts"]["succeeded"], seen["total"], "{seen}");
                return;
            }
            assert!(["queued", "running"].contains(&state), "{seen}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// The most memory that any of them ever had, in megabytes.
    pub(crate) fn most_megabytes(&self) -> u64 {
        let all = self.replicas.iter().map(Replica::most_megabytes);
        all.max().expect("there is one")
    }
}

/// The answer to a request that does what it asks for.
pub(crate) async fn answer(request: RequestBuilder) -> Value {
    let answer = request.send().await.expect("it is answered");
    let status = answer.status();
    let text = answer.text().await.expect("to its end");
    assert!(status.is_success(), "{status} {text}");
    serde_json::from_str(&text).expect("it is JSON")
}

/// The token of somebody with these scopes.
pub(crate) fn token(subject: &str, scopes: &[&str]) -> String {
    let minter = Minter::from_secret(&SecretString::from(SECRET)).expect("it is long enough");
    let claims = Claims {
        issuer: "bench".to_owned(),
        audience: vec!["modgate".to_owned()],
        subject: subject.to_owned(),
        name: None,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ttl: Duration::from_hours(1),
        now: Utc::now(),
    };
    let token = minter.mint(&claims).expect("the claims are plain");
    token.expose_secret().to_owned()
}

fn variables(url: &str, simulator: &Simulator) -> BTreeMap<String, String> {
    let (tencent, app, calls) = (simulator.url(), SDK_APP_ID.to_string(), N.to_string());
    let variables = [
        ("MODGATE_LISTEN", "127.0.0.1:0"),
        ("MODGATE_OPS_LISTEN", "127.0.0.1:0"),
        ("MODGATE_DATABASE_URL", url),
        ("MODGATE_TENCENT_URL", tencent.as_str()),
        ("MODGATE_TENCENT_SDK_APP_ID", app.as_str()),
        ("MODGATE_TENCENT_SECRET_KEY", SECRET),
        ("MODGATE_TENCENT_QPS", calls.as_str()),
        ("MODGATE_SEAL_KEY", SEED),
        ("MODGATE_MODERATOR_QPS", "1000"),
        ("MODGATE_JWT_ISSUER", "bench"),
        ("MODGATE_JWT_AUDIENCE", "modgate"),
        ("MODGATE_JWT_SECRET", SECRET),
    ];
    let variables = variables.into_iter();
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The URL of a new database.
async fn migrated(server: &str, name: &str) -> String {
    let options: PgConnectOptions = server.parse().expect("it is a URL");
    let mut sql = PgConnection::connect_with(&options)
        .await
        .expect("Postgres answers");
    let name = format!("modgate_bench_batches_{name}");
    for statement in [
        format!("drop database if exists {name}"),
        format!("create database {name}"),
    ] {
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut sql);
        done.await.expect("Postgres does it");
    }
    let url = options.database(&name).to_url_lossy();
    let done = modgate::db::migrate(&SecretString::from(url.as_str()), &|_| {}).await;
    done.expect("the migrations run");
    url.to_string()
}
