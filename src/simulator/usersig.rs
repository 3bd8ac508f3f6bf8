//! Verifies a `UserSig` (`TLSSigAPIv2`, HMAC-SHA256) the way Tencent's published verifier does, but
//! stricter: the inflated size is capped, broken JSON and a version other than `2.0` are refused,
//! and the comparison takes constant time.

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use serde::Deserialize;

/// No honest `UserSig` inflates to more than a few hundred bytes.
const LARGEST_INFLATED_BYTES: u64 = 4096;

/// What the `UserSig` has to have been made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The `sdkappid` of the URL.
    pub(super) sdk_app_id: u32,
    /// The `identifier` of the URL.
    pub(super) identifier: &'a str,
    /// Now, in Unix seconds.
    pub(super) now: u64,
    /// A login kick voids every `UserSig` made earlier than it: Unix seconds of the latest kick of
    /// `identifier`.
    pub(super) kicked_at: u64,
}

/// Why a `UserSig` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    Expired,
    WrongSignature,
    OtherIdentifier,
    OtherSdkAppId,
}

impl Refusal {
    /// Tencent's `ErrorCode` for it (Chat error code table).
    pub(super) fn error_code(self) -> i64 {
        match self {
            Self::Expired => 70001,
            Self::Malformed => 70003,
            Self::WrongSignature => 70009,
            Self::OtherIdentifier => 70013,
            Self::OtherSdkAppId => 70014,
        }
    }
}

#[derive(Deserialize)]
struct Ticket {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u64,
    #[serde(rename = "TLS.time")]
    time: u64,
    #[serde(rename = "TLS.expire")]
    expire: u64,
    #[serde(rename = "TLS.userbuf")]
    userbuf: Option<String>,
    #[serde(rename = "TLS.sig", default)]
    signature: String,
}

impl Ticket {
    fn signed_content(&self) -> String {
        format!(
            "TLS.identifier:{}\nTLS.sdkappid:{}\nTLS.time:{}\nTLS.expire:{}\n",
            self.identifier, self.sdk_app_id, self.time, self.expire
        )
    }
}

/// Checks `usersig` against `expected` and the app's secret key.
pub(super) fn verify(
    usersig: &str,
    secret_key: &str,
    expected: Expected<'_>,
) -> Result<(), Refusal> {
    let ticket = decode(usersig).ok_or(Refusal::Malformed)?;
    if ticket.version != "2.0" {
        return Err(Refusal::Malformed);
    }
    if ticket.sdk_app_id != u64::from(expected.sdk_app_id) {
        return Err(Refusal::OtherSdkAppId);
    }
    if ticket.identifier != expected.identifier {
        return Err(Refusal::OtherIdentifier);
    }
    if expected.now > ticket.time.saturating_add(ticket.expire) || ticket.time < expected.kicked_at
    {
        return Err(Refusal::Expired);
    }
    // Only TRTC room entry carries a userbuf; a REST call never does.
    if ticket.userbuf.is_some() {
        return Err(Refusal::Malformed);
    }
    let signature = STANDARD
        .decode(&ticket.signature)
        .map_err(|_| Refusal::WrongSignature)?;
    // The key is the text of the secret key, not the bytes its hexadecimal digits stand for.
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes());
    hmac::verify(&key, ticket.signed_content().as_bytes(), &signature)
        .map_err(|_| Refusal::WrongSignature)
}

fn decode(usersig: &str) -> Option<Ticket> {
    let standard_alphabet: Vec<u8> = usersig
        .bytes()
        .map(|byte| match byte {
            b'*' => b'+',
            b'-' => b'/',
            b'_' => b'=',
            other => other,
        })
        .collect();
    let compressed = STANDARD.decode(standard_alphabet).ok()?;
    let mut json = Vec::new();
    ZlibDecoder::new(compressed.as_slice())
        .take(LARGEST_INFLATED_BYTES)
        .read_to_end(&mut json)
        .ok()?;
    serde_json::from_slice(&json).ok()
}

