//! What is posted.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{assert_nothing_happened, faults, faulty_fields, patient_app};
use crate::support::persona::{KICK_LOGIN, KICK_SEAT, Persona};

/// A body that is right in every member.
fn whole_body(path: &str) -> Value {
    let mut body = json!({
        "user_id": "bob", "reason": "spam", "case_ref": "TS-1", "supersedes": Uuid::now_v7(),
    });
    if path == KICK_SEAT {
        body["room_id"] = json!("room");
        body["data"] = json!("over");
    }
    body
}

fn fields(path: &str) -> Vec<String> {
    let body = whole_body(path);
    body.as_object()
        .expect("it is one")
        .keys()
        .cloned()
        .collect()
}

/// Posts a whole body in which one member is replaced, and wants that member named, alone.
async fn assert_refused(moderator: &Persona, path: &str, field: &str, value: Value) {
    let mut body = whole_body(path);
    body[field] = value;
    let answer = moderator.post(path, &body).await;
    assert_eq!(faulty_fields(&answer), [field], "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_field_takes_a_text_that_hides_or_reorders_what_people_read() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let hidden = [
        "a\0",
        "\0",
        "a\u{1}b",
        "\u{1b}[31m",
        "a\u{7f}",
        "a\u{85}b",
        "a\u{9b}b",
        "a\rb",
        "\u{202e}bob",
        "a\u{202a}b",
        "\u{2066}bob",
        "a\u{2069}",
    ];
    for path in [KICK_LOGIN, KICK_SEAT] {
        for field in fields(path) {
            for text in hidden {
                assert_refused(&alice, path, &field, json!(text)).await;
            }
        }
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_field_takes_a_value_of_another_type() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let odd = [
        json!(0),
        json!(-1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(true),
        json!([]),
        json!(["bob"]),
        json!({}),
        json!({"user_id": "bob"}),
    ];
    for path in [KICK_LOGIN, KICK_SEAT] {
        for field in fields(path) {
            for value in &odd {
                assert_refused(&alice, path, &field, value.clone()).await;
            }
        }
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_keeps_its_own_rule() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let long = |length: usize| json!("x".repeat(length));
    let identifier = |longest: usize| {
        let odd = [
            "",
            " ",
            " a",
            "a ",
            "a\tb",
            "a\nb",
            "\u{e9}",
            "\u{1f600}",
            "a\u{a0}b",
        ];
        odd.into_iter()
            .map(|text| json!(text))
            .chain([long(longest + 1)])
            .collect::<Vec<_>>()
    };
    let id = Uuid::now_v7();
    let table = [
        ("user_id", [identifier(32), vec![Value::Null]].concat()),
        ("room_id", [identifier(48), vec![Value::Null]].concat()),
        (
            "data",
            vec![long(1001), json!("\u{e9}".repeat(501)), Value::Null],
        ),
        (
            "reason",
            vec![json!(""), json!(" \n"), json!("\u{e9}".repeat(501))],
        ),
        ("case_ref", identifier(64)),
        (
            "supersedes",
            vec![
                json!(""),
                json!("0"),
                json!(id.simple()),
                json!(id.braced()),
                json!(id.urn()),
                json!(format!("{id} ")),
                json!(format!("{id}\0")),
            ],
        ),
    ];
    for (field, values) in table {
        for value in values {
            assert_refused(&alice, KICK_SEAT, field, value).await;
        }
    }
    for (path, field) in [
        (KICK_LOGIN, "user_id"),
        (KICK_SEAT, "user_id"),
        (KICK_SEAT, "room_id"),
        (KICK_SEAT, "data"),
    ] {
        let mut body = whole_body(path);
        body.as_object_mut().expect("it is one").remove(field);
        assert_eq!(
            faulty_fields(&alice.post(path, &body).await),
            [field],
            "{body}"
        );
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_a_body_are_reported_at_once() {
    let app = patient_app().await;
    let body = r#"{"room_id": 7, "user_id": "", "data": "twice", "reason": "", "case_ref": "\u00e9",
                   "supersedes": "x", "colour": "red", "data": "\u0000"}"#;
    let answer = app.moderator("alice").post_text(KICK_SEAT, body).await;
    let mut named = faulty_fields(&answer);
    named.sort();
    let all = [
        "case_ref",
        "colour",
        "data",
        "data",
        "reason",
        "room_id",
        "supersedes",
        "user_id",
    ];
    assert_eq!(named, all, "{}", answer.text);
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_object_is_refused() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(3_000), close.repeat(3_000));
    let member = |value: &str| format!(r#"{{"user_id": {value}}}"#).into_bytes();
    let text = |inside: &[u8]| [br#"{"user_id": ""#.as_slice(), inside, b"\"}"].concat();
    let whole = member(r#""bob""#);
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("blanks", b" \r\n\t".to_vec()),
        ("zero bytes", vec![0; 100]),
        (
            "two byte order marks",
            [b"\xef\xbb\xbf\xef\xbb\xbf".as_slice(), &whole].concat(),
        ),
        ("UTF-16", whole.iter().flat_map(|byte| [*byte, 0]).collect()),
        ("an array", [b"[".as_slice(), &whole, b"]"].concat()),
        ("a text", b"\"bob\"".to_vec()),
        ("a number", b"1".to_vec()),
        ("null", b"null".to_vec()),
        ("half an object", whole[..10].to_vec()),
        ("two objects", [whole.as_slice(), &whole].concat()),
        ("something after it", [whole.as_slice(), b" x"].concat()),
        ("a zero byte after it", [whole.as_slice(), b"\0"].concat()),
        ("a comma too many", br#"{"user_id": "bob",}"#.to_vec()),
        ("a comment", br#"{"user_id": "bob" /* now */}"#.to_vec()),
        ("a form", b"user_id=bob".to_vec()),
        ("XML", b"<user_id>bob</user_id>".to_vec()),
        ("single quotes", b"{'user_id': 'bob'}".to_vec()),
        ("not a number", member("NaN")),
        ("a number beyond all numbers", member("1e999999999")),
        ("a very long number", member(&"9".repeat(10_000))),
        ("deep arrays", deep("[", "]").into_bytes()),
        (
            "deep arrays without an end",
            "[".repeat(10_000).into_bytes(),
        ),
        ("deep arrays in a member", member(&deep("[", "]"))),
        ("deep objects", member(&deep(r#"{"a":"#, ""))),
        ("a lone surrogate", member(r#""\ud800""#)),
        ("surrogates in the wrong order", member(r#""\udc00\ud800""#)),
        (
            "a lone surrogate as a name",
            br#"{"\ud800": "bob"}"#.to_vec(),
        ),
        ("an unknown escape", member(r#""\x41""#)),
        ("a raw line feed in a text", text(b"a\nb")),
        ("a raw zero byte in a text", text(b"a\0b")),
        ("bytes that are not UTF-8", text(b"\xff\xfe")),
        ("an overlong slash", text(b"\xc0\xaf")),
        ("a surrogate in UTF-8", text(b"\xed\xa0\x80")),
        ("beyond Unicode", text(b"\xf4\x90\x80\x80")),
    ];
    for path in [KICK_LOGIN, KICK_SEAT] {
        for (name, body) in &table {
            let answer = alice.post_text(path, body.clone()).await;
            assert_eq!(answer.status, 400, "{name}: {}", answer.text);
            let named = faulty_fields(&answer);
            // A number of any length is a number: the fault is then its member's.
            assert!(
                named == ["body"] || *name == "a very long number",
                "{name}: {named:?}"
            );
        }
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_given_twice_is_refused_however_it_is_written() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    for body in [
        r#"{"user_id": "bob", "user_id": "bob"}"#,
        r#"{"user_id": "bob", "user_id": null}"#,
        r#"{"user_id": "bob", "reason": "a", "user\u005fid": "eve"}"#,
    ] {
        let answer = alice.post_text(KICK_LOGIN, body).await;
        let named = faults(&answer);
        assert_eq!(
            named[0],
            ("user_id".to_owned(), "must not be given twice".to_owned())
        );
        assert!(
            named.iter().all(|(field, _)| field == "user_id"),
            "{named:?}"
        );
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_member_is_refused_and_named_without_its_tricks() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let long = "x".repeat(10_000);
    for (name, shown) in [
        ("colour", "colour"),
        ("User_ID", "User_ID"),
        ("user_id ", "user_id "),
        ("", ""),
        ("__proto__", "__proto__"),
        ("id", "id"),
        ("a\0b", "a\u{fffd}b"),
        ("\u{202e}resu", "\u{fffd}resu"),
        (long.as_str(), &long[..100]),
    ] {
        let answer = alice
            .post(KICK_LOGIN, &json!({"user_id": "bob", name: "x"}))
            .await;
        assert_eq!(faulty_fields(&answer), [shown]);
    }
    // A member of the other kind is none of this one.
    for field in ["room_id", "data"] {
        let answer = alice
            .post(KICK_LOGIN, &json!({"user_id": "bob", field: "x"}))
            .await;
        assert_eq!(faulty_fields(&answer), [field]);
    }
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_at_the_edge_of_their_rules_arrive_as_they_were_sent() {
    let app = patient_app().await;
    let start = "\u{5e9}\u{200f}\n\t\"\\</script>\u{1f600}";
    let data = format!("{start}{}", "x".repeat(1000 - start.len()));
    let reason = format!("{}\n", "\u{e9}".repeat(499));
    let printable: String = (' '..='~').collect();
    let body = json!({
        "user_id": &printable[1..33], "room_id": &printable[33..81], "data": data,
        "reason": reason, "case_ref": &printable[1..65], "supersedes": null,
    });
    let answer = app.moderator("alice").post(KICK_SEAT, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let action = app
        .auditor()
        .action(answer.json()["id"].as_str().unwrap())
        .await
        .json();
    for field in [
        "user_id",
        "room_id",
        "data",
        "reason",
        "case_ref",
        "supersedes",
    ] {
        assert_eq!(action[field], body[field]);
    }
    let calls = app.simulator.calls();
    let sent: Value = serde_json::from_str(&calls[0].body).unwrap();
    assert_eq!(sent["RoomId"], body["room_id"]);
    assert_eq!(sent["Member_Account"], body["user_id"]);
    assert_eq!(sent["Data"], body["data"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_16_kib_is_read_and_one_byte_more_is_not() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    let padded = |length: usize| format!("{:<length$}", r#"{"user_id": "bob", "colour": 1}"#);
    assert_eq!(
        faulty_fields(&alice.post_text(KICK_LOGIN, padded(16 * 1024)).await),
        ["colour"]
    );
    let answer = alice.post_text(KICK_LOGIN, padded(16 * 1024 + 1)).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (413, "payload-too-large")
    );
    assert_nothing_happened(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_order_mark_before_the_body_is_no_part_of_it() {
    let app = patient_app().await;
    let alice = app.moderator("alice");
    for wrong in [
        "\u{feff}",
        "\u{feff}\u{feff}{\"user_id\": \"bob\"}",
        "{\u{feff}\"user_id\": \"bob\"}",
        "{\"user_id\": \"bob\"}\u{feff}",
    ] {
        assert_eq!(
            faulty_fields(&alice.post_text(KICK_LOGIN, wrong).await),
            ["body"]
        );
    }
    let utf16: Vec<u8> = "\u{feff}{\"user_id\": \"bob\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(
        faulty_fields(&alice.post_text(KICK_LOGIN, utf16).await),
        ["body"]
    );
    let marked = format!("\u{feff}{}", whole_body(KICK_LOGIN));
    let answer = alice.post_text(KICK_LOGIN, marked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["user_id"], "bob");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reorders_text_is_refused_by_a_rule_that_names_it() {
    let app = patient_app().await;
    let isolated = "what \u{2068}Alice\u{2069} said";
    let body = json!({"user_id": "bob", "room_id": "r", "reason": isolated, "data": isolated});
    let answer = app.moderator("alice").post(KICK_SEAT, &body).await;
    let faults = faults(&answer);
    let fields: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["data", "reason"]);
    assert!(
        faults
            .iter()
            .all(|(_, rule)| rule.contains("U+2066 to U+2069")),
        "{faults:?}"
    );
    assert_nothing_happened(app).await;
}
