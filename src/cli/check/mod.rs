//! `modgate check`

mod findings;
mod live;
mod migration;
mod ports;
mod record;
mod tencent;
mod token_keys;

use clap::Args;

use super::{Failed, output};
use crate::config::{self, Environment, Reader, Settings};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Also try everything for real, and say which setting to change; nobody is kicked.
    #[arg(long)]
    live: bool,
}

pub(super) async fn check(environment: &Environment, arguments: &Arguments) -> Result<(), Failed> {
    let mut reader = Reader::new(environment);
    let settings = Settings::from_reader(&mut reader);
    for setting in reader.effective() {
        let default = if setting.default { "  (default)" } else { "" };
        output::line(format_args!("{}={}{default}", setting.name, setting.value))?;
    }
    let settings = reader.finish(settings)?;
    for warning in config::warnings(&settings) {
        output::line(format_args!("warning: {warning}"))?;
    }
    if arguments.live {
        Box::pin(live::try_all(&settings)).await?;
    }
    Ok(())
}
