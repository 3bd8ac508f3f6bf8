//! What a developer's machine and the tests need around the gateway: a PostgreSQL that is there, and is gone afterwards.
//!
//! Nothing in here is used by the gateway itself. `modgate-dev` takes a [`Database`] that keeps its data between runs;
//! the tests start [`LocalPostgres`] clusters of their own, stop them at an unkind moment and freeze them.
//!
//! Why a shell stands between this process and the server: Rust drops no
//! statics, and nothing at all runs after `kill -9`. The shell reads a pipe whose other end only this process holds, so
//! however this process ends, the pipe closes, and the shell stops the server.
//!
//! Everything here blocks (for a second or so at the first start). Call it from `spawn_blocking` where that matters.

mod account;
mod database;
mod directory;
mod docker;
mod local;
mod programs;
mod supervisor;

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::Output,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret as _, SecretString};

pub use self::{
    database::Database,
    docker::DockerPostgres,
    local::{Lifetime, LocalPostgres, Options},
};

/// The official image that is used where a container is wanted; the tests and the compose file name the same.
pub const POSTGRES_IMAGE: &str = "postgres:15-bookworm";

/// The longest wait for a server to accept connections: creating a data directory in a container on a slow machine takes some.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// How a PostgreSQL server is told to stop ("Shutting Down the Server" in its manual).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// SIGINT: sessions are ended, a checkpoint is written.
    Fast,
    /// SIGQUIT: as in a crash, the next start recovers from the log.
    Immediate,
}

impl Mode {
    fn as_order(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither on PATH nor where Debian puts them.
    #[error(
        "no PostgreSQL server programs found (initdb, postgres, pg_ctl): install postgresql, or put them on PATH"
    )]
    NoBinaries,
    /// `docker` is missing, or its daemon does not answer.
    #[error("docker is not usable: {0}")]
    NoDocker(String),
    /// Root may not run PostgreSQL, and neither `postgres` nor `nobody` is an account here.
    #[error("PostgreSQL does not run as root, and there is no account named postgres or nobody")]
    NoAccount,
    /// Another process works with the same directory.
    #[error("{0} is in use by another process of modgate")]
    InUse(String),
    /// A program ended with an error; what it wrote is included.
    #[error("{program} failed: {output}")]
    Failed {
        /// The program's name.
        program: &'static str,
        /// What it wrote to both of its outputs.
        output: String,
    },
    /// The server did not accept connections in time, or ended; the end of its log is included.
    #[error("PostgreSQL did not become ready: {log}")]
    NotReady {
        /// The last lines of the server's log.
        log: String,
    },
    /// The operating system refused something.
    #[error("could not {attempted}")]
    Io {
        /// What was attempted, in a few words.
        attempted: &'static str,
        /// The refusal.
        #[source]
        source: io::Error,
    },
}

/// For `map_err`: an [`Error::Io`] that says what was attempted.
fn io_error(attempted: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { attempted, source }
}

fn check_success(program: &'static str, output: &Output) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    Err(Error::Failed {
        program,
        output: String::from_utf8_lossy(&text).trim().to_owned(),
    })
}

/// The secret in this file; when there is none yet, 128 random bits in hexadecimal that are written to it, readable by
/// its owner alone.
pub fn kept_secret(path: &Path) -> Result<SecretString, Error> {
    if let Ok(secret) = fs::read_to_string(path) {
        return Ok(secret.into());
    }
    let secret = SecretString::from(format!(
        "{:032x}{:032x}",
        rand::random::<u128>(),
        rand::random::<u128>()
    ));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(secret.expose_secret().as_bytes()))
        .map_err(io_error("keep a secret"))?;
    Ok(secret)
}

/// A free port on the loopback address, below the ports that the kernel gives to outgoing connections: one of those
/// must not take the port while the server is stopped for a moment.
pub fn free_port() -> Result<u16, Error> {
    let taken = || io::Error::from(io::ErrorKind::AddrInUse);
    (0..100)
        .map(|_| rand::random_range(15_000..32_000_u16))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(taken)
        .map_err(io_error("find a free port"))
}

/// Waits until the server at this port asks for a password, which it does only once it accepts sessions; `ended` is
/// asked between the tries and says whether waiting is pointless.
fn wait_until_ready(port: u16, ended: impl Fn() -> bool) -> Result<(), Error> {
    let give_up = Instant::now() + READY_WITHIN;
    while !asks_for_a_password(port).unwrap_or(false) {
        if ended() || Instant::now() > give_up {
            return Err(Error::NotReady { log: String::new() });
        }
        std::thread::sleep(Duration::from_millis(15));
    }
    Ok(())
}

/// Sends a startup message, protocol 3.0 ("Message Formats" in the manual), and looks at the first byte of the answer:
/// `R` is an authentication request, `E` an error such as "the database system is starting up".
fn asks_for_a_password(port: u16) -> io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    connection.set_read_timeout(Some(Duration::from_secs(1)))?;
    connection.write_all(b"\x00\x00\x00\x17\x00\x03\x00\x00user\x00postgres\x00\x00")?;
    let mut kind = [0];
    connection.read_exact(&mut kind)?;
    Ok(kind == *b"R")
}
