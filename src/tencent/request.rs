//! The request, exactly as Tencent names its parts (REST API overview, product 1047; Kicking,
//! product 1047; Kick User off the Seat, product 647).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

use super::settings::BaseUrl;
use crate::domain::{Api, Command, Packet, Question, Targets, Wire};

/// What is percent-encoded: everything but the unreserved characters (RFC 3986, 2.3) and the `*` of a
/// `UserSig`, which goes into the query as it is.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'*');

/// As whom the gateway calls, in the query of every URL.
#[derive(Debug)]
pub(super) struct Admin<'a> {
    pub(super) sdk_app_id: u32,
    pub(super) identifier: &'a str,
    pub(super) usersig: &'a SecretString,
}

/// The request for `command`. It holds the `UserSig`: it must be neither logged nor returned.
pub(super) fn build_request(
    base: &BaseUrl,
    admin: &Admin<'_>,
    wire: &Wire,
    command: &Command,
    random: u32,
) -> Request {
    let kind = command.kind();
    let body = Body((kind.packet)(command.targets(), wire));
    post(base, admin, kind.api.command, &body, random)
}

/// The request for `question` about this target, for the page that begins at `offset`. It holds the `UserSig` as well.
pub(super) fn build_ask(
    base: &BaseUrl,
    admin: &Admin<'_>,
    question: &Question,
    targets: &Targets,
    offset: u64,
) -> Request {
    let body = Body((question.packet)(targets, offset));
    post(base, admin, question.api.command, &body, rand::random())
}

/// Querying Online Status (product 1047).
pub(super) static QUERY_ONLINE_STATUS: Api = Api {
    word: "openim/query_online_status",
    command: "openim/query_online_status",
    codes: &[],
};

/// The question whether the admin itself is online, which does nothing to anyone (Querying Online
/// Status, product 1047). It holds the `UserSig` as well.
pub(super) fn build_question(base: &BaseUrl, admin: &Admin<'_>, random: u32) -> Request {
    let body = OnlineStatus {
        accounts: [admin.identifier],
    };
    post(base, admin, QUERY_ONLINE_STATUS.command, &body, random)
}

fn post(
    base: &BaseUrl,
    admin: &Admin<'_>,
    api: &str,
    body: &impl Serialize,
    random: u32,
) -> Request {
    let mut url = base.of_api(api);
    url.set_query(Some(&format!(
        "sdkappid={}&identifier={}&usersig={}&random={random}&contenttype=json",
        admin.sdk_app_id,
        utf8_percent_encode(admin.identifier, QUERY_VALUE),
        utf8_percent_encode(admin.usersig.expose_secret(), QUERY_VALUE),
    )));
    let body = serde_json::to_vec(body).expect("texts are valid JSON");
    let mut request = Request::new(Method::POST, url);
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = Some(body.into());
    request
}

#[derive(Serialize)]
struct OnlineStatus<'a> {
    #[serde(rename = "To_Account")]
    accounts: [&'a str; 1],
}

/// Its members in their order.
struct Body(Packet);

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;
    use crate::domain::{Data, RoomId, Targets, UserId};
    use crate::kinds::{kick_login, kick_seat};

    fn login(user: &str) -> Command {
        let targets = Targets {
            user_id: Some(UserId::try_from(user.to_owned()).unwrap()),
            ..Targets::default()
        };
        Command::new(kick_login::KIND, targets).unwrap()
    }

    fn seat(room_id: &str, user: &str, data: &str) -> Command {
        let targets = Targets {
            user_id: Some(UserId::try_from(user.to_owned()).unwrap()),
            room_id: Some(RoomId::try_from(room_id.to_owned()).unwrap()),
            data: Some(Data::try_from(data.to_owned()).unwrap()),
            ..Targets::default()
        };
        Command::new(kick_seat::KIND, targets).unwrap()
    }

    fn request(
        identifier: &str,
        login_kick_field: &'static str,
        command: &Command,
    ) -> (Url, String) {
        let base = BaseUrl::parse("https://console.tim.qq.com", false).unwrap();
        let usersig = "eJ*-_xyz".into();
        let admin = Admin {
            sdk_app_id: 88_888_888,
            identifier,
            usersig: &usersig,
        };
        let request = build_request(
            &base,
            &admin,
            &Wire { login_kick_field },
            command,
            4_294_967_295,
        );
        assert_eq!(request.method(), Method::POST);
        let body = request
            .body()
            .and_then(reqwest::Body::as_bytes)
            .unwrap()
            .to_vec();
        (request.url().clone(), String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_login_kick_is_the_documented_request() {
        let command = login("test");
        let (url, body) = request("admin", "Identifier", &command);
        assert_eq!(
            url.as_str(),
            "https://console.tim.qq.com/v4/im_open_login_svc/kick?sdkappid=88888888\
             &identifier=admin&usersig=eJ*-_xyz&random=4294967295&contenttype=json"
        );
        assert_eq!(body, r#"{"Identifier":"test"}"#);
        assert_eq!(
            request("admin", "UserID", &command).1,
            r#"{"UserID":"test"}"#
        );
    }

    #[test]
    fn a_seat_kick_is_the_documented_request() {
        let command = seat("room-test", "user2", "time over");
        let (url, body) = request("admin", "UserID", &command);
        assert_eq!(url.path(), "/v4/room_engine_http_mic/kick_user_off_seat");
        let documented = r#"{"RoomId":"room-test","Member_Account":"user2","Data":"time over"}"#;
        assert_eq!(body, documented);
        let (_, body) = request("admin", "UserID", &seat("r", "u", ""));
        assert_eq!(body, r#"{"RoomId":"r","Member_Account":"u","Data":""}"#);
    }

    proptest! {
        #[test]
        fn whatever_the_admin_is_called_the_query_has_five_parameters(identifier in "\\PC{1,32}") {
            let command = seat("r", "u", "");
            let (url, _) = request(&identifier, "Identifier", &command);
            let query = url.query().unwrap();
            prop_assert_eq!(query.split('&').count(), 5);
            prop_assert!(!query.contains(['+', '\'', '#', ' ']));
            let pairs: Vec<_> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            prop_assert_eq!(names, ["sdkappid", "identifier", "usersig", "random", "contenttype"]);
            prop_assert_eq!(&pairs[1].1, &identifier);
        }

        #[test]
        fn whatever_the_target_is_called_the_body_says_so(user in "[!-~]{1,32}", data in "[ -~é\n\t]{0,300}") {
            let (_, body) = request("admin", "UserID", &seat("r", &user, &data));
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(body, serde_json::json!({"RoomId": "r", "Member_Account": user, "Data": data}));
        }
    }
}
