//! The exporter, and the word it leaves when spans do not get through.

use std::time::Duration;

use opentelemetry_otlp::SpanExporter as Otlp;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::telemetry::OnceAMinute;

#[derive(Debug)]
pub(super) struct Collector {
    exporter: Otlp,
    warned: OnceAMinute,
}

impl Collector {
    pub(super) fn new(exporter: Otlp) -> Self {
        Self {
            exporter,
            warned: OnceAMinute::default(),
        }
    }

    fn warn(&self, spans: usize, error: &OTelSdkError) {
        if !self.warned.is_due() {
            return;
        }
        tracing::warn!(
            event = "traces_lost",
            spans,
            http_status = http_status(error),
            "the collector did not take spans; not said again for a minute"
        );
    }
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        if let Err(error) = &exported {
            self.warn(spans, error);
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Of the error's text only the status it ends with: the rest is not ours to vouch for.
fn http_status(error: &OTelSdkError) -> Option<u16> {
    let OTelSdkError::InternalFailure(text) = error else {
        return None;
    };
    let last = text.rsplit(' ').next()?;
    let status = last.parse().ok()?;
    (100..600).contains(&status).then_some(status)
}
