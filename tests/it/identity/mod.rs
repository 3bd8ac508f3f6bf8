//! Tokens of a real identity provider: its keys, their rotation, and what it is like when it is
//! away; tokens that nobody should accept; tokens as the large providers make them.

mod explained;
mod hostile;
mod outage;
mod recipes;
mod rotation;

use std::time::Duration;

use modgate::auth::{KeySource, Pace};
use modgate::config::Settings;
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::provider::{Provider, SigningKey, claims};
use crate::support::world::World;

/// A world whose tokens are checked with the keys of `provider`.
async fn world_of(provider: &Provider) -> World {
    let world = World::new().await.set("MODGATE_JWT_SECRET", "");
    world.set("MODGATE_JWT_JWKS_URL", &provider.url())
}

/// Fetches so often that minutes are seconds.
fn hurried(settings: &mut Settings) {
    settings.limit.cold_start = Duration::ZERO;
    if let KeySource::Jwks(source) = &mut settings.auth.keys {
        source.pace = Pace {
            refresh_every: Duration::from_millis(200),
            retry_after: Duration::from_millis(100),
            min_interval: Duration::from_millis(50),
        };
    }
}

async fn hurried_app(provider: &Provider) -> TestApp {
    let app = TestApp::in_world_with(world_of(provider).await, hurried).await;
    is_ready(&app).await;
    app
}

async fn is_ready(app: &TestApp) {
    let operator = app.operator();
    eventually("it is ready", Duration::from_secs(20), async || {
        (operator.get("/readyz").await.status == 200).then_some(())
    })
    .await;
}

fn bearer(app: &TestApp, token: String) -> Persona {
    Persona::new(app.addr, Some(token))
}

/// Someone with a good token of `key`.
fn alice(app: &TestApp, key: &SigningKey) -> Persona {
    bearer(app, key.sign(&claims("alice")))
}

async fn status(app: &TestApp, token: String) -> u16 {
    bearer(app, token).get("/v1/me").await.status
}

async fn readiness(app: &TestApp) -> Value {
    app.operator().get("/readyz").await.json()
}

/// The value of `modgate_jwks_age_seconds`.
async fn age(app: &TestApp) -> f64 {
    let metrics = app.operator().get("/metrics").await.text;
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix("modgate_jwks_age_seconds "));
    let value = value.expect("the metric is there");
    value.parse().expect("it is a number")
}
