//! The Tencent simulator as a program, for compose and for whoever develops a dashboard.

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Parser;
use modgate::simulator::{self, Settings, Simulator};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for Tencent Chat's REST API, with scripted faults over a control port.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the REST API listens.
    #[arg(long, default_value = "127.0.0.1:7000")]
    listen: SocketAddr,
    /// Where the control port listens.
    #[arg(long, default_value = "127.0.0.1:7001")]
    control_listen: SocketAddr,
    /// The one app there is.
    #[arg(long)]
    sdk_app_id: u32,
    /// The app's secret key.
    #[arg(
        long,
        required_unless_present = "secret_key_file",
        conflicts_with = "secret_key_file"
    )]
    secret_key: Option<SecretString>,
    /// A file with the app's secret key; white space around it is ignored.
    #[arg(long)]
    secret_key_file: Option<PathBuf>,
    /// An administrator; may be repeated.
    #[arg(long, default_value = "administrator")]
    admin: Vec<String>,
    /// Calls of one API in any one second before the answer is 60007.
    #[arg(long, default_value_t = 200)]
    limit: usize,
    /// Calls are counted, but none is answered 60007 for their number.
    #[arg(long, conflicts_with = "limit")]
    unlimited: bool,
    /// Only accounts, rooms and seats declared over the control port exist.
    #[arg(long)]
    closed_world: bool,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the secret key file")]
    SecretKeyFile(#[source] io::Error),
    #[error(transparent)]
    Simulator(#[from] simulator::Error),
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let secret_key = match (arguments.secret_key, arguments.secret_key_file) {
        (Some(secret_key), _) => secret_key,
        (None, path) => read_secret_key(&path.unwrap_or_default())?,
    };
    let simulator = Simulator::start(Settings {
        listen: arguments.listen,
        control_listen: arguments.control_listen,
        admins: arguments.admin,
        limit: (!arguments.unlimited).then_some(arguments.limit),
        open_world: !arguments.closed_world,
        ..Settings::new(arguments.sdk_app_id, secret_key)
    })?;
    announce(&simulator);
    wait_for_signal().await.map_err(Error::Signals)
}

fn read_secret_key(path: &Path) -> Result<SecretString, Error> {
    let text = fs::read_to_string(path).map_err(Error::SecretKeyFile)?;
    Ok(SecretString::from(text.trim()))
}

/// The one line is for scripts. Where nobody reads it, the simulator runs all the same.
fn announce(simulator: &Simulator) {
    let (url, control) = (simulator.url(), simulator.control_url());
    let _ = writeln!(io::stdout(), "tencent-sim {url} control {control}");
}

async fn wait_for_signal() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
