//! Whether the two ports can be listened on.

use std::io::ErrorKind;

use super::findings::Findings;
use crate::cli::healthcheck::are_modgate;
use crate::config::Settings;
use crate::server::{self, Error};
use crate::telemetry::causes;

/// A port that a running modgate has is no fault: it is checked beside it, then.
pub(super) async fn check(settings: &Settings, found: &mut Findings) {
    let tried = server::can_listen(settings);
    let is_taken = |tried: &Result<(), Error>| matches!(tried, Err(Error::Bind { source, .. }) if source.kind() == ErrorKind::AddrInUse);
    let addresses = [settings.listen, settings.ops_listen];
    let are_modgate = if tried.iter().any(is_taken) {
        are_modgate(addresses).await
    } else {
        [false; 2]
    };
    for ((tried, address), is_modgate) in tried.iter().zip(addresses).zip(are_modgate) {
        match tried {
            Ok(()) => found.ok(format_args!("{address} can be listened on")),
            Err(Error::Bind {
                variable, ..
            }) if is_taken(tried) && is_modgate => found.warning(
                variable,
                format_args!("a modgate listens on {address} already: a second one on this machine needs another port"),
            ),
            Err(Error::Bind { variable, address, source }) => {
                found.wrong(variable, format_args!("cannot listen on {address}: {source}"));
            }
            Err(error) => found.wrong("no setting", causes(error)),
        }
    }
}
