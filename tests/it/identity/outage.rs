//! The provider is away, or talks nonsense.

use std::time::Duration;

use super::*;
use crate::support::file::TemporaryFile;
use crate::support::provider::{Answer, document};

/// What a provider may answer that is of no use, by name.
fn useless(elsewhere: &Provider) -> Vec<(&'static str, Answer)> {
    let text = |text: &str| Answer::Document(text.as_bytes().to_vec());
    let huge = format!(r#"{{"keys": [], "padding": "{}"}}"#, "x".repeat(300 * 1024));
    let encryption = SigningKey::rs256("enc");
    let mut encryption_only = encryption.jwk.clone();
    encryption_only["use"] = "enc".into();
    vec![
        ("500", Answer::Status(500)),
        ("404", Answer::Status(404)),
        ("an empty answer", text("")),
        ("HTML", text("<html>maintenance</html>")),
        ("half a document", text(r#"{"keys": [{"kty": "EC""#)),
        ("no keys at all", text(r#"{"keys": []}"#)),
        (
            "keys for encryption",
            text(&format!(r#"{{"keys": [{encryption_only}]}}"#)),
        ),
        ("a huge document", text(&huge)),
        ("elsewhere", Answer::Redirect(elsewhere.url())),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn known_keys_go_on_working_whatever_the_provider_answers() {
    let (key, strange) = (SigningKey::es256("real"), SigningKey::es256("strange"));
    let provider = Provider::start(&[&key]).await;
    let elsewhere = Provider::start(&[&strange]).await;
    let app = hurried_app(&provider).await;
    for (name, answer) in useless(&elsewhere) {
        provider.set(answer);
        let before = provider.fetches();
        eventually("it was asked again", Duration::from_secs(10), async || {
            (provider.fetches() >= before + 3).then_some(())
        })
        .await;
        assert_eq!(
            status(&app, key.sign(&claims("alice"))).await,
            200,
            "{name}"
        );
        assert_eq!(
            status(&app, strange.sign(&claims("alice"))).await,
            401,
            "{name}"
        );
    }
    assert_eq!(elsewhere.fetches(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_for_long_costs_nothing_but_new_keys() {
    let (key, new) = (SigningKey::es256("real"), SigningKey::es256("new"));
    let mut provider = Provider::start(&[&key]).await;
    let app = hurried_app(&provider).await;
    provider.stop();
    // Ten times as long as keys stay fresh at this pace.
    eventually("the keys are old", Duration::from_secs(20), async || {
        assert_eq!(alice(&app, &key).get("/v1/me").await.status, 200);
        (age(&app).await > 3.0).then_some(())
    })
    .await;
    let readiness = readiness(&app).await;
    assert_eq!(readiness["degraded"], serde_json::json!(["keys"]));
    let action = alice(&app, &key).kick_login("user1").await;
    assert_eq!(action.status, 200, "{}", action.text);
    assert_eq!(status(&app, new.sign(&claims("alice"))).await, 401);
    provider.publish(&[&key, &new]);
    provider.start_again().await;
    eventually(
        "the new key is known",
        Duration::from_secs(10),
        async || (status(&app, new.sign(&claims("alice"))).await == 200).then_some(()),
    )
    .await;
    assert!(age(&app).await < 3.0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_since_the_start_nobody_is_called_unauthenticated() {
    let key = SigningKey::es256("real");
    let mut provider = Provider::start(&[&key]).await;
    provider.stop();
    let app = TestApp::in_world_with(world_of(&provider).await, hurried).await;
    let operator = app.operator();
    eventually(
        "only keys are missing",
        Duration::from_secs(20),
        async || {
            let answer = operator.get("/readyz").await;
            assert_eq!(answer.status, 503);
            (answer.json()["causes"] == serde_json::json!(["no keys since start"])).then_some(())
        },
    )
    .await;
    let answer = alice(&app, &key).kick_login("user1").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "keys-unavailable")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    // Without a token there is nothing to check.
    assert_eq!(app.anonymous().get("/v1/me").await.status, 401);
    provider.start_again().await;
    is_ready(&app).await;
    assert_eq!(alice(&app, &key).kick_login("user1").await.status, 200);
    assert_eq!(app.count("select count(*) from audit.action").await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_provider_holds_up_nobody_whose_key_is_known() {
    let (key, new) = (SigningKey::es256("real"), SigningKey::es256("new"));
    let provider = Provider::start(&[&key]).await;
    let app = hurried_app(&provider).await;
    provider.set(Answer::Silence);
    let (known, unknown) = tokio::join!(
        async {
            let impatient = alice(&app, &key).impatient(Duration::from_secs(3));
            for _ in 0..20 {
                assert_eq!(impatient.get("/v1/me").await.status, 200);
            }
        },
        // It waits for the key, but not for ever.
        async {
            let patient = alice(&app, &new).impatient(Duration::from_secs(15));
            patient.get("/v1/me").await.status
        }
    );
    let ((), 401) = (known, unknown) else {
        panic!("{unknown}")
    };
    provider.set(document(&[&key, &new]));
    eventually(
        "the new key is known",
        Duration::from_secs(20),
        async || (status(&app, new.sign(&claims("alice"))).await == 200).then_some(()),
    )
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_with_a_certificate_of_a_private_authority_is_believed_only_with_it() {
    let key = SigningKey::es256("real");
    let provider = Provider::start_tls(&[&key]).await;
    let authority = provider.authority.clone().expect("it is one over TLS");
    let authority = TemporaryFile::new(&authority);
    let trusting = world_of(&provider).await;
    let trusting = trusting.set("MODGATE_CA_FILE", authority.path());
    let trusting = TestApp::in_world_with(trusting, hurried).await;
    is_ready(&trusting).await;
    assert_eq!(alice(&trusting, &key).get("/v1/me").await.status, 200);
    let before = provider.fetches();
    let wary = TestApp::in_world_with(world_of(&provider).await, hurried).await;
    assert_eq!(
        alice(&wary, &key).get("/v1/me").await.problem(),
        "keys-unavailable"
    );
    wary.stop().await;
    trusting.stop().await;
    assert!(before >= 1);
}
