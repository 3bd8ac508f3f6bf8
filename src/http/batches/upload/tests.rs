use actix_web::FromRequest;
use actix_web::test::TestRequest;
use chrono::Utc;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::csv::COLUMNS;
use super::*;
use crate::domain::{Item, Kind, MOST_ITEMS, Slot, Span};
use crate::http::problem::FieldFault;
use crate::http::settings::WholePattern;
use crate::kinds::{kick_login, mute_group, mute_user};

const MIB: usize = 1024 * 1024;

fn explained() -> RequestRules {
    RequestRules {
        require_reason: true,
        ..RequestRules::default()
    }
}

fn asked(rules: RequestRules) -> Asked {
    Asked {
        key: Some(IdempotencyKey::try_from("key".to_owned())),
        issuer: "https://own".to_owned(),
        rules,
    }
}

fn of_json(body: &str) -> Result<Upload, ApiError> {
    json::read(body.as_bytes(), &asked(RequestRules::default()))
}

fn of_items(items: impl Into<Value>) -> Result<Upload, ApiError> {
    of_json(&json!({"actions": items.into()}).to_string())
}

fn of_csv(body: impl AsRef<[u8]>) -> Result<Upload, ApiError> {
    queried("", body)
}

/// With a query whose values need no escaping.
fn queried(query: &str, body: impl AsRef<[u8]>) -> Result<Upload, ApiError> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let asked = asked(RequestRules::default());
    csv::read(body.as_ref(), pairs.collect(), &asked)
}

fn items(read: Result<Upload, ApiError>) -> Vec<Item> {
    match read.expect("nothing is wrong").content {
        Content::Items(items) => items,
        Content::Undo(undo) => panic!("{undo:?}"),
    }
}

/// All that is told, and how many there are.
fn refused(read: Result<Upload, ApiError>) -> (Vec<FieldFault>, Option<usize>) {
    match read {
        Err(ApiError::InvalidRequest {
            errors,
            errors_total,
            ..
        }) => (errors, errors_total),
        other => panic!("{other:?}"),
    }
}

/// Where each fault is: index, line, field.
fn places(read: Result<Upload, ApiError>) -> Vec<(Option<usize>, Option<u64>, String)> {
    let (faults, _) = refused(read);
    let faults = faults.into_iter();
    faults
        .map(|fault| (fault.index, fault.line, fault.field))
        .collect()
}

/// Of the batch itself.
fn whole(field: &str) -> Vec<(Option<usize>, Option<u64>, String)> {
    vec![(None, None, field.to_owned())]
}

fn kick(user_id: &str) -> Value {
    json!({"kind": "kick_login", "user_id": user_id})
}

/// A table of so many login kicks.
fn table(count: usize) -> String {
    let rows = (0..count).map(|index| format!("kick_login,user{index}\n"));
    format!("kind,user_id\n{}", rows.collect::<String>())
}

/// What an item may say, and how it is written.
#[derive(Clone, Debug)]
struct Said {
    kind: Kind,
    id: String,
    data: String,
    reason: Option<String>,
    case_ref: Option<String>,
    seconds: Option<u32>,
    channels: Option<&'static str>,
    silent: Option<bool>,
}

fn said() -> impl Strategy<Value = Said> {
    let kinds = proptest::sample::select(Kind::ALL);
    let id = "[!-~]([ -~]{0,8}[!-~])?";
    let data = "[ -~\n\té;😀]{0,12}";
    let reason = proptest::option::of("[!-~é][ -~\n\té]{0,12}");
    let case_ref = proptest::option::of("[!-~]([ -~]{0,8}[!-~])?");
    let seconds = proptest::option::of(1..=Span::LONGEST);
    let channels = proptest::option::of(proptest::sample::select(vec!["all", "direct", "groups"]));
    let silent = proptest::option::of(any::<bool>());
    let all = (kinds, id, data, reason, case_ref, seconds, channels, silent);
    all.prop_map(|all| Said {
        kind: all.0,
        id: all.1,
        data: all.2,
        reason: all.3,
        case_ref: all.4,
        seconds: all.5,
        channels: all.6,
        silent: all.7,
    })
}

