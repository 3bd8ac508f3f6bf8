//! Who calls, and from where.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::AppState;
use super::connections::Accepted;
use super::forwarded::client;
use super::middleware::RequestId;
use super::problem::{ApiError, Limit};
use super::quota::Asked;
use super::trace::TraceParent;
use crate::auth::Refusal;
use crate::domain::{Moderator, Origin, printable};
use crate::limit::Place;

static X_FORWARDED_FOR: header::HeaderName = header::HeaderName::from_static("x-forwarded-for");

/// The moderator behind a valid token.
#[derive(Debug)]
pub(super) struct Authenticated(pub(super) Moderator);

impl FromRequest for Authenticated {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let moderator = authenticate(&request).await?;
            if let Some(accepted) = Accepted::of(&request) {
                accepted.prove();
            }
            let asked = Asked::new(moderator.clone(), &request);
            request.extensions_mut().insert(asked);
            Ok(Self(moderator))
        })
    }
}

async fn authenticate(request: &HttpRequest) -> Result<Moderator, Refusal> {
    let state = request
        .app_data::<web::Data<AppState>>()
        .expect("the server adds the state");
    let mut fields = request.headers().get_all(header::AUTHORIZATION);
    match (fields.next(), fields.next()) {
        (_, Some(_)) => Err(Refusal::Malformed),
        (field, None) => {
            let field = field.map(header::HeaderValue::as_bytes);
            state.verifier.load_full().authenticate(field).await
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoKeys => Self::KeysUnavailable,
            refusal => Self::Unauthenticated(refusal),
        }
    }
}

impl Authenticated {
    /// Counts this request against the moderator's own limit.
    pub(super) fn spend(&self, state: &AppState) -> Result<(), ApiError> {
        state
            .service
            .limiter
            .check_moderator(&self.0)
            .map_err(|retry_after| ApiError::RateLimited {
                limit: Limit::Moderator,
                retry_after,
                action: None,
            })
    }

    /// Waits for this moderator's turn to read the record.
    pub(super) async fn turn_to_read(&self, state: &AppState) -> Result<Place, ApiError> {
        let place = state.readers.read(&self.0).await;
        place.map_err(ApiError::too_many_reads)
    }
}

impl ApiError {
    /// The moderator reads too often, or too much at a time.
    pub(super) const fn too_many_reads(retry_after: Duration) -> Self {
        Self::RateLimited {
            limit: Limit::Reads,
            retry_after,
            action: None,
        }
    }
}

/// Where a request comes from.
pub(super) fn origin(request: &HttpRequest, state: &AppState) -> Origin {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
            peer.ip().to_canonical()
        });
    let text = |name: header::HeaderName| {
        let value = request.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let forwarded = request.headers().get_all(&X_FORWARDED_FOR);
    let forwarded = forwarded.map(header::HeaderValue::as_bytes);
    Origin {
        client_ip: client(peer, forwarded.rev(), &state.front.trusted_proxies),
        peer_ip: peer,
        user_agent: text(header::USER_AGENT).map(|agent| printable(&agent, 256)),
        http_request_id: request
            .extensions()
            .get::<RequestId>()
            .map_or_else(String::new, |id| id.0.clone()),
        trace_id: TraceParent::read(request.headers()).map(|given| given.trace_id.to_owned()),
    }
}
