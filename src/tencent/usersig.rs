//! The `UserSig` that proves to Tencent who calls: made by HMAC-SHA256 (`TLSSigAPIv2`; page
//! "Generating `UserSig`", product 1047).

use std::io::{Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet::{Alphabet, Symbol};
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// A `UserSig` that was made elsewhere is not read further than this, in bytes of its content.
const LARGEST_CONTENT: u64 = 4_096;

/// Base64 as Tencent writes it in URLs, which is not the URL-safe alphabet of RFC 4648: `*`, `-`
/// and `_` stand for `+`, `/` and the padding `=`.
const TENCENT_BASE64: GeneralPurpose = GeneralPurpose::new(&tencent_alphabet(), PAD);

const fn tencent_alphabet() -> Alphabet {
    let symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-";
    let padding = Symbol::new(b'_').expect("an underscore is printable");
    match Alphabet::new_with_padding(symbols, padding) {
        Ok(alphabet) => alphabet,
        Err(_) => panic!("64 printable symbols, none twice, are an alphabet"),
    }
}

/// What a `UserSig` says, before it is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claims<'a> {
    pub(super) identifier: &'a str,
    pub(super) sdk_app_id: u32,
    /// Unix time in seconds.
    pub(super) minted_at: u64,
    /// In seconds. Tencent still accepts it in the last one.
    pub(super) valid_for: u64,
    /// The private map of a TRTC room. REST calls have none.
    pub(super) userbuf: Option<&'a [u8]>,
}

/// The content of a `UserSig`, under Tencent's names.
#[derive(Serialize)]
struct Content<'a> {
    #[serde(rename = "TLS.ver")]
    version: &'static str,
    #[serde(rename = "TLS.identifier")]
    identifier: &'a str,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u32,
    #[serde(rename = "TLS.expire")]
    valid_for: u64,
    #[serde(rename = "TLS.time")]
    minted_at: u64,
    #[serde(rename = "TLS.userbuf", skip_serializing_if = "Option::is_none")]
    userbuf: Option<String>,
    #[serde(rename = "TLS.sig")]
    signature: String,
}

/// The two members that say when a `UserSig` ends.
#[derive(Deserialize)]
struct Validity {
    #[serde(rename = "TLS.time")]
    minted_at: u64,
    #[serde(rename = "TLS.expire")]
    valid_for: u64,
}

