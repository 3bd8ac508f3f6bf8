use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::json;

use super::{ban_live_member, kick_login, mute_live_member, mute_user};
use crate::domain::{
    Api, Channels, Class, Data, Effect, Example, Kind, RoomId, Scope, Slot, Span, Spec, Targets,
    UserId, Wire,
};
use crate::domain::{Command, Finding, Repeat, Until};

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
        effect: Effect::Passes,
        probe: None,
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
            (Slot::UserId, Some(Example::Text(text))) => {
                targets.user_id = UserId::try_from(text.to_owned()).ok();
            }
            (Slot::RoomId, Some(Example::Text(text))) => {
                targets.room_id = RoomId::try_from(text.to_owned()).ok();
            }
            (Slot::Data, Some(Example::Text(text))) => {
                targets.data = Data::try_from(text.to_owned()).ok();
            }
            (Slot::Silent, Some(Example::Choice(choice))) => targets.silent = Some(choice),
            (Slot::Seconds, Some(Example::Number(seconds))) => {
                targets.span = Span::of_seconds(seconds.into());
            }
            (Slot::Channels, Some(Example::Text(word))) => targets.channels = word.parse().ok(),
            (Slot::Forever | Slot::Undoes | Slot::Shortens, None) => {}
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
#[expect(clippy::too_many_lines, reason = "a line or two for each kind")]
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
            "mute_user" => r#"[["Set_Account","user5"],["GroupmsgNospeakingTime",600]]"#,
            "unmute_user" => r#"[["Set_Account","user5"],["GroupmsgNospeakingTime",0]]"#,
            "mute_group_member" => {
                r#"[["GroupId","@TGS#2J4SZEAEL"],["Members_Account",["user6"]],["MuteTime",600]]"#
            }
            "unmute_group_member" => {
                r#"[["GroupId","@TGS#2J4SZEAEL"],["Members_Account",["user6"]],["MuteTime",0]]"#
            }
            "mute_group" => r#"[["GroupId","@TGS#2J4SZEAEL"],["MuteAllMember","On"]]"#,
            "unmute_group" => r#"[["GroupId","@TGS#2J4SZEAEL"],["MuteAllMember","Off"]]"#,
            "mute_live_member" => {
                r#"[["RoomId","room-test"],["MemberList_Account",["user7"]],["MuteTime",600]]"#
            }
            "unmute_live_member" => {
                r#"[["RoomId","room-test"],["MemberList_Account",["user7"]],["MuteTime",0]]"#
            }
            "ban_live_member" => {
                r#"[["RoomId","room-test"],["MemberList_Account",["user8"]],["Reason","insults"],["Duration",3600]]"#
            }
            "unban_live_member" => r#"[["RoomId","room-test"],["MemberList_Account",["user8"]]]"#,
            "mute_live_room" => r#"[["RoomInfo",{"IsMessageDisabled":true,"RoomId":"room-test"}]]"#,
            "unmute_live_room" => {
                r#"[["RoomInfo",{"IsMessageDisabled":false,"RoomId":"room-test"}]]"#
            }
            "ban_room_member" => {
                r#"[["RoomId","room-test"],["MemberList_Account",["user9"]],["Reason","insults"],["Duration",3600]]"#
            }
            "unban_room_member" => r#"[["RoomId","room-test"],["MemberList_Account",["user9"]]]"#,
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

#[test]
fn a_global_mute_is_about_the_channels_that_it_names_and_may_have_no_end() {
    let wire = Wire {
        login_kick_field: "UserID",
    };
    let user_id = UserId::try_from("user5".to_owned()).ok();
    for (kind, channels, span, documented) in [
        (
            mute_user::KIND,
            Channels::All,
            Some(Span::Forever),
            r#"[["Set_Account","user5"],["C2CmsgNospeakingTime",4294967295],["GroupmsgNospeakingTime",4294967295]]"#,
        ),
        (
            mute_user::KIND,
            Channels::Direct,
            Some(Span::Seconds(1)),
            r#"[["Set_Account","user5"],["C2CmsgNospeakingTime",1]]"#,
        ),
        (
            mute_user::UNDO,
            Channels::All,
            None,
            r#"[["Set_Account","user5"],["C2CmsgNospeakingTime",0],["GroupmsgNospeakingTime",0]]"#,
        ),
    ] {
        let targets = Targets {
            user_id: user_id.clone(),
            channels: Some(channels),
            span,
            ..Targets::default()
        };
        let command = Command::new(kind, targets).expect("it has its fields");
        let packet = (kind.packet)(command.targets(), &wire);
        assert_eq!(serde_json::to_string(&packet).unwrap(), documented);
    }
}

