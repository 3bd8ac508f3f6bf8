//! What is valid and of no use is explained somewhere.

use modgate::auth::{JwksSource, ScopeMap, Verifier};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber;

use super::*;
use crate::support::process::{Gateway, Log};
use crate::support::provider::Answer;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_opens_nothing_is_a_line_that_names_the_claims_and_no_value() {
    let key = SigningKey::es256("key");
    let provider = Provider::start(&[&key]).await;
    let world = world_of(&provider).await;
    let world = world.set("MODGATE_JWT_SCOPE_CLAIM", "scp,groups,/realm_access/roles");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let says = |changes: Value| {
        let mut claims = claims("alice-h4nter2");
        for (name, value) in changes.as_object().expect("it is one") {
            claims[name] = value.clone();
        }
        Persona::new(gateway.addr, Some(key.sign(&claims)))
    };
    let lines = || gateway.log().events("token_without_scope");
    let useful = says(json!({"groups": ["audit:read"]}));
    assert_eq!(useful.get("/v1/me").await.status, 200);
    assert_eq!(lines(), Vec::<Value>::new());
    let useless = [
        json!({"groups": ["h4nter2"], "realm_access": {"roles": []}}),
        json!({}),
        json!({"groups": {"h4nter2": true}}),
        json!({"scp": "openid h4nter2"}),
        json!({"scp": null, "groups": 7}),
    ];
    for changes in useless {
        for _ in 0..3 {
            let answer = says(changes.clone()).get("/v1/me").await;
            assert_eq!(answer.status, 200, "{changes}: {}", answer.text);
        }
        assert_eq!(says(changes).kick_login("user1").await.status, 403);
    }
    let lines = lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(lines[0]["claims"], "scp,groups,/realm_access/roles");
    assert_eq!(lines[0]["present"], "groups,/realm_access/roles");
    assert!(!lines[0].to_string().contains("h4nter2"), "{}", lines[0]);
}

/// A verifier that asks `provider` for keys many times a second, and what it logs of that.
fn watched(provider: &Provider) -> (Log, tokio::task::JoinHandle<()>, CancellationToken) {
    let keys = KeySource::Jwks(JwksSource {
        url: provider.url().parse().expect("it is one"),
        further_roots: None,
        pace: Pace {
            refresh_every: Duration::from_millis(50),
            retry_after: Duration::from_millis(50),
            min_interval: Duration::from_millis(20),
        },
    });
    let verifier = Verifier::new(modgate::auth::Settings {
        issuer: "https://id.example".to_owned(),
        audience: vec!["modgate".to_owned()],
        audience_claim: "aud".to_owned(),
        accept_id_tokens: false,
        keys,
        leeway: Duration::ZERO,
        scope_claims: Vec::new(),
        scope_map: ScopeMap::default(),
        subject_claim: "sub".to_owned(),
        name_claim: "name".to_owned(),
    });
    let jwks = verifier.expect("it can be made").jwks().cloned();
    let (log, closing) = (Log::default(), CancellationToken::new());
    let (reader, writer) = std::io::pipe().expect("there are pipes");
    log.follow(reader);
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(std::sync::Arc::new(writer))
        .finish();
    let until = closing.clone();
    let fetching = async move {
        let jwks = jwks.expect("they are published");
        jwks.keep_fresh(&until).await;
    };
    let fetching = tokio::spawn(fetching.with_subscriber(subscriber));
    (log, fetching, closing)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_used_is_said_once_for_each_change() {
    let good = SigningKey::es256("good");
    let odd = |id: &str, changes: Value| {
        let mut jwk = SigningKey::es256(id).jwk;
        for (name, value) in changes.as_object().expect("it is one") {
            jwk[name] = value.clone();
        }
        jwk
    };
    let curve = odd("curve", json!({"crv": "P-521"}));
    let encryption = odd("enc", json!({"use": "enc"}));
    let publish =
        |keys: &[&Value]| Answer::Document(json!({"keys": keys}).to_string().into_bytes());
    let provider = Provider::start(&[&good]).await;
    provider.set(publish(&[&curve, &good.jwk, &encryption, &Value::Null]));
    let (log, fetching, closing) = watched(&provider);
    let asked_again = async || {
        let before = provider.fetches();
        eventually("it was asked again", Duration::from_secs(20), async || {
            (provider.fetches() >= before + 5).then_some(())
        })
        .await;
    };
    let said = || -> Vec<(u64, Value, String)> {
        let lines = log.events("jwks_key_skipped");
        let line = |line: &Value| {
            let reason = line["reason"].as_str().unwrap_or_default();
            let place = line["position"].as_u64().unwrap_or_default();
            (place, line["key_id"].clone(), reason.to_owned())
        };
        lines.iter().map(line).collect()
    };
    asked_again().await;
    let unsupported = "is no complete RSA, P-256, P-384 or Ed25519 key".to_owned();
    let at_first = vec![
        (1, json!("curve"), unsupported),
        (
            4,
            Value::Null,
            "is no JSON object, or names a member twice".to_owned(),
        ),
    ];
    assert_eq!(said(), at_first);
    // A provider that is away for a while has changed nothing.
    provider.set(Answer::Status(500));
    asked_again().await;
    provider.set(publish(&[&curve, &good.jwk, &encryption, &Value::Null]));
    asked_again().await;
    assert_eq!(said(), at_first);
    let private = odd("private", json!({"d": "AA"}));
    provider.set(publish(&[&curve, &good.jwk, &private]));
    asked_again().await;
    let said = said();
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!((said[2].0, &said[2].1), (3, &json!("private")));
    assert!(said[2].2.contains("private"), "{said:?}");
    // Without any that can be used, the error says why.
    provider.set(publish(&[&curve]));
    asked_again().await;
    let failed = log.events("jwks_not_fetched").pop().expect("it is said");
    let error = failed["error"].as_str().expect("it is a text");
    assert!(
        error.contains("key 1 (\"curve\") is no complete"),
        "{error}"
    );
    closing.cancel();
    fetching.await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_member_of_a_key_is_an_absent_one() {
    let mut nameless = SigningKey::es256("x");
    for name in ["kid", "use", "alg", "key_ops", "x5c", "x5t", "d"] {
        nameless.jwk[name] = Value::Null;
    }
    let provider = Provider::start(&[&nameless]).await;
    let app = hurried_app(&provider).await;
    for header in [
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "kid": null, "typ": null}),
        json!({"alg": "ES256", "kid": "whatever"}),
    ] {
        let token = nameless.sign_raw(&header, &claims("alice"));
        assert_eq!(status(&app, token).await, 200, "{header}");
    }
    app.stop().await;
}
