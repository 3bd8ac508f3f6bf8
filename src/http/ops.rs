//! The operations port: is it alive, is it ready, what does it count.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use serde_json::json;

use super::AppState;
use crate::auth::Verifier;
use crate::domain::Api;
use crate::service::Service;

/// The longest that readiness waits for the database's word.
const PATIENCE: Duration = Duration::from_secs(1);

/// `/livez`, `/readyz`, `/metrics`. The service needs a `web::Data<AppState>`.
///
/// Load balancers ask in their own ways whether to send requests here: `HEAD`, and `option httpchk` of
/// `HAProxy` with `OPTIONS` if nothing else is said. Each is told the same status as by `GET`:
/// another answer would be taken for the state of this replica.
pub fn routes(config: &mut ServiceConfig) {
    let options = || web::method(Method::OPTIONS);
    config
        .service(
            web::resource("/livez")
                .route(web::get().to(livez))
                .route(web::head().to(livez))
                .route(options().to(livez)),
        )
        .service(
            web::resource("/readyz")
                .route(web::get().to(readyz))
                .route(web::head().to(readyz))
                .route(options().to(readyz)),
        )
        .service(
            web::resource("/metrics")
                .route(web::get().to(metrics))
                .route(web::head().to(metrics)),
        );
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

/// 503 only for what concerns this replica alone. A fault that all share is `degraded`, with 200:
/// taking every replica out would turn a fault into an outage.
async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    let (service, verifier) = (&state.service, state.verifier.load_full());
    let mut causes = Vec::new();
    if service.draining.is_cancelled() {
        causes.push("draining");
    }
    if !service.limiter.is_ready() {
        causes.push("no permits since start");
    }
    if verifier.jwks().is_some_and(|jwks| !jwks.has_keys()) {
        causes.push("no keys since start");
    }
    let degraded = degraded(&state, &verifier).await;
    let (status, word) = match (causes.is_empty(), degraded.is_empty()) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        (true, false) => (StatusCode::OK, "degraded"),
        (true, true) => (StatusCode::OK, "ready"),
    };
    HttpResponse::build(status)
        .json(json!({"status": word, "causes": causes, "degraded": degraded}))
}

/// What all replicas share, and is not as it should be.
async fn degraded(state: &AppState, verifier: &Verifier) -> Vec<&'static str> {
    let service = &state.service;
    let mut degraded = Vec::new();
    let audit = service.audit.clone();
    let asked = service.on_main_runtime(async move { audit.ping().await });
    if !matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(()))) {
        degraded.push("database");
    }
    if !service.audit.last_brakes().in_force().is_empty() {
        degraded.push("frozen");
    }
    if service.audit.is_blocked() {
        degraded.push("record");
    }
    if service.audit.is_broken() || service.audit.is_newer() {
        degraded.push("seals");
    }
    if service.audit.is_unguarded() {
        degraded.push("triggers");
    }
    let lapsed = |api: &&Api| service.limiter.permits(api).lapsed;
    if Api::all().iter().any(lapsed) {
        degraded.push("leases");
    }
    if verifier.jwks().is_some_and(|jwks| jwks.is_stale()) {
        degraded.push("keys");
    }
    if usersig_expires_in(service).is_none_or(|seconds| seconds <= 0) {
        degraded.push("credential");
    }
    let suspended = |api: &&Api| state.moderation.suspended_for(api).is_some();
    if Api::all().iter().any(suspended) {
        degraded.push("tencent");
    }
    degraded
}

/// In seconds; negative when it has expired, `None` where nobody can tell.
fn usersig_expires_in(service: &Service) -> Option<i64> {
    let at = service.tencent.usersig_expires_at()?;
    let at = chrono::DateTime::<chrono::Utc>::from(at);
    Some((at - chrono::Utc::now()).num_seconds())
}

async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    let service = &state.service;
    let (metrics, limiter) = (&service.metrics, &service.limiter);
    metrics.set_frozen(service.audit.last_brakes().in_force());
    for api in Api::all() {
        let permits = limiter.permits(api);
        metrics.set_queue(api, limiter.queue_length(api), permits.lapsed);
        metrics.set_permits(api, &permits.by_state());
        metrics.set_suspended(api, state.moderation.suspended_for(api));
    }
    if let Some(seconds) = usersig_expires_in(service) {
        metrics.set_usersig_expires(seconds);
    }
    if let Some(jwks) = state.verifier.load().jwks() {
        metrics.set_jwks_age(jwks.age());
    }
    match metrics.render() {
        Ok(rendered) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(rendered),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
