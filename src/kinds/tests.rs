use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::kick_login;
use crate::domain::{
    Api, Class, Data, Example, Kind, RoomId, Scope, Slot, Spec, Targets, UserId, Wire,
};
use crate::domain::{Command, Repeat};

/// A kind that shares its API with another one, as undos do.
pub(crate) fn undo() -> Kind {
    static SPEC: LazyLock<Spec> = LazyLock::new(|| Spec {
        word: "undo_kick_login",
        scope: kick_login::KIND.scope(),
        summary: "",
        names: "",
        api: kick_login::KIND.api,
        fields: &[],
        packet: |_, _| vec![],
        repeat: Repeat::Harmless,
        advice: &[],
        refusals: &[],
    });
    Kind(&SPEC)
}

/// The examples of the fields, as a request of this kind.
fn example(kind: Kind) -> Command {
    let mut targets = Targets::default();
    for field in kind.fields {
        match (field.slot, field.example) {
            (Slot::UserId, Example::Text(text)) => {
                targets.user_id = UserId::try_from(text.to_owned()).ok();
            }
            (Slot::RoomId, Example::Text(text)) => {
                targets.room_id = RoomId::try_from(text.to_owned()).ok();
            }
            (Slot::Data, Example::Text(text)) => {
                targets.data = Data::try_from(text.to_owned()).ok();
            }
            (Slot::Silent, Example::Choice(choice)) => targets.silent = Some(choice),
            (slot, example) => panic!("{kind}: {example:?} for {}", slot.as_str()),
        }
    }
    Command::new(kind, targets).expect("the examples are valid, and are all fields of the kind")
}

#[test]
fn each_word_stands_for_one_kind_and_is_fit_for_a_path_and_a_metric() {
    let words: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words.len(), Kind::ALL.len());
    for word in words {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        assert!(word.bytes().all(fits), "{word}");
        assert_eq!(word.parse::<Kind>().map(Kind::as_str), Ok(word));
    }
    let rule = "kick".parse::<Kind>().unwrap_err().to_string();
    let (first, last) = (Kind::ALL[0], Kind::ALL[Kind::ALL.len() - 1]);
    assert!(rule.starts_with(&format!("must be {first}")), "{rule}");
    assert!(rule.ends_with(&format!(" or {last}")), "{rule}");
}

#[test]
fn each_word_of_an_api_stands_for_one_command() {
    let commands: BTreeSet<&str> = Api::all().iter().map(|api| api.command).collect();
    assert_eq!(commands.len(), Api::all().len());
    for kind in Kind::ALL {
        let same = Api::all().iter().filter(|api| api.word == kind.api.word);
        let commands: Vec<&str> = same.map(|api| api.command).collect();
        assert_eq!(commands, [kind.api.command], "{kind}");
        let (service, command) = kind.api.command.split_once('/').expect("a service");
        assert!(!service.is_empty() && !command.is_empty());
    }
}

#[test]
fn scopes_are_those_of_the_kinds_and_the_one_to_read() {
    let words: Vec<&str> = Scope::all().iter().map(|scope| scope.as_str()).collect();
    let distinct: BTreeSet<&str> = words.iter().copied().collect();
    assert_eq!(words.len(), distinct.len());
    for kind in Kind::ALL {
        assert!(words.contains(&kind.scope().as_str()), "{kind}");
    }
    assert_eq!(words.last(), Some(&"audit:read"));
    assert!(Scope::all().iter().all(|scope| !scope.grants().is_empty()));
}

#[test]
fn packets_are_those_that_tencent_documents() {
    let wire = Wire {
        login_kick_field: "UserID",
    };
    for kind in Kind::ALL {
        let packet = (kind.packet)(example(*kind).targets(), &wire);
        let documented = match kind.as_str() {
            "kick_login" => r#"[["UserID","user1"]]"#,
            "kick_seat" => {
                r#"[["RoomId","room-test"],["Member_Account","user2"],["Data","time over"]]"#
            }
            "remove_group_member" => {
                r#"[["GroupId","@TGS#2J4SZEAEL"],["Silence",1],["Reason","spam"],["MemberToDel_Account",["user4"]]]"#
            }
            "kick_room_member" => {
                r#"[["RoomId","room-test"],["MemberList_Account",["user3"]],["Reason","insults"]]"#
            }
            other => panic!("write down the packet of {other}"),
        };
        assert_eq!(serde_json::to_string(&packet).unwrap(), documented);
    }
}

#[test]
fn each_code_of_a_kind_has_one_class() {
    for kind in Kind::ALL {
        let codes: BTreeSet<i64> = kind.api.codes.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes.len(), kind.api.codes.len(), "{kind}");
        let class_of = |code: i64| crate::tencent::class_of(kind.api, code);
        for (class, code, info) in kind.refusals {
            assert_eq!(class_of(*code), *class, "{kind}: {code} {info}");
        }
        for class in [Class::NotFound, Class::Conflict] {
            assert!(kind.refusals.iter().any(|(of, ..)| *of == class), "{kind}");
        }
        if let Repeat::FindsItDone(codes) = kind.repeat {
            assert!(codes.iter().all(|code| class_of(*code) == Class::Conflict));
        }
    }
}

#[test]
fn a_command_has_the_fields_of_its_kind_and_no_other() {
    let user_id = UserId::try_from("user1".to_owned()).ok();
    let data = Data::try_from("time over".to_owned()).ok();
    for kind in Kind::ALL {
        assert_eq!(Command::new(*kind, Targets::default()), None);
        let odd = Targets {
            user_id: user_id.clone(),
            data: data.clone(),
            ..Targets::default()
        };
        assert_eq!(Command::new(*kind, odd), None, "{kind}");
    }
}
