//! `modgate verify`, `modgate seals` and `modgate export`: the record, for auditors.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use uuid::Uuid;

use super::kept::{kept_heads, unusable};
use super::output::Stream;
use super::{Failed, decide, output};
use crate::audit::verify::{Evidence, KeptHeads, Verdict, database, file};
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
    /// The id of a decision that was reviewed: an accepted break, or an acknowledged row. May be repeated.
    #[arg(long, value_name = "ID")]
    accepted: Vec<Uuid>,
    /// Anything recorded from this time on that is not proven is a finding (RFC 3339).
    #[arg(long, value_name = "TIME")]
    proven_since: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
pub(super) struct Seals {
    /// Only the seals from this number on.
    #[arg(long, default_value_t = 1)]
    since: u64,
    /// Print the public key of `MODGATE_SEAL_KEY` in PEM instead.
    #[arg(long)]
    public_key: bool,
    /// Record that the chain of seals was broken, and that it goes on all the same: after a restore, or
    /// once it is known what happened. Takes the owner's database role and `MODGATE_SEAL_KEY`.
    #[arg(long, requires = "reason", conflicts_with_all = ["public_key", "since", "witness_init"])]
    accept_break: bool,
    /// Let `MODGATE_SEAL_WITNESS_FILE` begin with the newest seal that is there.
    #[arg(long, conflicts_with_all = ["public_key", "since"])]
    witness_init: bool,
    /// Heads that were kept outside, to find out what is lost: the log of `modgate serve`, or what
    /// `modgate seals` printed.
    #[arg(long = "seal-file", value_name = "FILE", requires = "accept_break")]
    kept: Option<PathBuf>,
    /// The first of the seals that no known key made, which then count no more.
    #[arg(long, value_name = "N", requires = "accept_break")]
    void_from: Option<u64>,
    /// Why the break is accepted; it is recorded.
    #[arg(long, requires = "accept_break", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Who decides; it is recorded. By default the user that the command runs as.
    #[arg(long, requires = "accept_break")]
    by: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Exit code 0 if the record is intact, 1 if it was tampered with, 2 if it could not be checked, 3 if
/// something was decided about it that is not among the arguments.
pub(super) async fn verify(environment: &Environment, arguments: &Verify) -> ExitCode {
    match check(environment, arguments).await {
        Ok(report) => {
            // What was found is in the exit code, too.
            output::line(&report).unwrap_or_else(output::note);
            ExitCode::from(match report.verdict() {
                Verdict::Intact => 0,
                Verdict::Tampered => 1,
                Verdict::Decided => 3,
            })
        }
        Err(failed) => {
            output::note(failed);
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
        accepted: arguments.accepted.clone(),
        now: None,
        proven_since: arguments.proven_since.map(|time| time.timestamp_micros()),
        kept: KeptHeads::default(),
    };
    if evidence.proven_since.is_some() && evidence.public_keys.is_empty() {
        let needed = "--proven-since: MODGATE_SEAL_PUBLIC_KEY_FILE or MODGATE_SEAL_KEY must be set";
        return Err(Failed(needed.to_owned()));
    }
    if let Some(path) = &arguments.kept {
        evidence.kept = kept_heads(path)?;
    }
    let report = match (&arguments.export, &settings.database_url) {
        (Some(path), _) => {
            let export = File::open(path).map_err(|error| unusable(path, &error))?;
            file::verify(BufReader::new(export), evidence)
        }
        (None, Some(url)) => database::verify(url, evidence).await,
        (None, None) => return Err(Failed("MODGATE_DATABASE_URL: must be set".to_owned())),
    };
    report.map_err(|error| Failed::at(config::SERVICE_URL, &error))
}

pub(super) async fn seals(environment: &Environment, arguments: &Seals) -> Result<(), Failed> {
    if let (true, Some(reason)) = (arguments.accept_break, arguments.reason.clone()) {
        let by = decide::By {
            reason,
            by: arguments.by.clone(),
        };
        let kept = arguments.kept.as_deref();
        return decide::accept_break(environment, &by, kept, arguments.void_from).await;
    }
    if arguments.witness_init {
        return decide::witness_init(environment).await;
    }
    if arguments.public_key {
        let pem = config::seal_keys(environment)?.public_keys().first_pem();
        let pem = pem.ok_or_else(|| Failed("MODGATE_SEAL_KEY: must be set".to_owned()))?;
        return output::line(pem.trim_end());
    }
    let url = config::database_url(environment)?;
    let mut out = Stream::new();
    let printed = seal::print_heads(&url, arguments.since, &mut out).await;
    let printed = out.unless_unread(printed);
    printed
        .map(drop)
        .map_err(|error| Failed::at(config::SERVICE_URL, &error))
}

pub(super) async fn export(environment: &Environment, arguments: &Export) -> Result<(), Failed> {
    let url = config::database_url(environment)?;
    let exported = if let Some(path) = &arguments.output {
        let file = File::create(path).map_err(|error| unusable(path, &error))?;
        let exported = archive::export(&url, &mut BufWriter::new(file)).await;
        exported.map(Some)
    } else {
        let mut out = Stream::new();
        let exported = archive::export(&url, &mut out).await;
        out.unless_unread(exported)
    };
    let exported = exported.map_err(|error| Failed::at(config::SERVICE_URL, &error))?;
    output::note(exported.map_or_else(
        || "the export ended early: nobody reads standard output".to_owned(),
        |rows| format!("{rows} rows exported"),
    ));
    Ok(())
}
