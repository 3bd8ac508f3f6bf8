use std::collections::BTreeSet;

use aws_lc_rs::rsa;
use secrecy::{ExposeSecret, SecretString};

use super::public_keys::P256_COMPRESSED;
use super::*;
use crate::auth::Refusal;
use crate::auth::mint::{self, Claims, Minter};
use crate::domain::{Moderator, Scope};
use crate::kinds::kick_login;

const HEADER: &str = r#"{"alg":"HS256"}"#;

fn verify(changes: &Value) -> Result<Moderator, Refusal> {
    let token = secret_signed(HEADER, claims_with(changes).to_string());
    secret_verifier().verify_at(&token, now()).at_once()
}

fn verify_header(header: &str) -> Result<Moderator, Refusal> {
    let token = secret_signed(header, claims_with(&json!({})).to_string());
    secret_verifier().verify_at(&token, now()).at_once()
}

#[test]
fn every_algorithm_of_every_key_is_accepted_from_one_file() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let verifier = public_key_verifier();
    let keys = &*TEST_KEYS;
    let table = [
        (&keys.rsa, vec![RS256, RS384, RS512, PS256, PS384, PS512]),
        (&keys.p256, vec![ES256]),
        (&keys.p384, vec![ES384]),
        (&keys.ed25519, vec![EdDSA]),
    ];
    for (key, algorithms) in table {
        for algorithm in algorithms {
            let header = format!(r#"{{"alg":"{algorithm:?}","typ":"JWT","kid":"unheard of"}}"#);
            let payload = claims_with(&json!({})).to_string();
            let token = signed(&header, payload, algorithm, &key.encoding);
            let moderator = verifier.verify_at(&token, now()).at_once().unwrap();
            assert_eq!(moderator.subject, "alice", "{algorithm:?}");
        }
    }
}

#[test]
fn the_second_key_of_a_kind_is_tried_too() {
    let file = format!("{P256_COMPRESSED}{}", TEST_KEYS.p256.public_pem);
    let verifier = Verifier::new(settings(KeySource::PublicKeyPem(file))).unwrap();
    let payload = claims_with(&json!({})).to_string();
    let token = signed(
        r#"{"alg":"ES256"}"#,
        payload,
        Algorithm::ES256,
        &TEST_KEYS.p256.encoding,
    );
    assert!(verifier.verify_at(&token, now()).at_once().is_ok());
}

#[test]
fn an_rsa_key_in_pkcs1_form_is_accepted() {
    let spki = pem::parse(&TEST_KEYS.rsa.public_pem)
        .unwrap()
        .into_contents();
    let key = rsa::PublicKey::from_der(&spki).unwrap();
    let file = pem("RSA PUBLIC KEY", key.as_ref());
    let verifier = Verifier::new(settings(KeySource::PublicKeyPem(file))).unwrap();
    let payload = claims_with(&json!({})).to_string();
    let token = signed(
        r#"{"alg":"PS256"}"#,
        payload,
        Algorithm::PS256,
        &TEST_KEYS.rsa.encoding,
    );
    assert!(verifier.verify_at(&token, now()).at_once().is_ok());
}

#[test]
fn everything_the_record_needs_is_taken_from_the_claims() {
    let moderator = verify(&json!({
        "client_id": "dashboard", "azp": 7, "act": {"sub": "support\u{7}bot"}, "exp": NOW + 60
    }))
    .unwrap();
    assert_eq!(moderator.key(), (ISSUER, "alice"));
    assert_eq!(moderator.name.as_deref(), Some("Alice W."));
    assert_eq!(moderator.token_id.as_deref(), Some("token-1"));
    assert_eq!(moderator.client_id.as_deref(), Some("dashboard"));
    assert_eq!(moderator.actor.as_deref(), Some("support\u{fffd}bot"));
    assert_eq!(moderator.expires_at.timestamp(), NOW + 60);
    assert!(moderator.may(kick_login::KIND.scope()) && !moderator.may(Scope::AUDIT_READ));
}

#[test]
fn claims_for_people_to_read_are_optional_and_cleaned() {
    let odd = json!({
        "preferred_username": "\u{202e}é".repeat(200), "jti": 5, "azp": "", "act": "bob"
    });
    let moderator = verify(&odd).unwrap();
    assert_eq!(
        moderator.name.unwrap(),
        "\u{fffd}é".repeat(128)[..]
            .chars()
            .take(255)
            .collect::<String>()
    );
    assert_eq!(
        (moderator.token_id, moderator.client_id, moderator.actor),
        (None, None, None)
    );
    let bare = json!({"preferred_username": null, "jti": null, "scope": null});
    let moderator = verify(&bare).unwrap();
    assert_eq!((moderator.name, moderator.token_id), (None, None));
    assert!(moderator.scopes.is_empty());
}

