//! What every answer tells a browser not to do with it.

use crate::support::app::TestApp;
use crate::support::persona::{Answer, KICK_LOGIN};

fn assert_guarded(answer: &Answer) {
    let told = |name| answer.header(name).unwrap_or_default().to_owned();
    assert_eq!(told("x-content-type-options"), "nosniff");
    assert_eq!(
        told("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'"
    );
    assert_eq!(told("referrer-policy"), "no-referrer");
    assert_eq!(told("cross-origin-resource-policy"), "same-origin");
    assert_eq!(told("cache-control"), "no-store");
    for (name, value) in [("server", "modgate"), ("x-powered-by", "actix")] {
        assert_eq!(answer.header(name), None, "nobody needs to know {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_sniffed_framed_run_kept_or_referred_to() {
    let app = TestApp::start().await;
    let (alice, auditor) = (app.moderator("alice"), app.auditor());
    let answers = [
        (200, alice.kick_login("bob").await),
        (200, auditor.get("/v1/actions/export?format=csv").await),
        (400, alice.get("/v1/actions?limit=0").await),
        (401, app.anonymous().get("/v1/me").await),
        (403, auditor.kick_login("bob").await),
        (404, alice.get("/").await),
        (405, alice.get(KICK_LOGIN).await),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_guarded(&answer);
    }
    for path in ["/livez", "/readyz", "/metrics", "/nowhere"] {
        let answer = app.operator().get(path).await;
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
    app.stop().await;
}
