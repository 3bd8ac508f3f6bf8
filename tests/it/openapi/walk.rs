//! Every operation of the document, called.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix_web::{App, HttpRequest, web};
use chrono::Utc;
use modgate::auth::mint::{Claims, Minter};
use modgate::domain::Kind;
use regex::Regex;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};

use super::document::Document;
use crate::support::app::{EVERYTHING, TestApp};
use crate::support::persona::Persona;
use crate::support::process::modgate;
use crate::support::world::{AUDIENCE, ISSUER, JWT_SECRET, World, token};

/// All that can be asked without a token.
const PUBLIC: [&str; 1] = ["GET /openapi.json"];

/// A page for people, and public too: the tests of `docs` are for it.
const PAGE: [&str; 2] = ["/docs", "/docs/{file:.*}"];

#[tokio::test(flavor = "multi_thread")]
async fn everything_but_the_document_needs_a_token() {
    let app = TestApp::start().await;
    let anybody = app.anonymous();
    let document = Document::of(&anybody).await;
    for operation in document.operations() {
        let name = format!("{} {}", operation.method, operation.path);
        let answer = anybody.send(operation.request(&anybody)).await;
        let public = PUBLIC.contains(&name.as_str());
        assert_eq!(operation.public, public, "{name}");
        if public {
            assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        } else {
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (401, "unauthenticated"),
                "{name}"
            );
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
        }
        document.assert_describes(&operation, &answer);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_leaves_a_record_done_or_denied() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    let mallory = Persona::new(app.addr, Some(token("mallory", &[])));
    let document = Document::of(&alice).await;
    let (mut asked, rows) = (0, "select count(*) from audit.actions");
    for operation in Kind::ALL.iter().map(|kind| document.action(*kind)) {
        for body in operation.bodies() {
            for (who, status, state) in [(&alice, 200, "succeeded"), (&mallory, 403, "denied")] {
                let answer = who.post_text(&operation.path, body.clone()).await;
                assert_eq!(answer.status, status, "{body}: {}", answer.text);
                document.assert_describes(&operation, &answer);
                asked += 1;
                assert_eq!(app.count(rows).await, asked, "{} {state}", operation.path);
                let id = answer
                    .header("modgate-action-id")
                    .expect("it belongs to a row");
                let recorded = app.auditor().action(id).await;
                assert_eq!(recorded.json()["state"], state);
                assert_eq!(recorded.json()["recorded"], true);
            }
        }
    }
    // What else is no read acts upon nobody: it asks Tencent.
    let operations = document.operations().into_iter();
    let others = operations
        .filter(|operation| operation.method != Method::GET && operation.bodies() == [""]);
    let others: Vec<String> = others.map(|operation| operation.id).collect();
    assert_eq!(others, ["probeAction"]);
    let kinds = i64::try_from(Kind::ALL.len()).expect("there are few");
    assert!(asked >= 2 * kinds, "each kind, done and denied");
    app.stop().await;
}

/// Someone with every right, for so long.
fn in_a_hurry(app: &TestApp, ttl: Duration) -> Persona {
    let minter = Minter::from_secret(&SecretString::from(JWT_SECRET)).expect("it is long enough");
    let claims = Claims {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        subject: "alice".to_owned(),
        name: None,
        scopes: EVERYTHING.iter().map(|scope| (*scope).to_owned()).collect(),
        ttl,
        now: Utc::now(),
    };
    let token = minter.mint(&claims).expect("the claims are plain");
    Persona::new(app.addr, Some(token.expose_secret().to_owned()))
}

