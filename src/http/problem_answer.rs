//! An error of the API as the answer that tells it.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};

use super::json::state_headers;
use super::problem::ApiError;

impl ApiError {
    fn headers(&self, response: &mut HttpResponseBuilder) {
        if let Some(challenge) = self.challenge() {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Self::MethodNotAllowed { allow } = self {
            response.insert_header((header::ALLOW, *allow));
        }
        if matches!(self, Self::UnsupportedContentCoding) {
            // Says that the coding, and not the media type, was the matter (RFC 9110, 15.5.16).
            response.insert_header((header::ACCEPT_ENCODING, "identity"));
        }
        if let Some(seconds) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(action) = self.action() {
            for (name, value) in state_headers(action) {
                response.insert_header((HeaderName::from_static(name), value));
            }
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code().status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        self.headers(&mut response);
        if let Some(limit) = self.limit() {
            response.extensions_mut().insert(limit);
        }
        let body = serde_json::to_vec(&self.problem()).expect("a problem is plain data");
        response.content_type("application/problem+json").body(body)
    }
}
