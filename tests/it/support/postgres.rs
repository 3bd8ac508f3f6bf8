//! The PostgreSQL that the tests run on.
//!
//! One server for the process, [`Cluster::shared`]: `TEST_DATABASE_URL` if it is set, else a container, else a server
//! from the programs installed here; what was taken is printed once. `MODGATE_TEST_POSTGRES=testcontainers` or `local`
//! forces one, and fails where it cannot be had. Tests that stop or freeze their server take one of their own,
//! [`Cluster::private`].
//!
//! Nothing stays behind, not even after `kill -9`, though no destructor of a static ever runs: each server has a guard,
//! a shell whose standard input this process holds open.

use std::{
    env, fmt,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    str::FromStr as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use modgate::dev::{self, Lifetime, LocalPostgres, Mode, Options, POSTGRES_IMAGE};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions,
};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt as _,
    core::{ExecCommand, IntoContainerPort as _, Mount},
    runners::AsyncRunner as _,
};
use tokio::{
    sync::OnceCell,
    task::spawn_blocking,
    time::{sleep, timeout},
};
use uuid::Uuid;

/// A container that does not run by then is not waited for: its image may not be to be had here.
const CONTAINER_WITHIN: Duration = Duration::from_secs(20);

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Many tests at once, and nothing that has to survive a crash. Whoever looks at plans analyzes the tables.
    Shared,
    /// One test, which may crash it: what was committed must still be there.
    Private,
}

impl Use {
    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Shared => &[
                "max_connections=500",
                "fsync=off",
                "full_page_writes=off",
                "max_wal_size=1GB",
                "autovacuum=off",
            ],
            Self::Private => &["max_connections=100", "fsync=on"],
        }
    }
}

/// Where the image keeps its data.
const DATA_OF_IMAGE: &str = "/var/lib/postgresql/data";

/// A file system in memory, on Linux.
const IN_MEMORY: &str = "/dev/shm";

/// How much must be free there, in MiB: six tests at a time use a tenth of it.
const ENOUGH: u64 = 6 * 1024;

/// A server, with its superuser's connection string.
#[derive(Debug)]
pub(crate) struct Cluster {
    url: String,
    server: Server,
    /// Whether it serves the whole process, so that a database must be dropped by itself.
    shared: bool,
}

#[derive(Debug)]
enum Server {
    External,
    Container {
        container: Box<ContainerAsync<GenericImage>>,
        _guard: Guard,
    },
    Local(Arc<Mutex<LocalPostgres>>),
}

/// A database of its own for one test: dropped with the value, unless the test panics.
#[derive(Debug)]
pub(crate) struct Database {
    /// The connection string, password included.
    pub(crate) url: String,
    name: String,
    /// Whom to ask to drop it; nobody when the whole server goes.
    administrator: Option<String>,
}

