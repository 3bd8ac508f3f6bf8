//! The faults of the simulator, made to echo the `UserSig`.

use std::time::Duration;

use modgate::simulator::FaultKind;

/// What is known of it afterwards is `bad ticket [redacted]…`.
pub(super) const ECHO: &str = "bad ticket {usersig}, that is {usersig_encoded}";

/// How many kinds of fault there are.
pub(super) const KINDS: usize = 13;

/// Every way in which Tencent, or something before it, goes wrong, with an echo where there can be.
pub(super) fn faults() -> Vec<FaultKind> {
    let long = "x".repeat(900);
    vec![
        error(70402, None),
        error(70402, Some(ECHO)),
        error(100_004, Some(&format!("{long}{ECHO}{long}"))),
        error(70169, Some("{usersig_encoded}{usersig}")),
        error(99_999, Some(ECHO)),
        raw(r#"{"ActionStatus":"{usersig}","ErrorCode":70107,"RequestId":"{usersig_encoded}"}"#),
        raw(r#"{"ActionStatus":"OK","ErrorCode":"{usersig}","ErrorInfo":["{usersig}"]}"#),
        raw(r#"{"{usersig}": not JSON"#),
        FaultKind::HttpStatus {
            status: 502,
            body: format!("<h1>{ECHO}</h1>"),
            content_type: "text/html".to_owned(),
        },
        FaultKind::Redirect {
            location: "http://127.0.0.1:9/".to_owned(),
        },
        FaultKind::Delay {
            duration: Duration::from_millis(1500),
        },
        FaultKind::Never,
        FaultKind::Cut { reset: true },
        FaultKind::Cut { reset: false },
        FaultKind::Truncate,
        FaultKind::Garbage,
        FaultKind::BigBody,
        FaultKind::Drip,
        FaultKind::OkWithFail,
        FaultKind::NoActionStatus,
    ]
}

pub(super) fn error(code: i64, info: Option<&str>) -> FaultKind {
    FaultKind::ErrorCode {
        code,
        info: info.map(str::to_owned),
    }
}

fn raw(body: &str) -> FaultKind {
    FaultKind::Raw {
        body: body.to_owned(),
    }
}

/// Does not compile when there is a kind of fault that [`faults`] may lack.
pub(super) const fn number(kind: &FaultKind) -> usize {
    match kind {
        FaultKind::ErrorCode { .. } => 0,
        FaultKind::HttpStatus { .. } => 1,
        FaultKind::Redirect { .. } => 2,
        FaultKind::Delay { .. } => 3,
        FaultKind::Never => 4,
        FaultKind::Cut { .. } => 5,
        FaultKind::Truncate => 6,
        FaultKind::Garbage => 7,
        FaultKind::BigBody => 8,
        FaultKind::Drip => 9,
        FaultKind::OkWithFail => 10,
        FaultKind::NoActionStatus => 11,
        FaultKind::Raw { .. } => 12,
    }
}
