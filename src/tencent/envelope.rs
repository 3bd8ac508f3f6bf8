//! What Tencent answers, and what it proves.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::codes::class_of;
use super::redact::redact;
use crate::domain::{Answer, Api, Class, Failure, Verdict, printable};

const LONGEST_ERROR_INFO: usize = 1_000;
const LONGEST_OTHER_TEXT: usize = 200;

/// An answer that was read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The envelope, if the answer was one.
    pub(super) answer: Option<Answer>,
    /// Why the answer is of no use.
    pub(super) failure: Option<Failure>,
    /// What it proves.
    pub(super) verdict: Verdict,
}

/// The members as they came. Raw, so that one of a wrong type, or a text cut inside an escape,
/// costs no more than itself. A member that comes twice makes the whole unusable: which of two
/// `ErrorCode`s is meant, nobody can say.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "ErrorCode", borrow)]
    error_code: &'a RawValue,
    #[serde(rename = "ActionStatus", borrow)]
    action_status: Option<&'a RawValue>,
    #[serde(rename = "ErrorInfo", borrow)]
    error_info: Option<&'a RawValue>,
    #[serde(rename = "RequestId", borrow)]
    request_id: Option<&'a RawValue>,
}

/// Decides by the `ErrorCode`. Under an HTTP status other than 200 the answer may be that of a
/// proxy in between, so it must then have all three members that every documented envelope has;
/// under 200 the code alone is enough, as some of Tencent's APIs send no more.
///
/// What is kept of the answer holds no echo of `secrets`.
pub(super) fn judge(api: &Api, http_status: u16, body: &[u8], secrets: &[&str]) -> Judgement {
    let body = String::from_utf8_lossy(body);
    let Some((error_code, envelope)) = read(&body) else {
        return not_the_envelope();
    };
    let action_status = text(envelope.action_status);
    let error_info = text(envelope.error_info);
    if http_status != 200 && (action_status.is_none() || error_info.is_none()) {
        return not_the_envelope();
    }
    let (verdict, failure) = verdict(api, error_code, action_status.as_deref());
    let clean = |text: String, longest| printable(&redact(&text, secrets), longest);
    let answer = Answer {
        action_status: action_status.map(|text| clean(text, LONGEST_OTHER_TEXT)),
        error_code,
        error_info: clean(error_info.unwrap_or_default(), LONGEST_ERROR_INFO),
        request_id: text(envelope.request_id).map(|text| clean(text, LONGEST_OTHER_TEXT)),
    };
    Judgement {
        answer: Some(answer),
        failure,
        verdict,
    }
}

fn read(body: &str) -> Option<(i64, Envelope<'_>)> {
    // A struct could be read from an array too, by position.
    if !body.trim_start().starts_with('{') {
        return None;
    }
    let envelope: Envelope<'_> = serde_json::from_str(body).ok()?;
    let error_code = match serde_json::from_str(envelope.error_code.get()) {
        Ok(integer) => integer,
        Err(_) => text(Some(envelope.error_code))?.parse().ok()?,
    };
    Some((error_code, envelope))
}

fn text(member: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(member?.get()).ok()
}

fn verdict(api: &Api, error_code: i64, action_status: Option<&str>) -> (Verdict, Option<Failure>) {
    if error_code == 0 {
        return match action_status {
            Some(status) if status.trim().eq_ignore_ascii_case("FAIL") => {
                (Verdict::Unknown(None), Some(Failure::Contradiction))
            }
            _ => (Verdict::Succeeded, None),
        };
    }
    match class_of(api, error_code) {
        class @ (Class::Transient | Class::TransientAmbiguous) => {
            (Verdict::Unknown(Some(class)), None)
        }
        class => (Verdict::Refused(class), None),
    }
}

