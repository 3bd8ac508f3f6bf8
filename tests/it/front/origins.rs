//! Pages of other origins: those that are named may read every answer, the others none.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, KICK_LOGIN, Persona};
use crate::support::world::World;

const DASHBOARD: &str = "https://dash.example.test";
const LOCAL: &str = "http://localhost:5173";

/// Nobody listens at Tencent's address, so that an action is 503.
async fn app_for(origins: &str) -> TestApp {
    let world = World::new().await.set("MODGATE_CORS_ORIGINS", origins);
    let world = world.set("MODGATE_MODERATOR_QPS", "2");
    TestApp::in_world(world.set("MODGATE_TENCENT_URL", "http://127.0.0.1:1")).await
}

async fn ask(who: &Persona, origin: &str, method: Method, path: &str, body: String) -> Answer {
    let request = who.request(method, path).header("Origin", origin);
    let request = request.header(CONTENT_TYPE, "application/json");
    who.send(request.body(body)).await
}

/// One answer of each sort to a page of `origin`.
async fn answers(app: &TestApp, origin: &str) -> Vec<Answer> {
    // Each has a limit of his own, and one for each origin.
    let moderator = |name: &str| app.moderator(&format!("{name} at {origin}"));
    let (alice, bob, carol) = (moderator("alice"), moderator("bob"), moderator("carol"));
    let (auditor, anonymous) = (app.auditor(), app.anonymous());
    let get = async |who, path| ask(who, origin, Method::GET, path, String::new()).await;
    let post =
        async |who, body: &str| ask(who, origin, Method::POST, KICK_LOGIN, body.to_owned()).await;
    let limited = eventually(
        "the limit is reached",
        Duration::from_secs(20),
        async || Some(post(&carol, "{}").await).filter(|answer| answer.status == 429),
    );
    let request = bob
        .request(Method::POST, KICK_LOGIN)
        .header("Origin", origin);
    let coded = bob.send(request.header("Content-Encoding", "gzip")).await;
    vec![
        get(&alice, "/v1/me").await,
        get(&auditor, "/v1/actions/export").await,
        post(&alice, "{").await,
        get(&anonymous, "/v1/me").await,
        get(&alice, "/v1/actions/export").await,
        get(&alice, "/nowhere").await,
        get(&alice, KICK_LOGIN).await,
        post(&bob, &"x".repeat(20_000)).await,
        coded,
        limited.await,
        post(&alice, r#"{"user_id": "bob"}"#).await,
    ]
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

const EACH_SORT: [u16; 11] = [200, 200, 400, 401, 403, 404, 405, 413, 415, 429, 503];

/// What a page may read of an answer.
fn exposed(answer: &Answer) -> Vec<&str> {
    let list = answer.header("access-control-expose-headers");
    list.unwrap_or_default().split(", ").collect()
}

fn names_cors(answer: &Answer) -> bool {
    let mut names = answer.headers.keys();
    names.any(|name| name.as_str().starts_with("access-control-"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_allowed_origin_may_read_every_answer_with_all_its_headers() {
    // What each page may read, what is for the browser alone, and what is for nobody.
    let not_for_pages = [
        "access-control-allow-origin",
        "access-control-expose-headers",
        "cache-control",
        "connection",
        "content-length",
        "content-security-policy",
        "content-type",
        "cross-origin-resource-policy",
        "date",
        "referrer-policy",
        "transfer-encoding",
        "vary",
        "x-content-type-options",
    ];
    let app = app_for(&format!("{DASHBOARD}, {LOCAL}")).await;
    for origin in [DASHBOARD, LOCAL] {
        let answers = answers(&app, origin).await;
        assert_eq!(statuses(&answers), EACH_SORT);
        for answer in &answers {
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!(allowed, Some(origin), "{}", answer.status);
            let vary = answer.header("vary").expect("caches are told");
            assert!(vary.split(", ").any(|name| name == "Origin"), "{vary}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            for name in answer
                .headers
                .keys()
                .map(reqwest::header::HeaderName::as_str)
            {
                let readable = exposed(answer).contains(&name) || not_for_pages.contains(&name);
                assert!(readable, "{name} of {}", answer.status);
            }
        }
        assert!(exposed(&answers[0]).contains(&"idempotent-replayed"));
    }
    app.stop().await;
}

async fn preflight(app: &TestApp, origin: &str, path: &str, headers: &str) -> Answer {
    let anonymous = app.anonymous();
    let request = anonymous.request(Method::OPTIONS, path);
    let request = request
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", headers);
    anonymous.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_without_a_token_for_every_path_and_counted() {
    let asked = "authorization,content-type,idempotency-key,if-match,last-event-id,traceparent,tracestate,x-request-id";
    let app = app_for(DASHBOARD).await;
    for path in [KICK_LOGIN, "/v1/actions/stream", "/v1/me", "/nowhere"] {
        let answer = preflight(&app, DASHBOARD, path, asked).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(DASHBOARD)
        );
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
        let list = |name| {
            let names = answer.header(name).expect("it is there").split(", ");
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            names.join(",")
        };
        assert_eq!(list("access-control-allow-methods"), "GET,POST");
        assert_eq!(list("access-control-allow-headers"), asked);
        assert!(answer.header("x-request-id").is_some());
    }
    let series = format!(r#"modgate_http_requests_total{{route="{KICK_LOGIN}",status="200"}}"#);
    assert_eq!(app.operator().series(&series).await, Some(1));
    let other = preflight(&app, DASHBOARD, KICK_LOGIN, "x-other").await;
    assert_eq!((other.status, names_cors(&other)), (400, false));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_origin_is_served_as_if_there_were_no_cors() {
    let app = app_for(DASHBOARD).await;
    let others = [
        "https://dash.example.test.evil.test",
        "https://dash.example.test:8443",
        "http://dash.example.test",
        "https://DASH.example.test",
        "null",
        "https://dash.example.test, https://dash.example.test",
    ];
    for origin in others {
        let me = ask(
            &app.moderator("alice"),
            origin,
            Method::GET,
            "/v1/me",
            String::new(),
        )
        .await;
        assert_eq!((me.status, names_cors(&me)), (200, false), "{origin}");
        let answer = preflight(&app, origin, KICK_LOGIN, "authorization").await;
        assert_eq!(
            (answer.problem().as_str(), names_cors(&answer)),
            ("method-not-allowed", false)
        );
    }
    let answers = answers(&app, others[0]).await;
    assert_eq!(statuses(&answers), EACH_SORT);
    assert!(!answers.iter().any(names_cors));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_allowed_origins_nothing_tells_of_cors() {
    let app = app_for("").await;
    let mut answers = answers(&app, DASHBOARD).await;
    assert_eq!(statuses(&answers), EACH_SORT);
    let preflight = preflight(&app, DASHBOARD, KICK_LOGIN, "authorization").await;
    assert_eq!(preflight.problem(), "method-not-allowed");
    answers.push(preflight);
    for answer in answers {
        assert!(
            !names_cors(&answer) && answer.header("vary").is_none(),
            "{:?}",
            answer.headers
        );
    }
    app.stop().await;
}
