//! A stand-in for a collector of traces: OTLP over HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

type Exports = Arc<Mutex<Vec<Export>>>;

/// What was posted.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) authorization: Option<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) decoded: ExportTraceServiceRequest,
}

/// Takes all that is posted to `/v1/traces`.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) url: String,
    exports: Exports,
    refused: Arc<AtomicUsize>,
    server: ServerHandle,
}

async fn refuse(refused: web::Data<AtomicUsize>) -> HttpResponse {
    refused.fetch_add(1, Ordering::Relaxed);
    HttpResponse::NotFound().finish()
}

async fn take(
    request: HttpRequest,
    body: web::Bytes,
    exports: web::Data<Mutex<Vec<Export>>>,
) -> HttpResponse {
    let authorization = request.headers().get("authorization");
    let export = Export {
        authorization: authorization.and_then(|value| Some(value.to_str().ok()?.to_owned())),
        bytes: body.to_vec(),
        decoded: ExportTraceServiceRequest::decode(body).expect("it is what it says"),
    };
    exports
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(export);
    HttpResponse::Ok().finish()
}

impl Collector {
    pub(crate) fn start() -> Self {
        let exports = Exports::default();
        let data = web::Data::from(Arc::clone(&exports));
        let refused = Arc::new(AtomicUsize::new(0));
        let refusals = web::Data::from(Arc::clone(&refused));
        let app = move || {
            App::new()
                .app_data(data.clone())
                .app_data(refusals.clone())
                .route("/v1/traces", web::post().to(take))
                .default_service(web::to(refuse))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .expect("there is a free port");
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            exports,
            refused,
            server: handle,
        }
    }

    pub(crate) fn exports(&self) -> Vec<Export> {
        self.exports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How often something was posted elsewhere.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let exports = self.exports().into_iter();
        exports
            .flat_map(|export| export.decoded.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

/// The value of an attribute of a span or a resource, as text.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}