fn not_the_envelope() -> Judgement {
    Judgement {
        answer: None,
        failure: Some(Failure::NotTheEnvelope),
        verdict: Verdict::Unknown(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    static API: Api = Api {
        word: "service/command",
        command: "service/command",
        codes: &[],
    };
    const USERSIG: &str = "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-NgUsUp2YkFBZkpQA__";

    fn judge_200(body: &str) -> Judgement {
        judge(&API, 200, body.as_bytes(), &[USERSIG])
    }

    #[test]
    fn the_documented_answers_succeed() {
        let login =
            judge_200("{\n \"ActionStatus\":\"OK\",\n \"ErrorInfo\":\"\",\n \"ErrorCode\":0\n}");
        assert_eq!(login.verdict, Verdict::Succeeded);
        let seat = judge_200(
            r#"{"ErrorCode": 0, "ErrorInfo": "", "ActionStatus": "OK",
                "RequestId": "Id-7c1680be52734bdc8d6de398ab9505e7-O-Seq-57717"}"#,
        );
        let answer = Answer {
            action_status: Some("OK".to_owned()),
            error_code: 0,
            error_info: String::new(),
            request_id: Some("Id-7c1680be52734bdc8d6de398ab9505e7-O-Seq-57717".to_owned()),
        };
        let answered = Judgement {
            answer: Some(answer),
            failure: None,
            verdict: Verdict::Succeeded,
        };
        assert_eq!(seat, answered);
    }

    #[test]
    fn the_error_code_decides() {
        for (code, verdict) in [
            ("0", Verdict::Succeeded),
            ("\"0\"", Verdict::Succeeded),
            ("70107", Verdict::Refused(Class::NotFound)),
            ("\"70107\"", Verdict::Refused(Class::NotFound)),
            ("60007", Verdict::Refused(Class::RateLimit)),
            ("70050", Verdict::Refused(Class::CredentialLockout)),
            ("-1", Verdict::Refused(Class::Unlisted)),
            ("999999999999", Verdict::Refused(Class::Unlisted)),
            ("70169", Verdict::Unknown(Some(Class::Transient))),
            ("60008", Verdict::Unknown(Some(Class::TransientAmbiguous))),
        ] {
            for status in ["", r#","ActionStatus":"OK""#] {
                let body = format!(r#"{{"ErrorCode":{code}{status}}}"#);
                let judgement = judge_200(&body);
                assert_eq!(
                    (judgement.verdict, judgement.failure),
                    (verdict, None),
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn success_that_says_fail_is_a_contradiction() {
        for status in ["FAIL", "fail"] {
            let judgement = judge_200(&format!(r#"{{"ErrorCode":0,"ActionStatus":"{status}"}}"#));
            assert_eq!(judgement.verdict, Verdict::Unknown(None));
            assert_eq!(judgement.failure, Some(Failure::Contradiction));
            assert!(judgement.answer.is_some());
        }
    }

    #[test]
    fn members_that_are_odd_or_unknown_do_no_harm() {
        for members in [
            r#""ActionStatus":7,"ErrorInfo":null,"RequestId":{"a":[1]},"New":[{"ErrorCode":1}]"#,
            r#""ErrorInfo":"\ud83d","ActionStatus":null"#,
        ] {
            let judgement = judge_200(&format!(r#"{{{members},"ErrorCode":0}}"#));
            assert_eq!(judgement.verdict, Verdict::Succeeded, "{members}");
            let answer = judgement.answer.unwrap();
            assert_eq!((answer.action_status, answer.request_id), (None, None));
            assert_eq!(answer.error_info, "");
        }
        let not_utf8 = judge(
            &API,
            200,
            b"{\"ErrorCode\":70107,\"ErrorInfo\":\"\xff\"}",
            &[],
        );
        assert_eq!(not_utf8.verdict, Verdict::Refused(Class::NotFound));
        assert_eq!(not_utf8.answer.unwrap().error_info, "\u{fffd}");
    }

    #[test]
    fn anything_else_is_not_the_envelope() {
        for body in [
            "",
            "<html>502</html>",
            "{",
            "null",
            "[0]",
            r#"[0,"OK","",null]"#,
            "{}",
            r#"{"errorCode":0}"#,
            r#"{"ErrorCode":null}"#,
            r#"{"ErrorCode":0.5}"#,
            r#"{"ErrorCode":""}"#,
            r#"{"ErrorCode":"ok"}"#,
            r#"{"ErrorCode":[0]}"#,
            r#"{"ErrorCode":99999999999999999999}"#,
            r#"{"ErrorCode":70107,"ErrorCode":0}"#,
            r#"{"ErrorCode":0}{"ErrorCode":0}"#,
            r#"{"ErrorCode":0,"ErrorInfo":"cut"#,
            r#"{"Response":{"ErrorCode":0}}"#,
        ] {
            assert_eq!(judge_200(body), not_the_envelope(), "{body}");
        }
    }

    #[test]
    fn under_another_status_only_a_whole_envelope_counts() {
        let whole = r#"{"ErrorCode":70107,"ErrorInfo":"no user","ActionStatus":"FAIL"}"#;
        assert_eq!(
            judge(&API, 502, whole.as_bytes(), &[]).verdict,
            Verdict::Refused(Class::NotFound)
        );
        for part in [r#"{"ErrorCode":403}"#, r#"{"ErrorCode":0,"ErrorInfo":""}"#] {
            assert_eq!(
                judge(&API, 502, part.as_bytes(), &[]),
                not_the_envelope(),
                "{part}"
            );
        }
    }

    #[test]
    fn what_is_kept_holds_no_credential_and_no_control_character_and_is_cut() {
        let body = serde_json::json!({
            "ErrorCode": 70003,
            "ErrorInfo": format!("usersig {USERSIG}\n{}", "é".repeat(2_000)),
            "ActionStatus": format!("FAIL\u{7}{}", &USERSIG[3..40]),
            "RequestId": format!("{}{}", USERSIG.replace('-', "%2d"), "x".repeat(300)),
        });
        let answer = judge_200(&body.to_string()).answer.unwrap();
        assert!(
            answer
                .error_info
                .starts_with("usersig [redacted]\u{fffd}éé")
        );
        assert_eq!(answer.error_info.chars().count(), 1_000);
        assert_eq!(answer.action_status.unwrap(), "FAIL\u{fffd}[redacted]");
        let request_id = answer.request_id.unwrap();
        assert!(request_id.starts_with("[redacted]xxx"));
        assert_eq!(request_id.len(), 200);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic_or_claim_success(body in any::<Vec<u8>>(), status in 100_u16..600) {
            prop_assert_eq!(judge(&API, status, &body, &[USERSIG]).verdict, Verdict::Unknown(None));
        }

        #[test]
        fn an_escaped_echo_is_removed_before_the_cut(before in "[a-z ]{900,1100}") {
            let escaped: Vec<String> = USERSIG.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
            let escaped = escaped.concat();
            let body = format!(r#"{{"ErrorCode":70003,"ErrorInfo":"{before}{escaped}"}}"#);
            let info = judge_200(&body).answer.unwrap().error_info;
            let expected: String = format!("{before}[redacted]").chars().take(1_000).collect();
            prop_assert_eq!(info, expected);
        }
    }
}