#[test]
fn what_restricts_and_what_lifts_it_are_one_apis_or_a_pair_and_have_one_scope_and_one_target() {
    let target =
        |kind: Kind| [Slot::UserId, Slot::RoomId, Slot::Channels].map(|slot| kind.has(slot));
    for kind in Kind::ALL {
        let (undone_by, lifts) = (kind.undone_by(), kind.lifts());
        assert_eq!(kind.has(Slot::Undoes), lifts.is_some(), "{kind}");
        if let Some(undo) = undone_by {
            assert_eq!(undo.lifts(), Some(*kind));
            assert_eq!(undo.scope(), kind.scope());
            assert_eq!(target(undo), target(*kind), "{kind}");
            assert_eq!(kind.has(Slot::Shortens), kind.has(Slot::Seconds), "{kind}");
        }
        if let Some(set) = lifts {
            assert_eq!(set.undone_by(), Some(*kind));
        }
        let lasts = kind.has(Slot::Seconds) || kind.has(Slot::Forever);
        assert!(!lasts || undone_by.is_some(), "{kind}");
    }
}

/// What the answers to the questions of a kind say of its example's target.
fn found(kind: Kind, answer: &serde_json::Value) -> Option<Finding> {
    let question = kind.probe.expect("it has one");
    (question.read)(answer, example(kind).targets())
}

#[test]
fn the_word_of_an_api_is_its_command_but_for_the_two_that_were_there_first() {
    let words = Api::all().iter().filter(|api| api.word != api.command);
    let words: Vec<&str> = words.map(|api| api.word).collect();
    assert_eq!(words, ["kick_login", "kick_seat"]);
}

#[test]
fn questions_are_those_that_tencent_documents() {
    for kind in Kind::ALL {
        let Some(question) = kind.probe else {
            assert!(
                !kind.has(Slot::Seconds),
                "{kind}: what has an end can be asked for"
            );
            continue;
        };
        let packet = (question.packet)(example(*kind).targets(), 100);
        let documented = match question.api.word {
            "openconfigsvr/getnospeaking" => r#"[["Get_Account","user5"]]"#,
            "group_open_http_svc/get_group_muted_account" => r#"[["GroupId","@TGS#2J4SZEAEL"]]"#,
            "live_engine_http_srv/get_muted_member_list" => r#"[["RoomId","room-test"]]"#,
            "live_engine_http_srv/get_banned_member_list"
            | "room_engine_http_srv/get_banned_member_list" => {
                r#"[["RoomId","room-test"],["Offset",100],["Limit",100]]"#
            }
            other => panic!("write down the question of {other}"),
        };
        assert_eq!(serde_json::to_string(&packet).unwrap(), documented);
    }
}

#[test]
fn an_answer_says_what_is_in_force_or_where_to_go_on_or_nothing() {
    let at = |second| Finding::of_all(Some(Until::At(second)));
    let left = |direct, groups| {
        found(
            mute_user::KIND,
            &json!({"C2CmsgNospeakingTime": direct, "GroupmsgNospeakingTime": groups}),
        )
    };
    assert_eq!(
        left(json!(0), json!(600)),
        Some(Finding::InForce {
            direct: None,
            groups: Some(Until::SecondsLeft(600))
        })
    );
    assert_eq!(
        left(json!(4_294_967_295_u32), json!(4_294_967_295_u32)),
        Some(Finding::of_all(Some(Until::Lifted)))
    );
    assert_eq!(left(json!("600"), json!(0)), None);
    let live = |list| {
        found(
            mute_live_member::KIND,
            &json!({"Response": {"MutedAccountList": list}}),
        )
    };
    let user7 = |until| json!([{"Member_Account": "user77", "MutedUntil": 1}, {"Member_Account": "user7", "MutedUntil": until}]);
    assert_eq!(live(user7(json!(1_800_000_000))), Some(at(1_800_000_000)));
    assert_eq!(live(user7(json!(null))), None);
    assert_eq!(live(json!([])), Some(Finding::of_all(None)));
    assert_eq!(live(json!(null)), None);
    let banned = |list, next| {
        found(
            ban_live_member::KIND,
            &json!({"Response": {"BannedAccountList": list, "NextOffset": next}}),
        )
    };
    let user8 = json!([{"Member_Account": "user8", "BannedUntil": 1_800_000_000}]);
    assert_eq!(banned(user8.clone(), 100), Some(at(1_800_000_000)));
    assert_eq!(banned(json!([]), 100), Some(Finding::NextPage(100)));
    assert_eq!(banned(json!([]), 0), Some(Finding::of_all(None)));
}
