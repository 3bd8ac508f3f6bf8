//! `modgate retain`: drops the months that need not be kept.

use clap::Args;

use super::{Failed, output, say_waits};
use crate::audit::retain::{self, Retention};
use crate::config::{self, Environment};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only print what would be dropped.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn retain(environment: &Environment, arguments: &Arguments) -> Result<(), Failed> {
    let settings = config::retain_settings(environment)?;
    let Some(keep) = settings.keep else {
        return output::line("nothing to drop: MODGATE_RETENTION is forever");
    };
    let retention = Retention {
        keep,
        seal_keys: settings.seal_keys,
        dry_run: arguments.dry_run,
    };
    let dropped = retain::retain(&settings.database_url, &retention, &say_waits).await;
    let variable = config::owner_variable(environment);
    let dropped = dropped.map_err(|error| Failed::at(variable, &error))?;
    let done = if arguments.dry_run {
        "would drop"
    } else {
        "dropped"
    };
    for month in &dropped {
        output::line(format_args!("{done} {}: {}", month.month, month.contents()))?;
        if let Some(head) = &month.head {
            let head = serde_json::to_string(head).map_err(|error| Failed::because(&error))?;
            output::line(head)?;
        }
    }
    if dropped.is_empty() {
        output::line("nothing to drop")?;
    }
    Ok(())
}
