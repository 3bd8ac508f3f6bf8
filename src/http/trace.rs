//! The span of a request, and the client's that it belongs to.

use actix_web::HttpRequest;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use tracing::Span;
use tracing::field::{Empty, display};

use crate::telemetry::Parent;

/// The parts of a valid `traceparent` (W3C Trace Context, 3.2).
#[derive(Debug)]
pub(super) struct TraceParent<'a> {
    pub(super) trace_id: &'a str,
    parent_id: &'a str,
    flags: &'a str,
}

impl<'a> TraceParent<'a> {
    /// Of exactly one header, lower-case hexadecimal, not all zero, of version 00 or longer ones
    /// that begin like it.
    pub(super) fn read(headers: &'a HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all("traceparent");
        let field = match (fields.next(), fields.next()) {
            (Some(field), None) => field.to_str().ok()?,
            _ => return None,
        };
        let mut parts = field.split('-');
        let (version, trace_id, parent_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hexadecimal = |part: &str, length: usize| {
            part.len() == length
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let ends_here = parts.next().is_none();
        let valid = hexadecimal(version, 2)
            && version != "ff"
            && (version != "00" || ends_here)
            && hexadecimal(trace_id, 32)
            && trace_id.bytes().any(|byte| byte != b'0')
            && hexadecimal(parent_id, 16)
            && parent_id.bytes().any(|byte| byte != b'0')
            && hexadecimal(flags, 2);
        valid.then_some(Self {
            trace_id,
            parent_id,
            flags,
        })
    }
}

/// The span of `request`, which `route` matches, from its head to the head of its answer.
pub(super) fn span(request: &ServiceRequest, route: Option<&str>) -> Span {
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "_OTHER",
    };
    let name = match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    };
    let span = tracing::info_span!(
        parent: None,
        "http_request",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        error.type = Empty,
        action.id = Empty,
        state = Empty,
    );
    match parent(request.request()) {
        Some(parent) => parent.adopt(span),
        None => span,
    }
}

fn parent(request: &HttpRequest) -> Option<Parent> {
    let given = TraceParent::read(request.headers())?;
    Parent::of_remote(given.trace_id, given.parent_id, given.flags)
}

/// Notes in the span how the request was answered.
pub(super) fn answered<B>(span: &Span, response: &ServiceResponse<B>) {
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", display(status.as_u16()));
    }
    for (field, header) in [
        ("action.id", "modgate-action-id"),
        ("state", "modgate-state"),
    ] {
        let value = response.headers().get(header);
        if let Some(value) = value.and_then(|value| value.to_str().ok()) {
            span.record(field, value);
        }
    }
}