#[test]
fn scopes_are_the_union_of_all_places_in_either_form() {
    let scopes = |changes: &Value| verify(changes).unwrap().scopes;
    let expected = ["a", "b", "c d", "e"].map(str::to_owned);
    let found = scopes(&json!({
        "scope": " a  b ", "scp": ["a", "c d", 7, "", "bad\n"], "realm_access": {"roles": ["e"]}
    }));
    assert_eq!(found, BTreeSet::from(expected));
    for useless in [json!(7), json!({}), json!(true), json!("")] {
        assert!(scopes(&json!({"scope": useless})).is_empty(), "{useless}");
    }
}

#[test]
fn an_object_counts_by_the_names_of_its_members_unless_they_are_null_or_false() {
    let changes = json!({"scope": {
        "audit:read": {"178204173316174381": "acme.example"}, "action:kick_seat": {}, "one": true,
        "no": false, "none": null, "bad\n": true
    }});
    let expected = ["action:kick_seat", "audit:read", "one"].map(str::to_owned);
    assert_eq!(verify(&changes).unwrap().scopes, BTreeSet::from(expected));
}

#[test]
fn a_claim_that_is_null_counts_as_absent() {
    for name in [
        "nbf",
        "scope",
        "scp",
        "nonce",
        "at_hash",
        "typ",
        "token_use",
        "azp",
        "client_id",
        "jti",
        "preferred_username",
        "act",
        "realm_access",
    ] {
        let mut claims = claims_with(&json!({}));
        claims[name] = Value::Null;
        let token = secret_signed(HEADER, claims.to_string());
        let moderator = secret_verifier().verify_at(&token, now()).at_once();
        assert_eq!(moderator.unwrap().subject, "alice", "{name}");
    }
    for (name, refusal) in [
        ("iss", Refusal::WrongIssuer),
        ("aud", Refusal::WrongAudience),
        ("exp", Refusal::NoExpiry),
        ("sub", Refusal::NoSubject),
    ] {
        let mut claims = claims_with(&json!({}));
        claims[name] = Value::Null;
        let token = secret_signed(HEADER, claims.to_string());
        let refused = secret_verifier().verify_at(&token, now()).at_once();
        assert_eq!(refused.unwrap_err(), refusal, "{name}");
    }
    assert!(verify_header(r#"{"alg":"HS256","typ":null,"kid":null}"#).is_ok());
}

#[test]
fn another_claim_is_the_audience_only_of_a_token_without_aud() {
    let mut settings = settings(KeySource::Secret(SECRET.into()));
    settings.audience_claim = "client_id".to_owned();
    let verifier = Verifier::new(settings).unwrap();
    let verify = |aud: Value, client: Value| {
        let mut claims = claims_with(&json!({"client_id": client}));
        claims["aud"] = aud;
        let token = secret_signed(HEADER, claims.to_string());
        verifier.verify_at(&token, now()).at_once()
    };
    assert!(verify(Value::Null, json!("modgate")).is_ok());
    assert!(verify(json!("modgate"), json!("dashboard")).is_ok());
    for (aud, client) in [
        (json!("account"), json!("modgate")),
        (json!([]), json!("modgate")),
        (json!(""), json!("modgate")),
        (Value::Null, json!("dashboard")),
        (Value::Null, Value::Null),
        (Value::Null, json!(["modgate", 7])),
    ] {
        let refused = verify(aud.clone(), client.clone()).unwrap_err();
        assert_eq!(refused, Refusal::WrongAudience, "{aud} {client}");
    }
    // Nothing stands for `aud` unless that is configured.
    let refused = self::verify(&json!({"aud": null, "client_id": "modgate"}));
    assert_eq!(refused.unwrap_err(), Refusal::WrongAudience);
}

#[test]
fn a_claim_with_slashes_in_its_name_is_no_pointer() {
    let mut settings = settings(KeySource::Secret(SECRET.into()));
    settings.scope_claims = vec!["https://example.com/roles".parse().unwrap()];
    settings.subject_claim = "uid".to_owned();
    let claims = claims_with(&json!({"https://example.com/roles": ["audit:read"], "uid": "u1"}));
    let token = secret_signed(HEADER, claims.to_string());
    let moderator = Verifier::new(settings)
        .unwrap()
        .verify_at(&token, now())
        .at_once()
        .unwrap();
    assert!(moderator.may(Scope::AUDIT_READ));
    assert_eq!(moderator.subject, "u1");
}

#[test]
fn times_count_with_the_leeway_and_at_the_edge() {
    assert!(verify(&json!({"exp": NOW - 29})).is_ok());
    assert!(verify(&json!({"exp": NOW - 30})).is_err());
    assert!(verify(&json!({"nbf": NOW + 30})).is_ok());
    assert!(verify(&json!({"nbf": NOW + 31})).is_err());
    assert!(verify(&json!({"nbf": -5})).is_ok());
}

#[test]
fn an_expiry_may_have_a_fraction_and_lie_beyond_the_calendar() {
    let expires_at = |exp: &str| {
        let claims = claims_with(&json!({"exp": "EXP"})).to_string();
        let token = secret_signed(HEADER, claims.replace("\"EXP\"", exp));
        secret_verifier()
            .verify_at(&token, now())
            .at_once()
            .unwrap()
            .expires_at
    };
    assert_eq!(
        expires_at("1795299201.5").timestamp_millis(),
        1_795_299_201_500
    );
    assert_eq!(expires_at("1.7952993e9").timestamp(), 1_795_299_300);
    for far in [
        "253402300800",
        "1e300",
        "18446744073709551615",
        "99999999999999999999999",
    ] {
        assert_eq!(
            expires_at(far).to_rfc3339(),
            "9999-12-31T23:59:59+00:00",
            "{far}"
        );
    }
}

#[test]
fn one_of_several_audiences_is_enough() {
    assert!(verify(&json!({"aud": "modgate-eu"})).is_ok());
    assert!(verify(&json!({"aud": ["account", "modgate"]})).is_ok());
}

#[test]
fn the_type_is_compared_as_a_media_type() {
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        let header = format!(r#"{{"typ":"{typ}","alg":"HS256"}}"#);
        assert!(verify_header(&header).is_ok(), "{typ}");
    }
}

#[test]
fn header_members_that_point_to_keys_are_not_even_looked_at() {
    for member in [
        r#""kid":7"#,
        r#""jku":"https://evil.example/jwks.json""#,
        r#""x5u":["https://evil.example"]"#,
        r#""jwk":{"kty":"oct","k":"AA"}"#,
        r#""x5c":"AAAA""#,
        r#""b64":true"#,
        r#""cty":"JWT","zip":"DEF""#,
    ] {
        let header = format!(r#"{{"alg":"HS256",{member}}}"#);
        assert!(verify_header(&header).is_ok(), "{member}");
    }
}

fn minted(minter: &Minter, ttl: Duration) -> Result<SecretString, mint::Error> {
    minter.mint(&Claims {
        issuer: ISSUER.to_owned(),
        audience: vec!["modgate".to_owned()],
        subject: "alice".to_owned(),
        name: Some("Alice".to_owned()),
        scopes: vec!["action:kick_login".to_owned(), "audit:read".to_owned()],
        ttl,
        now: Utc::now(),
    })
}

#[test]
fn a_minted_token_of_every_key_authenticates() {
    let by_key = public_key_verifier();
    let by_secret = secret_verifier();
    let hour = Duration::from_hours(1);
    let minters = TEST_KEYS.all().map(|key| {
        let minter = Minter::from_private_key_pem(&key.private_pem.as_str().into()).unwrap();
        (minter, &by_key)
    });
    let minters = minters
        .into_iter()
        .chain([(Minter::from_secret(&SECRET.into()).unwrap(), &by_secret)]);
    for (minter, verifier) in minters {
        let token = minted(&minter, hour).unwrap();
        let header = format!("bEaReR   {}", token.expose_secret());
        let moderator = verifier
            .authenticate(Some(header.as_bytes()))
            .at_once()
            .unwrap();
        assert_eq!(moderator.name.as_deref(), Some("Alice"));
        assert!(moderator.may(kick_login::KIND.scope()) && moderator.may(Scope::AUDIT_READ));
        assert!(moderator.token_id.is_some());
        assert!(moderator.expires_at > Utc::now() + Duration::from_secs(3590));
    }
}

#[test]
fn a_lifetime_beyond_the_calendar_is_refused_by_the_minter() {
    let minter = Minter::from_secret(&SECRET.into()).unwrap();
    for ttl in [Duration::MAX, Duration::from_secs(1 << 50)] {
        assert!(matches!(minted(&minter, ttl), Err(mint::Error::Lifetime)));
    }
}
