//! Everything on one machine, nothing configured: a database, the Tencent simulator and the gateway, for whoever works
//! on the gateway or on a dashboard.
//!
//! `cargo dev` runs it. The data stay in `target/dev` between runs; Ctrl-C stops all of it.

use std::{
    error::Error,
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use chrono::Utc;
use modgate::{
    auth::mint::{Claims, Minter},
    config::{Environment, Settings},
    dev::{Database, kept_secret},
    domain::Scope,
    server::Server,
    simulator::{self, Simulator},
    telemetry,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::signal::unix::{SignalKind, signal};

const ISSUER: &str = "modgate-dev";
const AUDIENCE: &str = "modgate";
const SDK_APP_ID: u32 = 1_400_000_000;
const TOKEN_TTL: Duration = Duration::from_hours(12);

const MODERATOR: (&str, &str) = ("alice", "Alice (moderator)");
const AUDITOR: (&str, &str) = ("bob", "Bob (auditor)");
const LEAD: (&str, &str) = ("carol", "Carol (lead)");

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    complain(&*error);
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error>> {
    let process = Environment::of_this_process();
    let directory = data_directory()?;
    let jwt_secret = kept_secret(&directory.join("jwt-secret"))?;
    let given = process.get("MODGATE_DATABASE_URL").map(SecretString::from);
    let for_database = directory.clone();
    let database = tokio::task::spawn_blocking(move || Database::provide(given, &for_database));
    let database = database.await??;
    kept_secret(&directory.join("seal-key"))?;
    let simulator = start_simulator(&kept_secret(&directory.join("tencent-secret-key"))?)?;
    let mut settings = settings(&process, &directory, &database, &simulator)?;
    // The simulator has just begun: nobody can have called it before.
    settings.limit.cold_start = Duration::ZERO;
    let traces = telemetry::init(&settings.log)?;

    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let server = Server::bind(settings).await?;
    announce(
        &server,
        &database,
        &simulator,
        &Minter::from_secret(&jwt_secret)?,
    )?;
    let asked_to_stop = async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    server.run(asked_to_stop).await?;
    if let Some(traces) = traces {
        traces.close().await;
    }
    // Only now: the gateway records its last outcomes while it stops.
    drop(simulator);
    tokio::task::spawn_blocking(|| drop(database)).await?;
    Ok(())
}

/// The directory named on the command line, else `dev` beside the directory of this program:
/// `target/dev`, wherever cargo's target directory is.
fn data_directory() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program
        .parent()
        .and_then(Path::parent)
        .unwrap_or(Path::new("target"));
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    if given
        .as_ref()
        .is_some_and(|given| given.as_os_str().as_encoded_bytes().starts_with(b"-"))
    {
        let usage = "modgate-dev takes no options, only the directory for its data";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, usage));
    }
    let directory = given.unwrap_or_else(|| target.join("dev"));
    fs::create_dir_all(&directory)?;
    fs::canonicalize(directory)
}

/// The usual port, unless it is taken.
fn address(port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpListener::bind(usual).is_ok() {
        usual
    } else {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }
}

fn start_simulator(secret_key: &SecretString) -> Result<Simulator, simulator::Error> {
    Simulator::start(simulator::Settings {
        listen: address(7000),
        control_listen: address(7001),
        ..simulator::Settings::new(SDK_APP_ID, secret_key.clone())
    })
}

/// What the gateway would be told by its environment.
fn settings(
    process: &Environment,
    directory: &Path,
    database: &Database,
    simulator: &Simulator,
) -> Result<Settings, Box<dyn Error>> {
    let file = |name: &str| directory.join(name).to_string_lossy().into_owned();
    let variables = [
        ("MODGATE_LISTEN", address(8080).to_string()),
        ("MODGATE_OPS_LISTEN", address(9090).to_string()),
        ("MODGATE_DATABASE_URL", database.url()),
        ("MODGATE_MIGRATE", "true".to_owned()),
        ("MODGATE_TENCENT_URL", simulator.url()),
        ("MODGATE_TENCENT_SDK_APP_ID", SDK_APP_ID.to_string()),
        (
            "MODGATE_TENCENT_SECRET_KEY_FILE",
            file("tencent-secret-key"),
        ),
        ("MODGATE_JWT_ISSUER", ISSUER.to_owned()),
        ("MODGATE_JWT_AUDIENCE", AUDIENCE.to_owned()),
        ("MODGATE_JWT_SECRET_FILE", file("jwt-secret")),
        ("MODGATE_SEAL_KEY_FILE", file("seal-key")),
        (
            "MODGATE_LOG",
            process.get("MODGATE_LOG").unwrap_or("info").to_owned(),
        ),
        (
            "MODGATE_LOG_FORMAT",
            process
                .get("MODGATE_LOG_FORMAT")
                .unwrap_or("text")
                .to_owned(),
        ),
    ];
    Ok(Settings::read(&variables.into_iter().collect())?)
}

fn complain(error: &dyn Error) {
    let _ = writeln!(io::stderr(), "modgate-dev: {}", telemetry::causes(error));
}

/// Where everything is. Whoever reads it may be gone, as in `modgate-dev | head -1`: the rest goes on.
fn announce(
    server: &Server,
    database: &Database,
    simulator: &Simulator,
    minter: &Minter,
) -> Result<(), Box<dyn Error>> {
    let brakes = [Scope::FREEZE, Scope::THAW];
    let of_others = |scope: &Scope| *scope == Scope::AUDIT_READ || brakes.contains(scope);
    let acts = Scope::all().iter().copied();
    let acts: Vec<Scope> = acts.filter(|scope| !of_others(scope)).collect();
    let moderator = token(minter, MODERATOR, &acts)?;
    let auditor = token(minter, AUDITOR, &[Scope::AUDIT_READ])?;
    let lead = token(minter, LEAD, &brakes)?;
    let (gateway, operations) = (server.addr(), server.ops_addr());
    let (simulator, control) = (simulator.url(), simulator.control_url());
    let (url, actions) = (database.url(), format!("http://{gateway}/v1/actions"));
    let login = post(
        &moderator,
        &format!("{actions}/kick_login"),
        r#"{"user_id":"user1","reason":"spam"}"#,
    );
    let seat = post(
        &moderator,
        &format!("{actions}/kick_seat"),
        r#"{"room_id":"room-test","user_id":"user2","data":"time over","reason":"spam"}"#,
    );
    let text = format!(
        "\
gateway       http://{gateway}  (/docs: a page to try it)
operations    http://{operations}  (/livez, /readyz, /metrics)
simulator     {simulator}  control {control}
database      {database}: psql '{url}'
moderator     {moderator}
auditor       {auditor}
lead          {lead}  (may freeze and thaw)

All tokens are valid for 12 hours. To try it, paste:

{login}

{seat}

curl -sS -H 'Authorization: Bearer {auditor}' '{actions}?limit=10'

Ctrl-C stops everything; the data stay.
"
    );
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn post(token: &str, url: &str, body: &str) -> String {
    format!(
        "curl -sS -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' {url} -d '{body}'"
    )
}

fn token(
    minter: &Minter,
    (subject, name): (&str, &str),
    scopes: &[Scope],
) -> Result<String, Box<dyn Error>> {
    let claims = Claims {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        subject: subject.to_owned(),
        name: Some(name.to_owned()),
        scopes: scopes
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect(),
        ttl: TOKEN_TTL,
        now: Utc::now(),
    };
    Ok(minter.mint(&claims)?.expose_secret().to_owned())
}
