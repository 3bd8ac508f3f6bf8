//! The codes of all problems: what clients decide by, and what the OpenAPI document lists.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($name:ident, $code:literal, $status:ident, $title:literal;)+) => {
        /// The code of a problem. Each [`ApiError`](super::problem::ApiError) has one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Code { $($name),+ }

        impl Code {
            /// Every code.
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable word.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The name of its schema.
            pub(super) const fn schema(self) -> &'static str {
                match self { $(Self::$name => concat!(stringify!($name), "Problem")),+ }
            }

            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),+ }
            }

            pub(super) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// `type`: a name, not an address (RFC 9457, 3.1.1).
            pub(super) fn urn(self) -> String {
                format!("urn:modgate:problem:{}", self.as_str())
            }
        }
    };
}

codes! {
    InvalidRequest,         "invalid-request",          BAD_REQUEST,            "The request is not valid";
    Unauthenticated,        "unauthenticated",          UNAUTHORIZED,           "A valid token is needed";
    Forbidden,              "forbidden",                FORBIDDEN,              "The right to do this is missing";
    ProtectedTarget,        "protected-target",         FORBIDDEN,              "The target is protected";
    NotFound,               "not-found",                NOT_FOUND,              "Not found";
    MethodNotAllowed,       "method-not-allowed",       METHOD_NOT_ALLOWED,     "The path has no such method";
    PayloadTooLarge,        "payload-too-large",        PAYLOAD_TOO_LARGE,      "The body is too large";
    UnsupportedMediaType,   "unsupported-media-type",   UNSUPPORTED_MEDIA_TYPE, "The body is in no form that is taken here";
    TargetNotFound,         "target-not-found",         NOT_FOUND,              "The target does not exist";
    TargetConflict,         "target-conflict",          CONFLICT,               "There was nothing to do";
    WouldShorten,           "would-shorten",            CONFLICT,               "A restriction in force ends later";
    ProbeNotPossible,       "probe-not-possible",       CONFLICT,               "Tencent cannot tell what became of it";
    DuplicateBatch,         "duplicate-batch",          CONFLICT,               "The same was asked for already";
    BatchState,             "batch-state",              CONFLICT,               "The batch is in another state";
    PreconditionFailed,     "precondition-failed",      PRECONDITION_FAILED,    "It is not what was looked at";
    PreconditionRequired,   "precondition-required",    PRECONDITION_REQUIRED,  "What was looked at must be named";
    RejectedByTencent,      "rejected-by-tencent",      UNPROCESSABLE_ENTITY,   "Tencent refused the request";
    IdempotencyConflict,    "idempotency-conflict",     CONFLICT,               "The same request is under way";
    IdempotencyMismatch,    "idempotency-mismatch",     UNPROCESSABLE_ENTITY,   "The key has another request";
    RateLimited,            "rate-limited",             TOO_MANY_REQUESTS,      "A limit is reached";
    TencentRejectedGateway, "tencent-rejected-gateway", BAD_GATEWAY,            "Tencent refused the gateway";
    Frozen,                 "frozen",                   SERVICE_UNAVAILABLE,    "It is frozen at present";
    TencentUnavailable,     "tencent-unavailable",      SERVICE_UNAVAILABLE,    "Tencent cannot be reached";
    AuditUnavailable,       "audit-unavailable",        SERVICE_UNAVAILABLE,    "The record cannot be reached";
    KeysUnavailable,        "keys-unavailable",         SERVICE_UNAVAILABLE,    "Tokens cannot be checked";
    ShuttingDown,           "shutting-down",            SERVICE_UNAVAILABLE,    "The replica is shutting down";
    OutcomeUnknown,         "outcome-unknown",          GATEWAY_TIMEOUT,        "The outcome is unknown";
    Internal,               "internal",                 INTERNAL_SERVER_ERROR,  "An error inside the gateway";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Each code of a row of the README's table, with its status.
    fn told(row: &str) -> Vec<(String, String)> {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, statuses, codes, ..] = cells[..] else {
            panic!("no row of that table: {row}");
        };
        let statuses: Vec<&str> = statuses.split(", ").collect();
        let codes: Vec<&str> = codes.split('`').skip(1).step_by(2).collect();
        let is_one_each = statuses.len() == codes.len();
        assert!(
            is_one_each || statuses.len() == 1 || codes.is_empty(),
            "{row}"
        );
        let statuses = statuses.iter().cycle().map(|status| (*status).to_owned());
        let codes = codes.iter().map(|code| (*code).to_owned());
        codes.zip(statuses).collect()
    }

    #[test]
    fn the_readme_says_what_a_client_must_do_with_each_code_and_its_status() {
        let (_, table) = include_str!("../../README.md")
            .split_once("### What a client must do with each answer")
            .expect("it has the table");
        let rows = table.lines().skip_while(|line| !line.starts_with("| 200"));
        let rows = rows.take_while(|line| line.starts_with('|'));
        let told: BTreeSet<_> = rows.flat_map(told).collect();
        let codes = Code::ALL.iter();
        let known =
            codes.map(|code| (code.as_str().to_owned(), code.status().as_u16().to_string()));
        assert_eq!(told, known.collect());
    }
}
