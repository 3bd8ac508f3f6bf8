//! `/docs`: a page that loads nothing from elsewhere. What it does in a browser, `.ci/browser` shows.

use reqwest::Method;
use reqwest::header::{IF_NONE_MATCH, LOCATION};

use crate::support::app::TestApp;

const FILES: &[(&str, &str)] = &[
    ("", "text/html"),
    ("index.html", "text/html"),
    ("index.css", "text/css"),
    ("swagger-ui.css", "text/css"),
    ("swagger-ui-bundle.js", "text/javascript"),
    ("swagger-ui-standalone-preset.js", "text/javascript"),
    ("swagger-initializer.js", "text/javascript"),
    ("favicon-16x16.png", "image/png"),
    ("favicon-32x32.png", "image/png"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_the_page_is_served_under_a_policy_that_names_no_other_host() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    for (file, content_type) in FILES {
        let answer = anonymous.get(&format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.header("content-type"), Some(*content_type), "{file}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let policy = answer.header("content-security-policy").expect(file);
        let mut directives = policy.split("; ");
        assert_eq!(directives.next(), Some("default-src 'none'"));
        for directive in directives {
            let (name, sources) = directive.split_once(' ').expect("sources");
            let allowed: &[&str] = match name {
                "script-src" | "style-src" | "connect-src" | "font-src" => &["'self'"],
                "img-src" => &["'self'", "data:"],
                "frame-ancestors" | "base-uri" | "form-action" => &["'none'"],
                _ => panic!("{directive}"),
            };
            assert_eq!(sources.split(' ').collect::<Vec<_>>(), allowed);
        }
    }
    let initializer = anonymous.get("/docs/swagger-initializer.js").await.text;
    for setting in [
        r#""url": "../openapi.json""#,
        r#""validatorUrl": "none""#,
        r#""persistAuthorization": false"#,
    ] {
        assert!(initializer.contains(setting), "{setting}: {initializer}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_has_a_file_is_not_sent_it_again() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let path = "/docs/swagger-ui.css";
    let first = anonymous.get(path).await;
    let tag = first.header("etag").expect("it has a tag").to_owned();
    let known = |tag: &str| {
        anonymous
            .request(Method::GET, path)
            .header(IF_NONE_MATCH, tag)
    };
    let again = anonymous.send(known(&tag)).await;
    assert_eq!((again.status, again.text.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    let of_before = anonymous.send(known("\"of-an-older-version\"")).await;
    assert_eq!((of_before.status, &of_before.text), (200, &first.text));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_one_address_and_what_it_has_not_is_a_problem() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let plain = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a plain HTTP client");
    let redirect = plain.get(format!("http://{}/docs", app.addr)).send().await;
    let redirect = redirect.expect("the gateway answers");
    assert_eq!(redirect.status(), 308);
    assert_eq!(redirect.headers()[LOCATION], "docs/");
    assert!(
        anonymous
            .get("/docs")
            .await
            .text
            .contains("swagger-ui-bundle.js")
    );
    for path in [
        "/docs/oauth2-redirect.html",
        "/docs/nothing.js",
        "/docs/..%2fv1%2fme",
        "/docs//index.html",
    ] {
        let answer = anonymous.get(path).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (404, "not-found".to_owned()),
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for path in ["/docs", "/docs/", "/docs/index.css"] {
        let answer = anonymous.post(path, &serde_json::json!({})).await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.header("allow"), Some("GET"));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_prefix_that_a_proxy_strips_everything_stays_below_it() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    // As a browser does it (RFC 3986, 5), from the address that it was sent to.
    let base = |url: &str| reqwest::Url::parse(url).expect("it is a URL");
    let page = base("https://proxy.example.test/moderation/gate/docs/");
    let initializer = anonymous.get("/docs/swagger-initializer.js").await.text;
    let (_, rest) = initializer
        .split_once(r#""url": ""#)
        .expect("it names the document");
    let (document, _) = rest.split_once('"').expect("a text ends");
    let document = page.join(document).expect("it is a reference");
    assert_eq!(document.path(), "/moderation/gate/openapi.json");
    let served = anonymous.get("/openapi.json").await.json();
    let servers = served["servers"]
        .as_array()
        .expect("it says where the API is");
    assert_eq!(servers.len(), 1);
    let api = servers[0]["url"].as_str().expect("a text");
    let api = document.join(api).expect("it is a reference");
    assert_eq!(api.path(), "/moderation/gate/");
    let html = anonymous.get("/docs/").await.text;
    let asset = regex::Regex::new(r#"(?:src|href)="([^"]*)""#).expect("it is one");
    let mut assets = 0;
    for found in asset.captures_iter(&html) {
        let asset = page.join(&found[1]).expect("it is a reference");
        assert!(
            asset.path().starts_with("/moderation/gate/docs/"),
            "{asset}"
        );
        assets += 1;
    }
    assert!(assets > 4, "{html}");
    app.stop().await;
}
