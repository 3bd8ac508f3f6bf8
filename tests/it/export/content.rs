//! What is in an export, who may have it, and what is told of it.

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{EXPORT, auditor, record, rows};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{KICK_SEAT, Persona};
use crate::support::process::Gateway;
use crate::support::world::World;

/// A list with its items as they were written.
#[derive(Deserialize)]
struct List {
    items: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

/// Every item of the list, page by page.
async fn listed(auditor: &Persona, query: &str) -> Vec<String> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/actions?limit=200&{query}{cursor}");
        let answer = auditor.get(&path).await;
        let page: List = serde_json::from_str(&answer.text).expect("a list");
        items.extend(page.items.iter().map(|item| item.get().to_owned()));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

async fn exported(auditor: &Persona, query: &str) -> Vec<String> {
    let answer = auditor.get(&format!("{EXPORT}?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    rows(&answer.text).into_iter().map(str::to_owned).collect()
}

/// Of each kind, and in each state that a moment can bring about.
async fn some_actions(app: &TestApp) {
    let (alice, bob) = (app.moderator("alice"), app.moderator("bob"));
    app.simulator.declare_account("u3", false);
    assert_eq!(alice.kick_login("u1").await.status, 200);
    let body =
        json!({"room_id": "r1", "user_id": "u2", "data": "", "case_ref": "TS-7", "reason": "a\nb"});
    assert_eq!(alice.post(KICK_SEAT, &body).await.status, 200);
    assert_eq!(alice.kick_login("u3").await.status, 404);
    assert_eq!(bob.kick_seat("r2", "u4", "out").await.status, 200);
    assert_eq!(bob.kick_login("administrator").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_what_the_list_holds_as_it_is_written_there() {
    let app = TestApp::start().await;
    some_actions(&app).await;
    record(&app, 2_203).await;
    let auditor = app.auditor();
    // All, two pages of the export and no row more, not quite one, and none.
    for (query, count) in [
        ("", 2_208),
        ("moderator=m1", 1_000),
        ("moderator=m2", 203),
        ("moderator=nobody", 0),
    ] {
        let exported = exported(&auditor, query).await;
        assert_eq!(exported.len(), count, "{query}");
        assert_eq!(exported, listed(&auditor, query).await, "{query}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_takes_the_filters_of_the_list() {
    let app = TestApp::start().await;
    some_actions(&app).await;
    let auditor = app.auditor();
    let seat: Value = serde_json::from_str(&listed(&auditor, "room_id=r1").await[0]).unwrap();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let at = text(&seat["requested_at"]);
    let request_id = text(&seat["tencent"]["request_id"]);
    for (query, count) in [
        ("kind=kick_seat", 2),
        ("kind=kick_seat&kind=kick_login", 5),
        ("state=refused&state=denied", 2),
        ("moderator=alice", 3),
        ("user_id=u2", 1),
        ("room_id=r2", 1),
        ("case_ref=TS-7", 1),
        (&format!("tencent_request_id={request_id}"), 1),
        ("error_code=70107", 1),
        ("idempotency_key=none", 0),
        ("batch_id=01990000-0000-7000-8000-000000000000", 0),
        (&format!("since={at}"), 4),
        (&format!("until={at}"), 1),
    ] {
        let exported = exported(&auditor, query).await;
        assert_eq!(exported.len(), count, "{query}");
        assert_eq!(exported, listed(&auditor, query).await, "{query}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_says_what_it_is_and_is_counted() {
    let app = TestApp::start().await;
    let auditor = app.auditor();
    for (query, content_type, extension) in [
        ("", "application/x-ndjson", "ndjson"),
        ("?format=ndjson", "application/x-ndjson", "ndjson"),
        (
            "?format=csv",
            "text/csv; charset=utf-8; header=present",
            "csv",
        ),
    ] {
        let answer = auditor.get(&format!("{EXPORT}{query}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        assert!(
            answer.header("ratelimit").is_some() && answer.header("ratelimit-policy").is_some()
        );
        assert!(answer.header("x-request-id").is_some());
        let disposition = answer.header("content-disposition").expect("it is a file");
        let name = disposition
            .strip_prefix("attachment; filename=\"modgate-actions-")
            .expect(disposition);
        assert!(name.ends_with(&format!("Z.{extension}\"")), "{disposition}");
    }
    let counted = r#"modgate_http_requests_total{route="/v1/actions/export",status="200"}"#;
    assert_eq!(app.operator().series(counted).await, Some(3));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_auditor_may_export_and_a_refusal_leaves_no_row() {
    let app = TestApp::start().await;
    let refused = app.moderator("alice").get(EXPORT).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (403, "forbidden")
    );
    assert!(refused.text.contains("audit:read"), "{}", refused.text);
    assert_eq!(refused.json().get("action"), None);
    assert_eq!(app.anonymous().get(EXPORT).await.status, 401);
    let posted = app.auditor().post(EXPORT, &json!({})).await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET")));
    assert_eq!(app.count("select count(*) from audit.action").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_an_export_does_not_have_is_refused_by_name() {
    let app = TestApp::start().await;
    for (query, field) in [
        ("format=xlsx", "format"),
        ("format=CSV", "format"),
        ("format=", "format"),
        ("format=csv&format=csv", "format"),
        ("limit=10", "limit"),
        ("cursor=01990000-0000-7000-8000-000000000000", "cursor"),
        ("colour=red", "colour"),
        ("kind=ban", "kind"),
        ("since=yesterday", "since"),
    ] {
        let answer = app.auditor().get(&format!("{EXPORT}?{query}")).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{query}"
        );
        assert_eq!(answer.json()["errors"][0]["field"], field, "{query}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_away_is_told_before_the_export_begins() {
    let world = World::with_its_own_postgres().await;
    let gateway = Gateway::start(&world.variables).await;
    world.cluster.as_ref().expect("its own").stop_fast().await;
    let answer = auditor(&gateway).get(EXPORT).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "audit-unavailable")
    );
    assert_eq!(gateway.log().events("audit_read"), [] as [Value; 0]);
}

/// Without what every line has.
fn said(mut line: Value) -> Value {
    let fields = line.as_object_mut().expect("a line is an object");
    for field in ["timestamp", "level", "target", "event", "message"] {
        assert!(fields.remove(field).is_some(), "{field} is missing");
    }
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn each_read_of_everyones_actions_leaves_its_line() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await;
    record(&world, 3).await;
    let auditor = auditor(&gateway);
    let get = async |who: &Persona, path: &str| {
        let request = who.request(Method::GET, path).header("x-request-id", "r-1");
        let answer = who.send(request).await;
        assert!(
            answer.status == 200 || answer.status == 404,
            "{}",
            answer.text
        );
        answer
    };
    let filters = "kind=kick_login&kind=kick_seat&state=succeeded&moderator=m0&user_id=user1&error_code=0\
        &since=2026-01-31T00:00:00Z&until=2126-01-31T01:00:00%2B01:00";
    get(&auditor, &format!("{EXPORT}?{filters}")).await;
    let list = get(&auditor, "/v1/actions?limit=2&case_ref=TS-1&room_id=r1").await;
    assert_eq!(list.json()["items"], json!([]));
    let list = get(&auditor, "/v1/actions?limit=2").await;
    let id = &list.json()["items"][0]["id"];
    get(
        &auditor,
        &format!("/v1/actions/{}", id.as_str().expect("an id")),
    )
    .await;
    let none = "01990000-0000-7000-8000-000000000000";
    get(&auditor, &format!("/v1/actions/{none}")).await;
    get(
        &auditor,
        &format!("{EXPORT}?idempotency_key=k&tencent_request_id=t&batch_id={none}"),
    )
    .await;
    // One's own are nobody else's business.
    get(&gateway.moderator("m0"), "/v1/actions").await;
    get(&gateway.moderator("m0"), &format!("/v1/actions/{none}")).await;

    let export = json!({
        "what": "export", "moderator": "auditor", "http_request_id": "r-1",
        "filter.kind": "kick_login kick_seat", "filter.state": "succeeded", "filter.moderator": "m0",
        "filter.user_id": "user1", "filter.error_code": 0,
        "filter.since": "2026-01-31T00:00:00.000000Z", "filter.until": "2126-01-31T00:00:00.000000Z",
    });
    let empty = json!({
        "what": "export", "moderator": "auditor", "http_request_id": "r-1",
        "filter.idempotency_key": "k", "filter.tencent_request_id": "t", "filter.batch_id": none,
    });
    let ended = |mut begun: Value, rows: u64| {
        begun["rows"] = rows.into();
        begun["complete"] = true.into();
        begun
    };
    let read = |mut what: Value| {
        what["moderator"] = "auditor".into();
        what["http_request_id"] = "r-1".into();
        what
    };
    let expected = [
        export.clone(),
        ended(export, 1),
        ended(
            read(json!({"what": "list", "filter.case_ref": "TS-1", "filter.room_id": "r1"})),
            0,
        ),
        ended(read(json!({"what": "list"})), 2),
        ended(read(json!({"what": "action", "action.id": id})), 1),
        ended(read(json!({"what": "action", "action.id": none})), 0),
        empty.clone(),
        ended(empty, 0),
    ];
    let log = gateway.log();
    let lines = eventually(
        "all lines are there",
        std::time::Duration::from_secs(5),
        async || {
            let lines = log.events("audit_read");
            (lines.len() >= expected.len()).then_some(lines)
        },
    )
    .await;
    let lines: Vec<Value> = lines.into_iter().map(said).collect();
    assert_eq!(lines, expected);
}
