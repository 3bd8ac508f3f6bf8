//! Which lines are written: the directives of `MODGATE_LOG`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{Directive, EnvFilter};

/// A directive that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// Neither a level nor a module with a level.
    #[error(
        "must be a level (error, warn, info, debug, trace or off), or a module with one, as in modgate::tencent=debug"
    )]
    NoLevel,
    /// It names a level, and what is before that is malformed.
    #[error("must be a level, or a module with one, as in modgate::tencent=debug, without spaces")]
    Form,
}

/// Whether `directive`, one of those between the commas, can be used.
///
/// The library takes a word that is no level, such as `warning`, for a module whose lines are all
/// wanted, and nothing after the `=` for `trace`. Either would silence what should be written, or
/// write everything.
///
/// # Errors
/// If it names no level, or is malformed.
pub fn check_directive(directive: &str) -> Result<(), BadFilter> {
    let level = directive
        .rsplit_once('=')
        .map_or(directive, |(_, level)| level);
    if level.is_empty() || level.parse::<LevelFilter>().is_err() {
        return Err(BadFilter::NoLevel);
    }
    // It would be a part of the module's name.
    if directive.contains(char::is_whitespace) {
        return Err(BadFilter::Form);
    }
    let parsed = directive.parse::<Directive>();
    parsed.map(drop).map_err(|_| BadFilter::Form)
}

/// The filter of these directives. `info` holds for what none of them names: without it one directive
/// for a module would silence all others.
pub(super) fn parse(directives: &str) -> Result<EnvFilter, BadFilter> {
    let directives = format!("info,{directives}");
    EnvFilter::builder()
        .parse(directives)
        .map_err(|_| BadFilter::Form)
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;
    use tracing::{Level, enabled};
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn what_no_directive_names_is_at_info() {
        // For the module, for what it does not name, and for that at `debug`.
        for (directives, expected) in [
            ("modgate::tencent=debug", [true, true, false]),
            ("modgate::tencent=off", [false, true, false]),
            ("warn,modgate::tencent=debug", [true, false, false]),
            ("off", [false, false, false]),
            ("debug", [true, true, true]),
        ] {
            let filter = parse(directives).unwrap();
            let enabled = with_default(Registry::default().with(filter), || {
                [
                    enabled!(target: "modgate::tencent", Level::DEBUG),
                    enabled!(target: "modgate::server", Level::INFO),
                    enabled!(target: "modgate::server", Level::DEBUG),
                ]
            });
            assert_eq!(enabled, expected, "{directives}");
        }
    }
}
