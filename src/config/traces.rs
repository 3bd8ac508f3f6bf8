//! Where traces go: the variables of OpenTelemetry, which are not this service's own.
//!
//! What their values mean: OpenTelemetry specification, "Environment Variable Specification". A
//! value that is not known is ignored, with a warning, as it says.

use super::Reader;
use crate::telemetry::traces::{Endpoint, Settings};

const EXACT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// `Some(None)` when no traces are wanted. The libraries read other variables of the standard by
/// themselves, headers and the sampler among them.
#[expect(clippy::option_option, reason = "faulty, off, or to somewhere")]
pub(super) fn settings(reader: &mut Reader<'_>) -> Option<Option<Settings>> {
    let (exact, base) = (reader.hidden(EXACT), reader.hidden(BASE));
    let service_name = reader.hidden("OTEL_SERVICE_NAME");
    let (name, endpoint) = match (exact, base) {
        (Some(url), _) => (EXACT, Endpoint::exactly(&url)),
        (None, Some(url)) => (BASE, Endpoint::below(&url)),
        (None, None) => return Some(None),
    };
    let mut ignored = Vec::new();
    if are_off(reader, &mut ignored) {
        return Some(None);
    }
    check_protocol(reader, &mut ignored);
    let endpoint = endpoint.map_err(|rule| reader.fault(name, rule)).ok()?;
    Some(Some(Settings {
        endpoint,
        service_name,
        ignored,
    }))
}

fn are_off(reader: &mut Reader<'_>, ignored: &mut Vec<&'static str>) -> bool {
    let disabled = reader.shown("OTEL_SDK_DISABLED");
    let disabled = disabled.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let exporters = reader.shown("OTEL_TRACES_EXPORTER").unwrap_or_default();
    let exporters = exporters.to_ascii_lowercase();
    let mut exporters = exporters.split(',').map(str::trim).peekable();
    let none = exporters.peek() == Some(&"none");
    if exporters.any(|name| !matches!(name, "" | "none" | "otlp")) {
        ignored.push("OTEL_TRACES_EXPORTER: only otlp and none are known: spans are sent by OTLP");
    }
    disabled || none
}

fn check_protocol(reader: &mut Reader<'_>, ignored: &mut Vec<&'static str>) {
    let exact = reader.shown("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
    let base = reader.shown("OTEL_EXPORTER_OTLP_PROTOCOL");
    let protocol = exact.or(base);
    if protocol.is_some_and(|protocol| !protocol.eq_ignore_ascii_case("http/protobuf")) {
        ignored.push(
            "OTEL_EXPORTER_OTLP_PROTOCOL: spans are sent by http/protobuf, whatever it says: is the \
             endpoint's port the one for that (4318)?",
        );
    }
}