/// The members of an item in JSON. The index makes its target one of its own, and nothing that a spreadsheet spoils.
fn members(index: usize, said: &Said) -> Map<String, Value> {
    let mut members = Map::new();
    let mut say = |name: &str, value: Value| {
        if !value.is_null() {
            members.insert(name.to_owned(), value);
        }
    };
    say("kind", said.kind.as_str().into());
    say("reason", json!(said.reason));
    say("case_ref", json!(said.case_ref));
    for slot in said.kind.fields.iter().map(|field| field.slot) {
        let value = match slot {
            Slot::UserId | Slot::RoomId => json!(format!("u{index}-{}", said.id)),
            Slot::Data => json!(said.data),
            Slot::Silent => json!(said.silent),
            Slot::Seconds if said.kind.has(Slot::Forever) => json!(said.seconds),
            Slot::Seconds => json!(said.seconds.unwrap_or(1)),
            Slot::Forever => json!(said.seconds.is_none().then_some(true)),
            Slot::Channels => json!(said.channels),
            Slot::Undoes | Slot::Shortens => Value::Null,
        };
        say(slot.as_str(), value);
    }
    members
}

/// The same items with these columns.
fn written(columns: &[&str], items: &[Map<String, Value>], crlf: bool, mark: &str) -> Vec<u8> {
    let cell = |value: Option<&Value>| match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string().to_uppercase(),
    };
    let mut writer = ::csv::WriterBuilder::new();
    if crlf {
        writer.terminator(::csv::Terminator::CRLF);
    }
    let mut writer = writer.from_writer(mark.as_bytes().to_vec());
    writer.write_record(columns).expect("there is memory");
    for item in items {
        let row = columns.iter().map(|column| cell(item.get(*column)));
        writer.write_record(row).expect("there is memory");
    }
    writer.into_inner().expect("there is memory")
}

proptest! {
    #[test]
    fn the_same_items_are_the_same_in_json_and_in_csv(
        said in proptest::collection::vec(said(), 1..20),
        columns in Just(COLUMNS.to_vec()).prop_shuffle(),
        crlf in any::<bool>(),
        mark in proptest::sample::select(vec!["", "\u{feff}"]),
    ) {
        let said: Vec<Map<String, Value>> = (0..).zip(&said).map(|(index, said)| members(index, said)).collect();
        let csv = written(&columns, &said, crlf, mark);
        let count = said.len();
        let from_json = items(of_items(said));
        prop_assert_eq!(from_json.len(), count);
        prop_assert_eq!(from_json, items(of_csv(csv)));
    }

    #[test]
    fn no_body_is_too_odd_to_be_answered(body in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        let table = [b"kind,user_id\n".to_vec(), body.clone()].concat();
        for body in [body.as_slice(), text.as_bytes(), table.as_slice()] {
            let asked = asked(explained());
            prop_assert!(json::read(body, &asked).is_err());
            prop_assert!(csv::read(body, Vec::new(), &asked).is_err());
        }
    }
}

#[test]
fn what_holds_for_all_items_stands_beside_them_or_in_the_query() {
    let repeats = Uuid::from_u128(0x01a2_0038_017b_7000_8000_0000_0000_0001);
    let json = json!({
        "reason": "a raid", "case_ref": "TS-1", "expires_in": 60, "repeats": repeats, "validate_only": true,
        "actions": [kick("user0")],
    });
    let query =
        format!("reason=a raid&case_ref=TS-1&expires_in=60&repeats={repeats}&validate_only=True");
    let marked = format!("\u{feff}{json}");
    for read in [
        of_json(&json.to_string()),
        of_json(&marked),
        queried(&query, table(1)),
    ] {
        let upload = read.expect("nothing is wrong");
        let reason = upload.reason.as_ref().map(Reason::as_str);
        let case_ref = upload.case_ref.as_ref().map(CaseRef::as_str);
        assert_eq!((reason, case_ref), (Some("a raid"), Some("TS-1")));
        assert_eq!(upload.expires_in, Some(Duration::from_mins(1)));
        assert_eq!(upload.repeats, Some(repeats));
        assert!(upload.validate_only);
        assert!(upload.idempotency_key.is_some());
    }
    let nulls = r#"{"reason": null, "undo": null, "expires_in": null, "validate_only": null, "actions":
                    [{"kind": "kick_login", "user_id": "a", "reason": null}]}"#;
    for read in [of_json(nulls), of_csv(table(1))] {
        let upload = read.expect("nothing is wrong");
        assert_eq!(upload.reason, None);
        assert_eq!((upload.expires_in, upload.validate_only), (None, false));
    }
}

