//! CSV: what other programs read out of it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{EXPORT, rows};
use crate::support::app::TestApp;
use crate::support::persona::KICK_SEAT;
use crate::support::world::World;

/// Reads CSV as strictly as Python can, and says what it found in JSON.
const PYTHON: &str = "import csv, io, json, sys\n\
    text = io.TextIOWrapper(sys.stdin.buffer, encoding='utf-8-sig', newline='')\n\
    json.dump(list(csv.reader(text, strict=True)), sys.stdout)";

/// What a spreadsheet would carry out, or take apart, in each field that can hold it.
const HOSTILE: [(&str, &str, &str, &str, &str); 10] = [
    ("x;=1+1", ";=1", "a;\"=1+1\";b", "x\t=1;@u", "x;-1"),
    ("00012", "007", "\u{ff1d}1+1", "\u{ff0b}\u{ff0d}1", "12"),
    (
        "=cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd",
        "+1+1",
        "-2+3\nnext",
        "=1",
    ),
    ("a,b", "\"quoted\"", "\"", "\"\"\n\",\"", ","),
    ("@u", "+r", "\t=1+1", "\ttab", "@x"),
    ("-1", "-1", "\n=1", "line\nline\n", "-1"),
    ("'a", "'", "'1", "''", "'"),
    (
        "u",
        "r",
        "",
        "\u{1f600} \u{5c4f}\u{853d} e\u{301}\u{ff1d}1",
        "c",
    ),
    ("u;v", "r v", "a\tb;c", "= spaced", "c d"),
    ("1e9", "00012", "1,5", "2026-01-31", "1-2"),
];

fn by_crate(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let records = reader.deserialize::<Vec<String>>();
    records.map(|record| record.expect("it is CSV")).collect()
}

fn by_python(text: &str) -> Vec<Vec<String>> {
    let mut python = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3");
    let mut stdin = python.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("python reads");
    drop(stdin);
    let read = python.wait_with_output().expect("python ends");
    assert!(read.status.success());
    serde_json::from_slice(&read.stdout).expect("python writes JSON")
}

/// What a program takes for the beginning of a formula.
const FORMULA: [char; 11] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

/// What follows the byte order mark, without which spreadsheets take UTF-8 for something else.
fn unmarked(csv: &str) -> &str {
    let text = csv
        .strip_prefix('\u{feff}')
        .expect("it begins with the mark");
    assert!(!text.contains('\u{feff}'), "and has no other");
    text
}

/// Every cell of a text that has only quoted ones.
fn quoted(text: &str) -> Vec<Vec<String>> {
    let cell = regex::Regex::new("\"((?:[^\"]|\"\")*)\"(,|\r\n)").expect("it is one");
    let (mut records, mut record, mut at) = (Vec::new(), Vec::new(), 0);
    for found in cell.captures_iter(text) {
        let whole = found.get(0).expect("it is the match");
        assert_eq!(whole.start(), at, "nothing stands between quoted cells");
        at = whole.end();
        record.push(found[1].replace("\"\"", "\""));
        if &found[2] != "," {
            records.push(std::mem::take(&mut record));
        }
    }
    assert_eq!(at, text.len(), "nothing stands behind them");
    records
}

/// The text of a cell before it was made harmless.
fn meant(cell: &str) -> &str {
    let harmless = cell.strip_prefix('\'');
    let formula = |text: &&str| text.starts_with(FORMULA);
    harmless.filter(formula).unwrap_or(cell)
}

/// The members of an action's JSON, flat, as cells.
fn flat(line: &str) -> Vec<(String, String)> {
    let action: Value = serde_json::from_str(line).expect("a line is JSON");
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.len().to_string(),
        Value::Number(number) => number.as_f64().expect("a number").to_string(),
        other => other.to_string(),
    };
    let tencent = ["action_status", "error_code", "error_info", "request_id"];
    let probe = ["in_effect", "at", "until"];
    let names = [
        "id kind state moderator moderator_name user_id room_id data reason case_ref supersedes batch_id",
        "requested_at completed_at duration_ms tencent attempts recorded genuine",
        "silent seconds forever until channels undoes shortens probe",
    ];
    let names = names.iter().flat_map(|names| names.split(' '));
    let parts = |name: &str, parts: &[&str]| {
        let part = |part: &&str| (format!("{name}_{part}"), cell(&action[name][part]));
        parts.iter().map(part).collect()
    };
    let members = names.flat_map(|name| match name {
        // JSON says it only of what is not.
        "genuine" => vec![(name.to_owned(), "true".to_owned())],
        "tencent" => parts(name, &tencent),
        "probe" => parts(name, &probe),
        name => vec![(name.to_owned(), cell(&action[name]))],
    });
    let known = action.as_object().expect("an action is an object").len();
    let members: Vec<_> = members.collect();
    // Those of two that have parts, and one that JSON leaves out.
    let parts = tencent.len() + probe.len();
    assert_eq!(members.len() - parts + 2 - 1, known, "{line}");
    members
}

