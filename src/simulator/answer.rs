//! The envelope of Tencent's answers, and the texts of the codes the simulator gives.

use serde_json::{Map, Value, json};

use super::commands::Api;

/// An answer before it is written.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: i64,
    members: Map<String, Value>,
}

impl Answer {
    /// The answer with this `ErrorCode` and its usual text; 0 is success.
    pub(super) fn with_code(api: Api, sequence: u64, code: i64) -> Self {
        Self::with_info(api, sequence, code, usual_info(code))
    }

    /// The same with an `ErrorInfo` of the caller's.
    pub(super) fn with_info(api: Api, sequence: u64, code: i64, info: &str) -> Self {
        let mut members = Map::new();
        if api.gives_action_status() {
            let status = if code == 0 { "OK" } else { "FAIL" };
            members.insert("ActionStatus".to_owned(), json!(status));
        }
        members.insert("ErrorCode".to_owned(), json!(code));
        members.insert("ErrorInfo".to_owned(), json!(info));
        if api.gives_request_id() {
            let request_id = format!("Id-{:032x}-O-Seq-{sequence}", rand::random::<u128>());
            members.insert("RequestId".to_owned(), json!(request_id));
        }
        Self { code, members }
    }

    /// Adds or replaces these members.
    pub(super) fn with(mut self, members: Map<String, Value>) -> Self {
        self.members.extend(members);
        self
    }

    /// Adds or replaces a member.
    pub(super) fn and(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.members.remove(name);
        self
    }

    pub(super) fn into_json(self) -> String {
        Value::Object(self.members).to_string()
    }
}

fn usual_info(code: i64) -> &'static str {
    match code {
        0 => "",
        10_004 => "a parameter is invalid",
        10_010 => "the group does not exist",
        60002 => "the HTTP request cannot be parsed",
        60003 => "the request body is not valid JSON",
        60007 => "the call frequency limit of this API is exceeded",
        60009 => "no such service or command",
        60010 => "the identifier is not an app administrator",
        60012 => "sdkappid is missing from the URL",
        60015 => "an account in the body is not a string",
        60025 => "identifier, usersig or contenttype in the URL is wrong",
        70001 => "the UserSig has expired",
        70003 => "the UserSig is malformed",
        70009 => "the UserSig's signature does not verify",
        70013 => "the identifier differs from the one in the UserSig",
        70014 => "the SDKAppID differs from the one in the UserSig",
        70020 => "no such SDKAppID here",
        70050 => "too many failed UserSig verifications, try again after one minute",
        70107 => "the requested user account does not exist",
        70169 | 70202 => "internal time-out on the server",
        70402 => "a parameter is invalid or missing",
        70403 => "app administrator permissions are required",
        70500 => "internal server error",
        90001 => "To_Account is missing or empty",
        90003 => "To_Account is not an array of strings",
        90011 => "more than 500 accounts in one request",
        100_001 => "internal server error, please retry",
        100_002 => "RoomId, Member_Account or Data is invalid",
        100_004 => "the room does not exist or was destroyed",
        130_001 => "the request body is not valid",
        130_002 => "Get_Account is missing",
        130_004 => "Set_Account is missing",
        130_005 => "Set_Account is invalid",
        130_008 => "neither of the two times is given",
        100_206 => "the user is not on a seat",
        _ => "simulated error",
    }
}