#[test]
fn a_key_is_needed_unless_nothing_shall_be_kept() {
    let rule = Violation("must be good");
    for (key, validate_only, fault) in [
        (None, false, Some("is required")),
        (None, true, None),
        (Some(Err(rule)), false, Some(rule.0)),
        (Some(Err(rule)), true, Some(rule.0)),
    ] {
        let asked = Asked {
            key,
            ..asked(RequestRules::default())
        };
        let body = json!({"validate_only": validate_only, "actions": [kick("a")]}).to_string();
        let query = vec![("validate_only".to_owned(), validate_only.to_string())];
        for read in [
            json::read(body.as_bytes(), &asked),
            csv::read(table(1).as_bytes(), query.clone(), &asked),
        ] {
            let Some(rule) = fault else {
                assert_eq!(read.expect("nothing is wrong").idempotency_key, None);
                continue;
            };
            let expected = vec![FieldFault::new(IDEMPOTENCY_KEY, rule)];
            assert_eq!(refused(read), (expected, None));
        }
    }
}

#[test]
fn each_fault_of_the_batch_itself_is_told_without_a_place() {
    for (member, value) in [
        ("reason", json!("")),
        ("reason", json!(1)),
        ("case_ref", json!("é")),
        ("expires_in", json!(0)),
        ("expires_in", json!(86_401)),
        ("expires_in", json!(1.5)),
        ("expires_in", json!("60")),
        ("repeats", json!("the last")),
        ("validate_only", json!("true")),
        ("accept_rounded", json!(true)),
        ("supersedes", json!(null)),
        ("reason", json!({"a": [[[]]]})),
        ("reason", json!("r".repeat(17 * 1024))),
        ("actions", json!(null)),
        ("actions", json!({})),
        ("actions", json!([])),
        ("undo", json!({})),
    ] {
        let mut body = json!({"actions": [kick("a")]});
        body[member] = value;
        assert_eq!(places(of_json(&body.to_string())), whole(member), "{body}");
    }
    for (query, field) in [
        ("reason=", "reason"),
        ("reason=a&reason=b", "reason"),
        ("reason=\u{fffd}", "reason"),
        ("expires_in=0", "expires_in"),
        ("expires_in=1.5", "expires_in"),
        ("expires_in=", "expires_in"),
        ("validate_only=maybe", "validate_only"),
        ("accept_rounded=1", "accept_rounded"),
        ("repeats=x", "repeats"),
        ("dry_run=true", "dry_run"),
    ] {
        assert_eq!(places(queried(query, table(1))), whole(field), "{query}");
    }
}

#[test]
fn a_body_that_is_no_json_object_is_told_where_it_ends_to_be_one() {
    let detail = |body: &[u8]| match json::read(body, &asked(RequestRules::default())) {
        Err(ApiError::InvalidRequest { detail, .. }) => detail,
        other => panic!("{other:?}"),
    };
    let many: Vec<String> = (0..33).map(|index| format!("\"m{index}\": 0")).collect();
    let many = format!("{{{}}}", many.join(", "));
    for (body, told) in [
        ("", "the body is not valid JSON (line 1"),
        ("[1]", "the body must be a JSON object (line 1"),
        ("{\"actions\": [{]}", "the body is not valid JSON (line 1"),
        ("{}\n{}", "the body is not valid JSON (line 2"),
        (many.as_str(), "the body has too many members"),
    ] {
        let detail = detail(body.as_bytes());
        assert!(detail.starts_with(told), "{detail}");
    }
    let detail = detail(b"{\n\"reason\": \"\xFF\"}");
    assert_eq!(detail, "the body is not UTF-8 (line 2)");
    let twice = r#"{"actions": [], "actions": [{"kind": "kick_login", "user_id": "a"}], "reason": "a", "reason": "b"}"#;
    let both = [whole("actions"), whole("reason")].concat();
    assert_eq!(places(of_json(twice)), both);
}

