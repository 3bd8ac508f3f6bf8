//! The variables that the SDK of OpenTelemetry reads by itself, and what it silently ignores in them.
//!
//! What it does not understand it leaves out, without a word: its own log lines are not compiled in.
//! Read here as it reads them (`opentelemetry_sdk` and `opentelemetry-otlp` 0.33: `trace/config.rs`,
//! `trace/span_processor.rs`, `resource/env.rs`, `exporter/http/mod.rs`): as they are, with the white
//! space around them, and upper and lower case told apart.

use super::Reader;

/// What a value must be for the SDK to follow it.
#[derive(Clone, Copy)]
enum Rule {
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number from `least` to `u32::MAX`.
    Number { least: u32, what: &'static str },
    /// Items `name=value` between commas. May hold a secret.
    Pairs,
    /// There is no such thing in this build.
    Unsupported(&'static str),
}

const MILLISECONDS: Rule = Rule::Number {
    least: 0,
    what: "of milliseconds, without a unit",
};
const COUNT: Rule = Rule::Number { least: 0, what: "" };
const AT_LEAST_ONE: Rule = Rule::Number { least: 1, what: "" };
const CERTIFICATES: Rule =
    Rule::Unsupported("is not followed: collectors are verified by the usual roots alone");
const LIMITS: Rule = Rule::Unsupported("is not followed: attributes have no such limit here");

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

const RULES: &[(&str, Rule)] = &[
    (
        SAMPLER,
        Rule::OneOf(&[
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ]),
    ),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", COUNT),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", COUNT),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", COUNT),
    ("OTEL_BSP_SCHEDULE_DELAY", MILLISECONDS),
    ("OTEL_BSP_EXPORT_TIMEOUT", MILLISECONDS),
    ("OTEL_BSP_MAX_QUEUE_SIZE", AT_LEAST_ONE),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", AT_LEAST_ONE),
    ("OTEL_BSP_MAX_CONCURRENT_EXPORTS", AT_LEAST_ONE),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", MILLISECONDS),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", MILLISECONDS),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", Rule::OneOf(&["none"])),
    (
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        Rule::OneOf(&["none"]),
    ),
    ("OTEL_EXPORTER_OTLP_HEADERS", Rule::Pairs),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", Rule::Pairs),
    ("OTEL_RESOURCE_ATTRIBUTES", Rule::Pairs),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", CERTIFICATES),
    ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", CERTIFICATES),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", CERTIFICATES),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", CERTIFICATES),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", CERTIFICATES),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", CERTIFICATES),
    ("OTEL_ATTRIBUTE_COUNT_LIMIT", LIMITS),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", LIMITS),
    ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", LIMITS),
    ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", LIMITS),
    ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", LIMITS),
];

/// What of them is ignored, one line each, without any value.
pub(super) fn ignored(reader: &mut Reader<'_>) -> Vec<String> {
    let mut ignored = Vec::new();
    for (name, rule) in RULES {
        let shown = match rule {
            Rule::Pairs | Rule::Unsupported(_) => reader.hidden(name),
            _ => reader.shown(name),
        };
        // As the SDK reads it.
        let value = shown.and(reader.environment().get(name));
        let broken = value.map_or_else(Vec::new, |value| rule.broken_by(value));
        ignored.extend(broken.iter().map(|what| format!("{name}: {what}")));
    }
    ignored.extend(ignored_argument(reader));
    ignored.extend(ignored_propagators(reader));
    ignored
}

impl Rule {
    fn broken_by(self, value: &str) -> Vec<String> {
        let unless = |holds: bool, rule: String| if holds { vec![] } else { vec![rule] };
        match self {
            Self::OneOf(words) => {
                let rule = format!("is ignored: it must be {}", words.join(", "));
                unless(words.contains(&value), rule)
            }
            Self::Number { least, what } => {
                let rule = format!("is ignored: it must be a whole number {what}");
                let number = value.parse::<u32>();
                let rule = match number {
                    Ok(_) => format!("must be at least {least}"),
                    Err(_) => rule.trim_end().to_owned(),
                };
                unless(number.is_ok_and(|number| number >= least), rule)
            }
            Self::Pairs => {
                let items = value.split_terminator(',').enumerate();
                let broken = items.filter(|(_, item)| !is_pair(item));
                let rule =
                    |(index, _)| format!("item {} is ignored: it must be name=value", index + 1);
                broken.map(rule).collect()
            }
            Self::Unsupported(what) => vec![what.to_owned()],
        }
    }
}

fn is_pair(item: &str) -> bool {
    let pair = item.split_once('=');
    pair.is_some_and(|(name, value)| !name.trim().is_empty() && !value.trim().is_empty())
}

/// Only two of the samplers have one.
fn ignored_argument(reader: &mut Reader<'_>) -> Option<String> {
    let argument = reader.shown(SAMPLER_ARGUMENT);
    let argument = argument.and(reader.environment().get(SAMPLER_ARGUMENT));
    let sampler = reader.environment().get(SAMPLER).unwrap_or_default();
    let has_ratio = matches!(sampler, "traceidratio" | "parentbased_traceidratio");
    let ratio = argument.and_then(|argument| argument.parse::<f64>().ok());
    let is_ratio = ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio));
    match (has_ratio, argument) {
        (true, _) if !is_ratio => Some(format!(
            "{SAMPLER_ARGUMENT}: must be a number from 0 to 1: without it all traces are kept"
        )),
        (false, Some(_)) => Some(format!(
            "{SAMPLER_ARGUMENT}: is ignored: only {SAMPLER}=traceidratio and parentbased_traceidratio have one"
        )),
        _ => None,
    }
}

/// `traceparent` is read here, and no other header.
fn ignored_propagators(reader: &mut Reader<'_>) -> Option<String> {
    const NAME: &str = "OTEL_PROPAGATORS";
    let propagators = reader.shown(NAME)?;
    let mut words = propagators.split(',').map(str::trim);
    let only_known = words.all(|word| matches!(word, "tracecontext" | "baggage"));
    (!only_known).then(|| format!("{NAME}: is ignored: only traceparent (tracecontext) is read"))
}