/// The stream is read until the token expires.
pub(super) async fn stream(
    app: &TestApp,
    document: &Document,
    last_id: &str,
    ttl: Duration,
) -> String {
    let (alice, operation) = (in_a_hurry(app, ttl), document.operation("streamActions"));
    let request = operation.request(&alice).header("Last-Event-ID", last_id);
    let answer = alice.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    document.assert_describes(&operation, &answer);
    answer.text
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_read_is_what_the_document_describes() {
    let world = World::new().await.set("MODGATE_JWT_LEEWAY", "0s");
    let app = TestApp::in_world(world).await;
    let auditor = app.auditor();
    let document = Document::of(&auditor).await;
    let opening = stream(&app, &document, "", Duration::from_secs(4)).await;
    let id = opening.lines().find_map(|line| line.strip_prefix("id: "));
    let kicks = [
        app.moderator("alice").kick_login("user1").await,
        app.moderator("alice")
            .kick_seat("room-test", "user2", "time over")
            .await,
    ];
    let told = stream(
        &app,
        &document,
        id.expect("a stream begins with its position"),
        // What is told stays behind every transaction of the server, those of other tests too.
        Duration::from_secs(12),
    )
    .await;
    let told: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    assert!(told.len() >= kicks.len(), "each is told of");
    for told in told {
        document.assert_is("Action", told);
    }
    for (id, query) in [
        ("listActions", "?limit=1&kind=kick_login&kind=kick_seat"),
        ("getMe", ""),
        ("exportActions", "?format=csv"),
        ("exportActions", "?format=ndjson"),
        ("getAction", ""),
    ] {
        let mut operation = document.operation(id);
        let action = kicks[1].header("modgate-action-id").expect("it has a row");
        operation.path = operation.path.replace("{id}", action) + query;
        let answer = auditor.send(operation.request(&auditor)).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.text);
        document.assert_describes(&operation, &answer);
        if query.ends_with("ndjson") {
            let lines: Vec<&str> = answer.text.lines().collect();
            let (_, actions) = lines.split_last().expect("there is an end");
            assert_eq!(actions.len(), kicks.len());
            for action in actions {
                document.assert_is("Action", action);
            }
        }
    }
    app.stop().await;
}

/// What the router itself says that it has.
async fn routes() -> BTreeSet<String> {
    let show = async |request: HttpRequest| format!("{:?}", request.resource_map());
    let app = App::new()
        .route("/shown-by-the-test", web::get().to(show))
        .configure(|config| modgate::http::routes(config, Kind::ALL));
    let app = actix_web::test::init_service(app).await;
    let ask = actix_web::test::TestRequest::with_uri("/shown-by-the-test").to_request();
    let map = actix_web::test::call_and_read_body(&app, ask).await;
    let map = String::from_utf8_lossy(&map).into_owned();
    assert!(!map.contains("List("), "a route of several paths: {map}");
    let path = Regex::new(r#"Single\("(/[^"]*)"\)"#).expect("it is a regular expression");
    let paths = path.captures_iter(&map).map(|found| found[1].to_owned());
    let others = ["/shown-by-the-test"].into_iter().chain(PAGE);
    let others: BTreeSet<&str> = others.collect();
    paths
        .filter(|path| !others.contains(path.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routes_are_those_of_the_document() {
    let app = TestApp::start().await;
    let anybody = app.anonymous();
    let mut methods: BTreeMap<String, BTreeSet<Method>> = BTreeMap::new();
    for operation in Document::of(&anybody).await.operations() {
        let of_path = methods.entry(operation.path).or_default();
        of_path.insert(operation.method);
    }
    let documented: BTreeSet<String> = methods.keys().cloned().collect();
    let local = tokio::task::LocalSet::new();
    assert_eq!(local.run_until(routes()).await, documented);
    for (path, documented) in methods {
        let all = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        for method in all {
            let asked = path.replace("{id}", "01a201ca-577a-77fa-b1d9-afa8ff23a803");
            let answer = anybody.send(anybody.request(method.clone(), &asked)).await;
            if documented.contains(&method) {
                assert!(
                    ![404, 405].contains(&answer.status),
                    "{method} {path}: {}",
                    answer.status
                );
            } else {
                let allowed: Vec<&str> = documented.iter().map(Method::as_str).collect();
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(answer.header("allow"), Some(allowed.join(", ").as_str()));
            }
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_is_what_is_served_and_its_examples_are_what_it_describes() {
    let app = TestApp::start().await;
    let served = Document::of(&app.anonymous()).await;
    let printed = modgate(&BTreeMap::new()).arg("openapi").output();
    let printed = printed.expect("the binary can be run");
    assert!(printed.status.success(), "it needs no settings");
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).expect("it is JSON");
    assert!(printed == served.0, "two documents");
    assert_eq!(served.0["openapi"], "3.1.0");
    assert_eq!(served.0["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        served.0["info"]["license"]["identifier"],
        env!("CARGO_PKG_LICENSE")
    );
    let tags = served.0["tags"].as_array().expect("they are described");
    for operation in served.operations() {
        let described = |tag| tags.iter().any(|described| &described["name"] == tag);
        let own =
            served.0["paths"][&operation.path][operation.method.as_str().to_lowercase()]["tags"]
                .as_array();
        let own = own.expect("each operation has a tag");
        assert!(
            own.iter().all(described) && own.len() == 1,
            "{}",
            operation.id
        );
    }
    let (count, faults) = served.examples();
    assert_eq!(faults, [] as [String; 0]);
    assert!(count > 60, "only {count} examples");
    app.stop().await;
}
