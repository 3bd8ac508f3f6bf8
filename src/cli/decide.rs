//! What the owner of the record decides: `modgate acknowledge`, and `modgate seals` with `--accept-break`
//! or `--witness-init`.

use std::path::Path;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use uuid::Uuid;

use super::kept::kept_heads;
use super::{Failed, output};
use crate::audit::decision;
use crate::audit::seal;
use crate::audit::verify::KeptHeads;
use crate::config::{self, DecisionSettings, Environment};
use crate::domain::printable;

/// Why, and by whom.
#[derive(Clone, Debug, Args)]
pub(super) struct By {
    /// Why; it is recorded.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(super) reason: String,
    /// Who decides; it is recorded. By default the user that the command runs as.
    #[arg(long, value_parser = person)]
    pub(super) by: Option<String>,
}

/// The longest name of who decides, in characters.
const LONGEST_NAME: usize = 100;

/// Somebody's name, as it is shown in lines of its own.
pub(super) fn person(name: &str) -> Result<String, String> {
    let fits = !name.trim().is_empty() && printable(name, LONGEST_NAME) == name;
    let rule = || format!("must be 1 to {LONGEST_NAME} characters without control characters");
    fits.then(|| name.to_owned()).ok_or_else(rule)
}

impl By {
    fn with(&self, settings: &DecisionSettings) -> decision::By {
        decision::By {
            operator: self.by.clone().unwrap_or_else(|| settings.user.clone()),
            host: settings.host.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// The rows of one action that `modgate verify` says were written without the key.
#[derive(Debug, Args)]
pub(super) struct Acknowledge {
    /// The id of the action.
    id: Uuid,
    #[command(flatten)]
    by: By,
}

pub(super) async fn acknowledge(
    environment: &Environment,
    arguments: &Acknowledge,
) -> Result<(), Failed> {
    let settings = config::decision_settings(environment)?;
    let by = arguments.by.with(&settings);
    let url = &settings.database_url;
    let known = decision::acknowledge(url, &settings.seal_keys, &by, arguments.id).await;
    let variable = config::owner_variable(environment);
    let known = known.map_err(|error| Failed::at(variable, &error))?;
    for row in &known.rows {
        output::line(format_args!("acknowledged: {row}"))?;
    }
    output::line(format_args!("decision {}", known.id))?;
    print_json(&known.head)
}

pub(super) async fn accept_break(
    environment: &Environment,
    by: &By,
    kept: Option<&Path>,
    void_from: Option<u64>,
) -> Result<(), Failed> {
    let settings = config::decision_settings(environment)?;
    let mut heads = kept.map(kept_heads).transpose()?.unwrap_or_default();
    if let Some(witness) = &settings.witness {
        let text = witness.text().map_err(|error| Failed::because(&error))?;
        heads = heads.and(KeptHeads::read(&text));
    }
    let (url, by) = (&settings.database_url, by.with(&settings));
    let accepted = decision::accept_break(url, &settings.seal_keys, &by, heads, void_from);
    let accepted = accepted.await;
    let variable = config::owner_variable(environment);
    let accepted = accepted.map_err(|error| Failed::at(variable, &error))?;
    output::line(format_args!("accepted: {}", accepted.details))?;
    output::line(format_args!("decision {}", accepted.id))?;
    accepted.heads.iter().try_for_each(print_json)
}

pub(super) async fn witness_init(environment: &Environment) -> Result<(), Failed> {
    let settings = config::decision_settings(environment)?;
    let Some(witness) = settings.witness else {
        return Err(Failed("MODGATE_SEAL_WITNESS_FILE: must be set".to_owned()));
    };
    let seen = seal::begin_witness(&settings.database_url, witness).await;
    let variable = config::owner_variable(environment);
    let seen = seen.map_err(|error| Failed::at(variable, &error))?;
    output::line(seen.to_line())
}

pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failed> {
    let json = serde_json::to_string(value).map_err(|error| Failed::because(&error))?;
    output::line(json)
}
