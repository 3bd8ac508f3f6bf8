//! Around every request: its id, its log line, its count, and the headers that every answer has.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use tracing::Instrument;
use uuid::Uuid;

use super::{State, quota, trace};

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: the caller's `X-Request-Id` if it is safe, else one of ours.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

/// Gives the request its id, and its answer what all answers have.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let span = trace::span(&request);
    let mut response = next.call(request).instrument(span.clone()).await?;
    trace::answered(&span, &response);
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    let status = response.status().as_u16();
    if let Some(state) = response.request().app_data::<web::Data<State>>() {
        state
            .moderation
            .metrics
            .request_answered(route.clone(), status);
    }
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    tracing::debug!(event = "http_request", %method, route, status, duration_ms, http_request_id = id, "answered");
    let quota_fields = quota::fields(&response);
    let headers = response.headers_mut();
    for (name, value) in quota_fields.into_iter().flatten() {
        headers.insert(name, value);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID.clone(), id);
    }
    Ok(response)
}

fn request_id(headers: &HeaderMap) -> String {
    let given = headers
        .get(&X_REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    let safe = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(&byte))
    };
    given
        .filter(safe)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}