/// The time as a `UserSig` tells it.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};
    use serde_json::{Value, json};

    use super::*;

    const VECTORS: &str = include_str!("../../tests/it/data/usersig_vectors.json");

    /// Makes a `UserSig`, for the tests of the simulator alone.
    pub(crate) fn sign(
        sdk_app_id: u32,
        identifier: &str,
        secret_key: &str,
        time: u64,
        expire: u64,
    ) -> String {
        let content = format!(
            "TLS.identifier:{identifier}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{expire}\n"
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes());
        let json = json!({
            "TLS.ver": "2.0", "TLS.identifier": identifier, "TLS.sdkappid": sdk_app_id, "TLS.time": time,
            "TLS.expire": expire, "TLS.sig": STANDARD.encode(hmac::sign(&key, content.as_bytes())),
        });
        pack(json.to_string().as_bytes())
    }

    fn pack(json: &[u8]) -> String {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(json).unwrap();
        STANDARD
            .encode(encoder.finish().unwrap())
            .replace('+', "*")
            .replace('/', "-")
            .replace('=', "_")
    }

    fn verify_case(case: &Value) -> Result<(), Refusal> {
        let expected = Expected {
            sdk_app_id: u32::try_from(case["sdkappid"].as_u64().unwrap()).unwrap(),
            identifier: case["identifier"].as_str().unwrap(),
            now: case["now"].as_u64().unwrap(),
            kicked_at: 0,
        };
        verify(
            case["usersig"].as_str().unwrap(),
            case["key"].as_str().unwrap(),
            expected,
        )
    }

    #[test]
    fn every_verify_vector_gets_its_verdict() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let cases = vectors["verify"].as_array().unwrap();
        assert!(cases.len() >= 18, "vectors are missing");
        for case in cases {
            let name = case["name"].as_str().unwrap();
            // The official verifier lets any version pass; this one does not.
            let accepted =
                case["official_go_verdict"] == "ok" && name != "ver_1_0_not_checked_by_go";
            assert_eq!(
                verify_case(case).is_ok(),
                accepted,
                "{name}: {:?}",
                verify_case(case)
            );
        }
    }

    #[test]
    fn the_reason_of_a_refusal_is_told() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let refusal = |name: &str| {
            let case = vectors["verify"]
                .as_array()
                .unwrap()
                .iter()
                .find(|case| case["name"] == name)
                .unwrap();
            verify_case(case).unwrap_err()
        };
        assert_eq!(refusal("expired_by_1s"), Refusal::Expired);
        assert_eq!(refusal("wrong_key"), Refusal::WrongSignature);
        assert_eq!(refusal("wrong_sdkappid"), Refusal::OtherSdkAppId);
        assert_eq!(refusal("wrong_identifier"), Refusal::OtherIdentifier);
        assert_eq!(refusal("tampered_expire"), Refusal::WrongSignature);
        assert_eq!(refusal("truncated_last_8"), Refusal::Malformed);
        assert_eq!(refusal("empty"), Refusal::Malformed);
    }

    #[test]
    fn every_generated_vector_without_a_userbuf_verifies_at_its_expiry_and_not_after() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        for case in vectors["generate"].as_array().unwrap() {
            let input = &case["input"];
            let time = input["time"].as_u64().unwrap();
            let expires = time + input["expire"].as_u64().unwrap();
            let verify_at = |now, usersig: &str| {
                let expected = Expected {
                    sdk_app_id: u32::try_from(input["sdkappid"].as_u64().unwrap()).unwrap(),
                    identifier: input["identifier"].as_str().unwrap(),
                    now,
                    kicked_at: 0,
                };
                verify(usersig, input["key"].as_str().unwrap(), expected)
            };
            for encoder in ["usersig_python", "usersig_node"] {
                let Some(usersig) = case[encoder].as_str() else {
                    continue;
                };
                let accepted = input["userbuf_base64"].is_null();
                assert_eq!(
                    verify_at(expires, usersig).is_ok(),
                    accepted,
                    "{}",
                    case["name"]
                );
                assert!(verify_at(expires + 1, usersig).is_err(), "{}", case["name"]);
            }
        }
    }

    #[test]
    fn a_zip_bomb_and_a_ticket_voided_by_a_kick_are_refused() {
        let expected = Expected {
            sdk_app_id: 1,
            identifier: "admin",
            now: 1000,
            kicked_at: 0,
        };
        assert_eq!(
            verify(&pack(&vec![b' '; 10_000_000]), "key", expected),
            Err(Refusal::Malformed)
        );
        let usersig = sign(1, "admin", "key", 1000, 60);
        assert_eq!(verify(&usersig, "key", expected), Ok(()));
        let kicked = Expected {
            kicked_at: 1001,
            ..expected
        };
        assert_eq!(verify(&usersig, "key", kicked), Err(Refusal::Expired));
    }
}
