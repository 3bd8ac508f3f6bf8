//! `modgate check`

use super::Failed;
use crate::config::{self, Environment, Reader, Settings};

pub(super) fn check(environment: &Environment) -> Result<(), Failed> {
    let mut reader = Reader::new(environment);
    let settings = Settings::from_reader(&mut reader);
    for setting in reader.effective() {
        let default = if setting.default { "  (default)" } else { "" };
        println!("{}={}{default}", setting.name, setting.value);
    }
    let settings = reader.finish(settings)?;
    for warning in config::warnings(&settings) {
        println!("warning: {warning}");
    }
    Ok(())
}
