//! What tells the contents of batches from each other.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde_json::{Map, Value, json};

use super::{Content, Submission};
use crate::domain::{CaseRef, Digests, Item, Kind, Reason};
use crate::members::rfc8785;

/// The digests of these items, in a batch with this reason and case: SHA-256, in hexadecimal.
pub(super) fn digests(
    items: &[Item],
    reason: Option<&Reason>,
    case_ref: Option<&CaseRef>,
) -> Digests {
    Digests {
        items: of_items(items, reason, case_ref),
        targets: of_targets(items),
    }
}

/// Of the JSON (RFC 8785) of an array of all items in order: each with its kind and fields, and the reason and the case
/// that it has, or else that of the batch.
fn of_items(items: &[Item], reason: Option<&Reason>, case_ref: Option<&CaseRef>) -> String {
    let mut context = Context::new(&SHA256);
    context.update(b"[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            context.update(b",");
        }
        let mut members = members(item);
        let reason = item.reason.as_ref().or(reason).map(Reason::as_str);
        let case_ref = item.case_ref.as_ref().or(case_ref).map(CaseRef::as_str);
        for (name, text) in [("reason", reason), ("case_ref", case_ref)] {
            members.extend(text.map(|text| (name.to_owned(), text.into())));
        }
        context.update(rfc8785(&members.into()).as_bytes());
    }
    context.update(b"]");
    hex::encode(context.finish())
}

fn members(item: &Item) -> Map<String, Value> {
    let command = &item.command;
    let mut members = command.targets().parameters();
    for (name, text) in [
        ("kind", Some(command.kind().as_str())),
        ("user_id", command.user_id()),
        ("room_id", command.room_id()),
        ("data", command.data()),
    ] {
        members.extend(text.map(|text| (name.to_owned(), text.into())));
    }
    members
}

/// Of their kinds and targets alone, sorted: in whatever order they come, and for whatever reason.
fn of_targets(items: &[Item]) -> String {
    let target = |item: &Item| {
        let command = &item.command;
        json!([
            command.kind().as_str(),
            command.room_id(),
            command.user_id()
        ])
        .to_string()
    };
    let mut targets: Vec<String> = items.iter().map(target).collect();
    targets.sort_unstable();
    let mut context = Context::new(&SHA256);
    for target in targets {
        context.update(target.as_bytes());
        context.update(b"\n");
    }
    hex::encode(context.finish())
}

/// SHA-256 of all that a submission asks for, so that the same `Idempotency-Key` for something else is noticed.
pub(super) fn fingerprint(submission: &Submission) -> Vec<u8> {
    let (reason, case_ref) = (submission.reason.as_ref(), submission.case_ref.as_ref());
    let content = match &submission.content {
        Content::Items(items) => json!({"items": of_items(items, reason, case_ref)}),
        Content::Undo(undo) => json!({"undo": {
            "moderator": undo.moderator,
            "issuer": undo.issuer,
            "kind": undo.kind.map(Kind::as_str),
            "since": undo.since.timestamp_micros(),
            "until": undo.until.map(|until| until.timestamp_micros()),
        }}),
    };
    let asked = BTreeMap::from([
        ("content", content),
        ("reason", json!(reason.map(Reason::as_str))),
        ("case_ref", json!(case_ref.map(CaseRef::as_str))),
        (
            "expires_in",
            json!(submission.expires_in.map(|time| time.as_secs())),
        ),
        ("repeats", json!(submission.repeats)),
    ]);
    let text = serde_json::to_vec(&asked).expect("texts are the keys");
    digest(&SHA256, &text).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Command, Targets, UserId};
    use crate::kinds::kick_login;

    fn kick(user: &str, reason: Option<&str>) -> Item {
        let targets = Targets {
            user_id: UserId::try_from(user.to_owned()).ok(),
            ..Targets::default()
        };
        Item {
            command: Command::new(kick_login::KIND, targets).expect("it has its field"),
            reason: reason.map(|reason| Reason::try_from(reason.to_owned()).expect("a reason")),
            case_ref: None,
        }
    }

    #[test]
    fn the_digest_is_that_of_the_json_of_the_items_with_what_the_batch_says_for_all() {
        let items = [kick("a", None), kick("b", Some("spam\n\u{e9}"))];
        let raid = Reason::try_from("raid".to_owned()).expect("a reason");
        let text = concat!(
            r#"[{"kind":"kick_login","reason":"raid","user_id":"a"},"#,
            "{\"kind\":\"kick_login\",\"reason\":\"spam\\n\u{e9}\",\"user_id\":\"b\"}]"
        );
        let mut context = Context::new(&SHA256);
        context.update(text.as_bytes());
        let expected = hex::encode(context.finish());
        assert_eq!(digests(&items, Some(&raid), None).items, expected);
    }

    #[test]
    fn targets_are_the_same_in_any_order_and_for_any_reason() {
        let digest = |items: &[Item]| digests(items, None, None).targets;
        let [a, b] = [kick("a", None), kick("b", Some("spam"))];
        assert_eq!(
            digest(&[a.clone(), b.clone()]),
            digest(&[kick("b", None), a.clone()])
        );
        assert_ne!(digest(&[a.clone(), b]), digest(&[a]));
    }
}
