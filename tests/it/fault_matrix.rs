//! What each fault makes of an action: the specification, as a table.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use modgate::domain::{Api, Kind, Repeat, Slot};
use modgate::simulator::{self, Fault, FaultKind};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::support::app::TestApp;
use crate::support::persona::{Answer, example};
use crate::support::world::World;

/// What is wrong with Tencent, or with the way there.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Nothing,
    Refused,
    UnknownHost,
    Reset,
    Closed,
    NoAnswer,
    LateAnswer,
    Html,
    Garbage,
    CutJson,
    TenMegabytes,
    OneByteASecond,
    Redirect,
    ZeroWithFail,
    NoActionStatus,
    /// This code, each time.
    Code(i64),
    /// This code, once.
    CodeOnce(i64),
    /// No answer to the first attempt, then this code.
    LostThenCode(i64),
}

use Wrong::*;

/// State, problem, status, attempts.
type End = (&'static str, &'static str, u16, usize);

/// The fault; how a kind ends whose repeat does it again, and one whose repeat does nothing more.
type Row = (Wrong, [End; 2]);

#[rustfmt::skip]
const MATRIX: &[Row] = &[
    // fault               does it again                                         does nothing more
    (Nothing,            [("succeeded", "-",                        200, 1), ("succeeded", "-",                        200, 1)]),
    (Refused,            [("not_sent",  "tencent-unavailable",      503, 3), ("not_sent",  "tencent-unavailable",      503, 3)]),
    (UnknownHost,        [("not_sent",  "tencent-unavailable",      503, 3), ("not_sent",  "tencent-unavailable",      503, 3)]),
    (Reset,              [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (Closed,             [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (NoAnswer,           [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (LateAnswer,         [("unknown",   "outcome-unknown",          504, 1), ("succeeded", "-",                        200, 2)]),
    (Html,               [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (Garbage,            [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (CutJson,            [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (TenMegabytes,       [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (OneByteASecond,     [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (Redirect,           [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 3)]),
    (ZeroWithFail,       [("unknown",   "outcome-unknown",          504, 1), ("unknown",   "outcome-unknown",          504, 1)]),
    (NoActionStatus,     [("succeeded", "-",                        200, 1), ("succeeded", "-",                        200, 1)]),
    // caller
    (Code(70402),        [("refused",   "rejected-by-tencent",      422, 1), ("refused",   "rejected-by-tencent",      422, 1)]),
    (Code(100_002),      [("refused",   "rejected-by-tencent",      422, 1), ("refused",   "rejected-by-tencent",      422, 1)]),
    // not_found
    (Code(70107),        [("refused",   "target-not-found",         404, 1), ("refused",   "target-not-found",         404, 1)]),
    (Code(100_004),      [("refused",   "target-not-found",         404, 1), ("refused",   "target-not-found",         404, 1)]),
    // conflict
    (Code(100_005),      [("refused",   "target-conflict",          409, 1), ("refused",   "target-conflict",          409, 1)]),
    (Code(100_206),      [("refused",   "target-conflict",          409, 1), ("refused",   "target-conflict",          409, 1)]),
    // rate_limit
    (Code(60007),        [("refused",   "rate-limited",             429, 1), ("refused",   "rate-limited",             429, 1)]),
    (Code(60028),        [("refused",   "rate-limited",             429, 1), ("refused",   "rate-limited",             429, 1)]),
    // credential, with and without another UserSig being worth a try
    (Code(70001),        [("refused",   "tencent-rejected-gateway", 502, 2), ("refused",   "tencent-rejected-gateway", 502, 2)]),
    (CodeOnce(70001),    [("succeeded", "-",                        200, 2), ("succeeded", "-",                        200, 2)]),
    (Code(70009),        [("refused",   "tencent-rejected-gateway", 502, 1), ("refused",   "tencent-rejected-gateway", 502, 1)]),
    (Code(70403),        [("refused",   "tencent-rejected-gateway", 502, 1), ("refused",   "tencent-rejected-gateway", 502, 1)]),
    (Code(60010),        [("refused",   "tencent-rejected-gateway", 502, 1), ("refused",   "tencent-rejected-gateway", 502, 1)]),
    (Code(70050),        [("refused",   "tencent-rejected-gateway", 502, 1), ("refused",   "tencent-rejected-gateway", 502, 1)]),
    // config, gateway_bug, unlisted
    (Code(60020),        [("refused",   "tencent-rejected-gateway", 502, 1), ("refused",   "tencent-rejected-gateway", 502, 1)]),
    (Code(60003),        [("refused",   "tencent-rejected-gateway", 502, 1), ("refused",   "tencent-rejected-gateway", 502, 1)]),
    (Code(123_456),      [("refused",   "tencent-rejected-gateway", 502, 1), ("refused",   "tencent-rejected-gateway", 502, 1)]),
    (Code(-1),           [("refused",   "tencent-rejected-gateway", 502, 1), ("refused",   "tencent-rejected-gateway", 502, 1)]),
    // transient, transient_ambiguous
    (Code(70169),        [("unknown",   "outcome-unknown",          504, 3), ("unknown",   "outcome-unknown",          504, 3)]),
    (Code(70500),        [("unknown",   "outcome-unknown",          504, 3), ("unknown",   "outcome-unknown",          504, 3)]),
    (Code(100_001),      [("unknown",   "outcome-unknown",          504, 3), ("unknown",   "outcome-unknown",          504, 3)]),
    (Code(60008),        [("unknown",   "outcome-unknown",          504, 3), ("unknown",   "outcome-unknown",          504, 3)]),
    (CodeOnce(70500),    [("succeeded", "-",                        200, 2), ("succeeded", "-",                        200, 2)]),
    // What a repeat is told after the first answer was lost.
    (LostThenCode(0),       [("unknown", "outcome-unknown",         504, 1), ("succeeded", "-",                        200, 2)]),
    (LostThenCode(100_206), [("unknown", "outcome-unknown",         504, 1), ("succeeded", "-",                        200, 2)]),
    (LostThenCode(100_004), [("unknown", "outcome-unknown",         504, 1), ("unknown",   "outcome-unknown",          504, 2)]),
    (LostThenCode(60007),   [("unknown", "outcome-unknown",         504, 1), ("unknown",   "outcome-unknown",          504, 2)]),
];

fn faults(wrong: Wrong) -> Vec<Fault> {
    let html = FaultKind::HttpStatus {
        status: 502,
        body: "<h1>Bad Gateway</h1>".to_owned(),
        content_type: "text/html".to_owned(),
    };
    let code = |code| FaultKind::ErrorCode { code, info: None };
    let always = |kind: FaultKind| vec![Fault::next(kind).for_ever()];
    match wrong {
        Nothing | Refused | UnknownHost => Vec::new(),
        Reset => always(FaultKind::Cut { reset: true }),
        Closed => always(FaultKind::Cut { reset: false }),
        NoAnswer => always(FaultKind::Never),
        // The answer to the first attempt comes while the second is on its way.
        LateAnswer => always(FaultKind::Delay {
            duration: Duration::from_millis(2400),
        }),
        Html => always(html),
        Garbage => always(FaultKind::Garbage),
        CutJson => always(FaultKind::Truncate),
        TenMegabytes => always(FaultKind::BigBody),
        OneByteASecond => always(FaultKind::Drip),
        Redirect => always(FaultKind::Redirect {
            location: "http://127.0.0.1:9/".to_owned(),
        }),
        ZeroWithFail => always(FaultKind::OkWithFail),
        NoActionStatus => always(FaultKind::NoActionStatus),
        Code(number) => always(code(number)),
        CodeOnce(number) => vec![Fault::next(code(number))],
        LostThenCode(0) => vec![Fault::next(FaultKind::Cut { reset: true })],
        LostThenCode(number) => vec![
            Fault::next(FaultKind::Cut { reset: true }),
            Fault::next(code(number)),
        ],
    }
}

/// Of the two, that of this kind.
fn end_of(wrong: Wrong, kind: Kind, [again, done]: [End; 2]) -> End {
    match (kind.repeat, wrong) {
        (Repeat::DoesItAgain, _) => again,
        // No code says that it was done: a repeat is answered as the first was.
        (Repeat::Harmless, LostThenCode(100_206)) => ("unknown", "outcome-unknown", 504, 2),
        (Repeat::FindsItDone(_) | Repeat::Harmless, _) => done,
    }
}

async fn try_row((wrong, expected): &'static Row) -> Vec<String> {
    let mut world = World::new()
        .await
        .set("MODGATE_TENCENT_TIMEOUT", "1500ms")
        .set("MODGATE_MODERATOR_QPS", "1000");
    if matches!(wrong, UnknownHost) {
        world = world.set("MODGATE_TENCENT_URL", "https://tencent.invalid");
    }
    let app = TestApp::in_world(world).await;
    if matches!(wrong, Refused) {
        app.simulator.stop().expect("the simulator stops");
    }
    let each_api = Api::all().iter().map(|api| {
        let kinds = Kind::ALL.iter().filter(|kind| kind.api == *api);
        try_kinds(&app, *wrong, *expected, kinds.copied().collect())
    });
    // One credential serves all: the first that is refused for it has suspended the others as well, and the first
    // that has it renewed has renewed it for the others.
    let differences = match wrong {
        Code(70001 | 70009 | 70050) => {
            stream::iter(each_api.take(1))
                .then(|one| one)
                .collect()
                .await
        }
        Code(70403 | 60010) | CodeOnce(70001) => {
            stream::iter(each_api).then(|one| one).collect().await
        }
        _ => join_all(each_api).await,
    };
    app.stop().await;
    differences.concat()
}

/// Those of one API, one after the other.
async fn try_kinds(
    app: &TestApp,
    wrong: Wrong,
    expected: [End; 2],
    kinds: Vec<Kind>,
) -> Vec<String> {
    let alice = app.moderator("alice");
    let mut differences = Vec::new();
    for kind in kinds {
        let api = simulator::Api::of_command(kind.api.command);
        for fault in faults(wrong) {
            app.simulator.fail(fault.on(api));
        }
        let mut body = example(kind);
        if kind.lifts().is_some() && kind.has(Slot::UserId) {
            // On another target than what sets it: what is lost is not repeated once another has begun there.
            body["user_id"] = "lifted".into();
        }
        let answer = alice.act(kind, &body).await;
        app.simulator.clear_faults_on(api);
        differences.extend(difference(
            wrong,
            kind,
            end_of(wrong, kind, expected),
            &answer,
        ));
        let action = answer.action();
        let recorded = alice
            .action(action["id"].as_str().expect("an action has an id"))
            .await
            .json();
        assert_eq!(
            recorded, action,
            "the record says what the moderator was told"
        );
        let randoms: Vec<&Value> = recorded["attempts"]
            .as_array()
            .expect("attempts are a list")
            .iter()
            .map(|attempt| &attempt["random"])
            .collect();
        assert!(
            (1..randoms.len()).all(|at| randoms[at] != randoms[at - 1]),
            "a fresh random each"
        );
    }
    differences
}

/// How an answer differs from what the table says, if it does.
fn difference(wrong: Wrong, kind: Kind, expected: End, answer: &Answer) -> Option<String> {
    let problem = if answer.status == 200 {
        "-".to_owned()
    } else {
        answer.problem()
    };
    let action = answer.action();
    let state = action["state"].as_str().unwrap_or("?");
    let tried = action["attempts"].as_array().map_or(0, Vec::len);
    let safe_to_repeat = matches!(answer.status, 429 | 503);
    assert_eq!(
        answer.header("retry-after").is_some(),
        safe_to_repeat,
        "{wrong:?} {kind}"
    );
    assert_eq!(
        answer.header("modgate-state"),
        Some(state),
        "{wrong:?} {kind}: {}",
        answer.text
    );
    let found = (state, problem.as_str(), answer.status, tried);
    (found != expected).then(|| format!("{wrong:?} {kind}: {found:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_fault_ends_as_the_table_says() {
    let try_one = |row| spawn_blocking(move || Handle::current().block_on(try_row(row)));
    let rows = stream::iter(MATRIX).map(try_one).buffer_unordered(3);
    let differences: Vec<Vec<String>> = rows.map(|row| row.expect("no panic")).collect().await;
    let differences = differences.concat();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_kick_after_a_refused_credential_is_told_so_without_a_call() {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    app.simulator.fail(Fault::next(FaultKind::ErrorCode {
        code: 70009,
        info: None,
    }));
    assert_eq!(
        alice.kick_seat("room", "test", "").await.problem(),
        "tencent-rejected-gateway"
    );
    let answer = alice.kick_login("test").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (502, "tencent-rejected-gateway")
    );
    assert_eq!(app.simulator.calls().len(), 1);
    app.stop().await;
}