#[test]
fn restrictions_are_lifted_instead_of_items_being_named() {
    let undo = json!({"moderator": "mallory", "since": "2026-11-29T00:00:00Z"});
    let upload = of_json(&json!({"reason": "x", "undo": undo}).to_string());
    match upload.expect("nothing is wrong").content {
        Content::Undo(undo) => assert_eq!(undo.issuer, "https://own"),
        Content::Items(items) => panic!("{items:?}"),
    }
    let both = json!({"undo": undo, "actions": [kick("a")]});
    assert_eq!(places(of_json(&both.to_string())), whole("undo"));
    assert_eq!(places(of_json("{}")), whole("actions"));
    for (undo, field) in [
        (json!([]), "undo"),
        (
            json!({"moderator": "mallory", "since": "now"}),
            "undo.since",
        ),
        (
            json!({"moderator": "mallory", "since": {"a": 1}}),
            "undo.since",
        ),
    ] {
        let body = json!({"undo": undo}).to_string();
        assert_eq!(places(of_json(&body)), whole(field));
    }
    let twice = r#"{"undo": {"moderator": {"a": 1, "a": 2}, "since": "2026-11-29T00:00:00Z"}}"#;
    assert_eq!(places(of_json(twice)), whole("undo"));
    let body = json!({"undo": undo}).to_string();
    let read = json::read(body.as_bytes(), &asked(explained()));
    assert_eq!(places(read), whole("reason"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_fault_of_an_item_is_told_by_its_index_and_field() {
    let rows = [
        (json!(null), "actions"),
        (json!("kick_login"), "actions"),
        (json!([]), "actions"),
        (json!({"user_id": "u"}), "kind"),
        (json!({"kind": "kick", "user_id": "u"}), "kind"),
        (json!({"kind": 1, "user_id": "u"}), "kind"),
        (json!({"kind": "kick_login"}), "user_id"),
        (json!({"kind": "kick_login", "user_id": 1e16}), "user_id"),
        (
            json!({"kind": "kick_login", "user_id": "a", "room_id": "r"}),
            "room_id",
        ),
        (
            json!({"kind": "kick_login", "user_id": "b", "supersedes": null}),
            "supersedes",
        ),
        (
            json!({"kind": "kick_login", "user_id": "c", "colour": {}}),
            "colour",
        ),
        (
            json!({"kind": "kick_login", "user_id": "d", "reason": " "}),
            "reason",
        ),
        (
            json!({"kind": "kick_login", "user_id": "e", "case_ref": "é"}),
            "case_ref",
        ),
        (
            json!({"kind": "kick_seat", "room_id": "r", "user_id": "u"}),
            "data",
        ),
        (
            json!({"kind": "mute_user", "user_id": "u", "seconds": 0}),
            "seconds",
        ),
        (
            json!({"kind": "mute_group", "room_id": "r", "user_id": "u"}),
            "user_id",
        ),
        (
            json!({"kind": "kick_login", "user_id": "f", "reason": "r".repeat(17 * 1024)}),
            "actions",
        ),
    ];
    for (row, field) in &rows {
        let expected = vec![(Some(1), None, (*field).to_owned())];
        let two = vec![kick("before"), row.clone()];
        assert_eq!(places(of_items(two.clone())), expected, "{row}");
        assert_eq!(refused(of_items(two)).1, Some(1), "{row}");
    }
    let all: Vec<Value> = rows.iter().map(|(row, _)| row.clone()).collect();
    let expected = (0..).zip(&rows);
    let expected = expected.map(|(index, (_, field))| (Some(index), None, (*field).to_owned()));
    assert_eq!(places(of_items(all)), expected.collect::<Vec<_>>());
}

#[test]
fn an_item_that_json_readers_take_for_different_things_is_refused() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let deep = format!(r#"{{"kind": {deep}}}"#);
    for (item, field) in [
        (
            r#"{"kind": "kick_login", "user_id": "a", "user_id": "b"}"#,
            "user_id",
        ),
        (
            r#"{"kind": "kick_login", "user_id": "a", "\u0075ser_id": "b"}"#,
            "user_id",
        ),
        (
            r#"{"kind": "kick_login", "user_id": {"a": [{"b": 1, "b": 2}]}}"#,
            "actions",
        ),
        (r#"{"kind": "kick_login", "user_id": "\ud800"}"#, "actions"),
        (
            r#"{"kind": "kick_login", "user_id": "a", "b": 1e999}"#,
            "actions",
        ),
        (deep.as_str(), "actions"),
    ] {
        let body = format!(r#"{{"actions": [{item}]}}"#);
        let expected = vec![(Some(0), None, field.to_owned())];
        assert_eq!(places(of_json(&body)), expected, "{body}");
    }
}

#[test]
fn there_are_one_to_ten_thousand_items_however_they_are_written() {
    let items_of = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|index| kick(&format!("user{index}")))
            .collect()
    };
    assert_eq!(items(of_items(items_of(MOST_ITEMS))).len(), MOST_ITEMS);
    assert_eq!(items(of_csv(table(MOST_ITEMS))).len(), MOST_ITEMS);
    for count in [0, MOST_ITEMS + 1, MOST_ITEMS + 5_000] {
        let both = [
            (of_items(items_of(count)), "actions"),
            (of_csv(table(count)), "body"),
        ];
        for (read, field) in both {
            let rule = format!("must hold 1 to 10000 items, and holds {count}");
            assert_eq!(refused(read), (vec![FieldFault::new(field, rule)], None));
        }
    }
    // What is wrong with the first ones is told besides.
    let bad = table(MOST_ITEMS + 1).replace("user7\n", "é\n");
    let (faults, total) = refused(of_csv(bad));
    let indexes: Vec<_> = faults.iter().map(|fault| fault.index).collect();
    assert_eq!((indexes, total), (vec![None, Some(7)], Some(2)));
}

#[test]
fn the_first_hundred_faults_are_told_in_order_and_all_are_counted() {
    let (faults, total) = refused(of_csv(table(9_999).replace("kick_login", "kick")));
    assert_eq!((faults.len(), total), (100, Some(9_999)));
    for (index, fault) in faults.iter().enumerate() {
        assert_eq!(
            (fault.index, fault.line),
            (Some(index), Some(index as u64 + 2))
        );
        assert_eq!(fault.field, "kind");
    }
}

#[test]
fn a_target_that_is_there_twice_is_told_at_the_second_with_the_first() {
    let mut actions: Vec<Value> = (0..8).map(|index| kick(&format!("user{index}"))).collect();
    actions[6] = json!({"kind": "kick_login", "user_id": "user2", "reason": "again"});
    let rule = "is the same target as item 2 for the same kind";
    let expected = FieldFault {
        index: Some(6),
        ..FieldFault::new("user_id", rule)
    };
    assert_eq!(refused(of_items(actions)), (vec![expected], Some(1)));

    let rule = "is the same target as item 2 (line 4) for the same kind";
    let expected = FieldFault {
        index: Some(6),
        line: Some(8),
        ..FieldFault::new("user_id", rule)
    };
    let csv = table(8).replace("user6", "user2");
    assert_eq!(refused(of_csv(csv)), (vec![expected], Some(1)));

    // Also of one that is wrong otherwise.
    let room = |reason: &str| json!({"kind": "mute_group", "room_id": "r", "reason": reason});
    let both = vec![
        (Some(0), None, "reason".to_owned()),
        (Some(1), None, "room_id".to_owned()),
    ];
    assert_eq!(places(of_items(vec![room(""), room("x")])), both);

    let seat =
        |room: &str| json!({"kind": "kick_seat", "room_id": room, "user_id": "u", "data": ""});
    let others = vec![seat("a"), seat("b"), kick("u"), kick("U")];
    assert_eq!(items(of_items(others)).len(), 4);
}

#[test]
fn kinds_that_are_not_offered_are_in_no_batch() {
    let rules = RequestRules {
        kinds: vec![kick_login::KIND, mute_user::UNDO],
        ..RequestRules::default()
    };
    let actions = json!([kick("a"), {"kind": "mute_user", "user_id": "a", "seconds": 1}, {"kind": "unmute_user", "user_id": "a"}]);
    let body = json!({"actions": actions}).to_string();
    let (faults, _) = refused(json::read(body.as_bytes(), &asked(rules)));
    let rule = "must be one of the kinds that are offered here: kick_login, unmute_user";
    let expected = FieldFault {
        index: Some(1),
        ..FieldFault::new("kind", rule)
    };
    assert_eq!(faults, [expected]);
}

#[test]
fn the_pattern_of_users_holds_for_items() {
    let rules = RequestRules {
        user_id_pattern: Some(WholePattern::parse("u[0-9]+").expect("it is one")),
        ..RequestRules::default()
    };
    let csv = "kind,user_id\nkick_login,u1\nkick_login,v1\n";
    let read = csv::read(csv.as_bytes(), Vec::new(), &asked(rules));
    assert_eq!(places(read), [(Some(1), Some(3), "user_id".to_owned())]);
}

#[test]
fn where_reasons_are_needed_each_item_has_one_or_all_have() {
    let (with, without) = (
        json!({"kind": "kick_login", "user_id": "with", "reason": "x"}),
        json!({"kind": "kick_login", "user_id": "without"}),
    );
    let read = |reason: Value, actions: Value| {
        let body = json!({"reason": reason, "actions": actions}).to_string();
        json::read(body.as_bytes(), &asked(explained()))
    };
    assert_eq!(items(read(json!("x"), json!([with, without]))).len(), 2);
    assert_eq!(items(read(json!(null), json!([with]))).len(), 1);
    assert_eq!(
        places(read(json!(null), json!([without, kick("other")]))),
        whole("reason")
    );
    // A bad one is a reason too, and told as what it is.
    assert_eq!(
        places(read(json!(""), json!([with, without]))),
        whole("reason")
    );
    let some = json!([without, {"kind": "kick", "user_id": "bad"}, with, kick("other")]);
    let at = |index: usize, field: &str| (Some(index), None, field.to_owned());
    let expected = [
        at(0, "reason"),
        at(1, "kind"),
        at(1, "reason"),
        at(3, "reason"),
    ];
    assert_eq!(places(read(json!(null), some)), expected);
}

#[test]
fn an_empty_cell_is_no_member_but_of_a_text_that_must_be_there() {
    let csv = "kind,user_id,room_id,data,reason,seconds,forever,silent,channels\r\n\
               kick_seat,u,r,,,,,,\r\n\
               \r\n\
               kick_seat,v,r,\"a\r\nb\",because,,,,\r\n\
               ,,,,,,,,\r\n\
               mute_user,u,,,,,TRUE,,\r\n\
               remove_group_member,u,r,,,,,False,\r\n\
               ban_live_member,u,r,,,60,,,\r\n\
               mute_group,,r,\"\",,,,,\r\n";
    let json = json!([
        {"kind": "kick_seat", "user_id": "u", "room_id": "r", "data": ""},
        {"kind": "kick_seat", "user_id": "v", "room_id": "r", "data": "a\nb", "reason": "because"},
        {"kind": "mute_user", "user_id": "u", "forever": true},
        {"kind": "remove_group_member", "user_id": "u", "room_id": "r", "data": "", "silent": false},
        {"kind": "ban_live_member", "user_id": "u", "room_id": "r", "data": "", "seconds": 60},
        {"kind": "mute_group", "room_id": "r"},
    ]);
    let read = items(of_csv(csv));
    assert_eq!(read, items(of_items(json)));
    assert_eq!(read[5].command.kind(), mute_group::KIND);
    // Without a column for it nobody left it empty.
    let csv = "kind,user_id,room_id\nkick_seat,u,r\n";
    assert_eq!(places(of_csv(csv)), [(Some(0), Some(2), "data".to_owned())]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_head_row_names_each_of_its_columns_once() {
    let columns = "must be one of the columns kind, user_id";
    let separated = "separated by commas";
    for (csv, field, told) in [
        ("kind,user_id,name\n", "name", columns),
        ("kind,user_id,supersedes\n", "supersedes", columns),
        ("kind,User_ID\n", "User_ID", columns),
        ("kind, user_id\n", " user_id", columns),
        ("kind,user_id,user_id\n", "user_id", "twice"),
        ("kind,kind\n", "kind", "twice"),
        ("kind,user_id,\n", "body", "a name in each cell"),
        ("user_id,room_id\nu,r\n", "kind", "is required"),
        ("kind;user_id\nkick_login;u\n", "kind;user_id", separated),
        (
            "kind\tuser_id\nkick_login\tu\n",
            "kind\u{fffd}user_id",
            separated,
        ),
        ("sep=;\nkind;user_id\n", "sep=;", separated),
        (
            "\"kind\";\"user_id\"\n",
            "body",
            "nothing but commas separates cells",
        ),
        ("\"kind,user_id\n", "body", "none closes it"),
    ] {
        let (faults, total) = refused(of_csv(csv));
        let [fault] = faults.as_slice() else {
            panic!("{csv:?}: {faults:?}");
        };
        assert_eq!((fault.field.as_str(), total), (field, None), "{csv:?}");
        assert_eq!((fault.index, fault.line), (None, Some(1)), "{csv:?}");
        assert!(fault.rule.contains(told), "{csv:?}: {}", fault.rule);
    }
    for (csv, told) in [
        ("", "such as kind,user_id"),
        ("\n\r\n,,\n", "such as kind,user_id"),
        ("{\"actions\": []}", "application/json"),
        ("\n [1]", "application/json"),
    ] {
        let (faults, _) = refused(of_csv(csv));
        assert_eq!(
            (faults.len(), faults[0].field.as_str()),
            (1, "body"),
            "{csv:?}"
        );
        assert!(faults[0].rule.contains(told), "{csv:?}: {}", faults[0].rule);
    }
    // Blank lines above it are none.
    let csv = "\n,\n\nuser_id,kind\nu,kick_login\nv,kick\n";
    assert_eq!(places(of_csv(csv)), [(Some(1), Some(6), "kind".to_owned())]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_fault_of_a_row_is_told_by_the_line_that_it_begins_on() {
    let head = "kind,user_id,data\nkick_login,before,\n\nkick_login,\"a\nb\",\n";
    for (row, field) in [
        ("kick_login,u\n", "body"),
        ("kick_login,u,,\n", "body"),
        ("kick_login\n", "body"),
        (" \n", "body"),
        ("kick_login,\"u\n", "body"),
        ("kick_login,\"u\"v,\n", "body"),
        ("kick_login,u\"v\",\n", "body"),
        ("kick_login,u,\rkick_login,v,\n", "body"),
        ("kick_login,,\n", "user_id"),
        ("kick_login,u,text\n", "data"),
        ("kick_login,1.23E+16,\n", "user_id"),
        ("kick_login,'007,\n", "user_id"),
        ("kick_login,12345678901234500,\n", "user_id"),
        ("kick,u,\n", "kind"),
        (",u,\n", "kind"),
    ] {
        let (faults, total) = refused(of_csv(format!("{head}{row}")));
        // The cell of two lines is no id.
        let places: Vec<_> = faults
            .into_iter()
            .map(|f| (f.index, f.line, f.field))
            .collect();
        let expected = [
            (Some(1), Some(4), "user_id".to_owned()),
            (Some(2), Some(6), field.to_owned()),
        ];
        assert_eq!(
            (places.as_slice(), total),
            (&expected[..], Some(2)),
            "{row:?}"
        );
    }
    for (row, field) in [
        ("mute_user,u,ten,,", "seconds"),
        ("mute_user,u,+10,,", "seconds"),
        ("mute_user,u,10.0,,", "seconds"),
        ("mute_user,u,99999999999999999999,,", "seconds"),
        ("mute_user,u,,maybe,", "forever"),
        ("mute_user,u,,FALSE,", "forever"),
        ("mute_user,u,10,TRUE,", "forever"),
        ("kick_login,u,10,,", "seconds"),
        ("kick_login,u,,,false", "silent"),
    ] {
        let csv = format!("kind,user_id,seconds,forever,silent\n{row}\n");
        let expected = [(Some(0), Some(2), field.to_owned())];
        assert_eq!(places(of_csv(csv)), expected, "{row}");
    }
}

#[test]
fn an_id_that_a_spreadsheet_rounded_is_taken_only_from_who_has_looked() {
    let csv =
        "kind,room_id\nmute_group,12345678901234500\nmute_group,1.23E+16\nmute_group,1.23E+16\n";
    let at = |index: usize, line: u64| (Some(index), Some(line), "room_id".to_owned());
    let all = [at(0, 2), at(1, 3), at(2, 4)];
    assert_eq!(places(of_csv(csv)), all);
    assert_eq!(places(queried("accept_rounded=false", csv)), all);
    assert_eq!(places(queried("accept_rounded=TRUE", csv)), all[1..]);
    // Other columns hold what they hold.
    let csv = "kind,user_id,room_id,data,case_ref,reason\nkick_seat,u,r,'tis 1.23E+16,1.23E+16,12345678901234500\n";
    assert_eq!(items(of_csv(csv)).len(), 1);
}

#[test]
fn what_is_not_utf_8_is_refused_with_what_to_do() {
    let latin = b"kind,user_id,reason\nkick_login,u,\nkick_login,v,caf\xE9\n";
    let (faults, total) = refused(of_csv(latin));
    assert_eq!((faults.len(), total), (1, None));
    assert_eq!((faults[0].index, faults[0].line), (None, Some(3)));
    assert!(
        faults[0].rule.contains("save it as UTF-8"),
        "{}",
        faults[0].rule
    );
}

#[test]
fn a_body_of_one_character_alone_is_refused_at_once() {
    for text in [
        "[", "{", ",", "\"", "\n", "\r", "a", "\0", "'", ";", "{\"a\":", "[1,", "\",\"", ",\n", "é",
    ] {
        let body = text.repeat(MIB / text.len());
        let (faults, _) = refused(of_json(&body));
        assert_eq!(faults.len(), 1, "{text:?}");
        let (faults, _) = refused(of_csv(&body));
        assert!((1..=33).contains(&faults.len()), "{text:?}");
        let (faults, _) = refused(of_csv(format!("kind,user_id\n{body}")));
        assert!(!faults.is_empty(), "{text:?}");
    }
}

#[test]
fn what_grows_in_memory_is_not_taken_apart() {
    let many = |text: &str| text.repeat(MIB / text.len());
    let list = |text: &str| format!("[{}{text}]", many(&format!("{text},")));
    let deep = format!("{}{}", "[".repeat(MIB), "]".repeat(MIB));
    let item = |value: &str| format!(r#"{{"actions": [{{"kind": {value}}}]}}"#);
    let at = (Some(0), None, "actions".to_owned());
    for value in [list("{\"\":0}"), list("0"), list("[]"), deep] {
        let member = format!(r#"{{"actions": [], "reason": {value}}}"#);
        let both = [whole("reason"), whole("actions")].concat();
        assert_eq!(places(of_json(&member)), both);
        assert_eq!(places(of_json(&item(&value))), std::slice::from_ref(&at));
        let (faults, _) = refused(of_json(&format!(r#"{{"actions": {value}}}"#)));
        assert!((1..=100).contains(&faults.len()), "{}", faults.len());
    }
    let cell = format!("kind,user_id\nkick_login,\"{}\"\n", many("\"\""));
    assert_eq!(
        places(of_csv(cell)),
        [(Some(0), Some(2), "user_id".to_owned())]
    );
    let name = format!("{}\n", many("a"));
    let (faults, _) = refused(of_csv(name));
    assert_eq!(faults[0].field.len(), 100);
}

fn moderator() -> Moderator {
    Moderator {
        issuer: "https://own".to_owned(),
        subject: "alice".to_owned(),
        name: None,
        token_id: None,
        client_id: None,
        actor: None,
        scopes: ["batch:submit".to_owned()].into(),
        expires_at: Utc::now(),
    }
}

async fn sent(request: TestRequest) -> Result<Upload, ApiError> {
    let (request, mut payload) = request.to_http_parts();
    let payload = web::Payload::from_request(&request, &mut payload).await;
    let payload = payload.expect("there is one");
    read(&request, payload, &moderator(), &RequestRules::default()).await
}

fn posted(content_type: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    let body: Vec<u8> = body.into();
    TestRequest::post()
        .uri("/v1/batches")
        .insert_header(("Content-Type", content_type))
        .insert_header(("Idempotency-Key", "\"key\""))
        .set_payload(body)
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn the_content_type_says_what_the_body_is() {
    let json = || json!({"actions": [kick("user0")]}).to_string();
    for (content_type, body) in [
        ("application/json", json()),
        ("Application/JSON; charset=\"UTF-8\"", json()),
        ("text/csv", table(1)),
        ("TEXT/CSV ;charset=utf-8; header=present", table(1)),
        ("text/csv; header=present;", table(1)),
    ] {
        let upload = sent(posted(content_type, body)).await;
        let upload = upload.expect("nothing is wrong");
        let key = upload.idempotency_key.as_ref().map(IdempotencyKey::as_str);
        assert_eq!(key, Some("key"), "{content_type}");
        assert_eq!(items(Ok(upload)).len(), 1, "{content_type}");
    }
    for content_type in [
        "text/plain",
        "text/csv+x",
        "application/json-seq",
        "text/csv; charset=iso-8859-1",
        "text/csv; charset=utf-16",
        "text/csv; charset",
        "application/json; charset=latin1",
        "application/json, text/csv",
        "",
    ] {
        let refused = sent(posted(content_type, table(1))).await;
        assert!(
            matches!(refused, Err(ApiError::UnsupportedBatchMediaType)),
            "{content_type}: {refused:?}"
        );
    }
    let twice = posted("text/csv", table(1)).append_header(("Content-Type", "application/json"));
    let none = TestRequest::post().set_payload(table(1));
    for request in [twice, none] {
        let refused = sent(request).await;
        assert!(matches!(refused, Err(ApiError::UnsupportedBatchMediaType)));
    }
    let coded = posted("text/csv", table(1)).insert_header(("Content-Encoding", "gzip"));
    assert!(matches!(
        sent(coded).await,
        Err(ApiError::UnsupportedContentCoding)
    ));
}

#[tokio::test]
async fn four_mebibytes_are_read_and_no_more() {
    let padded = |length: usize| format!("{}{}", table(1), "\n".repeat(length - table(1).len()));
    let upload = sent(posted("text/csv", padded(4 * MIB))).await;
    assert_eq!(items(upload).len(), 1);
    match sent(posted("text/csv", padded(4 * MIB + 1))).await {
        Err(error @ ApiError::PayloadTooLarge { .. }) => {
            assert_eq!(error.to_string(), "the body must be at most 4 MiB");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_a_table_has_a_query() {
    let query = "/v1/batches?reason=a%20raid%2C+again&validate_only=true";
    let upload = sent(posted("text/csv", table(1)).uri(query)).await;
    let upload = upload.expect("nothing is wrong");
    let reason = upload.reason.as_ref().map(Reason::as_str);
    assert_eq!(
        (reason, upload.validate_only),
        (Some("a raid, again"), true)
    );
    let json = json!({"actions": [kick("user0")]}).to_string();
    let read = sent(posted("application/json", json).uri(query)).await;
    assert_eq!(places(read).len(), 2);
    let twice = posted("text/csv", table(1)).append_header(("Idempotency-Key", "other"));
    assert_eq!(places(sent(twice).await), whole("Idempotency-Key"));
}
