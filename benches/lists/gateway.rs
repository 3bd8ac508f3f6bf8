//! A gateway over a loaded record.

use std::time::{Duration, Instant};

use chrono::Utc;
use modgate::auth::mint::{Claims, Minter};
use modgate::config::Settings;
use modgate::server::Server;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a-secret-that-is-only-for-benchmarks-0123456789";

/// A gateway that nobody else uses, and a connection to its record.
pub(crate) struct Gateway {
    sql: PgConnection,
    http: Client,
    base: String,
}

impl Gateway {
    /// It only reads: there is no Tencent behind it.
    pub(crate) async fn start(
        url: &str,
        servers: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Self {
        let variables = [
            ("MODGATE_LISTEN", "127.0.0.1:0"),
            ("MODGATE_OPS_LISTEN", "127.0.0.1:0"),
            ("MODGATE_DATABASE_URL", url),
            ("MODGATE_TENCENT_URL", "http://127.0.0.1:9"),
            ("MODGATE_TENCENT_SDK_APP_ID", "1400000001"),
            ("MODGATE_TENCENT_SECRET_KEY", SECRET),
            ("MODGATE_JWT_ISSUER", "bench"),
            ("MODGATE_JWT_AUDIENCE", "modgate"),
            ("MODGATE_JWT_SECRET", SECRET),
        ];
        let mut sql = connect(url).await;
        // The rows are no gateway's, and to seal twenty million of them is not what is measured.
        let lock = "begin; lock table modgate.seal_lock in share row exclusive mode";
        run(&mut sql, lock.to_owned()).await;
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::read(&variables.into_iter().collect());
        let server = Server::bind(settings.expect("they are right")).await;
        let server = server.expect("the gateway starts");
        let base = format!("http://{}", server.addr());
        let stopped = stop.clone().cancelled_owned();
        servers.spawn(async move { server.run(stopped).await.expect("the gateway runs") });
        Self {
            sql,
            http: auditor(),
            base,
        }
    }

    /// Until recovery has looked at the whole year once, anything in it might be pending.
    pub(crate) async fn wait_for_recovery(&self) {
        let (began, quick) = (Instant::now(), Duration::from_millis(100));
        // More than are pending, so that none is left to be looked for.
        let pending = "/v1/actions?state=pending&limit=200";
        while !self.get(pending).await.is_ok_and(|took| took < quick) {
            let patience = Duration::from_mins(5);
            assert!(began.elapsed() < patience, "recovery takes too long");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        println!("swept once after {:.0} s", began.elapsed().as_secs_f64());
    }

    /// How long it takes until the whole answer is there.
    pub(crate) async fn get(&self, path: &str) -> Result<Duration, String> {
        let began = Instant::now();
        let answer = self.http.get(format!("{}{path}", self.base)).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() {
            Ok(began.elapsed())
        } else {
            Err(format!("{path}: {status} {body}"))
        }
    }

    /// What the record holds.
    pub(crate) async fn values(&mut self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        let values = sqlx::query_scalar(query).fetch_all(&mut self.sql).await;
        values.expect("the record can be asked")
    }
}

/// Someone who may see everything, restrictions too.
fn auditor() -> Client {
    let scopes = [
        "audit:read",
        "action:mute_user",
        "action:mute_member",
        "action:ban_member",
    ];
    let claims = Claims {
        issuer: "bench".to_owned(),
        audience: vec!["modgate".to_owned()],
        subject: "auditor".to_owned(),
        name: None,
        scopes: scopes.map(str::to_owned).into(),
        ttl: Duration::from_hours(2),
        now: Utc::now(),
    };
    let minter = Minter::from_secret(&SecretString::from(SECRET)).expect("it is long enough");
    let token = minter.mint(&claims).expect("the claims are plain");
    let bearer = format!("Bearer {}", token.expose_secret());
    let headers = [(AUTHORIZATION, bearer.parse().expect("it is ASCII"))];
    let client = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10));
    let client = client.default_headers(HeaderMap::from_iter(headers));
    client.build().expect("a plain HTTP client")
}

/// The URL of a new database with a year of that many actions.
pub(crate) async fn load(server: &str, actions: u64) -> String {
    let name = format!("modgate_bench_{actions}");
    let mut sql = connect(server).await;
    run(&mut sql, format!("drop database if exists {name}")).await;
    run(&mut sql, format!("create database {name}")).await;
    let options: PgConnectOptions = server.parse().expect("it has just connected");
    let url = options.database(&name).to_url_lossy().to_string();
    let migrated = modgate::db::migrate(&SecretString::from(url.as_str()), &|_| {}).await;
    migrated.expect("the migrations run");
    let began = Instant::now();
    let mut sql = connect(&url).await;
    let script = include_str!("../record.sql").replace(":months", "12");
    run(&mut sql, script.replace(":actions", &actions.to_string())).await;
    run(&mut sql, include_str!("../users.sql").to_owned()).await;
    for table in ["action", "event"] {
        run(&mut sql, format!("vacuum (analyze) audit.{table}")).await;
    }
    let size = sqlx::query_scalar("select pg_size_pretty(pg_database_size(current_database()))");
    let size: String = size.fetch_one(&mut sql).await.expect("Postgres answers");
    let took = began.elapsed().as_secs_f64();
    println!("loaded {actions} actions in {took:.0} s: {size}");
    url
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("Postgres answers")
}

async fn run(sql: &mut PgConnection, statement: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(sql).await;
    done.expect("Postgres does it");
}
