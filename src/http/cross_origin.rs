//! Browsers of other origins (Fetch Standard, CORS): a dashboard need not be served from the same
//! host. Without `MODGATE_CORS_ORIGINS` there is nothing of it.
//!
//! Credentials are not allowed: a token is sent by the page, never a cookie by the browser.

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN,
};
use actix_web::middleware::{Condition, Next};
use actix_web::{Error, web};

use super::AppState;
use crate::http::settings::Front;

/// What a page may send beyond what every page may.
const REQUEST_HEADERS: [&str; 8] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "last-event-id",
    "traceparent",
    "tracestate",
    "x-request-id",
];

/// What a page may read beyond what every page may: all that our answers have.
const ANSWER_HEADERS: [&str; 13] = [
    "accept-encoding",
    "allow",
    "content-disposition",
    "etag",
    "idempotent-replayed",
    "location",
    "modgate-action-id",
    "modgate-state",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-request-id",
];

/// How long a browser may remember the answer to a preflight, in seconds: the longest that all
/// browsers take.
const REMEMBERED: usize = 600;

/// Answers preflights, for every path and without a token, and tells browsers that pages of these
/// origins may read the answers.
pub fn cross_origin(front: &Front) -> Condition<Cors> {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST"])
        .allowed_headers(REQUEST_HEADERS)
        .expose_headers(ANSWER_HEADERS)
        .max_age(REMEMBERED);
    let origins = front.cors_origins.iter();
    let cors = origins.fold(cors, |cors, origin| cors.allowed_origin(origin));
    Condition::new(!front.cors_origins.is_empty(), cors)
}

/// Around [`cross_origin`], which would refuse the preflights of other origins with an error of its
/// own, and tell them something all the same: they are served as if there were none of it.
pub async fn spare_other_origins(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if !is_allowed(&request) {
        request.headers_mut().remove(ACCESS_CONTROL_REQUEST_METHOD);
    }
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    if !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
    }
    Ok(response)
}

fn is_allowed(request: &ServiceRequest) -> bool {
    let state = request
        .app_data::<web::Data<AppState>>()
        .expect("the server adds the state");
    let origin = request.headers().get(ORIGIN);
    let allowed = &state.front.cors_origins;
    origin.is_some_and(|origin| allowed.iter().any(|allowed| origin == allowed.as_str()))
}
