//! What operators see: health, metrics, log lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use modgate::simulator::{Fault, FaultKind};
use regex::Regex;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{KICK_SEAT, Persona};
use crate::support::process::Gateway;
use crate::support::raw::exchange;
use crate::support::world::{JWT_SECRET, SECRET_KEY, World, token};

const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until `/readyz` answers this status and word, and gives its body.
async fn readiness(operator: &Persona, status: u16, word: &str) -> Value {
    eventually(&format!("{status} {word}"), PATIENCE, async || {
        let answer = operator.get("/readyz").await;
        let body = answer.json();
        (answer.status == status && body["status"] == word).then_some(body)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_can_act_is_alive_and_ready() {
    let app = TestApp::start().await;
    let operator = app.operator();
    let alive = operator.get("/livez").await;
    assert_eq!(
        (alive.status, alive.json()),
        (200, json!({"status": "alive"}))
    );
    let ready = readiness(&operator, 200, "ready").await;
    assert_eq!(
        ready,
        json!({"status": "ready", "causes": [], "degraded": []})
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_ports_answer_nothing_of_each_other() {
    let app = TestApp::start().await;
    let (alice, operator) = (app.moderator("alice"), app.operator());
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(alice.get(path).await.status, 404);
        assert_eq!(operator.get(path).await.status, 200);
    }
    for path in ["/v1/me", "/v1/actions", "/"] {
        assert_eq!(operator.get(path).await.status, 404);
    }
    app.stop().await;
}

/// In every way in which load balancers ask.
async fn probed(app: &TestApp, path: &str, status: u16) {
    let operator = &app.operator();
    let get = operator.get(path).await;
    assert_eq!(get.status, status, "{path}: {}", get.text);
    let length = get.header("content-length").map(str::to_owned);
    let head = operator
        .send(operator.request(reqwest::Method::HEAD, path))
        .await;
    assert_eq!((head.status, head.text.as_str()), (status, ""), "{path}");
    assert_eq!(head.header("content-type"), get.header("content-type"));
    if path != "/metrics" {
        assert_eq!(head.header("content-length").map(str::to_owned), length);
        let options = operator
            .send(operator.request(reqwest::Method::OPTIONS, path))
            .await;
        assert_eq!(options.status, status, "{path}: {}", options.text);
        // As HAProxy asks, if nothing else is said.
        let request = format!("OPTIONS {path} HTTP/1.0\r\n\r\n");
        let answer = exchange(app.ops_addr, request.as_bytes(), PATIENCE)
            .await
            .text;
        assert!(answer.contains(&format!(" {status} ")), "{answer}");
    }
    let refused = operator
        .send(operator.request(reqwest::Method::POST, path))
        .await;
    assert_eq!(refused.status, 405, "{path}");
    let allowed = refused.header("allow").expect("a 405 has it");
    let methods = ["GET", "HEAD", "OPTIONS"];
    let methods = &methods[..if path == "/metrics" { 2 } else { 3 }];
    let mut allowed: Vec<&str> = allowed.split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, methods, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_balancers_are_told_the_same_however_they_ask() {
    let app = TestApp::start().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        probed(&app, path, 200).await;
    }
    app.stop().await;
    let app = TestApp::in_world_after(World::new().await, Duration::from_hours(1)).await;
    probed(&app, "/livez", 200).await;
    probed(&app, "/readyz", 503).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_its_database_is_degraded_and_stays_in_service() {
    let app = TestApp::in_world(World::with_its_own_postgres().await).await;
    let operator = app.operator();
    readiness(&operator, 200, "ready").await;
    let cluster = app.cluster.as_ref().expect("it has its own");
    cluster.stop_fast().await;
    let body = readiness(&operator, 200, "degraded").await;
    assert_eq!(body["degraded"], json!(["database"]));
    assert_eq!(operator.get("/livez").await.status, 200);
    assert_eq!(operator.get("/metrics").await.status, 200);
    cluster.start().await;
    readiness(&operator, 200, "ready").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_may_not_call_yet_is_not_ready() {
    let app = TestApp::in_world_after(World::new().await, Duration::from_hours(1)).await;
    let body = readiness(&app.operator(), 503, "not ready").await;
    assert_eq!(body["causes"], json!(["no permits since start"]));
    assert_eq!(app.operator().get("/livez").await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_drains_is_not_ready_and_finishes_what_has_begun() {
    let app = TestApp::start().await;
    let (alice, operator) = (app.moderator("alice"), app.operator());
    readiness(&operator, 200, "ready").await;
    let duration = Duration::from_secs(3);
    app.simulator
        .fail(Fault::next(FaultKind::Delay { duration }));
    let draining = async {
        eventually("the call is on its way", PATIENCE, async || {
            app.simulator.calls().pop()
        })
        .await;
        let watching = async {
            let body = readiness(&operator, 503, "not ready").await;
            assert_eq!(body["causes"], json!(["draining"]));
            assert_eq!(operator.get("/livez").await.status, 200);
            assert_eq!(operator.get("/metrics").await.status, 200);
        };
        let (world, ()) = tokio::join!(app.shut_down(), watching);
        world
    };
    let (answer, world) = tokio::join!(alice.kick_login("bob"), draining);
    assert_eq!(answer.status, 200, "{}", answer.text);
    world.assert_the_record_is_whole().await;
    assert!(
        operator
            .try_send(operator.request(reqwest::Method::GET, "/livez"))
            .await
            .is_err()
    );
}

/// The value of each series of an exposition, by name and labels as they are written.
type Series = BTreeMap<String, f64>;

async fn scrape(operator: &Persona) -> Series {
    let answer = operator.get("/metrics").await;
    assert_eq!(answer.status, 200);
    let media_type = answer.header("content-type").expect("it has one");
    assert!(
        media_type.starts_with("application/openmetrics-text; version=1.0.0"),
        "{media_type}"
    );
    assert!(answer.text.ends_with("# EOF\n"));
    let samples = answer.text.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.map(|line| {
        let (series, value) = line
            .rsplit_once(' ')
            .expect("a sample is a series and a value");
        (
            series.to_owned(),
            value.parse().expect("a value is a number"),
        )
    });
    samples.collect()
}

fn value(series: &Series, name: &str) -> f64 {
    *series
        .get(name)
        .unwrap_or_else(|| panic!("{name} is not in {:#?}", series.keys()))
}

#[expect(clippy::float_cmp, reason = "counts are whole numbers")]
fn assert_values(series: &Series, expected: &[(&str, f64)]) {
    for (name, expected) in expected {
        assert_eq!(value(series, name), *expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_say_what_one_action_did() {
    let app = TestApp::start().await;
    let operator = app.operator();
    readiness(&operator, 200, "ready").await;
    let before = scrape(&operator).await;
    let actions = "modgate_actions_total{kind=\"kick_login\",state=\"succeeded\"}";
    // What is not there yet cannot be seen to grow.
    assert_values(
        &before,
        &[
            (actions, 0.0),
            (
                "modgate_actions_total{kind=\"kick_seat\",state=\"unknown\"}",
                0.0,
            ),
            (
                "modgate_tencent_attempts_total{kind=\"kick_login\",class=\"config\"}",
                0.0,
            ),
            ("modgate_permit_cuts_total{api=\"kick_seat\"}", 0.0),
            (
                "modgate_suspended{api=\"kick_seat\",reason=\"locked_out\"}",
                0.0,
            ),
            (
                "modgate_audit_commit_duration_seconds_count{step=\"begin\"}",
                0.0,
            ),
            ("modgate_tencent_attempt_duration_seconds_count", 0.0),
        ],
    );

    assert_eq!(app.moderator("alice").kick_login("bob").await.status, 200);
    let after = scrape(&operator).await;
    assert_values(
        &after,
        &[
            (actions, 1.0),
            (
                "modgate_http_requests_total{route=\"/v1/actions/kick_login\",status=\"200\"}",
                1.0,
            ),
            (
                "modgate_tencent_attempts_total{kind=\"kick_login\",class=\"ok\"}",
                1.0,
            ),
            ("modgate_tencent_attempt_duration_seconds_count", 1.0),
            (
                "modgate_audit_commit_duration_seconds_count{step=\"begin\"}",
                1.0,
            ),
            (
                "modgate_audit_commit_duration_seconds_count{step=\"finish\"}",
                1.0,
            ),
            ("modgate_queue_wait_seconds_count", 1.0),
            ("modgate_queue_length{api=\"kick_login\"}", 0.0),
            ("modgate_queue_length{api=\"kick_seat\"}", 0.0),
            ("modgate_permits{api=\"kick_seat\",state=\"held\"}", 0.0),
            ("modgate_lease_lapsed{api=\"kick_login\"}", 0.0),
            ("modgate_lease_lapsed{api=\"kick_seat\"}", 0.0),
            ("modgate_build_info{version=\"0.1.0\"}", 1.0),
        ],
    );
    let permits = |state: &str| {
        value(
            &after,
            &format!("modgate_permits{{api=\"kick_login\",state=\"{state}\"}}"),
        )
    };
    // A quarter is left to whoever else comes.
    assert!((permits("free") + permits("in_use") + permits("resting") - 150.0).abs() < 0.5);
    let took = value(&after, "modgate_tencent_attempt_duration_seconds_sum");
    assert!(took > 0.0 && took < 20.0, "in seconds: {took}");
    let expires = value(&after, "modgate_usersig_expires_seconds");
    assert!((43_200.0..=86_400.0).contains(&expires), "{expires}");
    let settled = async || {
        let series = scrape(&operator).await;
        let months = value(&series, "modgate_partition_months_ahead");
        let pending = value(&series, "modgate_pending_oldest_seconds");
        (months >= 3.0 && pending <= 0.0).then_some(())
    };
    eventually("months ahead, and nothing pending", PATIENCE, settled).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_count_every_end_under_its_own_name() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    app.simulator.declare_account("nobody", false);
    assert_eq!(alice.kick_login("nobody").await.status, 404);
    assert_eq!(alice.kick_login("administrator").await.status, 403);
    app.simulator.fail(Fault::next(FaultKind::Garbage));
    assert_eq!(alice.kick_login("bob").await.status, 504);
    assert_eq!(alice.get("/nowhere").await.status, 404);
    assert_eq!(app.anonymous().kick_login("bob").await.status, 401);
    let series = scrape(&app.operator()).await;
    let kick = "modgate_http_requests_total{route=\"/v1/actions/kick_login\"";
    assert_values(
        &series,
        &[
            (
                "modgate_actions_total{kind=\"kick_login\",state=\"refused\"}",
                1.0,
            ),
            (
                "modgate_actions_total{kind=\"kick_login\",state=\"denied\"}",
                1.0,
            ),
            (
                "modgate_actions_total{kind=\"kick_login\",state=\"unknown\"}",
                1.0,
            ),
            (
                "modgate_tencent_attempts_total{kind=\"kick_login\",class=\"not_found\"}",
                1.0,
            ),
            (
                "modgate_tencent_attempts_total{kind=\"kick_login\",class=\"not_the_envelope\"}",
                1.0,
            ),
            (
                "modgate_http_requests_total{route=\"none\",status=\"404\"}",
                1.0,
            ),
            (&format!("{kick},status=\"401\"}}"), 1.0),
            (&format!("{kick},status=\"403\"}}"), 1.0),
            (&format!("{kick},status=\"504\"}}"), 1.0),
        ],
    );
    app.stop().await;
}

/// Requests with ids that are found nowhere else.
async fn distinct_requests(app: &TestApp, round: usize) {
    let alice = app.moderator(&format!("moderator-mark-{round}"));
    let body = json!({
        "room_id": format!("room-mark-{round}"), "user_id": format!("user-mark-{round}"), "data": "",
        "case_ref": format!("case-mark-{round}"),
    });
    let answer = alice.post(KICK_SEAT, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.json()["id"].as_str().expect("it has one").to_owned();
    assert_eq!(alice.action(&id).await.status, 200);
    assert_eq!(alice.action(&Uuid::now_v7().to_string()).await.status, 404);
    assert_eq!(alice.get(&format!("/mark-{round}")).await.status, 404);
    assert_eq!(
        alice
            .get(&format!("/v1/actions?user_id=user-mark-{round}"))
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_label_holds_an_id() {
    let app = TestApp::start().await;
    let operator = app.operator();
    distinct_requests(&app, 0).await;
    let before = scrape(&operator).await;
    for round in 1..10 {
        distinct_requests(&app, round).await;
    }
    let after = scrape(&operator).await;
    let names = |series: &Series| series.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&before),
        names(&after),
        "no request makes a series of its own"
    );
    let uuid = regex::Regex::new("mark|[0-9a-f]{8}-[0-9a-f]{4}").expect("it is one");
    assert!(
        names(&after).iter().all(|series| !uuid.is_match(series)),
        "{after:#?}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_leaves_one_log_line_and_no_line_a_secret() {
    let world = World::new().await.set("MODGATE_LOG", "trace");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    world.simulator.declare_account("nobody", false);
    let alice = gateway.moderator("alice");
    let body = json!({"room_id": "room", "user_id": "bob", "data": "", "case_ref": "TS-1"});
    let request = alice.request(reqwest::Method::POST, KICK_SEAT);
    let request = request
        .header("content-type", "application/json")
        .header("x-request-id", "request-1");
    let traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let seat = alice
        .send(request.header("traceparent", traced).body(body.to_string()))
        .await;
    assert_eq!(seat.status, 200, "{}", seat.text);
    let refused = alice.kick_login("nobody").await;
    let powerless = Persona::new(gateway.addr, Some(token("powerless", &[])));
    let denied = powerless.kick_login("bob").await;

    let log = gateway.log();
    let lines = eventually("three lines", PATIENCE, async || {
        Some(log.events("action")).filter(|lines| lines.len() >= 3)
    })
    .await;
    assert_eq!(lines.len(), 3);
    for (line, answer, state) in [
        (&lines[0], &seat, "succeeded"),
        (&lines[1], &refused, "refused"),
        (&lines[2], &denied, "denied"),
    ] {
        let action = answer.action();
        assert_eq!(
            (&line["action.id"], &line["state"]),
            (&action["id"], &json!(state))
        );
        assert_eq!(
            (&line["kind"], &line["user_id"]),
            (&action["kind"], &action["user_id"])
        );
        assert_eq!(
            (&line["moderator"], &line["recorded"]),
            (&action["moderator"], &json!(true))
        );
        assert_eq!(line["level"], "INFO");
        assert!(
            line["duration_ms"].is_f64() && line["timestamp"].is_string(),
            "{line}"
        );
    }
    let action = seat.action();
    assert_eq!(
        (&lines[0]["room_id"], &lines[0]["case_ref"]),
        (&json!("room"), &json!("TS-1"))
    );
    assert_eq!(lines[0]["http_request_id"], "request-1");
    assert_eq!(lines[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(
        lines[0]["tencent.request_id"],
        action["tencent"]["request_id"]
    );
    assert_eq!(lines[0]["tencent.random"], action["attempts"][0]["random"]);
    assert_eq!(
        (&lines[0]["tencent.error_code"], &lines[0]["attempts"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(lines[1]["tencent.error_code"], 70107);
    assert_eq!(
        (&lines[2]["failure"], &lines[2]["attempts"]),
        (&json!("missing_scope"), &json!(0))
    );

    let calls = world.simulator.calls();
    let usersig = calls[0].query_value("usersig").expect("every call has one");
    let bearer = alice.token.as_deref().expect("moderators have one");
    for line in log.lines() {
        for secret in [
            SECRET_KEY, JWT_SECRET, usersig, bearer, "usersig=", "Bearer ",
        ] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_where_it_listens_and_that_it_stopped() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await;
    let log = gateway.log();
    assert_eq!(gateway.moderator("alice").get("/v1/me").await.status, 200);
    gateway.signal("TERM");
    assert!(gateway.exit(PATIENCE).await.success());
    for event in ["listening", "shutting_down", "stopped"] {
        eventually(event, PATIENCE, async || log.events(event).pop()).await;
    }
    assert!(
        log.lines()
            .iter()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
}

/// What happens every day, and asks nobody to do anything.
const ORDINARY: [&str; 7] = [
    "draining",
    "http_request",
    "listening",
    "seal",
    "shutting_down",
    "stopped",
    "action",
];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the sources are there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let files = paths.flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    files.collect()
}

#[test]
fn every_event_of_the_log_is_in_the_table_of_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("there is a README");
    let (_, table) = readme.split_once("| `event` |").expect("there is a table");
    let (table, _) = table.split_once("\n\n").expect("the table ends");
    let first_cells = table.lines().filter_map(|line| line.split('|').nth(1));
    let explained: BTreeSet<&str> = first_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let event = Regex::new(r#"event = "([a-z_]+)""#).expect("a pattern");
    let mut logged = BTreeSet::new();
    for path in sources(&root.join("src")) {
        let source = fs::read_to_string(&path).expect("it can be read");
        logged.extend(
            event
                .captures_iter(&source)
                .map(|found| found[1].to_owned()),
        );
    }
    let logged: BTreeSet<&str> = logged
        .iter()
        .map(String::as_str)
        .filter(|event| !ORDINARY.contains(event))
        .collect();
    assert_eq!(logged, explained);
}
