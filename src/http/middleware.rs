//! Around every request: its id, its log line, its count, and the headers that every answer has.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use tokio::task::coop::consume_budget;
use tracing::Instrument;
use uuid::Uuid;

use super::connections::{Accepted, Occupied};
use super::{AppState, quota, trace};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A browser takes the body for what it says it is, and for nothing else.
pub const NOT_SNIFFED: (HeaderName, &str) = (X_CONTENT_TYPE_OPTIONS, "nosniff");

/// What one request takes of the 128 that Tokio lets a task use between two of its turns.
const REQUEST_COSTS: usize = 60;

/// What every answer has that does not say it itself: it is data for a program, kept by nobody, and
/// no page shows or runs it. The resource policy leaves `fetch` from allowed origins alone: it is
/// only for what asks without CORS, such as an `<img>`.
const EVERY_ANSWER: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    (REFERRER_POLICY, "no-referrer"),
    NOT_SNIFFED,
];

/// The id of a request: the client's `X-Request-Id` if it is safe, else one of ours.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

/// Gives the request its id, and its answer what all answers have.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    wait_for_a_turn().await;
    let started = Instant::now();
    let accepted = Accepted::of(request.request()).cloned();
    let occupation = accepted.as_ref().map(Accepted::occupy);
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let route = request.match_pattern();
    let span = trace::span(&request, route.as_deref());
    let mut response = next.call(request).instrument(span.clone()).await?;
    trace::answered(&span, &response);
    let route = route.unwrap_or_else(|| "none".to_owned());
    let status = response.status().as_u16();
    if let Some(state) = response.request().app_data::<web::Data<AppState>>() {
        state
            .service
            .metrics
            .request_answered(route.clone(), status);
    }
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    tracing::debug!(event = "http_request", %method, route, status, duration_ms, http_request_id = id, "answered");
    close_a_newcomer(accepted.as_ref(), &mut response);
    let quota_fields = quota::fields(&response);
    let headers = response.headers_mut();
    for (name, value) in quota_fields.into_iter().flatten() {
        headers.insert(name, value);
    }
    for (name, value) in EVERY_ANSWER {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID.clone(), id);
    }
    let response = response.map_into_boxed_body();
    Ok(response.map_body(|_, body| Occupied::new(body, occupation)))
}

/// Lets other connections go on once this one has been answered two requests in a row, so that a client that sends
/// requests without waiting for answers (pipelining, RFC 9112 section 9.3.2) takes no longer turn than one that waits.
/// Who waits for each answer is never delayed: the budget is that of one poll of the connection's task.
async fn wait_for_a_turn() {
    for _ in 0..REQUEST_COSTS {
        consume_budget().await;
    }
}

/// Until a valid token was shown on it, a connection's first answer is its last.
fn close_a_newcomer<B>(accepted: Option<&Accepted>, response: &mut ServiceResponse<B>) {
    if accepted.is_some_and(Accepted::is_newcomer) {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
}

/// Around every request to the operations port, where all may ask.
pub async fn keep_occupied(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let accepted = Accepted::of(request.request());
    let occupation = accepted.map(|accepted| {
        accepted.prove();
        accepted.occupy()
    });
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(response.map_body(|_, body| Occupied::new(body, occupation)))
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
