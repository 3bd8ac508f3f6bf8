//! The commands. Each asks only for the settings it uses; all faults of those come at once.

mod brake;
mod check;
mod decide;
mod healthcheck;
mod kept;
mod output;
mod retain;
mod serve;
mod token;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::variables::Variable;
use crate::config::{self, Environment};
use crate::db;
use crate::domain::{Brake, Kind};
use crate::http;
use crate::telemetry::causes;

/// A gateway between moderation dashboards and Tencent Chat: authorised, paced, recorded.
///
/// Settings are environment variables; see the README, or `modgate check`.
#[derive(Debug, Parser)]
#[command(name = "modgate", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (the default).
    Serve,
    /// Print the settings in effect, secrets hidden, and every fault in them.
    Check(check::Arguments),
    /// Bring the database schema to this build's version.
    Migrate,
    /// Check the record against its seals: exit code 0 intact, 1 tampered, 2 not checked, 3 intact except for
    /// decisions that its owner has recorded.
    Verify(verify::Verify),
    /// Print the heads of the seals, one JSON object a line, to be kept outside; or resume sealing after a
    /// break.
    Seals(verify::Seals),
    /// Stop actions at every replica: all, of a kind, or of a moderator. Only `thaw` ends it.
    Freeze(brake::Arguments),
    /// End a freeze of exactly this scope, whoever made it.
    Thaw(brake::Arguments),
    /// Record that a row which no gateway wrote is known.
    Acknowledge(decide::Acknowledge),
    /// Write the whole record as newline-delimited JSON that `verify --from` can check.
    Export(verify::Export),
    /// Drop the months that `MODGATE_RETENTION` does not keep.
    Retain(retain::Arguments),
    /// Ask the operations port of a service on this machine whether it is alive.
    Healthcheck,
    /// Print the OpenAPI document of the API.
    Openapi,
    /// Make a token for development.
    Token(token::Arguments),
}

/// Why a command failed; displayed on standard error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl Failed {
    fn because(error: &dyn std::error::Error) -> Self {
        Self(causes(error))
    }

    /// The same, but names the variable that led to the database, if that is what cannot be used.
    fn at(variable: Variable, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut errors = std::iter::successors(Some(error), |error| error.source());
        if errors.any(<dyn std::error::Error>::is::<db::Error>) {
            Self(format!("{variable}: {}", causes(error)))
        } else {
            Self::because(error)
        }
    }
}

impl From<config::Faults> for Failed {
    fn from(faults: config::Faults) -> Self {
        Self(format!("the settings have faults:\n{faults}"))
    }
}

/// Runs the command of this process' command line.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let environment = Environment::of_this_process();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output::note(format_args!("cannot start threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        let done = match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::serve(&environment).await,
            Command::Check(arguments) => check::check(&environment, &arguments).await,
            Command::Migrate => migrate(&environment).await,
            Command::Verify(arguments) => return verify::verify(&environment, &arguments).await,
            Command::Seals(arguments) => verify::seals(&environment, &arguments).await,
            Command::Freeze(arguments) => {
                brake::brake(&environment, Brake::Freeze, &arguments).await
            }
            Command::Thaw(arguments) => brake::brake(&environment, Brake::Thaw, &arguments).await,
            Command::Acknowledge(arguments) => decide::acknowledge(&environment, &arguments).await,
            Command::Export(arguments) => verify::export(&environment, &arguments).await,
            Command::Retain(arguments) => retain::retain(&environment, &arguments).await,
            Command::Healthcheck => healthcheck::healthcheck(&environment).await,
            Command::Openapi => output::line(format_args!("{:#}", http::document(Kind::ALL))),
            Command::Token(arguments) => token::print(&environment, &arguments),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failed) => {
                output::note(failed);
                ExitCode::FAILURE
            }
        }
    });
    // Work that is still stuck, on a frozen database say, must not hold the process.
    runtime.shutdown_background();
    done
}

async fn migrate(environment: &Environment) -> Result<(), Failed> {
    let url = config::migration_url(environment)?;
    let variable = config::owner_variable(environment);
    let mended = db::migrate(&url, &say_waits).await;
    for fault in mended.map_err(|error| Failed::at(variable, &error))? {
        output::line(format_args!("mended: {fault}"))?;
    }
    output::line(concat!(
        "the database has the schema of modgate ",
        env!("CARGO_PKG_VERSION")
    ))
}

/// A command that does nothing should say why.
fn say_waits(blocker: &db::Blocker) {
    output::note(format_args!("waiting for a lock: {blocker}"));
}
