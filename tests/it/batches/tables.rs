//! Batches as tables, as spreadsheets and scripts write them.

use std::fmt::Write as _;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::uploads::{assert_nothing_kept, faults, of_item};
use super::{
    BATCHES, app, assert_problem, kicks, new_key, of, submit, submitter, upload, validate,
};
use crate::support::persona::{Answer, Persona};

/// A table of login kicks of `user0`, `user1`, … with a head row.
pub(super) fn table(number: usize) -> String {
    let mut csv = "kind,user_id\n".to_owned();
    for index in 0..number {
        writeln!(csv, "kick_login,user{index}").expect("there is memory");
    }
    csv
}

/// Asks whether a table would do; that it would not, and why.
async fn refused(who: &Persona, csv: impl Into<reqwest::Body>) -> Answer {
    let answer = upload(who, "validate_only=true", csv).await;
    assert_problem(&answer, 400, "invalid-request");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_the_same_batch_however_programs_write_it() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let seat = |user: &str, data: &str| json!({"kind": "kick_seat", "room_id": "r", "user_id": user, "data": data});
    let actions = json!([
        seat("a,\"b", "over,\nand \"out\""),
        seat("=1+1", ""),
        seat("007", "\u{1f600}")
    ]);
    let expected = validate(&alice, &json!({"actions": actions})).await;
    assert_eq!(expected.status, 200, "{}", expected.text);
    let plain = "kind,room_id,user_id,data\n\
                 kick_seat,r,\"a,\"\"b\",\"over,\nand \"\"out\"\"\"\n\
                 kick_seat,r,=1+1,\n\
                 kick_seat,r,007,\u{1f600}\n";
    let quoted = "\"kind\",\"room_id\",\"user_id\",\"data\"\n\
                  \"kick_seat\",\"r\",\"a,\"\"b\",\"over,\nand \"\"out\"\"\"\n\
                  \"kick_seat\",\"r\",\"=1+1\",\"\"\n\
                  \"kick_seat\",\"r\",\"007\",\"\u{1f600}\"\n";
    let other_order = "user_id,data,seconds,kind,room_id,silent\n\
                       \"a,\"\"b\",\"over,\nand \"\"out\"\"\",,kick_seat,r,\n\
                       =1+1,,,kick_seat,r,\n\
                       007,\u{1f600},,kick_seat,r,\n";
    // The end of a line within a cell is part of its text.
    let other_ends = plain.replace('\n', "\r\n").replace("over,\r\n", "over,\n");
    let open_end = plain.trim_end();
    for csv in [plain, quoted, other_order, &other_ends, open_end] {
        for mark in ["", "\u{feff}"] {
            let answer = upload(&alice, "validate_only=true", format!("{mark}{csv}")).await;
            assert_eq!(answer.status, 200, "{csv}: {}", answer.text);
            for member in ["digest", "total", "kinds"] {
                let (is, wanted) = (answer.json(), expected.json());
                assert_eq!(is[member], wanted[member], "{member} of {csv}");
            }
        }
    }
    // The line is where the record begins, also behind one of several lines.
    let bad = refused(&alice, format!("{plain}kick_seat,r,b\u{e9},\n")).await;
    assert_eq!(faults(&bad), of_item(3, Some(6), "user_id"));
    assert_nothing_kept(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_and_its_query_say_is_what_json_says() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let csv = "kind,user_id,room_id,data,reason,case_ref,seconds,forever,channels,silent\n\
               mute_user,a,,,spam,TS-1,600,,groups,\n\
               mute_user,b,,,,,,true,,\n\
               remove_group_member,c,@TGS#1,bye,,,,,,true\n\
               mute_group,,@TGS#1,,,,,,,\n";
    let actions = json!([
        {"kind": "mute_user", "user_id": "a", "seconds": 600, "channels": "groups", "reason": "spam", "case_ref": "TS-1"},
        {"kind": "mute_user", "user_id": "b", "forever": true},
        {"kind": "remove_group_member", "room_id": "@TGS#1", "user_id": "c", "data": "bye", "silent": true},
        {"kind": "mute_group", "room_id": "@TGS#1"},
    ]);
    let query = "validate_only=true&reason=a%20raid&case_ref=TS-2&expires_in=60";
    let table = upload(&alice, query, csv).await;
    let batch =
        json!({"reason": "a raid", "case_ref": "TS-2", "expires_in": 60, "actions": actions});
    let json = validate(&alice, &batch).await;
    for answer in [&table, &json] {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(table.json()["digest"], json.json()["digest"]);
    assert_eq!(table.json()["kinds"], json.json()["kinds"]);
    // What the digest stands for has reasons and cases in it, and the order.
    let mut other = batch.clone();
    other["actions"][1]["reason"] = json!("other");
    let mut turned = batch;
    let items = turned["actions"].as_array_mut().expect("a list");
    items.reverse();
    for batch in [other, turned] {
        let answer = validate(&alice, &batch).await;
        assert_ne!(answer.json()["digest"], json.json()["digest"], "{batch}");
    }
    assert_nothing_kept(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_a_spreadsheet_has_spoilt_is_refused_by_line() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    for cell in ["1.23E+16", "9.9E+31", "'007", "'=1+1", "12345678901234500"] {
        let csv = format!("kind,user_id\nkick_login,before\nkick_login,{cell}\n");
        let answer = refused(&alice, csv).await;
        let expected = of_item(1, Some(3), "user_id");
        assert_eq!(faults(&answer), expected, "{cell}: {}", answer.text);
    }
    // Who has looked may say that the zeros are no rounding; nothing else is let through by that.
    let query = "validate_only=true&accept_rounded=true";
    let rounded = "kind,user_id\nkick_login,12345678901234500\n";
    assert_eq!(upload(&alice, query, rounded).await.status, 200);
    let scientific = "kind,user_id\nkick_login,1.23E+16\n";
    assert_eq!(upload(&alice, query, scientific).await.status, 400);
    // Short ones, those that end otherwise, and texts are as they are.
    let plain = "kind,user_id\nkick_login,123456789012300\nkick_login,12345678901234501\n\
                 kick_login,a12345678901234500\n";
    let answer = upload(&alice, "validate_only=true", plain).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // In JSON nothing was spoilt.
    let actions = json!([
        {"kind": "kick_login", "user_id": "12345678901234500"}, {"kind": "kick_login", "user_id": "'a"},
    ]);
    let answer = validate(&alice, &of(actions)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_nothing_kept(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_another_encoding_or_form_is_refused() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let latin = b"kind,user_id\nkick_login,u\xe9\n".to_vec();
    let utf_16 = "\u{feff}kind,user_id\nkick_login,u\n".encode_utf16();
    let utf_16: Vec<u8> = utf_16.flat_map(u16::to_le_bytes).collect();
    let overlong = b"kind,user_id\nkick_login,\xc0\xafu\n".to_vec();
    for bytes in [latin, utf_16, overlong] {
        let answer = refused(&alice, bytes).await;
        // How to save it.
        assert!(answer.text.contains("UTF-8"), "{}", answer.text);
    }
    for (csv, told) in [
        ("kind,user_id,name\nkick_login,u,n\n", "name"),
        ("kind,user_id,user_id\nkick_login,u,u\n", "user_id"),
        ("kind,user_id,kind\nkick_login,u,kick_login\n", "kind"),
        ("kind,user_id,supersedes\nkick_login,u,\n", "supersedes"),
        ("user_id\nu\n", "kind"),
        // None at all, of another program's separator, and what is no table.
        ("kick_login,u\n", ""),
        ("kind;user_id\nkick_login;u\n", ""),
        ("{\"actions\": []}", ""),
        ("", ""),
    ] {
        let answer = refused(&alice, csv).await;
        assert!(answer.text.contains(told), "{csv}: {}", answer.text);
    }
    for (csv, line) in [
        ("kind,user_id\nkick_login,a\nkick_login,b,c\n", 3),
        ("kind,user_id\nkick_login,a\nkick_login\n", 3),
        ("kind,user_id\nkind,user_id\nkick_login,b\n", 2),
        ("kind,user_id\nkick_login,a\0b\n", 2),
        ("kind,user_id\nkick_login,a\nkick_lo", 3),
        ("kind,user_id\nkick_login,\n", 2),
        ("kind,user_id,seconds\nmute_user,u,ten\n", 2),
        ("kind,user_id,forever\nmute_user,u,perhaps\n", 2),
        ("kind,user_id,seconds\nkick_login,u,60\n", 2),
    ] {
        let answer = refused(&alice, csv).await;
        assert_eq!(faults(&answer)[0].1, Some(line), "{csv:?}: {}", answer.text);
    }
    refused(&alice, "kind,user_id\nkick_login,a\nkick_login,\"b\n").await;
    for (content_type, coding) in [
        ("text/plain", "identity"),
        ("application/xml", "identity"),
        ("text/csv", "gzip"),
    ] {
        let request = alice.request(Method::POST, BATCHES);
        let request = request
            .header(CONTENT_TYPE, content_type)
            .header("Content-Encoding", coding)
            .header("Idempotency-Key", new_key());
        let answer = alice.send(request.body(table(1))).await;
        assert_problem(&answer, 415, "unsupported-media-type");
    }
    assert_nothing_kept(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_there_twice_is_named_with_both_places() {
    let app = app().await;
    let alice = submitter(app.addr, "alice");
    let both = |answer: &Answer| {
        let (index, ..) = faults(answer)[0];
        let error = &answer.json()["errors"][0];
        let rule = error["rule"].as_str().expect("a text");
        let other = if index == Some(6) { "2" } else { "6" };
        let is_named = matches!(index, Some(2 | 6)) && rule.contains(other);
        assert!(is_named, "{}", answer.text);
    };
    let mut actions = kicks("user", 8);
    actions[6] = actions[2].clone();
    both(&submit(&alice, &new_key(), &of(actions.clone())).await);
    // Another reason makes it no other target.
    actions[6]["reason"] = json!("once more");
    both(&submit(&alice, &new_key(), &of(actions)).await);
    both(&upload(&alice, "", table(8).replace("user6", "user2")).await);
    // Of another kind, of another room, or of other letters it is another.
    let seat =
        |room: &str| json!({"kind": "kick_seat", "room_id": room, "user_id": "user", "data": ""});
    let kick = |user: &str| json!({"kind": "kick_login", "user_id": user});
    let others = json!([seat("a"), seat("b"), kick("user"), kick("User")]);
    let answer = validate(&alice, &of(others)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["total"], 4);
    assert_nothing_kept(&app).await;
    app.stop().await;
}
