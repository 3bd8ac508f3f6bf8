//! What the README says for each of the large providers, with tokens in the shape that they make.

use std::collections::BTreeSet;

use chrono::Utc;
use serde_json::{Value, json};

use super::*;

/// The settings of a recipe: the first code block under its heading.
fn recipe(heading: &str) -> Vec<(String, String)> {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme
        .split_once(&format!("\n### {heading}\n"))
        .expect("the README has it");
    let block = rest
        .split("```")
        .nth(1)
        .expect("it has a block")
        .trim_start_matches("sh\n");
    let settings = block.lines().filter_map(|line| line.split_once('='));
    settings
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

/// A gateway with the recipe's settings, whose keys are those of `provider`.
async fn app_of(heading: &str, provider: &Provider) -> TestApp {
    let mut world = world_of(provider).await;
    let mut named = BTreeSet::new();
    for (name, value) in recipe(heading) {
        if name != "MODGATE_JWT_JWKS_URL" {
            world = world.set(&name, &value);
        }
        named.insert(name);
    }
    for needed in [
        "MODGATE_JWT_ISSUER",
        "MODGATE_JWT_AUDIENCE",
        "MODGATE_JWT_JWKS_URL",
    ] {
        assert!(named.contains(needed), "{heading} does not say {needed}");
    }
    let app = TestApp::in_world_with(world, hurried).await;
    is_ready(&app).await;
    app
}

fn setting(heading: &str, name: &str) -> String {
    let settings = recipe(heading);
    let found = settings.iter().find(|(setting, _)| setting == name);
    found.expect("the recipe has it").1.clone()
}

/// `token` with times around now.
fn current(token: &Value) -> Value {
    let now = Utc::now().timestamp();
    let mut token = token.clone();
    for (claim, at) in [("iat", now - 5), ("nbf", now - 5), ("exp", now + 300)] {
        if !token[claim].is_null() {
            token[claim] = at.into();
        }
    }
    token
}

async fn me(app: &TestApp, token: String) -> Value {
    let answer = bearer(app, token).get("/v1/me").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

async fn may_kick(app: &TestApp, token: String) -> u16 {
    bearer(app, token).kick_login("user1").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak() {
    let key = SigningKey::rs256("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE");
    let encryption = {
        let mut key = SigningKey::rs256("enc-key");
        key.jwk["use"] = "enc".into();
        key.jwk["alg"] = "RSA-OAEP".into();
        key
    };
    let provider = Provider::start(&[&encryption, &key]).await;
    let app = app_of("Keycloak", &provider).await;
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": key.id()});
    let token = |roles: Value| {
        let claims = json!({
            "exp": 0, "iat": 0, "auth_time": 1_700_000_000, "jti": "onrtac:2e1b1c4e-0f4c-4d0c-9a55-9f4b5b7f0d11",
            "iss": setting("Keycloak", "MODGATE_JWT_ISSUER"), "aud": ["modgate", "account"],
            "sub": "f:3f0d1f4c-59a5:alice", "typ": "Bearer", "azp": "dashboard",
            "sid": "6a2b9b7e-d3c5-4d8d-8a59-9c3f7a1b2c3d", "acr": "1", "allowed-origins": ["https://dashboard.example"],
            "realm_access": {"roles": ["offline_access", "default-roles-moderation"]},
            "resource_access": {"modgate": {"roles": roles}, "account": {"roles": ["manage-account"]}},
            "scope": "openid profile email", "email_verified": true, "name": "Alice W.",
            "preferred_username": "alice", "given_name": "Alice", "email": "alice@example.com",
        });
        key.sign_raw(&header, &current(&claims))
    };
    let moderator = me(&app, token(json!(["moderator"]))).await;
    assert_eq!(moderator["moderator"], "f:3f0d1f4c-59a5:alice");
    assert_eq!(moderator["name"], "alice");
    assert_eq!(may_kick(&app, token(json!(["moderator"]))).await, 200);
    assert_eq!(may_kick(&app, token(json!(["auditor"]))).await, 403);
    assert_eq!(
        app.count("select count(*) from audit.actions where client_id = 'dashboard'")
            .await,
        2
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn okta() {
    let key = SigningKey::rs256("UfSBBhWV-0Q9gJb2pgLlVf1NvdkjkN0XtT7yU6oCw3s");
    let provider = Provider::start(&[&key]).await;
    let app = app_of("Okta", &provider).await;
    let header = json!({"kid": key.id(), "alg": "RS256"});
    let token = |scopes: Value| {
        let claims = json!({
            "ver": 1, "jti": "AT.k7vQ3d2o3Qz8c1cV4r0H3l2vE0F8hYyI", "iss": setting("Okta", "MODGATE_JWT_ISSUER"),
            "aud": setting("Okta", "MODGATE_JWT_AUDIENCE"), "iat": 0, "exp": 0, "cid": "0oa1b2c3d4e5F6G7h8i9",
            "uid": "00u1a2b3c4d5E6F7g8h9", "scp": scopes, "auth_time": 1_700_000_000, "sub": "alice@example.com",
        });
        key.sign_raw(&header, &current(&claims))
    };
    let moderator = me(&app, token(json!(["action:kick_login", "openid"]))).await;
    assert_eq!(moderator["moderator"], "00u1a2b3c4d5E6F7g8h9");
    assert_eq!(moderator["name"], "alice@example.com");
    assert_eq!(
        may_kick(&app, token(json!(["action:kick_login", "openid"]))).await,
        200
    );
    assert_eq!(may_kick(&app, token(json!(["openid"]))).await, 403);
    assert_eq!(
        app.count("select count(*) from audit.actions where client_id = '0oa1b2c3d4e5F6G7h8i9'")
            .await,
        2
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entra() {
    let mut key = SigningKey::rs256("CuZ3sEw8aT1oYqg7b9Rk2mXn4Ps");
    // As Microsoft publishes them: no alg, a certificate, and an issuer with a placeholder.
    key.jwk["x5t"] = key.id().into();
    key.jwk["x5c"] = json!(["MIIC/TCCAeWgAwIBAgIIK4Yw"]);
    key.jwk["issuer"] = "https://login.microsoftonline.com/{tenantid}/v2.0".into();
    let provider = Provider::start(&[&key]).await;
    let app = app_of("Entra", &provider).await;
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": key.id()});
    let token = |roles: Value| {
        let claims = json!({
            "aud": setting("Entra", "MODGATE_JWT_AUDIENCE"), "iss": setting("Entra", "MODGATE_JWT_ISSUER"),
            "iat": 0, "nbf": 0, "exp": 0, "aio": "AWQAm/8XAAAA", "azp": "5c1b6f3e-0b5f-4c0e-8d5d-2f1e7a9b3c4d", "azpacr": "0",
            "name": "Alice W.", "oid": "b8a3c1d2-4e5f-4a6b-9c7d-8e9f0a1b2c3d", "preferred_username": "alice@example.com",
            "rh": "0.AXkA", "roles": roles, "scp": "access_as_user", "sub": "gXh4o2cJw0T4mS2Xv1cEoQbVZtqN1sV6m9Kf0p3dE7A",
            "tid": "11111111-2222-3333-4444-555555555555", "uti": "Q2hhbmdl", "ver": "2.0",
        });
        key.sign_raw(&header, &current(&claims))
    };
    let moderator = me(&app, token(json!(["Modgate.Moderator"]))).await;
    // `sub` differs from application to application.
    assert_eq!(
        moderator["moderator"],
        "b8a3c1d2-4e5f-4a6b-9c7d-8e9f0a1b2c3d"
    );
    assert_eq!(moderator["name"], "alice@example.com");
    assert_eq!(
        may_kick(&app, token(json!(["Modgate.Moderator"]))).await,
        200
    );
    assert_eq!(may_kick(&app, token(json!(["Modgate.Auditor"]))).await, 403);
    app.stop().await;
}