/// The key is the text of the secret key itself, not the bytes that its digits spell.
pub(super) fn mint(secret_key: &SecretString, claims: Claims<'_>) -> SecretString {
    let Claims {
        identifier,
        sdk_app_id,
        minted_at,
        valid_for,
        userbuf,
    } = claims;
    let userbuf = userbuf.map(|userbuf| STANDARD.encode(userbuf));
    let mut signed = format!(
        "TLS.identifier:{identifier}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{minted_at}\n\
         TLS.expire:{valid_for}\n"
    );
    if let Some(userbuf) = &userbuf {
        signed.extend(["TLS.userbuf:", userbuf, "\n"]);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.expose_secret().as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    let content = Content {
        version: "2.0",
        identifier,
        sdk_app_id,
        valid_for,
        minted_at,
        userbuf,
        signature,
    };
    let content = serde_json::to_vec(&content).expect("texts and numbers are valid JSON");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(&content)
        .expect("a vector takes every byte");
    let compressed = encoder.finish().expect("a vector takes every byte");
    TENCENT_BASE64.encode(compressed).into()
}

/// The end of a `UserSig`, unless it cannot be read: those of the ECDSA era look different, and
/// whether one is any good is for Tencent to say.
pub(super) fn end_of(usersig: &SecretString) -> Option<SystemTime> {
    let compressed = TENCENT_BASE64.decode(usersig.expose_secret().trim()).ok()?;
    let mut content = Vec::new();
    let mut decoder = ZlibDecoder::new(compressed.as_slice()).take(LARGEST_CONTENT);
    decoder.read_to_end(&mut content).ok()?;
    let Validity {
        minted_at,
        valid_for,
    } = serde_json::from_slice(&content).ok()?;
    let end = Duration::from_secs(minted_at.checked_add(valid_for)?);
    UNIX_EPOCH.checked_add(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const VECTORS: &str = include_str!("../../tests/it/data/usersig_vectors.json");
    const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

    fn vectors(group: &str) -> Vec<Value> {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        vectors[group].as_array().unwrap().clone()
    }

    fn content(usersig: &SecretString) -> Value {
        let compressed = TENCENT_BASE64.decode(usersig.expose_secret()).unwrap();
        let mut content = Vec::new();
        ZlibDecoder::new(compressed.as_slice())
            .read_to_end(&mut content)
            .unwrap();
        serde_json::from_slice(&content).unwrap()
    }

    fn unix(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn every_vector_is_minted_alike() {
        let vectors = vectors("generate");
        assert_eq!(vectors.len(), 12);
        for vector in vectors {
            let input = &vector["input"];
            let text = |name: &str| input[name].as_str().unwrap();
            let number = |name: &str| input[name].as_u64().unwrap();
            let userbuf = input["userbuf_base64"]
                .as_str()
                .map(|text| STANDARD.decode(text).unwrap());
            let usersig = mint(
                &text("key").into(),
                Claims {
                    identifier: text("identifier"),
                    sdk_app_id: number("sdkappid").try_into().unwrap(),
                    minted_at: number("time"),
                    valid_for: number("expire"),
                    userbuf: userbuf.as_deref(),
                },
            );
            let content = content(&usersig);
            assert_eq!(content, vector["decoded_json"], "{}", vector["name"]);
            assert_eq!(content["TLS.sig"], vector["tls_sig"], "{}", vector["name"]);
            for theirs in ["usersig_python", "usersig_node"] {
                let end = end_of(&vector[theirs].as_str().unwrap().into());
                assert_eq!(end, end_of(&usersig), "{}", vector["name"]);
            }
        }
    }

    #[test]
    fn neither_the_key_nor_the_identifier_nor_the_date_has_to_be_ordinary() {
        let claims = Claims {
            identifier: "🛡️mod",
            sdk_app_id: 1_400_000_000,
            minted_at: 4_102_444_800,
            valid_for: 15_552_000,
            userbuf: None,
        };
        let content = content(&mint(&"ключ-🔑".into(), claims));
        assert_eq!(
            content["TLS.sig"],
            "7w/CtFr5vGQNOT6Kik/zxlMdAptda5dPgWubbs2uhFc="
        );
    }

    #[test]
    fn the_end_is_read_at_every_level_of_compression() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        for equivalent in vectors["zlib_levels"]["equivalents"].as_array().unwrap() {
            let usersig = equivalent["usersig"].as_str().unwrap().into();
            assert_eq!(end_of(&usersig), Some(unix(1_700_086_400)));
        }
    }

    #[test]
    fn the_end_of_a_usersig_that_cannot_be_read_is_unknown() {
        let huge = serde_json::json!({"TLS.time": u64::MAX, "TLS.expire": 1}).to_string();
        let long = format!("{}{{\"TLS.time\":1,\"TLS.expire\":1}}", " ".repeat(100_000));
        let deflated = [huge, long].map(|content| {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(content.as_bytes()).unwrap();
            TENCENT_BASE64.encode(encoder.finish().unwrap())
        });
        for bad in ["", "xxx", "aGVsbG8gd29ybGQsIG5vdCB6bGli"]
            .into_iter()
            .map(str::to_owned)
        {
            assert_eq!(end_of(&bad.into()), None);
        }
        for bad in deflated {
            assert_eq!(end_of(&bad.into()), None);
        }
    }

    proptest! {
        #[test]
        fn a_usersig_fits_a_query_and_says_what_was_signed(
            identifier in "\\PC{1,32}",
            sdk_app_id in 1..=u32::MAX,
            now in 0_u64..1 << 33,
            valid_for in 1_u64..=u64::from(u32::MAX),
        ) {
            let claims = Claims {
                identifier: &identifier, sdk_app_id, minted_at: now, valid_for, userbuf: None,
            };
            let usersig = mint(&KEY.into(), claims);
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"*-_".contains(&byte);
            prop_assert!(usersig.expose_secret().bytes().all(fits));
            let content = content(&usersig);
            prop_assert_eq!(&content["TLS.identifier"], &Value::from(identifier));
            prop_assert_eq!(&content["TLS.sdkappid"], &Value::from(sdk_app_id));
            let end = UNIX_EPOCH + Duration::from_secs(now + valid_for);
            prop_assert_eq!(end_of(&usersig), Some(end));
        }
    }
}