async fn hostile_actions(app: &TestApp) {
    for (user_id, room_id, data, reason, case_ref) in HOSTILE {
        let moderator = app.moderator(if user_id == "u" { "=alice" } else { "alice" });
        let body = json!({"user_id": user_id, "room_id": room_id, "data": data, "reason": reason, "case_ref": case_ref});
        let answer = moderator.post(KICK_SEAT, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let muted = json!({"user_id": "m", "seconds": 600, "channels": "direct"});
    let muted = app
        .moderator("bob")
        .post("/v1/actions/mute_user", &muted)
        .await;
    let id = muted.header("modgate-action-id").expect("it has a row");
    let probed = app
        .moderator("bob")
        .post_text(&format!("/v1/actions/{id}/probe"), "")
        .await;
    assert_eq!(probed.status, 200, "{}", probed.text);
    app.simulator.declare_account("gone", false);
    assert_eq!(app.moderator("bob").kick_login("gone").await.status, 404);
    assert_eq!(
        app.moderator("bob")
            .kick_login("administrator")
            .await
            .status,
        403
    );
    // The gateway lets none in, but the record may hold it.
    app.execute(
        "insert into audit.action (id, kind, moderator, issuer, user_id, reason, client_ip, peer_ip,
            http_request_id, instance, version, sdk_app_id, tencent_host, requested_at, deadline_ms, leaf_hash)
         select id, 'kick_login', E'\\r\\n=1', 'test', 'u', E'a\\rb\\r\\nc', '::1', '::1', 'r', 'i', '0', 1, 'h',
            audit.uuid7_time(id), 1, decode(repeat('ab', 32), 'hex')
         from (select overlay(audit.uuid7_floor(now())::text placing '7' from 15)::uuid as id) minted",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_survives_and_none_is_a_formula() {
    let app = TestApp::in_world(World::new().await.set("MODGATE_MODERATOR_QPS", "100")).await;
    hostile_actions(&app).await;
    // The row by hand has no end until recovery gives it one.
    let auditor = app.auditor();
    let ended = "select count(*) from audit.actions where state = 'pending'";
    crate::support::eventually::eventually(
        "all have ended",
        std::time::Duration::from_secs(20),
        async || (app.count(ended).await == 0).then_some(()),
    )
    .await;
    let lines = auditor.get(EXPORT).await.text;
    let csv = auditor.get(&format!("{EXPORT}?format=csv")).await.text;
    let text = unmarked(&csv);
    let mut records = by_crate(text);
    assert_eq!(records, by_python(&csv));
    assert_eq!(records, quoted(text));
    let head = records.remove(0).join(",");
    let lines = rows(&lines);
    assert_eq!(records.len(), lines.len());
    assert_eq!(records.len(), HOSTILE.len() + 4);
    for (record, line) in records.iter().zip(&lines) {
        let expected = flat(line);
        let names: Vec<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.join(","), head);
        for (cell, (name, value)) in record.iter().zip(&expected) {
            assert_eq!(meant(cell), value, "{name}");
            assert!(!cell.starts_with(FORMULA), "{name}: {cell}");
        }
    }
    let (user_id, room_id, ..) = HOSTILE[2];
    let first = records.iter().find(|record| record[5].ends_with(user_id));
    let first = first.expect("it was exported");
    let shown = [&first[5], &first[6], &first[7], &first[8], &first[9]];
    assert_eq!(
        shown,
        [
            &format!("'{user_id}"),
            &format!("'{room_id}"),
            "'+1+1",
            "'-2+3\nnext",
            "'=1"
        ]
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_of_nothing_has_its_head() {
    let app = TestApp::start().await;
    let csv = app
        .auditor()
        .get(&format!("{EXPORT}?format=csv"))
        .await
        .text;
    let csv = unmarked(&csv);
    let head = by_crate(csv);
    assert_eq!((head.len(), &head), (1, &quoted(csv)));
    let head = head[0].join(",");
    assert!(head.starts_with("id,kind,state,") && head.contains(",attempts,recorded,genuine,"));
    assert!(head.ends_with(",shortens,probe_in_effect,probe_at,probe_until"));
    app.stop().await;
}
