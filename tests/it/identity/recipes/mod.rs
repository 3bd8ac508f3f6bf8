//! What the README says for each of the large providers, with tokens in the shape that they make.

mod hosted;
mod self_hosted;

use std::collections::BTreeSet;

use chrono::Utc;
use serde_json::{Value, json};

use super::*;

/// The settings of a recipe: the first code block under its heading. Of `<heading>, changed` those with
/// what the second block says instead.
fn recipe(heading: &str) -> Vec<(String, String)> {
    match heading.strip_suffix(CHANGED) {
        None => block(heading, 1),
        Some(heading) => {
            let changes = block(heading, 3);
            let mut settings = block(heading, 1);
            settings.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
            settings.into_iter().chain(changes).collect()
        }
    }
}

const CHANGED: &str = ", changed";

/// The settings between the fences under a heading: blocks have odd numbers.
fn block(heading: &str, number: usize) -> Vec<(String, String)> {
    let readme = include_str!("../../../../README.md");
    let (_, rest) = readme
        .split_once(&format!("\n### {heading}\n"))
        .expect("the README has it");
    let section = rest.split("\n### ").next().unwrap_or(rest);
    let block = section
        .split("```")
        .nth(number)
        .expect("it has a block")
        .trim_start_matches("sh\n");
    let settings = block.lines().filter_map(|line| line.split_once('='));
    settings
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

fn setting(heading: &str, name: &str) -> String {
    let settings = recipe(heading);
    let found = settings.iter().find(|(setting, _)| setting == name);
    found.expect("the recipe has it").1.clone()
}

/// A gateway with the settings of a recipe, and a provider that publishes `key`.
struct Recipe {
    heading: &'static str,
    key: SigningKey,
    /// Of every token, unless a test says otherwise.
    header: Value,
    app: TestApp,
    _provider: Provider,
}

impl Recipe {
    /// The provider publishes `key`, and others beside it.
    async fn of(heading: &'static str, key: SigningKey, others: &[&SigningKey]) -> Self {
        let mut published = others.to_vec();
        published.push(&key);
        let provider = Provider::start(&published).await;
        let mut world = world_of(&provider).await;
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
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": key.id()});
        Self {
            heading,
            key,
            header,
            app,
            _provider: provider,
        }
    }

    fn issuer(&self) -> String {
        setting(self.heading, "MODGATE_JWT_ISSUER")
    }

    fn audience(&self) -> String {
        setting(self.heading, "MODGATE_JWT_AUDIENCE")
    }

    /// A token that says `claims` with the changes made, and with times around now. Null removes a
    /// claim.
    fn token(&self, claims: &Value, changes: &Value) -> String {
        let mut claims = current(claims);
        for (name, value) in changes.as_object().expect("it is one") {
            claims[name] = value.clone();
        }
        let members = claims.as_object_mut().expect("it is one");
        members.retain(|_, value| !value.is_null());
        self.key.sign_raw(&self.header, &claims)
    }

    async fn me(&self, token: String) -> Value {
        let answer = bearer(&self.app, token).get("/v1/me").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    async fn may_kick(&self, token: String) -> u16 {
        bearer(&self.app, token).kick_login("user1").await.status
    }

    async fn may_read_everything(&self, token: String) -> u16 {
        bearer(&self.app, token)
            .get("/v1/actions/export")
            .await
            .status
    }

    /// That the token is refused, and why.
    async fn assert_refused(&self, token: String, why: &str) {
        let answer = bearer(&self.app, token).get("/v1/me").await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        let challenge = answer.header("www-authenticate").expect("it is there");
        assert!(challenge.contains(why), "{challenge}");
    }

    /// How many actions are recorded as asked for by that client.
    async fn recorded(&self, client_id: &str) -> i64 {
        let sql = "select count(*) from audit.actions where client_id = $1";
        let count = sqlx::query_scalar(sql).bind(client_id);
        let count = count.fetch_one(&mut self.app.sql().await).await;
        count.expect("the record can be read")
    }
}

const ID_TOKEN: &str = "is an ID token";

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
