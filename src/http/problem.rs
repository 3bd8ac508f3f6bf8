//! Every error of the API: one closed enum with stable codes, as RFC 9457 problem details.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};

use super::json::{ActionJson, state_headers};
use super::problem_body::Problem;
pub(super) use super::problem_body::{FieldFault, Limit};
use super::quota::whole_seconds;
use crate::auth::Refusal;
use crate::domain::Action;

/// An error of the API. The code never depends on the payload.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// 400: malformed JSON, an unknown or duplicate member, or a field that breaks its rule.
    #[error("{detail}")]
    InvalidRequest {
        /// What is wrong.
        detail: String,
        /// Which fields, and the rules they break.
        errors: Vec<FieldFault>,
    },
    /// 401: no token, or, with the reason, a bad one.
    #[error("{0}")]
    Unauthenticated(Refusal),
    /// 403: the token lacks the scope.
    #[error("the token lacks the scope {scope}")]
    Forbidden {
        /// Which scope is needed.
        scope: &'static str,
        /// The denied action; none if it was only to be read.
        action: Option<Box<Action>>,
    },
    /// 403: the target must not be acted upon.
    #[error("this user is protected: no action may target it")]
    ProtectedTarget(Box<Action>),
    /// 404: no such route, or no such action for this moderator.
    #[error("there is nothing here")]
    NotFound,
    /// 405
    #[error("this path answers {allow} only")]
    MethodNotAllowed {
        /// The methods that the path has.
        allow: &'static str,
    },
    /// 413
    #[error("the body must be at most 16 KiB")]
    PayloadTooLarge,
    /// 415
    #[error("the body must be application/json")]
    UnsupportedMediaType,
    /// 404: Tencent knows no such user or room.
    #[error("Tencent does not know the user or the room: nothing was done")]
    TargetNotFound(Box<Action>),
    /// 409: there was nothing to do.
    #[error("the target is in a state in which Tencent had nothing to do")]
    TargetConflict(Box<Action>),
    /// 409: the request with the same `Idempotency-Key` is still being carried out.
    #[error("the request with this Idempotency-Key is still being carried out")]
    IdempotencyConflict,
    /// 422: the `Idempotency-Key` stands for another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    /// 422: Tencent found the request wrong.
    #[error("Tencent refused the request as wrong: nothing was done")]
    RejectedByTencent(Box<Action>),
    /// 429: nothing was done, a repeat is safe.
    #[error("a limit is reached: nothing was done")]
    RateLimited {
        /// Whose.
        limit: Limit,
        /// When it is worth asking again.
        retry_after: Duration,
        /// The action that Tencent throttled.
        action: Option<Box<Action>>,
    },
    /// 502: Tencent refused the gateway, not the moderator.
    #[error(
        "Tencent refused the gateway itself, not your request: nothing was done; tell the operator"
    )]
    TencentRejectedGateway(Option<Box<Action>>),
    /// 503: Tencent could not be reached, or calls to it are suspended: nothing was sent.
    #[error("Tencent cannot be reached at present: nothing was sent")]
    TencentUnavailable {
        /// When it is worth asking again.
        retry_after: Duration,
        /// The action, if one was begun.
        action: Option<Box<Action>>,
    },
    /// 503: the record cannot be written or read, or there are no permits because the database is
    /// away.
    #[error("the record cannot be reached: nothing was sent")]
    AuditUnavailable(Option<Box<Action>>),
    /// 503: nobody can tell whether the token is good.
    #[error("the keys that tokens are checked with could not be fetched yet: nothing was done")]
    KeysUnavailable,
    /// 503: draining.
    #[error("this replica is shutting down: nothing was sent")]
    ShuttingDown,
    /// 504: it may or may not have happened.
    #[error(
        "it may or may not have happened. Look at the user's state before you repeat it; a repeat names this \
         action in `supersedes`"
    )]
    OutcomeUnknown(Box<Action>),
    /// 500: a bug.
    #[error("an error inside the gateway; it has been logged")]
    Internal,
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoKeys => Self::KeysUnavailable,
            refusal => Self::Unauthenticated(refusal),
        }
    }
}

