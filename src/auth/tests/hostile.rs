use Refusal::{
    BadSignature, Expired, IdToken, IdTokenAge, IdTokenAudience, Malformed, MalformedNotBefore,
    NoExpiry, NoSubject, NoToken, NotYetValid, TooLong, UnacceptedAlgorithm, UnacceptedType,
    UnsupportedExtension, WrongAudience, WrongIssuer,
};
use proptest::prelude::*;

use super::*;
use crate::auth::Refusal;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn good_payload() -> String {
    claims_with(&json!({})).to_string()
}

fn good_token() -> String {
    secret_signed(HEADER, good_payload())
}

fn es256_token() -> String {
    signed(
        r#"{"alg":"ES256"}"#,
        good_payload(),
        Algorithm::ES256,
        &TEST_KEYS.p256.encoding,
    )
}

fn assert_refused<T: AsRef<str>>(verifier: &Verifier, table: Vec<(&str, T, Refusal)>) {
    for (name, token, expected) in table {
        let refusal = verifier
            .verify_at(token.as_ref(), now())
            .at_once()
            .map(|_| ())
            .unwrap_err();
        assert_eq!(refusal, expected, "{name}");
    }
}

/// Each claim change in a token whose signature holds.
fn assert_claims_refused(table: &[(&str, Value, Refusal)]) {
    let tokens = table.iter().map(|(name, changes, refusal)| {
        (
            *name,
            secret_signed(HEADER, claims_with(changes).to_string()),
            *refusal,
        )
    });
    assert_refused(&secret_verifier(), tokens.collect());
    assert!(
        secret_verifier()
            .verify_at(&good_token(), now())
            .at_once()
            .is_ok()
    );
}

#[test]
fn wrong_times_are_refused_though_the_signature_holds() {
    assert_claims_refused(&[
        ("expired", json!({"exp": NOW - 31}), Expired),
        (
            "expired at the leeway's edge",
            json!({"exp": NOW - 30}),
            Expired,
        ),
        ("expired before 1970", json!({"exp": -1}), Expired),
        ("expired at zero", json!({"exp": 0}), Expired),
        ("expired long before time", json!({"exp": -1e300}), Expired),
        ("no expiry", json!({"exp": null}), NoExpiry),
        ("expiry as text", json!({"exp": "1795299300"}), NoExpiry),
        ("expiry in a list", json!({"exp": [NOW + 60]}), NoExpiry),
        ("expiry true", json!({"exp": true}), NoExpiry),
        ("not yet valid", json!({"nbf": NOW + 31}), NotYetValid),
        ("never valid", json!({"nbf": 1e300}), NotYetValid),
        ("start as text", json!({"nbf": "0"}), MalformedNotBefore),
        ("start false", json!({"nbf": false}), MalformedNotBefore),
    ]);
}

#[test]
fn a_wrong_issuer_or_audience_is_refused_though_the_signature_holds() {
    let longer = format!("{ISSUER}/");
    let capitals = ISSUER.to_uppercase();
    assert_claims_refused(&[
        ("no issuer", json!({"iss": null}), WrongIssuer),
        (
            "another issuer",
            json!({"iss": "https://evil.example"}),
            WrongIssuer,
        ),
        ("a slash more", json!({"iss": longer}), WrongIssuer),
        ("in capitals", json!({"iss": capitals}), WrongIssuer),
        ("issuer in a list", json!({"iss": [ISSUER]}), WrongIssuer),
        ("no audience", json!({"aud": null}), WrongAudience),
        ("another audience", json!({"aud": "billing"}), WrongAudience),
        ("empty audience", json!({"aud": ""}), WrongAudience),
        ("empty list", json!({"aud": []}), WrongAudience),
        ("other audiences", json!({"aud": ["a", "b"]}), WrongAudience),
        (
            "a number too",
            json!({"aud": ["modgate", 1]}),
            WrongAudience,
        ),
        (
            "an object",
            json!({"aud": {"modgate": true}}),
            WrongAudience,
        ),
        ("nested", json!({"aud": [["modgate"]]}), WrongAudience),
        ("part of ours", json!({"aud": "modgat"}), WrongAudience),
        (
            "two in one",
            json!({"aud": "modgate modgate-eu"}),
            WrongAudience,
        ),
    ]);
}

