//! Traces for a collector: what is in them, what is not, and what a bad collector does not do.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use modgate::simulator::{Fault, FaultKind};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::collector::{Collector, attribute};
use crate::support::eventually::eventually;
use crate::support::leak::{Secrets, Seen};
use crate::support::persona::{Answer, KICK_SEAT, Persona};
use crate::support::process::Gateway;
use crate::support::world::{JWT_SECRET, SECRET_KEY, World};

const PATIENCE: Duration = Duration::from_secs(20);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const EXPORTER: &str = "OpenTelemetry.T";

/// A world whose gateway sends spans there, soon.
async fn traced_to(endpoint: &str) -> World {
    World::new()
        .await
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .set("OTEL_BSP_SCHEDULE_DELAY", "100")
}

fn hexadecimal(id: &[u8]) -> String {
    let digits: Vec<String> = id.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn of(span: &Span, key: &str) -> Option<String> {
    attribute(&span.attributes, key)
}

fn status(span: &Span) -> StatusCode {
    let status = span.status.as_ref();
    status.map_or(StatusCode::Unset, Status::code)
}

async fn kick_seat_within_a_trace(moderator: &Persona, flags: &str) -> Answer {
    let body = json!({"room_id": "room-of-nobody", "user_id": "user-of-nobody", "data": ""});
    let request = moderator
        .request(reqwest::Method::POST, KICK_SEAT)
        .header("content-type", "application/json")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"));
    moderator.send(request.body(body.to_string())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_action_is_one_trace_below_the_callers_span() {
    let collector = Collector::start();
    // Most of the log is off: spans are none of its concern.
    let header = "a-header-that-only-the-collector-shall-see";
    let world = traced_to(&collector.url)
        .await
        .set(
            "OTEL_EXPORTER_OTLP_HEADERS",
            &format!("authorization={header}"),
        )
        .set("MODGATE_LOG", "off,modgate::server=info");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert!(
        gateway.threads().contains(&EXPORTER.to_owned()),
        "{:?}",
        gateway.threads()
    );
    let passing = FaultKind::ErrorCode {
        code: 70500,
        info: None,
    };
    world.simulator.fail(Fault::next(passing));
    let alice = gateway.moderator("alice-the-moderator");
    let answer = kick_seat_within_a_trace(&alice, "01").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let action = answer.json();

    let mut spans = eventually("the trace is there", PATIENCE, async || {
        let spans = collector.spans().into_iter();
        let spans: Vec<Span> = spans
            .filter(|span| hexadecimal(&span.trace_id) == TRACE)
            .collect();
        (spans.len() >= 7).then_some(spans)
    })
    .await;
    spans.sort_by_key(|span| span.start_time_unix_nano);
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let request = "POST /v1/actions/kick_seat";
    assert_eq!(
        names,
        [
            request, "queue", "begin", "attempt", "retry", "attempt", "finish"
        ]
    );

    let request = &spans[0];
    assert_eq!(hexadecimal(&request.parent_span_id), CALLER);
    assert_eq!(request.kind(), SpanKind::Server);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", KICK_SEAT),
        ("action.id", action["id"].as_str().unwrap()),
        ("http.response.status_code", "200"),
        ("state", "succeeded"),
    ] {
        assert_eq!(of(request, key).as_deref(), Some(value), "{key}");
    }
    for step in &spans[1..] {
        assert_eq!(step.parent_span_id, request.span_id, "{}", step.name);
        assert_eq!(
            of(step, "action.id").as_deref(),
            action["id"].as_str(),
            "{}",
            step.name
        );
        assert_eq!(of(step, "kind").as_deref(), Some("kick_seat"));
    }
    for (index, code, failed) in [(3, "70500", true), (5, "0", false)] {
        let (attempt, made) = (&spans[index], &action["attempts"][usize::from(!failed)]);
        assert_eq!(attempt.kind(), SpanKind::Client);
        let is = |key: &str| of(attempt, key);
        assert_eq!(is("attempt.number"), Some(made["number"].to_string()));
        assert_eq!(is("tencent.error_code").as_deref(), Some(code));
        assert_eq!(
            is("tencent.request_id").as_deref(),
            made["request_id"].as_str()
        );
        assert_eq!(is("http.response.status_code").as_deref(), Some("200"));
        assert_eq!(is("error.type").is_some(), failed);
        assert_eq!(status(attempt) == StatusCode::Error, failed);
    }
    assert_eq!(of(&spans[6], "state").as_deref(), Some("succeeded"));

    assert_the_process_is_named(&collector, &world).await;
    let mut secrets = Secrets::default();
    secrets.keep("the secret key", SECRET_KEY);
    secrets.keep("the secret of the tokens", JWT_SECRET);
    secrets.keep("the token", alice.token.as_deref().unwrap());
    secrets.keep("the header", header);
    for call in world.simulator.calls() {
        secrets.keep("a UserSig", call.query_value("usersig").unwrap());
        let sent = |name: &str| call.headers.iter().any(|(header, _)| header == name);
        assert!(
            !sent("traceparent") && !sent("tracestate"),
            "{:?}",
            call.headers
        );
    }
    let mut seen = Seen::default();
    for export in collector.exports() {
        assert_eq!(export.authorization.as_deref(), Some(header));
        let text = String::from_utf8_lossy(&export.bytes).into_owned();
        for person in ["alice", "nobody", "127.0.0.1"] {
            assert!(!text.contains(person), "{person}: {text}");
        }
        seen.add("a span", text);
    }
    assert!(
        seen.at("a span").contains(TRACE_SERVICE),
        "the bytes were seen"
    );
    seen.add("the log", gateway.log().lines().join("\n"));
    seen.assert_holds_none_of(&secrets);
}

const TRACE_SERVICE: &str = "service.instance.id";

/// As in the record.
async fn assert_the_process_is_named(collector: &Collector, world: &World) {
    let exports = collector.exports();
    let resource = exports[0].decoded.resource_spans[0].resource.clone();
    let attributes = resource.expect("there is one").attributes;
    let is = |key: &str| attribute(&attributes, key);
    let recorded: String = sqlx::query_scalar("select instance from audit.action limit 1")
        .fetch_one(&mut world.sql().await)
        .await
        .expect("there is an action");
    assert_eq!(is(TRACE_SERVICE), Some(recorded));
    assert_eq!(is("service.name").as_deref(), Some("modgate"));
    assert_eq!(
        is("service.version").as_deref(),
        Some(env!("CARGO_PKG_VERSION"))
    );
    let scopes = exports
        .iter()
        .flat_map(|export| &export.decoded.resource_spans)
        .flat_map(|resource| &resource.scope_spans)
        .map(|scope| scope.scope.clone().expect("there is one").name);
    assert_eq!(
        scopes.collect::<BTreeSet<_>>(),
        BTreeSet::from(["modgate".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_callers_span_each_request_is_a_trace_of_its_own_and_what_failed_says_so() {
    let collector = Collector::start();
    let world = traced_to(&collector.url)
        .await
        .set("OTEL_SERVICE_NAME", "modgate-east")
        .set("MODGATE_LOG", "trace");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let bad = Persona::new(gateway.addr, None);
    let request = bad
        .request(
            reqwest::Method::from_bytes(b"BREW").unwrap(),
            "/no/such/path?key=of-nobody",
        )
        .header("traceparent", format!("00-{TRACE}-{}-01", "0".repeat(16)));
    bad.send(request).await;
    world
        .simulator
        .fail(Fault::next(FaultKind::Cut { reset: false }));
    let unknown = gateway.moderator("alice").kick_login("user").await;
    assert_eq!(unknown.status, 504, "{}", unknown.text);

    let spans = eventually("both traces are there", PATIENCE, async || {
        Some(collector.spans()).filter(|spans| spans.len() >= 6)
    })
    .await;
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        found
            .next()
            .unwrap_or_else(|| panic!("{name} is not in {spans:#?}"))
    };
    let (brewed, kicked) = (named("_OTHER"), named("POST /v1/actions/kick_login"));
    for root in [brewed, kicked] {
        assert!(root.parent_span_id.is_empty(), "{root:?}");
        assert_ne!(hexadecimal(&root.trace_id), TRACE);
    }
    assert_ne!(brewed.trace_id, kicked.trace_id);
    assert_eq!(
        status(brewed),
        StatusCode::Unset,
        "the caller's fault, not ours"
    );
    assert_eq!(
        (status(kicked), of(kicked, "error.type").as_deref()),
        (StatusCode::Error, Some("504"))
    );
    let attempt = named("attempt");
    assert_eq!(attempt.trace_id, kicked.trace_id);
    assert_eq!(status(attempt), StatusCode::Error);
    assert_eq!(
        of(attempt, "error.type").as_deref(),
        Some("connection_lost")
    );
    assert_eq!(of(named("finish"), "state").as_deref(), Some("unknown"));
    let text: String = collector
        .exports()
        .iter()
        .map(|export| String::from_utf8_lossy(&export.bytes).into_owned())
        .collect();
    assert!(text.contains("modgate-east") && !text.contains("of-nobody"));

    // The log is as it is without traces.
    for line in gateway.log().lines() {
        let line: Value = serde_json::from_str(&line).expect("a line is JSON");
        let target = line["target"].as_str().expect("a line has a target");
        assert!(
            line.get("span").is_none() && line.get("spans").is_none(),
            "{line}"
        );
        let level = line["level"].as_str().expect("a line has a level");
        assert!(
            target.starts_with("modgate") || !matches!(level, "DEBUG" | "TRACE"),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_neither_actions_nor_the_end() {
    // Connections are taken by the kernel; nobody reads them.
    let deaf = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let endpoint = format!("http://{}", deaf.local_addr().expect("it is bound"));
    let world = traced_to(&endpoint)
        .await
        .set("OTEL_BSP_MAX_QUEUE_SIZE", "16");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let started = Instant::now();
    for number in 0..10 {
        assert_eq!(alice.kick_login(&format!("user{number}")).await.status, 200);
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "ten actions took {took:?}");
    let log = gateway.log();
    let started = Instant::now();
    gateway.signal("TERM");
    let exit = gateway.exit(PATIENCE).await;
    assert!(exit.success(), "{exit}");
    let stopped = log.events("stopped").len();
    let took = started.elapsed();
    assert!(
        stopped == 1 && took < Duration::from_secs(6),
        "it took {took:?}"
    );
    world.assert_the_record_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_refuses_is_said_once_and_without_its_address() {
    let collector = Collector::start();
    let wrong = format!("{}/a-path-that-may-be-a-secret-key", collector.url);
    let world = traced_to(&wrong).await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let log = gateway.log();
    let lost = eventually("it is said", PATIENCE, async || {
        assert_eq!(alice.kick_login("user").await.status, 200);
        log.events("traces_lost").pop()
    })
    .await;
    assert_eq!(
        (&lost["level"], &lost["http_status"]),
        (&json!("WARN"), &json!(404))
    );
    // Several exports later it is still the only line.
    eventually("more is refused", PATIENCE, async || {
        assert_eq!(alice.kick_login("user").await.status, 200);
        (collector.refused() > 5).then_some(())
    })
    .await;
    gateway.signal("TERM");
    assert!(gateway.exit(PATIENCE).await.success());
    assert_eq!(log.events("traces_lost").len(), 1);
    let lines = log.lines().join("\n");
    assert!(
        !lines.contains("a-path") && !lines.contains(&collector.url),
        "{lines}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_sent_before_the_process_ends() {
    let collector = Collector::start();
    // By itself it would send in an hour.
    let world = traced_to(&collector.url)
        .await
        .set("OTEL_BSP_SCHEDULE_DELAY", "3600000");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("user").await.status,
        200
    );
    assert!(collector.spans().is_empty());
    gateway.signal("TERM");
    assert!(gateway.exit(PATIENCE).await.success());
    let spans = collector.spans();
    let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let request = "POST /v1/actions/kick_login";
    assert_eq!(
        names,
        BTreeSet::from([request, "attempt", "begin", "finish", "queue"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_decides_whether_its_trace_is_kept_unless_the_sampler_leaves_it_no_choice() {
    let by_itself = Collector::start();
    let world = traced_to(&by_itself.url).await;
    let behind_a_proxy = Collector::start();
    // What Tencent is called by must not go that way, and would not arrive.
    let variables = [
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid"),
        ("HTTP_PROXY", &behind_a_proxy.url),
        ("http_proxy", &behind_a_proxy.url),
    ];
    let mut strict = world.variables.clone();
    strict.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for (variables, collector, kept) in [
        (&world.variables, &by_itself, false),
        (&strict, &behind_a_proxy, true),
    ] {
        let gateway = Gateway::start(variables).await.ready().await;
        let alice = gateway.moderator("alice");
        assert_eq!(kick_seat_within_a_trace(&alice, "00").await.status, 200);
        assert_eq!(alice.kick_login("user").await.status, 200);
        gateway.signal("TERM");
        assert!(gateway.exit(PATIENCE).await.success());
        let spans = collector.spans();
        let of_the_caller = |span: &Span| hexadecimal(&span.trace_id) == TRACE;
        assert_eq!(spans.iter().any(of_the_caller), kept);
        assert!(!spans.iter().all(of_the_caller), "the other is always kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_there_is_no_exporter() {
    // Other variables of the standard do not switch it on.
    let world = World::new()
        .await
        .set("OTEL_SERVICE_NAME", "modgate")
        .set("OTEL_TRACES_SAMPLER", "always_on");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let answer = kick_seat_within_a_trace(&gateway.moderator("alice"), "01").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let threads = gateway.threads();
    assert!(
        threads.len() > 3 && !threads.contains(&EXPORTER.to_owned()),
        "{threads:?}"
    );
}
