//! How many exports and streams there may be at a time.

use std::time::Duration;

use reqwest::{Method, Response};
use tokio::task::JoinSet;

use super::{PATIENCE, ReadsWait, assert_too_many_reads};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::world::token;

const EXPORT: &str = "/v1/actions/export";
const STREAM: &str = "/v1/actions/stream";

/// For one moderator, and for all.
const EXPORTS: (usize, usize) = (4, 16);
const STREAMS: usize = 32;

fn auditor(app: &TestApp, number: usize) -> Persona {
    Persona::new(
        app.addr,
        Some(token(&format!("auditor-{number}"), &["audit:read"])),
    )
}

/// How many of `number` exports that begin at once, while none can go on, are refused.
async fn refused_exports(app: &TestApp, who: impl Fn(usize) -> Persona, number: usize) -> usize {
    let wait = ReadsWait::begin(app).await;
    let mut exports = JoinSet::new();
    for one in 0..number {
        let auditor = who(one);
        exports.spawn(async move { auditor.get(EXPORT).await });
    }
    let mut refused = 0;
    while let Some(answer) = exports.join_next().await {
        let answer = answer.expect("without a panic");
        if answer.status == 429 {
            assert_too_many_reads(&answer);
            refused += 1;
        } else {
            assert_eq!(answer.status, 503, "it waited: {}", answer.text);
        }
    }
    wait.end().await;
    refused
}

/// Of exports that begin at once, all but `places` are refused. On a slow machine the first may have ended before the
/// last begins, so that fewer are refused; then they begin again.
async fn assert_refused(
    app: &TestApp,
    who: impl Fn(usize) -> Persona,
    places: usize,
    too_many: usize,
) {
    for _ in 0..5 {
        let refused = refused_exports(app, &who, places + too_many).await;
        assert!(refused <= too_many, "{refused} of {places} and {too_many}");
        if refused == too_many {
            return;
        }
    }
    panic!("more than {places} exports run at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_has_four_exports_at_a_time_and_all_together_sixteen() {
    let app = TestApp::start().await;
    assert_refused(&app, |_| auditor(&app, 0), EXPORTS.0, 3).await;
    assert_refused(&app, |number| auditor(&app, number), EXPORTS.1, 2).await;
    eventually("there is room again", PATIENCE, async || {
        (auditor(&app, 0).get(EXPORT).await.status == 200).then_some(())
    })
    .await;
    app.stop().await;
}

async fn listen(who: &Persona) -> Response {
    let request = who
        .request(Method::GET, STREAM)
        .timeout(Duration::from_mins(5));
    request.send().await.expect("the gateway answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_has_so_many_streams_at_a_time_and_a_new_one_when_one_has_ended() {
    let app = TestApp::start().await;
    let alice = auditor(&app, 0);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let stream = listen(&alice).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    assert_too_many_reads(&alice.get(STREAM).await);
    assert_eq!(listen(&auditor(&app, 1)).await.status(), 200, "another's");
    streams.pop();
    eventually("there is room again", PATIENCE, async || {
        (listen(&alice).await.status() == 200).then_some(())
    })
    .await;
    drop(streams);
    app.stop().await;
}
