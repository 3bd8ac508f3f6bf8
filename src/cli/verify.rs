//! `modgate verify`, `modgate seals` and `modgate export`: the record, for auditors.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::Failed;
use crate::audit::verify::{Evidence, KeptHeads, database, file};
use crate::audit::{archive, seal};
use crate::config::{self, Environment};

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Check an export of `modgate export` instead of the database.
    #[arg(long = "from", value_name = "FILE")]
    export: Option<PathBuf>,
    /// Heads that were kept outside: lines of `modgate seals`, or the log of `modgate serve`.
    #[arg(long = "seal-file", value_name = "FILE")]
    kept: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Seals {
    /// Only the seals from this number on.
    #[arg(long, default_value_t = 1)]
    since: u64,
    /// Print the public key of `MODGATE_SEAL_KEY` in PEM instead.
    #[arg(long)]
    public_key: bool,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Exit code 0 if the record is intact, 1 if it was tampered with, 2 if it could not be checked.
pub(super) async fn verify(environment: &Environment, arguments: &Verify) -> ExitCode {
    match check(environment, arguments).await {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(!report.is_intact()))
        }
        Err(failed) => {
            eprintln!("modgate: {failed}");
            ExitCode::from(2)
        }
    }
}

async fn check(
    environment: &Environment,
    arguments: &Verify,
) -> Result<crate::audit::verify::Report, Failed> {
    let settings = config::verify_settings(environment, arguments.export.is_none())?;
    let mut evidence = Evidence {
        public_keys: settings.public_keys.and(settings.seal_keys.public_keys()),
        seal_keys: settings.seal_keys,
        kept: KeptHeads::default(),
    };
    if let Some(path) = &arguments.kept {
        let text = std::fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
        evidence.kept = KeptHeads::read(&text);
        if evidence.kept.is_empty() {
            return Err(Failed(format!("{} holds no heads", path.display())));
        }
    }
    let report = match (&arguments.export, &settings.database_url) {
        (Some(path), _) => {
            let export = File::open(path).map_err(|error| unusable(path, &error))?;
            file::verify(BufReader::new(export), evidence)
        }
        (None, Some(url)) => database::verify(url, evidence).await,
        (None, None) => return Err(Failed("MODGATE_DATABASE_URL: must be set".to_owned())),
    };
    report.map_err(|error| Failed::because(&error))
}

pub(super) async fn seals(environment: &Environment, arguments: &Seals) -> Result<(), Failed> {
    let mut out = BufWriter::new(stdout().lock());
    if arguments.public_key {
        let pem = config::seal_keys(environment)?.public_keys().first_pem();
        let pem = pem.ok_or_else(|| Failed("MODGATE_SEAL_KEY: must be set".to_owned()))?;
        return finish(out.write_all(pem.as_bytes()).and_then(|()| out.flush()));
    }
    let url = config::database_url(environment)?;
    let printed = seal::print_heads(&url, arguments.since, &mut out).await;
    printed.map_err(|error| Failed::because(&error))
}

pub(super) async fn export(environment: &Environment, arguments: &Export) -> Result<(), Failed> {
    let url = config::database_url(environment)?;
    let exported = match &arguments.output {
        Some(path) => {
            let file = File::create(path).map_err(|error| unusable(path, &error))?;
            archive::export(&url, &mut BufWriter::new(file)).await
        }
        None => archive::export(&url, &mut BufWriter::new(stdout().lock())).await,
    };
    let rows = exported.map_err(|error| Failed::because(&error))?;
    eprintln!("modgate: {rows} rows exported");
    Ok(())
}

fn unusable(path: &Path, error: &std::io::Error) -> Failed {
    Failed(format!("{}: {error}", path.display()))
}

fn finish(written: std::io::Result<()>) -> Result<(), Failed> {
    written.map_err(|error| Failed::because(&error))
}
