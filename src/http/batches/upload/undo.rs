//! Whose restrictions a batch lifts.

use serde_json::Value;

use crate::domain::{Kind, UndoOf};
use crate::http::fields::{Fields, name};
use crate::http::problem::FieldFault;
use crate::http::query::time;
use crate::members::Members;

/// The member of the body that says so.
pub(super) const UNDO: &str = "undo";

/// Reads its members. `own_issuer` is that of the token of whoever asks.
pub(super) fn read(members: Members<Value>, own_issuer: &str) -> Result<UndoOf, Vec<FieldFault>> {
    let mut fields = Fields::of(members);
    let moderator = fields.required("moderator", name);
    let issuer = fields.optional("issuer", name);
    let kind = fields.optional("kind", |word| restricting(&word));
    let since = fields.required("since", |text| time(&text));
    let until = fields.optional("until", |text| time(&text));
    if let (Some(since), Some(until)) = (since, until)
        && until <= since
    {
        fields.fault("until", "must be later than since");
    }
    let undo = moderator.zip(since).map(|(moderator, since)| UndoOf {
        moderator,
        issuer: issuer.unwrap_or_else(|| own_issuer.to_owned()),
        kind,
        since,
        until,
    });
    let undo = fields.end(undo, "is not a member of undo");
    undo.map_err(|faults| faults.into_iter().map(within).collect())
}

/// A kind that sets what lasts.
fn restricting(word: &str) -> Result<Kind, String> {
    let restricts = |kind: &Kind| kind.undone_by().is_some();
    let kind = word.parse::<Kind>().ok().filter(restricts);
    kind.ok_or_else(|| {
        let kinds = Kind::ALL.iter().filter(|kind| restricts(kind));
        let words: Vec<&str> = kinds.map(|kind| kind.as_str()).collect();
        let words = words.join(", ");
        format!("must be a kind that sets what can be lifted: {words}")
    })
}

/// Named by where it stands in the body.
fn within(fault: FieldFault) -> FieldFault {
    FieldFault {
        field: format!("{UNDO}.{}", fault.field),
        ..fault
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::json;

    use super::*;
    use crate::kinds::mute_user;

    fn undo(members: &Value) -> Result<UndoOf, Vec<String>> {
        let members = members.as_object().expect("it is one").clone();
        let undo = read(Members(members.into_iter().collect()), "https://own");
        undo.map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("it is a time")
    }

    #[test]
    fn it_is_of_the_own_issuer_of_any_kind_and_up_to_now_unless_it_says_otherwise() {
        let since = "2026-11-29T01:00:00+01:00";
        let usual = UndoOf {
            moderator: "mallory".to_owned(),
            issuer: "https://own".to_owned(),
            kind: None,
            since: at("2026-11-29T00:00:00Z"),
            until: None,
        };
        let read = undo(&json!({"moderator": "mallory", "since": since, "kind": null}));
        assert_eq!(read, Ok(usual.clone()));
        let read = undo(&json!({
            "moderator": "mallory", "issuer": "https://other", "kind": "mute_user", "since": since,
            "until": "2026-11-29T00:00:01Z",
        }));
        let expected = UndoOf {
            issuer: "https://other".to_owned(),
            kind: Some(mute_user::KIND),
            until: Some(at("2026-11-29T00:00:01Z")),
            ..usual
        };
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn each_fault_is_named_by_its_place() {
        let good = json!({"moderator": "mallory", "since": "2026-11-29T00:00:00Z"});
        for (member, value) in [
            ("moderator", json!(null)),
            ("moderator", json!("")),
            ("moderator", json!("m".repeat(256))),
            ("moderator", json!("a\u{7}")),
            ("issuer", json!(1)),
            ("kind", json!("kick_login")),
            ("kind", json!("unmute_user")),
            ("kind", json!("mute")),
            ("since", json!(null)),
            ("since", json!("yesterday")),
            ("since", json!(1_764_374_400)),
            ("until", json!("2026-11-29T00:00:00Z")),
            ("until", json!("2026-11-28T00:00:00Z")),
            ("reason", json!("x")),
        ] {
            let mut members = good.clone();
            members[member] = value;
            let expected = vec![format!("undo.{member}")];
            assert_eq!(undo(&members), Err(expected), "{members}");
        }
        let both = vec!["undo.moderator".to_owned(), "undo.since".to_owned()];
        assert_eq!(undo(&json!({})), Err(both));
    }
}
