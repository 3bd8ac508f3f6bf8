//! What the scripted faults make of an answer.

use serde_json::json;

use super::{
    answer::Answer,
    fault::FaultKind,
    message::{Reply, Request},
};

const BIG_BODY_BYTES: usize = 10_000_000;
const GARBAGE: &str = "upstream said: fine\n";

/// What a fault makes of the right answer, and the `ErrorCode` a client can still read in it.
pub(super) fn spoil(
    kind: &FaultKind,
    right: Answer,
    request: &Request,
    sequence: u64,
) -> (Option<i64>, Reply) {
    let readable = |answer: Answer| (Some(answer.code), Reply::json(answer.into_json()));
    let ok = || Answer::with_code(request.api, sequence, 0);
    match kind {
        FaultKind::ErrorCode { code, info: None } => {
            readable(Answer::with_code(request.api, sequence, *code))
        }
        FaultKind::ErrorCode {
            code,
            info: Some(info),
        } => {
            let info = echo(info, request);
            readable(Answer::with_info(request.api, sequence, *code, &info))
        }
        FaultKind::HttpStatus {
            status,
            body,
            content_type,
        } => (
            None,
            Reply::whole(*status, content_type, echo(body, request)),
        ),
        FaultKind::Redirect { location } => (
            None,
            Reply::Redirect {
                location: location.clone(),
            },
        ),
        FaultKind::Delay { .. } => readable(right),
        FaultKind::Never => (None, Reply::Never),
        FaultKind::Cut { reset } => (None, Reply::Cut { reset: *reset }),
        FaultKind::Truncate => (None, Reply::Truncated(right.into_json())),
        FaultKind::Garbage => (None, Reply::whole(200, "text/plain", GARBAGE.to_owned())),
        FaultKind::BigBody => readable(right.and("ErrorInfo", json!("x".repeat(BIG_BODY_BYTES)))),
        FaultKind::Drip => (Some(right.code), Reply::Drip(right.into_json())),
        FaultKind::OkWithFail => readable(ok().and("ActionStatus", json!("FAIL"))),
        FaultKind::NoActionStatus => readable(right.without("ActionStatus")),
        FaultKind::Raw { body } => (None, Reply::json(echo(body, request))),
    }
}

/// Puts the call's `UserSig` in place of the placeholders, as a careless server would.
fn echo(text: &str, request: &Request) -> String {
    let usersig = request.query_value("usersig").unwrap_or_default();
    let encoded: String = usersig
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    text.replace("{usersig_encoded}", &encoded)
        .replace("{usersig}", usersig)
}
