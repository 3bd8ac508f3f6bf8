//! Where traces go: the variables of OpenTelemetry, which are not this service's own.
//!
//! What their values mean: OpenTelemetry specification, "Environment Variable Specification". A
//! value that is not known is ignored, with a warning, as it says.

use super::{Reader, sdk};
use crate::telemetry::traces::{Endpoint, Settings};

const EXACT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// `Some(None)` when no traces are wanted. The libraries read other variables of the standard by
/// themselves: [`sdk`].
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
    ignored.extend(ignored_protocol(reader));
    ignored.extend(sdk::ignored(reader));
    let endpoint = endpoint.map_err(|rule| reader.fault(name, rule)).ok()?;
    Some(Some(Settings {
        endpoint,
        service_name,
        ignored,
    }))
}

fn are_off(reader: &mut Reader<'_>, ignored: &mut Vec<String>) -> bool {
    let disabled = reader.shown("OTEL_SDK_DISABLED").unwrap_or_default();
    let is_disabled = disabled.eq_ignore_ascii_case("true");
    if !is_disabled && !disabled.is_empty() && !disabled.eq_ignore_ascii_case("false") {
        ignored.push("OTEL_SDK_DISABLED: is ignored: it must be true or false".to_owned());
    }
    let exporters = reader.shown("OTEL_TRACES_EXPORTER").unwrap_or_default();
    let exporters = exporters.to_ascii_lowercase();
    let mut exporters = exporters.split(',').map(str::trim).peekable();
    let none = exporters.peek() == Some(&"none");
    if exporters.any(|name| !matches!(name, "" | "none" | "otlp")) {
        let rule = "OTEL_TRACES_EXPORTER: only otlp and none are known: spans are sent by OTLP";
        ignored.push(rule.to_owned());
    }
    is_disabled || none
}

/// The more exact one of the two is in effect.
fn ignored_protocol(reader: &mut Reader<'_>) -> Option<String> {
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ];
    let protocols = names.map(|name| Some((name, reader.shown(name)?)));
    let (name, protocol) = protocols.into_iter().flatten().next()?;
    (!protocol.eq_ignore_ascii_case("http/protobuf")).then(|| {
        format!(
            "{name}: spans are sent by http/protobuf, whatever it says: is the endpoint's port the one for \
             that (4318)?"
        )
    })
}