#[test]
fn a_wrong_subject_is_refused_though_the_signature_holds() {
    assert_claims_refused(&[
        ("none", json!({"sub": null}), NoSubject),
        ("empty", json!({"sub": ""}), NoSubject),
        ("256 bytes", json!({"sub": "é".repeat(128)}), NoSubject),
        ("a number", json!({"sub": 7}), NoSubject),
        ("a line feed", json!({"sub": "alice\nroot"}), NoSubject),
        ("a zero byte", json!({"sub": "alice\u{0}"}), NoSubject),
        ("backwards", json!({"sub": "\u{202e}ecila"}), NoSubject),
    ]);
}

#[test]
fn headers_that_ask_for_something_else_are_refused_though_the_signature_holds() {
    let table = [
        (r#"{"alg":"HS256","typ":"JOSE"}"#, UnacceptedType),
        (r#"{"alg":"HS256","typ":"dpop+jwt"}"#, UnacceptedType),
        (r#"{"alg":"HS256","typ":"logout+jwt"}"#, UnacceptedType),
        (r#"{"alg":"HS256","typ":"ID"}"#, UnacceptedType),
        (r#"{"alg":"HS256","typ":""}"#, UnacceptedType),
        (r#"{"alg":"HS256","typ":["JWT"]}"#, UnacceptedType),
        (
            r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
            UnsupportedExtension,
        ),
        (r#"{"alg":"HS256","crit":[]}"#, UnsupportedExtension),
        (r#"{"alg":"HS256","crit":null}"#, UnsupportedExtension),
        (
            r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
            UnsupportedExtension,
        ),
        (r#"{"alg":"HS256","b64":false}"#, UnsupportedExtension),
        (r#"{"alg":"HS256","b64":"false"}"#, UnsupportedExtension),
        (r#"{"alg":"none"}"#, UnacceptedAlgorithm),
        (r#"{"alg":"None"}"#, UnacceptedAlgorithm),
        (r#"{"alg":"hs256"}"#, UnacceptedAlgorithm),
        (r#"{"alg":""}"#, UnacceptedAlgorithm),
        (r#"{"alg":"HS384"}"#, UnacceptedAlgorithm),
        (r#"{"alg":"RS256"}"#, UnacceptedAlgorithm),
        (r#"{"alg":"EdDSA"}"#, UnacceptedAlgorithm),
        (r#"{"typ":"JWT"}"#, Malformed),
        (r#"{"alg":null}"#, Malformed),
        (r#"{"alg":["HS256"]}"#, Malformed),
        (r#"{"alg":"none","alg":"HS256"}"#, Malformed),
        (r#"{"alg":"HS256","\u0061lg":"none"}"#, Malformed),
        (r#"{"alg":"HS256","jwk":{"k":"a","k":"b"}}"#, Malformed),
        (r#"{"alg":"HS256"}x"#, Malformed),
        (r#"["HS256"]"#, Malformed),
        ("", Malformed),
    ];
    let tokens =
        table.map(|(header, refusal)| (header, secret_signed(header, good_payload()), refusal));
    assert_refused(&secret_verifier(), tokens.into());
}

#[test]
fn payloads_that_are_no_unambiguous_object_are_refused_though_the_signature_holds() {
    let payload = good_payload();
    let open = &payload[..payload.len() - 1];
    let table = [
        ("two subjects", format!(r#"{open},"sub":"bob"}}"#)),
        (
            "two subjects, one escaped",
            format!(r#"{open},"\u0073ub":"bob"}}"#),
        ),
        (
            "the same expiry twice",
            format!(r#"{open},"exp":{}}}"#, NOW + 600),
        ),
        (
            "two actors",
            format!(r#"{open},"act":{{"sub":"a","sub":"b"}}}}"#),
        ),
        ("expiry beyond a double", format!(r#"{open},"x":1e999}}"#)),
        ("a list", format!("[{payload}]")),
        ("a string", r#""alice""#.to_owned()),
        ("nothing", String::new()),
        ("cut short", open.to_owned()),
        ("two objects", format!("{payload}{payload}")),
        ("a byte order mark", format!("\u{feff}{payload}")),
        ("a nested token", good_token()),
    ];
    let mut tokens: Vec<_> = table
        .into_iter()
        .map(|(name, payload)| (name, secret_signed(HEADER, payload), Malformed))
        .collect();
    let not_utf8 = payload
        .into_bytes()
        .into_iter()
        .map(|byte| if byte == b'W' { 0xff } else { byte });
    let not_utf8 = secret_signed(HEADER, not_utf8.collect::<Vec<_>>());
    tokens.push(("not UTF-8", not_utf8, Malformed));
    assert_refused(&secret_verifier(), tokens);
}

#[test]
fn what_is_not_three_parts_is_refused() {
    let good = good_token();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let table = vec![
        ("empty", String::new(), Malformed),
        ("dots", "..".to_owned(), Malformed),
        ("one part", header.to_owned(), Malformed),
        ("two parts", message.to_owned(), Malformed),
        ("four parts", format!("{good}.{signature}"), Malformed),
        ("as if encrypted", format!("{header}.a.b.c.d"), Malformed),
        ("no signature", format!("{message}."), BadSignature),
        ("no payload", format!("{header}..{signature}"), BadSignature),
        ("no header", format!(".{payload}.{signature}"), Malformed),
        ("padded", format!("{header}=.{payload}.x"), Malformed),
        ("padded signature", format!("{good}="), BadSignature),
        ("a space before", format!(" {good}"), Malformed),
        ("a line feed after", format!("{good}\n"), BadSignature),
        ("not ASCII", format!("é.{payload}.{signature}"), Malformed),
        ("half", good[..good.len() - 20].to_owned(), BadSignature),
    ];
    assert_refused(&secret_verifier(), table);
}

#[test]
fn a_token_of_another_secret_is_refused() {
    let other = secret_signed_with(b"another secret of thirty-two bytes");
    let table = vec![
        ("another", other, BadSignature),
        ("none", secret_signed_with(b""), BadSignature),
    ];
    assert_refused(&secret_verifier(), table);
}

#[test]
fn a_token_of_more_than_16_kib_is_refused_whatever_it_says() {
    let token = |padding: usize| {
        let claims = claims_with(&json!({"pad": "x".repeat(padding)}));
        secret_signed(HEADER, claims.to_string())
    };
    let (short, long) = (token(12_000), token(12_300));
    assert!(short.len() > 16_000 && short.len() <= 16_384 && long.len() > 16_384);
    assert!(secret_verifier().verify_at(&short, now()).at_once().is_ok());
    let table = vec![
        ("long", long, TooLong),
        ("dots", ".".repeat(1 << 20), TooLong),
    ];
    assert_refused(&secret_verifier(), table);
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let forged = |secret: &[u8]| secret_signed_with(secret);
    let public_pem = TEST_KEYS.rsa.public_pem.as_str();
    let der = pem::parse(public_pem).unwrap().into_contents();
    let unsigned = format!(
        "{}.{}.",
        base64url(r#"{"alg":"none"}"#),
        base64url(good_payload())
    );
    let table = vec![
        (
            "the PEM",
            forged(public_pem.as_bytes()),
            UnacceptedAlgorithm,
        ),
        (
            "trimmed",
            forged(public_pem.trim().as_bytes()),
            UnacceptedAlgorithm,
        ),
        ("the DER", forged(&der), UnacceptedAlgorithm),
        ("nothing", forged(b""), UnacceptedAlgorithm),
        ("no signature", unsigned, UnacceptedAlgorithm),
    ];
    assert_refused(&public_key_verifier(), table);
}

#[test]
fn no_key_lends_its_signature_to_another_algorithm() {
    let keys = &*TEST_KEYS;
    let relabelled = |claimed: &str, algorithm: Algorithm, key: &TestKey| {
        let header = format!(r#"{{"alg":"{claimed}"}}"#);
        signed(&header, good_payload(), algorithm, &key.encoding)
    };
    let by_p256 = |claimed: &str| relabelled(claimed, Algorithm::ES256, &keys.p256);
    let by_p384 = |claimed: &str| relabelled(claimed, Algorithm::ES384, &keys.p384);
    let by_pss = |claimed: &str| relabelled(claimed, Algorithm::PS256, &keys.rsa);
    let by_rsa = |claimed: &str| relabelled(claimed, Algorithm::RS256, &keys.rsa);
    let table = vec![
        ("P-256 as ES512", by_p256("ES512"), UnacceptedAlgorithm),
        ("P-256 as ES256K", by_p256("ES256K"), UnacceptedAlgorithm),
        ("P-256 as ES384", by_p256("ES384"), BadSignature),
        ("P-384 as ES256", by_p384("ES256"), BadSignature),
        ("PS256 as RS256", by_pss("RS256"), BadSignature),
        ("RS256 as RS512", by_rsa("RS512"), BadSignature),
        ("P-256 as EdDSA", by_p256("EdDSA"), BadSignature),
    ];
    assert_refused(&public_key_verifier(), table);
}

#[test]
fn signatures_of_strangers_and_of_zeros_are_refused() {
    let zeros = |algorithm: &str, length: usize| {
        let header = base64url(format!(r#"{{"alg":"{algorithm}"}}"#));
        let signature = base64url(vec![0; length]);
        format!("{header}.{}.{signature}", base64url(good_payload()))
    };
    let stranger = ec_key(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let header = r#"{"alg":"ES256"}"#;
    let strange = signed(header, good_payload(), Algorithm::ES256, &stranger.encoding);
    let table = vec![
        ("a stranger's key", strange, BadSignature),
        (
            "that key in the header",
            self_keyed(&stranger),
            BadSignature,
        ),
        ("ES256 zeros", zeros("ES256", 64), BadSignature),
        ("ES384 zeros", zeros("ES384", 96), BadSignature),
        ("EdDSA zeros", zeros("EdDSA", 64), BadSignature),
        ("RS256 zeros", zeros("RS256", 256), BadSignature),
    ];
    assert_refused(&public_key_verifier(), table);
}

fn secret_signed_with(secret: &[u8]) -> String {
    signed(
        HEADER,
        good_payload(),
        Algorithm::HS256,
        &EncodingKey::from_secret(secret),
    )
}

fn self_keyed(key: &TestKey) -> String {
    let der = pem::parse(&key.public_pem).unwrap().into_contents();
    let header = json!({
        "alg": "ES256", "x5c": [base64url(&der)], "jku": "https://evil.example/jwks",
        "jwk": {"kty": "EC", "crv": "P-256", "x": base64url(&der[27..59]), "y": base64url(&der[59..])}
    });
    signed(
        &header.to_string(),
        good_payload(),
        Algorithm::ES256,
        &key.encoding,
    )
}

#[test]
fn parts_of_two_good_tokens_make_no_third() {
    let alice = es256_token();
    let bob = signed(
        r#"{"alg":"ES256"}"#,
        claims_with(&json!({"sub": "bob", "scope": "audit:read"})).to_string(),
        Algorithm::ES256,
        &TEST_KEYS.p256.encoding,
    );
    let (alices, _) = alice.rsplit_once('.').unwrap();
    let (_, bobs) = bob.rsplit_once('.').unwrap();
    let spliced = format!("{alices}.{bobs}");
    assert_refused(
        &public_key_verifier(),
        vec![("spliced", spliced, BadSignature)],
    );
}

#[test]
fn a_der_encoded_ecdsa_signature_is_refused() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let pkcs8 = pem::parse(&TEST_KEYS.p256.private_pem)
        .unwrap()
        .into_contents();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).unwrap();
    let message = format!(
        "{}.{}",
        base64url(r#"{"alg":"ES256"}"#),
        base64url(good_payload())
    );
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    let token = format!("{message}.{}", base64url(signature));
    assert_refused(&public_key_verifier(), vec![("DER", token, BadSignature)]);
}

/// Why the shared-secret verifier refuses a header, which it must.
fn header_refusal(header: impl AsRef<[u8]>) -> Refusal {
    let header = Some(header.as_ref());
    secret_verifier()
        .authenticate(header)
        .at_once()
        .map(|_| ())
        .unwrap_err()
}

#[test]
fn a_header_without_a_bearer_token_counts_as_no_token() {
    let good = good_token();
    assert!(matches!(
        secret_verifier().authenticate(None).at_once(),
        Err(NoToken)
    ));
    for absent in ["", " ", "Bearer", "Bearer   ", "Basic YTpi", "DPoP abc"] {
        assert_eq!(header_refusal(absent), NoToken, "{absent}");
    }
    for scheme in ["", "Bearer", "Bearer\t", "Bearers ", " Bearer "] {
        assert_eq!(
            header_refusal(format!("{scheme}{good}")),
            NoToken,
            "{scheme}"
        );
    }
}

#[test]
fn a_bearer_token_of_wrong_syntax_is_a_bad_token() {
    let good = good_token();
    let bad = "undefined|=|a b|a,b|\"a\"|a=b|a.b.c|\ta|a\t|a\0";
    for bad in bad.split('|') {
        assert_eq!(header_refusal(format!("Bearer {bad}")), Malformed, "{bad}");
    }
    assert_eq!(header_refusal(b"Bearer \xff\xfe"), Malformed);
    let twice = format!("Bearer {good}, Bearer {good}");
    assert_eq!(header_refusal(twice), Malformed);
}

#[test]
fn the_challenge_is_a_well_formed_header_and_says_nothing_without_a_token() {
    assert_eq!(NoToken.challenge(), "Bearer");
    assert_eq!(
        Expired.challenge(),
        r#"Bearer error="invalid_token", error_description="the token has expired""#
    );
    for refusal in [
        NoToken,
        TooLong,
        Malformed,
        UnacceptedType,
        UnsupportedExtension,
        UnacceptedAlgorithm,
        BadSignature,
        IdToken,
        IdTokenAudience,
        IdTokenAge,
        WrongIssuer,
        WrongAudience,
        NoExpiry,
        Expired,
        NotYetValid,
        MalformedNotBefore,
        NoSubject,
    ] {
        let text = refusal.to_string();
        let is_quotable = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        assert!(text.bytes().all(is_quotable), "{text}");
    }
}

proptest! {
    #[test]
    fn a_token_with_one_byte_changed_is_refused(position in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let mut token = es256_token().into_bytes();
        let position = position.index(token.len());
        prop_assume!(token[position] != byte);
        token[position] = byte;
        let token = String::from_utf8(token).unwrap();
        prop_assert!(ES256.verify_at(&token, now()).at_once().is_err());
    }

    #[test]
    fn no_text_makes_the_verifier_panic(text in "[A-Za-z0-9_.-]{0,60}|.{0,40}", payload in r"\{.{0,60}\}") {
        let verifier = &*BY_SECRET;
        prop_assert!(verifier.verify_at(&text, now()).at_once().is_err());
        prop_assert!(verifier.authenticate(Some(text.as_bytes())).at_once().is_err());
        prop_assert!(verifier.verify_at(&secret_signed(HEADER, &payload), now()).at_once().is_err());
        prop_assert!(verifier.verify_at(&secret_signed(&payload, good_payload()), now()).at_once().is_err());
    }
}

static ES256: LazyLock<Verifier> = LazyLock::new(public_key_verifier);
static BY_SECRET: LazyLock<Verifier> = LazyLock::new(secret_verifier);