impl ApiError {
    /// The stable code, its status, and the title that goes with it.
    #[rustfmt::skip]
    fn parts(&self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::InvalidRequest { .. }     => ("invalid-request", S::BAD_REQUEST, "The request is not valid"),
            Self::Unauthenticated(_)        => ("unauthenticated", S::UNAUTHORIZED, "A valid token is needed"),
            Self::Forbidden { .. }          => ("forbidden", S::FORBIDDEN, "The right to do this is missing"),
            Self::ProtectedTarget(_)        => ("protected-target", S::FORBIDDEN, "The target is protected"),
            Self::NotFound                  => ("not-found", S::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed { .. }   => ("method-not-allowed", S::METHOD_NOT_ALLOWED, "The path has no such method"),
            Self::PayloadTooLarge           => ("payload-too-large", S::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType      => ("unsupported-media-type", S::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON"),
            Self::TargetNotFound(_)         => ("target-not-found", S::NOT_FOUND, "The target does not exist"),
            Self::TargetConflict(_)         => ("target-conflict", S::CONFLICT, "There was nothing to do"),
            Self::RejectedByTencent(_)      => ("rejected-by-tencent", S::UNPROCESSABLE_ENTITY, "Tencent refused the request"),
            Self::IdempotencyConflict       => ("idempotency-conflict", S::CONFLICT, "The same request is under way"),
            Self::IdempotencyMismatch       => ("idempotency-mismatch", S::UNPROCESSABLE_ENTITY, "The key has another request"),
            Self::RateLimited { .. }        => ("rate-limited", S::TOO_MANY_REQUESTS, "A limit is reached"),
            Self::TencentRejectedGateway(_) => ("tencent-rejected-gateway", S::BAD_GATEWAY, "Tencent refused the gateway"),
            Self::TencentUnavailable { .. } => ("tencent-unavailable", S::SERVICE_UNAVAILABLE, "Tencent cannot be reached"),
            Self::AuditUnavailable(_)       => ("audit-unavailable", S::SERVICE_UNAVAILABLE, "The record cannot be reached"),
            Self::KeysUnavailable           => ("keys-unavailable", S::SERVICE_UNAVAILABLE, "Tokens cannot be checked"),
            Self::ShuttingDown              => ("shutting-down", S::SERVICE_UNAVAILABLE, "The replica is shutting down"),
            Self::OutcomeUnknown(_)         => ("outcome-unknown", S::GATEWAY_TIMEOUT, "The outcome is unknown"),
            Self::Internal                  => ("internal", S::INTERNAL_SERVER_ERROR, "An error inside the gateway"),
        }
    }

    fn action(&self) -> Option<&Action> {
        match self {
            Self::ProtectedTarget(action)
            | Self::TargetNotFound(action)
            | Self::TargetConflict(action)
            | Self::RejectedByTencent(action)
            | Self::OutcomeUnknown(action) => Some(action),
            Self::TencentRejectedGateway(action)
            | Self::AuditUnavailable(action)
            | Self::Forbidden { action, .. }
            | Self::TencentUnavailable { action, .. }
            | Self::RateLimited { action, .. } => action.as_deref(),
            _ => None,
        }
    }

    /// Only where a repeat is safe.
    fn retry_after(&self) -> Option<u64> {
        let wait = match self {
            Self::RateLimited { retry_after, .. }
            | Self::TencentUnavailable { retry_after, .. } => *retry_after,
            Self::AuditUnavailable(_)
            | Self::KeysUnavailable
            | Self::ShuttingDown
            | Self::IdempotencyConflict => Duration::ZERO,
            _ => return None,
        };
        Some(whole_seconds(wait))
    }

    fn challenge(&self) -> Option<HeaderValue> {
        let Self::Unauthenticated(refusal) = self else {
            return None;
        };
        HeaderValue::from_str(&refusal.challenge()).ok()
    }

    fn headers(&self, response: &mut HttpResponseBuilder) {
        if let Some(challenge) = self.challenge() {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Self::MethodNotAllowed { allow } = self {
            response.insert_header((header::ALLOW, *allow));
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
        self.parts().1
    }

    fn error_response(&self) -> HttpResponse {
        let (code, status, title) = self.parts();
        let (errors, limit) = match self {
            Self::InvalidRequest { errors, .. } => (errors.as_slice(), None),
            Self::RateLimited { limit, .. } => (&[][..], Some(*limit)),
            _ => (&[][..], None),
        };
        let problem = Problem {
            r#type: format!("urn:modgate:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            action: self.action().map(ActionJson::from),
            errors,
            limit,
            retry_after: self.retry_after(),
        };
        let mut response = HttpResponse::build(status);
        self.headers(&mut response);
        if let Some(limit) = limit {
            response.extensions_mut().insert(limit);
        }
        let body = serde_json::to_vec(&problem).expect("a problem is plain data");
        response.content_type("application/problem+json").body(body)
    }
}
