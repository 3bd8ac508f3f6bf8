//! Log lines, for people and for queries; [`traces`] for a collector.
//!
//! # Rules
//! - One action is one line: `event=action`, with its id, kind, state, who, whom, and what
//!   Tencent said. Steps on the way are `debug`.
//! - Field names are those of the JSON and the record: `action.id`, `user_id`, `tencent.request_id`.
//! - No URL, header, token, key or body. `instrument` always skips all arguments.
//! - Libraries never log below `info`, whatever the filter says: at `trace` they know nothing of
//!   what is secret here.
//! - Spans are for the collector alone: no line lists them.

mod filter;
mod once_a_minute;
pub mod traces;

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

pub use filter::{BadFilter, check_directive};
pub use once_a_minute::OnceAMinute;
pub use traces::{Parent, Traces, check as check_traces};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For a terminal.
    Text,
}

/// The settings of lines and spans.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Directives as in `info,modgate::tencent=debug`. What none of them names is at `info`.
    pub filter: String,
    /// How lines are written.
    pub format: Format,
    /// This process, by the name that its records have.
    pub instance: String,
    /// Where spans go, if anywhere.
    pub traces: Option<traces::Settings>,
}

/// Nothing can be written or sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is not one.
    #[error(transparent)]
    Filter(#[from] BadFilter),
    /// Spans cannot be sent.
    #[error(transparent)]
    Traces(#[from] traces::NotStarted),
}

/// Writes log lines to standard error from here on, and sends spans if there is somewhere to send
/// them. A second call has no effect.
pub fn init(settings: &Settings) -> Result<Option<Traces>, Error> {
    let lines = layer(settings, std::io::stderr)?;
    let start = |traces| Traces::start(traces, &settings.instance);
    let traces = settings.traces.as_ref().map(start).transpose()?;
    // Fails only if a subscriber is set already.
    let _ = match &traces {
        Some(traces) => Registry::default()
            .with(lines)
            .with(traces.layer())
            .try_init(),
        None => Registry::default().with(lines).try_init(),
    };
    Ok(traces)
}

/// The layer that [`init`] installs, with a writer of the caller's.
pub fn layer<S, W>(settings: &Settings, writer: W) -> Result<impl Layer<S> + Send + Sync, BadFilter>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = filter::parse(&settings.filter)?;
    let ours = filter_fn(|metadata| {
        let target = metadata.target();
        let said = *metadata.level() <= tracing::Level::INFO
            || target.starts_with("modgate")
            || target.starts_with("tencent_sim");
        metadata.is_event() && said
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match settings.format {
        Format::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    Ok(lines.with_filter(ours).with_filter(filter))
}

/// An error and its causes in one line, each text once: some errors quote their cause, and have it as their
/// source too. Only for errors that can hold no URL and no secret.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Told {
        text: &'static str,
        #[source]
        source: Option<Box<Told>>,
    }

    #[test]
    fn a_cause_that_an_error_quotes_is_said_once() {
        let told = |text, source: Option<Told>| Told {
            text,
            source: source.map(Box::new),
        };
        let quoting = told(
            "no answer: refused: by Postgres",
            Some(told("refused: by Postgres", None)),
        );
        let line = causes(&told("not reached", Some(quoting)));
        assert_eq!(line, "not reached: no answer: refused: by Postgres");
        let plain = told(
            "not reached",
            Some(told("no answer", Some(told("refused", None)))),
        );
        assert_eq!(causes(&plain), "not reached: no answer: refused");
    }
}
