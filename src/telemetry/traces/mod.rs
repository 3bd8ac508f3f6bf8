//! Spans, to a collector of the operator's by OTLP over HTTP; nothing of this exists without one.
//!
//! # Rules
//! - Only our own spans leave, whatever `MODGATE_LOG` says, and no log line becomes part of one: a
//!   line may name people, a span does not.
//! - An attribute holds no URL, header, token, key or body.
//! - A span is handed to a bounded queue, or dropped: a collector that is away slows nobody.
//! - Whether a trace is kept is the client's choice if it sent one, and `OTEL_TRACES_SAMPLER`'s
//!   otherwise; `traceidratio` there leaves the client no choice.

mod collector;
mod parent;

use std::fmt;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use secrecy::{ExposeSecret, SecretString};
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use collector::Collector;
pub use parent::Parent;

/// The longest that the end of the process waits for the collector.
const LAST_EXPORT: Duration = Duration::from_millis(1500);

/// Where spans go, and as whose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The URL that spans are posted to.
    pub endpoint: Endpoint,
    /// The name of this service; `None` for `modgate`.
    pub service_name: Option<String>,
    /// What to say of variables whose value cannot be followed.
    pub ignored: Vec<String>,
}

/// The URL of a collector. Never shown: a part of its path may be a key.
#[derive(Clone, Debug)]
pub struct Endpoint(SecretString);

/// Why a text is no [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEndpoint(&'static str);

impl fmt::Display for BadEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl Endpoint {
    /// The one for traces of a collector with this base URL.
    pub fn below(base: &str) -> Result<Self, BadEndpoint> {
        check_url(base)?;
        Ok(Self(
            format!("{}/v1/traces", base.trim_end_matches('/')).into(),
        ))
    }

    /// This URL as it is.
    pub fn exactly(url: &str) -> Result<Self, BadEndpoint> {
        check_url(url)?;
        Ok(Self(url.into()))
    }
}

fn check_url(url: &str) -> Result<(), BadEndpoint> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let rest = rest.ok_or(BadEndpoint("must be an http or https URL"))?;
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) || rest.contains(['?', '#']) {
        return Err(BadEndpoint(
            "must be a URL without spaces, query and fragment",
        ));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(BadEndpoint(
            "must not hold a user name or a password: see OTEL_EXPORTER_OTLP_HEADERS",
        ));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(BadEndpoint("must have a host, and a port that is a number"));
    }
    Ok(())
}

/// Spans cannot be sent with these settings.
#[derive(Debug, thiserror::Error)]
#[error(
    "the exporter of traces cannot be set up: see OTEL_EXPORTER_OTLP_ENDPOINT, _PROTOCOL and _COMPRESSION"
)]
pub struct NotStarted;

// What it says may hold the URL.
impl From<ExporterBuildError> for NotStarted {
    fn from(_: ExporterBuildError) -> Self {
        Self
    }
}

/// Spans on their way to a collector.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    pub(super) fn start(settings: &Settings, instance: &str) -> Result<Self, NotStarted> {
        let exporter = exporter(settings)?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(settings, instance))
            .with_batch_exporter(Collector::new(exporter))
            .build();
        Ok(Self(provider))
    }

    /// What takes the spans of this service, and nothing else.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("modgate"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(filter_fn(is_ours).with_max_level_hint(LevelFilter::INFO))
    }

    /// Sends what is left, within a bound.
    pub async fn close(self) {
        let closing = move || self.0.shutdown_with_timeout(LAST_EXPORT);
        // What the collector did not take has been warned of.
        let _ = tokio::task::spawn_blocking(closing).await;
    }
}

fn exporter(settings: &Settings) -> Result<SpanExporter, NotStarted> {
    let builder = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(settings.endpoint.0.expose_secret());
    Ok(builder.build()?)
}

/// Whether [`Traces`] can be started with these settings. Nothing is sent.
///
/// # Errors
/// If not; the collector may be away.
pub fn check(settings: &Settings) -> Result<(), NotStarted> {
    exporter(settings).map(drop)
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("modgate")
}

fn resource(settings: &Settings, instance: &str) -> Resource {
    let mut resource = Resource::builder_empty()
        .with_service_name("modgate")
        .with_detectors(&[
            Box::new(TelemetryResourceDetector),
            Box::new(EnvResourceDetector::new()),
        ])
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_owned()),
        ]);
    if let Some(name) = &settings.service_name {
        resource = resource.with_service_name(name.clone());
    }
    resource.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_for_traces_is_below_the_base_url_or_exactly_what_was_given() {
        let url = |endpoint: Result<Endpoint, BadEndpoint>| {
            endpoint.map(|endpoint| endpoint.0.expose_secret().to_owned())
        };
        let below = "http://collector:4318/v1/traces";
        for base in ["http://collector:4318", "http://collector:4318/"] {
            assert_eq!(url(Endpoint::below(base)).as_deref(), Ok(below));
        }
        for exact in ["https://[::1]:4318/in/here", "https://[::1]", "http://c/"] {
            assert_eq!(url(Endpoint::exactly(exact)).as_deref(), Ok(exact));
        }
        for wrong in [
            "collector:4318",
            "grpc://collector",
            "http://",
            "http://:4318",
            "http://collector:otlp",
            "http://collector:70000",
            "http://me:secret@collector:1",
            "http://collector/?key=1",
            "http://collector/a b",
        ] {
            assert!(
                Endpoint::below(wrong).is_err() && Endpoint::exactly(wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
