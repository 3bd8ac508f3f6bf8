//! The exporter, and the word it leaves when spans do not get through.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_otlp::SpanExporter as Otlp;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// How often it is said that spans are lost.
const AT_MOST_EVERY: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Collector {
    exporter: Otlp,
    warned: Mutex<Option<Instant>>,
}

impl Collector {
    pub(super) fn new(exporter: Otlp) -> Self {
        Self {
            exporter,
            warned: Mutex::new(None),
        }
    }

    fn warn(&self, spans: usize, error: &OTelSdkError) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|at| at.elapsed() < AT_MOST_EVERY) {
            return;
        }
        *warned = Some(Instant::now());
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
