//! Where traces go: the variables of OpenTelemetry, which are not this service's own.

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
    let endpoint = endpoint.map_err(|rule| reader.fault(name, rule)).ok()?;
    Some(Some(Settings {
        endpoint,
        service_name,
    }))
}
