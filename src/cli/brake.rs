//! `modgate freeze` and `modgate thaw`: by the record's owner, also where no replica answers.

use chrono::SecondsFormat;
use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use super::decide::{person, print_json};
use super::{Failed, output};
use crate::audit;
use crate::config::{self, Environment};
use crate::domain::{
    Brake, BrakeAuthor, BrakeRow, BrakeScope, BrakedBy, Kind, NewBrake, Reason, printable,
};

/// What to freeze or to thaw: everything, or what these name together.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Why; it is recorded.
    #[arg(long, value_parser = reason)]
    reason: Reason,
    /// Who decides; it is recorded. By default the user that the command runs as.
    #[arg(long, value_parser = person)]
    by: Option<String>,
    /// Actions of this kind alone.
    #[arg(long)]
    kind: Option<Kind>,
    /// The moderators whose tokens are of this issuer. Beside --moderator `MODGATE_JWT_ISSUER` is the default.
    #[arg(long)]
    issuer: Option<String>,
    /// The moderator who is this subject of a token.
    #[arg(long)]
    moderator: Option<String>,
    /// Also if nothing in the record shows that replicas have the seal key.
    #[arg(long)]
    unproven_key: bool,
}

fn reason(text: &str) -> Result<Reason, String> {
    Reason::try_from(text.to_owned()).map_err(|rule| rule.to_string())
}

pub(super) async fn brake(
    environment: &Environment,
    brake: Brake,
    arguments: &Arguments,
) -> Result<(), Failed> {
    let settings = config::decision_settings(environment)?;
    let author = BrakeAuthor::Command {
        operator: arguments.by.clone().unwrap_or(settings.user),
        host: settings.host,
    };
    let asked = NewBrake {
        brake,
        scope: scope(environment, arguments)?,
        reason: arguments.reason.clone(),
        author,
    };
    let url = &settings.database_url;
    let (keys, unproven) = (&settings.seal_keys, arguments.unproven_key);
    let done = audit::brake_by_command(url, keys, &asked, unproven).await;
    let variable = config::owner_variable(environment);
    let done = done.map_err(|error| Failed::at(variable, &error))?;
    if brake == Brake::Freeze && !done.is_known {
        output::note(
            "warning: nobody of that name has asked for anything yet, as far as the record goes: compare `issuer` and \
             `moderator` with audit.actions",
        );
    }
    for freeze in &done.in_force {
        print_json(&line(freeze))?;
    }
    if done.in_force.is_empty() {
        output::line("nothing is frozen")?;
    }
    Ok(())
}

fn scope(environment: &Environment, arguments: &Arguments) -> Result<BrakeScope, Failed> {
    let named = |option: &str, name: &Option<String>| match name.as_deref() {
        Some("") => Err(Failed(format!("--{option}: must not be empty"))),
        Some(name) if printable(name, name.len()) != name => Err(Failed(format!(
            "--{option}: must not hold control characters"
        ))),
        name => Ok(name.map(str::to_owned)),
    };
    let moderator = named("moderator", &arguments.moderator)?;
    let mut issuer = named("issuer", &arguments.issuer)?;
    if moderator.is_some() && issuer.is_none() {
        issuer = config::token_issuer(environment);
        if issuer.is_none() {
            let why =
                "--issuer: must be given beside --moderator where MODGATE_JWT_ISSUER is not set";
            return Err(Failed(why.to_owned()));
        }
    }
    Ok(BrakeScope {
        kind: arguments.kind.map(|kind| kind.as_str().to_owned()),
        issuer,
        moderator,
    })
}

/// What is frozen, a line each: as `GET /v1/limits` shows it.
#[derive(Serialize)]
struct Line<'a> {
    id: Uuid,
    kind: Option<&'a str>,
    issuer: Option<&'a str>,
    moderator: Option<&'a str>,
    since: String,
    reason: &'a str,
    by: By<'a>,
}

#[derive(Default, Serialize)]
struct By<'a> {
    moderator: Option<&'a str>,
    moderator_name: Option<&'a str>,
    issuer: Option<&'a str>,
    operator: Option<&'a str>,
    host: Option<&'a str>,
}

fn line(freeze: &BrakeRow) -> Line<'_> {
    let by = match &freeze.by {
        BrakedBy::Moderator {
            issuer,
            moderator,
            name,
        } => By {
            moderator: Some(moderator),
            moderator_name: name.as_deref(),
            issuer: Some(issuer),
            ..By::default()
        },
        BrakedBy::Command { operator, host } => By {
            operator: Some(operator),
            host: Some(host),
            ..By::default()
        },
    };
    let scope = &freeze.scope;
    Line {
        id: freeze.id,
        kind: scope.kind.as_deref(),
        issuer: scope.issuer.as_deref(),
        moderator: scope.moderator.as_deref(),
        since: freeze
            .requested_at
            .to_rfc3339_opts(SecondsFormat::Micros, true),
        reason: &freeze.reason,
        by,
    }
}
