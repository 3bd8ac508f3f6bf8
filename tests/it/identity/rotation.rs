//! The provider changes its keys, and tokens name keys that it does not have.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_load_refuses_nobody() {
    let first = SigningKey::es256("first");
    let provider = Provider::start(&[&first]).await;
    let app = TestApp::in_world(world_of(&provider).await).await;
    let keys = [
        first,
        SigningKey::rs256("second"),
        SigningKey::es256("third"),
    ];
    let (newest, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (keys, newest, over, app) = (&keys, &newest, &over, &app);
    let moderators = (0..6).map(async |number| {
        let mut answers = Vec::new();
        while !over.load(Ordering::SeqCst) {
            let key = newest.load(Ordering::SeqCst);
            let token = keys[key].sign(&claims(&format!("moderator-{number}")));
            answers.push((key, status(app, token).await));
        }
        answers
    });
    let rotations = async {
        for key in 1..keys.len() {
            // As providers do it: the new key is published beside the old one, then signs.
            provider.publish(&[&keys[key - 1], &keys[key]]);
            newest.store(key, Ordering::SeqCst);
            let served = || alice(app, &keys[key]).impatient(Duration::from_secs(20));
            assert_eq!(served().get("/v1/me").await.status, 200);
        }
        over.store(true, Ordering::SeqCst);
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(moderators), rotations);
    let answers = answers.concat();
    assert!(
        answers.iter().all(|(_, status)| *status == 200),
        "{answers:?}"
    );
    for key in 0..keys.len() {
        assert!(answers.iter().any(|(used, _)| *used == key), "key {key}");
    }
    // One at the start, one for each new key.
    assert!(provider.fetches() <= 4, "{} fetches", provider.fetches());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_random_key_ids_cause_a_handful_of_fetches_and_delay_nobody() {
    let key = SigningKey::es256("real");
    let provider = Provider::start(&[&key]).await;
    let app = TestApp::in_world(world_of(&provider).await).await;
    let forger = SigningKey::es256("any");
    let (app, key) = (&app, &key);
    let tokens = (0..1000).map(|_| {
        let header = json!({"alg": "ES256", "kid": Uuid::now_v7().to_string()});
        forger.sign_raw(&header, &claims("mallory"))
    });
    // One client: to make a thousand takes this process longer than the gateway waits for a head.
    let anonymous = app.anonymous();
    let attack = stream::iter(tokens).map(async |token| {
        let request = anonymous.request(Method::GET, "/v1/me").bearer_auth(token);
        let answer = anonymous.send(request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (401, "unauthenticated")
        );
    });
    let over = AtomicBool::new(false);
    let attack = async {
        attack.buffer_unordered(300).collect::<Vec<()>>().await;
        over.store(true, Ordering::SeqCst);
    };
    let moderator = async {
        let (alice, mut slowest) = (alice(app, key), Duration::ZERO);
        while !over.load(Ordering::SeqCst) {
            let asked = Instant::now();
            assert_eq!(alice.get("/v1/me").await.status, 200);
            slowest = slowest.max(asked.elapsed());
        }
        slowest
    };
    let ((), slowest) = tokio::join!(attack, moderator);
    // Whoever waited for a fetch waited for seconds.
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
    assert!(provider.fetches() <= 5, "{} fetches", provider.fetches());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_id_that_was_looked_for_in_vain_is_not_looked_for_again_at_once() {
    let key = SigningKey::es256("real");
    let provider = Provider::start(&[&key]).await;
    // No refresh of its own accord, and no pause between fetches that are asked for.
    let app = TestApp::in_world_with(world_of(&provider).await, |settings| {
        hurried(settings);
        if let KeySource::Jwks(source) = &mut settings.auth.keys {
            source.pace.refresh_every = Duration::from_hours(1);
            source.pace.min_interval = Duration::ZERO;
        }
    })
    .await;
    is_ready(&app).await;
    let retired = SigningKey::es256("retired");
    for _ in 0..20 {
        assert_eq!(status(&app, retired.sign(&claims("alice"))).await, 401);
    }
    assert_eq!(provider.fetches(), 2);
    // Another name is looked for, and the key that is found with it is good.
    let new = SigningKey::es256("new");
    provider.publish(&[&key, &new, &retired]);
    assert_eq!(status(&app, new.sign(&claims("alice"))).await, 200);
    assert_eq!(provider.fetches(), 3);
    assert_eq!(status(&app, retired.sign(&claims("alice"))).await, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_though_nobody_asks_and_withdrawn_ones_stop_working() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::es256("new"));
    let provider = Provider::start(&[&old]).await;
    let app = hurried_app(&provider).await;
    assert_eq!(status(&app, old.sign(&claims("alice"))).await, 200);
    provider.publish(&[&new]);
    eventually(
        "the old key is out of use",
        Duration::from_secs(10),
        async || (status(&app, old.sign(&claims("alice"))).await == 401).then_some(()),
    )
    .await;
    assert_eq!(status(&app, new.sign(&claims("alice"))).await, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_keys_without_an_id_find_each_other() {
    let mut nameless = SigningKey::es256("x");
    let named = SigningKey::es256("named");
    nameless
        .jwk
        .as_object_mut()
        .expect("it is one")
        .remove("kid");
    let provider = Provider::start(&[&named, &nameless]).await;
    let app = hurried_app(&provider).await;
    let header = json!({"alg": "ES256"});
    for (key, header) in [
        (&named, &header),
        (&nameless, &header),
        (&nameless, &json!({"alg": "ES256", "kid": "whatever"})),
    ] {
        assert_eq!(
            status(&app, key.sign_raw(header, &claims("alice"))).await,
            200
        );
    }
    // A name that the provider knows means that key and, of those with a name, no other.
    let other = named.sign_raw(&json!({"alg": "ES256", "kid": "other"}), &claims("alice"));
    assert_eq!(status(&app, other).await, 401);
    app.stop().await;
}