impl Cluster {
    /// The server of this process.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Cluster> = OnceCell::const_new();
        SHARED
            .get_or_init(async || {
                let cluster = match variable("TEST_DATABASE_URL") {
                    Some(url) => Self {
                        url,
                        server: Server::External,
                        shared: true,
                    },
                    None => Self {
                        shared: true,
                        ..Self::start_one(Use::Shared).await
                    },
                };
                announce(&format!("test database: {}", cluster.server));
                cluster
            })
            .await
    }

    /// A server that nobody else uses, to be stopped and frozen; it writes to disk as in production.
    pub(crate) async fn private() -> Self {
        Self::start_one(Use::Private).await
    }

    /// Makes an empty database, or a copy of the one named `template`, to which nobody may be connected.
    pub(crate) async fn create_database(&self, template: Option<&str>) -> Database {
        let name = format!("modgate_test_{}", Uuid::now_v7().simple());
        let template = template.unwrap_or("template0");
        run(
            &self.url,
            format!("create database {name} template {template}"),
        )
        .await
        .expect("create a database");
        let options =
            PgConnectOptions::from_str(&self.url).expect("the URL connected a moment ago");
        let url = options.database(&name).to_url_lossy().to_string();
        let administrator = self.shared.then(|| self.url.clone());
        Database {
            url,
            name,
            administrator,
        }
    }

    /// Ends all sessions, then the server.
    pub(crate) async fn stop_fast(&self) {
        match &self.server {
            Server::External => panic!("the shared server is not ours to stop"),
            Server::Container { container, .. } => {
                container
                    .stop_with_timeout(Some(60))
                    .await
                    .expect("stop the container");
            }
            Server::Local(postgres) => on(postgres, |postgres| postgres.stop(Mode::Fast)).await,
        }
    }

    /// Ends the server as a crash would.
    pub(crate) async fn stop_immediate(&self) {
        match &self.server {
            Server::External => panic!("the shared server is not ours to stop"),
            Server::Container { container, .. } => {
                // The answer is lost when the container ends before the command does.
                let _ = container
                    .exec(ExecCommand::new(["sh", "-c", "kill -s QUIT 1"]))
                    .await;
                while container.is_running().await.expect("look at the container") {
                    sleep(Duration::from_millis(20)).await;
                }
            }
            Server::Local(postgres) => {
                on(postgres, |postgres| postgres.stop(Mode::Immediate)).await;
            }
        }
    }

    /// Starts the server again, at the same address, and waits until it takes connections.
    pub(crate) async fn start(&self) {
        match &self.server {
            Server::External => panic!("the shared server is not ours to start"),
            Server::Container { container, .. } => {
                container.start().await.expect("start the container");
                wait_for_connections(&self.url).await;
            }
            Server::Local(postgres) => on(postgres, LocalPostgres::start).await,
        }
    }

    /// Connections stay open, and nothing answers.
    pub(crate) async fn freeze(&self) {
        match &self.server {
            Server::External => panic!("the shared server is not ours to freeze"),
            Server::Container { container, .. } => {
                // By signals, as local programs are: `docker pause` fails on a busy machine with the older cgroups.
                // The first process of all cannot be reached from inside, and no other may start after it was stopped.
                docker(&["kill", "--signal", "STOP", container.id()]).await;
                docker(&["exec", container.id(), "sh", "-c", "kill -STOP -1"]).await;
            }
            Server::Local(postgres) => on(postgres, LocalPostgres::freeze).await,
        }
    }

    /// Undoes [`freeze`](Self::freeze).
    pub(crate) async fn thaw(&self) {
        match &self.server {
            Server::External => panic!("the shared server is not ours to thaw"),
            Server::Container { container, .. } => {
                docker(&["exec", container.id(), "sh", "-c", "kill -CONT -1"]).await;
                docker(&["kill", "--signal", "CONT", container.id()]).await;
            }
            Server::Local(postgres) => on(postgres, LocalPostgres::thaw).await,
        }
    }

    async fn start_one(used: Use) -> Self {
        match variable("MODGATE_TEST_POSTGRES").as_deref() {
            Some("testcontainers") => Self::start_container(used)
                .await
                .expect("start a container"),
            Some("local") => Self::start_local(used).await,
            Some(other) => {
                panic!("MODGATE_TEST_POSTGRES is neither testcontainers nor local: {other}")
            }
            None => match Self::start_container(used).await {
                Ok(cluster) => cluster,
                Err(reason) => {
                    announce(&format!("no container for the tests: {reason}"));
                    Self::start_local(used).await
                }
            },
        }
    }

    async fn start_container(used: Use) -> Result<Self, String> {
        let name = format!("modgate-test-{}", Uuid::now_v7().simple());
        let guard = Guard::of_container(&name)?;
        let port = dev::free_port().map_err(|error| error.to_string())?;
        let password = Uuid::now_v7().simple().to_string();
        let (image, tag) = POSTGRES_IMAGE
            .split_once(':')
            .expect("the image is named with its tag");
        let settings = used.settings().iter().copied();
        let command = settings.flat_map(|setting| ["-c", setting]);
        let request = GenericImage::new(image, tag)
            .with_container_name(name)
            .with_mapped_port(port, 5432.tcp())
            .with_host_config_modifier(|host| {
                let bindings = host.port_bindings.iter_mut().flatten();
                for binding in bindings
                    .filter_map(|(_, bindings)| bindings.as_mut())
                    .flatten()
                {
                    binding.host_ip = Some("127.0.0.1".to_owned());
                }
            })
            .with_env_var("POSTGRES_PASSWORD", &password)
            .with_cmd(["postgres"].into_iter().chain(command));
        // What is in memory is gone when the container stops.
        let request = match used {
            Use::Shared => request.with_mount(Mount::tmpfs_mount(DATA_OF_IMAGE)),
            Use::Private => request,
        };
        let started = timeout(CONTAINER_WITHIN, request.start()).await;
        let container = started
            .map_err(|_| "it takes too long")?
            .map_err(|error| error.to_string())?;
        let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
        wait_for_connections(&url).await;
        let server = Server::Container {
            container: Box::new(container),
            _guard: guard,
        };
        Ok(Self {
            url,
            server,
            shared: false,
        })
    }

    async fn start_local(used: Use) -> Self {
        let directory = scratch().join(format!("modgate-test-{}", Uuid::now_v7().simple()));
        let settings = used.settings().iter().copied().map(str::to_owned).collect();
        let options = Options {
            directory,
            lifetime: Lifetime::Temporary,
            settings,
        };
        let postgres = spawn_blocking(|| LocalPostgres::create(options))
            .await
            .expect("not cancelled");
        let postgres = postgres.expect("start a local server");
        Self {
            url: postgres.url(),
            server: Server::Local(Arc::new(Mutex::new(postgres))),
            shared: false,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External => f.write_str("the one of TEST_DATABASE_URL"),
            Self::Container { .. } => write!(f, "testcontainers {POSTGRES_IMAGE}"),
            Self::Local(_) => f.write_str("local programs"),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(administrator) = self.administrator.take() else {
            return;
        };
        let name = self.name.clone();
        if std::thread::panicking() {
            announce(&format!(
                "the database {name} is kept (it outlives this process only with TEST_DATABASE_URL)"
            ));
            return;
        }
        // A thread, because the test's own runtime is occupied with this destructor.
        let drop_database = async move {
            timeout(
                Duration::from_secs(10),
                run(&administrator, format!("drop database {name} with (force)")),
            )
            .await
        };
        let dropped = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(drop_database)
        });
        if !matches!(dropped.join(), Ok(Ok(Ok(())))) {
            announce(&format!("the database {} could not be dropped", self.name));
        }
    }
}

