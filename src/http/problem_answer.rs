//! An error of the API as the answer that tells it.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};

use super::json::{ActionJson, state_headers};
use super::problem::{ApiError, FieldFault, Limit};
use super::problem_body::Problem;
use super::quota::whole_seconds;

/// When it is worth asking again for what is frozen: nobody knows when it is thawed.
const FROZEN_FOR: Duration = Duration::from_secs(5);

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

    /// Only where a repeat is safe.
    pub(super) fn retry_after(&self) -> Option<u64> {
        let wait = match self {
            Self::RateLimited { retry_after, .. }
            | Self::TencentUnavailable { retry_after, .. } => *retry_after,
            Self::AuditUnavailable(_)
            | Self::KeysUnavailable
            | Self::ShuttingDown
            | Self::IdempotencyConflict => Duration::ZERO,
            Self::Frozen | Self::FrozenModerator => FROZEN_FOR,
            _ => return None,
        };
        Some(whole_seconds(wait))
    }

    pub(super) fn challenge(&self) -> Option<HeaderValue> {
        let Self::Unauthenticated(refusal) = self else {
            return None;
        };
        HeaderValue::from_str(&refusal.challenge()).ok()
    }

    pub(super) const fn limit(&self) -> Option<Limit> {
        match self {
            Self::RateLimited { limit, .. } => Some(*limit),
            _ => None,
        }
    }

    /// The body of the answer.
    pub(super) fn problem(&self) -> Problem<'_> {
        let code = self.code();
        let (errors, errors_total): (&[FieldFault], _) = match self {
            Self::InvalidRequest {
                errors,
                errors_total,
                ..
            } => (errors, *errors_total),
            Self::Batch(problem) => (problem.errors(), None),
            _ => (&[], None),
        };
        let (restriction, shortened) = match self {
            Self::WouldShorten {
                restriction,
                action,
            } => (Some(restriction), action.as_deref()),
            _ => (None, None),
        };
        Problem {
            r#type: code.urn(),
            title: code.title(),
            status: code.status().as_u16(),
            detail: self.to_string(),
            code: code.as_str(),
            action: self.action().or(shortened).map(ActionJson::from),
            errors,
            errors_total,
            limit: self.limit(),
            retry_after: self.retry_after(),
            restriction,
            batch: match self {
                Self::Batch(problem) => problem.batch(),
                _ => None,
            },
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