/// Removes a container when this process ends, in whatever way.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    /// Before the container is there: a process that is killed while it starts one leaves none.
    fn of_container(name: &str) -> Result<Self, String> {
        let script = "cat >/dev/null; docker rm --force --volumes \"$0\"";
        let docker = Command::new("docker").arg("version").output();
        if !docker.is_ok_and(|docker| docker.status.success()) {
            return Err("docker does not answer".to_owned());
        }
        let mut guard = Command::new("sh");
        guard.args(["-c", script, name]).process_group(0);
        guard
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        guard.spawn().map(Self).map_err(|error| error.to_string())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Where the data of local servers are: in memory if there is room, and nobody has said where. Each test makes and
/// removes hundreds of files, and ext4 takes long to make some where it has just removed others.
fn scratch() -> PathBuf {
    let df = Command::new("df")
        .args(["--output=avail", "--block-size=1M", IN_MEMORY])
        .output();
    let told = df.map(|df| String::from_utf8_lossy(&df.stdout).into_owned());
    let free = told
        .ok()
        .and_then(|told| told.lines().last()?.trim().parse().ok());
    if variable("TMPDIR").is_none() && free.is_some_and(|free: u64| free >= ENOUGH) {
        PathBuf::from(IN_MEMORY)
    } else {
        env::temp_dir()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests are told by their environment where to run"
)]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Past libtest's capture, which would show it only if that one test failed.
fn announce(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn on(
    postgres: &Arc<Mutex<LocalPostgres>>,
    action: fn(&mut LocalPostgres) -> Result<(), dev::Error>,
) {
    let postgres = Arc::clone(postgres);
    let done =
        spawn_blocking(move || action(&mut postgres.lock().expect("no test panics in here")));
    done.await
        .expect("not cancelled")
        .expect("act on the local server");
}

async fn docker(arguments: &[&str]) {
    let mut command = tokio::process::Command::new("docker");
    let output = command.args(arguments).output().await;
    let output = output.expect("docker ran when the container was started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {said}");
}

async fn run(url: &str, statement: String) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

async fn wait_for_connections(url: &str) {
    let connect = async {
        while PgConnection::connect(url).await.is_err() {
            sleep(Duration::from_millis(30)).await;
        }
    };
    timeout(Duration::from_secs(30), connect)
        .await
        .expect("the server takes connections");
}
