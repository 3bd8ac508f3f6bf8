//! Tokens that nobody should accept, sent to a gateway that takes its keys from a provider.

use chrono::Utc;
use serde_json::{Value, json};

use super::*;
use crate::support::provider::base64url;

/// `claims("mallory")` with `changes` made; null removes a claim.
fn claims_with(changes: &Value) -> Value {
    let mut claims = claims("mallory");
    let members = claims.as_object_mut().expect("it is one");
    for (name, value) in changes.as_object().expect("it is one") {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    claims
}

/// A token with an HMAC over what everybody knows.
fn hmac_signed(header: &Value, secret: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        base64url(header.to_string()),
        base64url(claims("mallory").to_string())
    );
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256);
    format!("{message}.{}", signature.expect("any secret can sign"))
}

/// Published and not, for signatures and not.
struct Keys {
    rsa: SigningKey,
    ec: SigningKey,
    encryption: SigningKey,
    /// Mallory's own.
    own: SigningKey,
}

/// The algorithm is taken from the token, or the signature is not looked at.
fn of_algorithms(keys: &Keys) -> Vec<(&'static str, String)> {
    let claims = claims("mallory");
    let document = json!({"keys": [keys.rsa.jwk]}).to_string();
    let modulus = keys.rsa.jwk["n"].as_str().expect("it is text");
    let unsigned = |alg: &str| {
        let header = json!({"alg": alg, "kid": keys.ec.id()});
        format!(
            "{}.{}.",
            base64url(header.to_string()),
            base64url(claims.to_string())
        )
    };
    let hs256 = |kid: &SigningKey| json!({"alg": "HS256", "kid": kid.id()});
    vec![
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg nOnE", unsigned("nOnE")),
        ("alg empty", unsigned("")),
        ("no signature under ES256", unsigned("ES256")),
        (
            "HMAC by the modulus",
            hmac_signed(&hs256(&keys.rsa), modulus.as_bytes()),
        ),
        (
            "HMAC by the key as JSON",
            hmac_signed(&hs256(&keys.rsa), keys.rsa.jwk.to_string().as_bytes()),
        ),
        (
            "HMAC by the document",
            hmac_signed(&hs256(&keys.ec), document.as_bytes()),
        ),
        ("HMAC by nothing", hmac_signed(&hs256(&keys.ec), b"")),
        (
            "HMAC without kid",
            hmac_signed(&json!({"alg": "HS256"}), modulus.as_bytes()),
        ),
        (
            "RS256 said, ES256 signed",
            keys.ec
                .sign_raw(&json!({"alg": "RS256", "kid": "ec"}), &claims),
        ),
        (
            "ES384 said, ES256 signed",
            keys.ec
                .sign_raw(&json!({"alg": "ES384", "kid": "ec"}), &claims),
        ),
        (
            "PS256 said, RS256 signed",
            keys.rsa
                .sign_raw(&json!({"alg": "PS256", "kid": "rsa"}), &claims),
        ),
        (
            "EdDSA said",
            keys.ec
                .sign_raw(&json!({"alg": "EdDSA", "kid": "ec"}), &claims),
        ),
        (
            "ES256 in lower case",
            keys.ec
                .sign_raw(&json!({"alg": "es256", "kid": "ec"}), &claims),
        ),
        (
            "alg as a list",
            keys.ec
                .sign_raw(&json!({"alg": ["ES256"], "kid": "ec"}), &claims),
        ),
        ("no alg", keys.ec.sign_raw(&json!({"kid": "ec"}), &claims)),
    ]
}

/// The key is taken from the token.
fn of_keys(keys: &Keys, mallorys: &str) -> Vec<(&'static str, String)> {
    let claims = claims("mallory");
    let own = |header: Value| keys.own.sign_raw(&header, &claims);
    let kid = |kid: Value| own(json!({"alg": "ES256", "kid": kid}));
    vec![
        ("a key of their own under our kid", kid(json!("ec"))),
        ("without kid", own(json!({"alg": "ES256"}))),
        ("its own kid", kid(json!("own"))),
        ("kid of a path", kid(json!("../../../../dev/null"))),
        ("kid of SQL", kid(json!("ec' OR '1'='1"))),
        ("kid of a command", kid(json!("ec|id"))),
        ("kid of a URL", kid(json!(mallorys))),
        ("kid with a line feed", kid(json!("ec\nevent=forged"))),
        ("kid with a zero byte", kid(json!("ec\u{0}"))),
        ("kid empty", kid(json!(""))),
        ("kid in capitals", kid(json!("EC"))),
        ("kid too long", kid(json!("k".repeat(300)))),
        ("kid as a number", kid(json!(0))),
        ("kid null", kid(Value::Null)),
        ("kid as a list", kid(json!(["ec"]))),
        ("kid as an object", kid(json!({"kid": "ec"}))),
        (
            "jku",
            own(json!({"alg": "ES256", "kid": "own", "jku": mallorys})),
        ),
        (
            "jku under our kid",
            own(json!({"alg": "ES256", "kid": "ec", "jku": mallorys})),
        ),
        (
            "x5u",
            own(json!({"alg": "ES256", "kid": "own", "x5u": mallorys})),
        ),
        ("jwk", own(json!({"alg": "ES256", "jwk": keys.own.jwk}))),
        (
            "jwk under our kid",
            own(json!({"alg": "ES256", "kid": "ec", "jwk": keys.own.jwk})),
        ),
        (
            "the other key's kid",
            keys.ec
                .sign_raw(&json!({"alg": "ES256", "kid": "rsa"}), &claims),
        ),
        (
            "a key for encryption",
            keys.encryption
                .sign_raw(&json!({"alg": "RS256", "kid": "enc"}), &claims),
        ),
        (
            "a key for encryption, no kid",
            keys.encryption.sign_raw(&json!({"alg": "RS256"}), &claims),
        ),
    ]
}

/// The signature is right, and the token is not for us, or not an access token.
fn of_claims(keys: &Keys) -> Vec<(&'static str, String)> {
    let now = Utc::now().timestamp();
    let says = |changes: Value| keys.ec.sign(&claims_with(&changes));
    let header = |header: Value| keys.ec.sign_raw(&header, &claims("mallory"));
    vec![
        ("expired", says(json!({"exp": now - 60}))),
        ("no expiry", says(json!({"exp": null}))),
        (
            "expiry as text",
            says(json!({"exp": (now + 60).to_string()})),
        ),
        ("not yet", says(json!({"nbf": now + 120}))),
        (
            "another issuer",
            says(json!({"iss": "https://evil.example"})),
        ),
        ("no issuer", says(json!({"iss": null}))),
        ("another audience", says(json!({"aud": "account"}))),
        ("no audience", says(json!({"aud": null}))),
        ("an ID token", says(json!({"nonce": "n", "scope": null}))),
        (
            "an ID token by at_hash",
            says(json!({"at_hash": "h", "scope": null})),
        ),
        ("an ID token by its own word", says(json!({"typ": "ID"}))),
        (
            "an issuer with a line end",
            says(json!({"iss": format!("{}\r\n", crate::support::world::ISSUER)})),
        ),
        ("no subject", says(json!({"sub": null}))),
        ("subject of two lines", says(json!({"sub": "alice\nadmin"}))),
        (
            "typ of a logout token",
            header(json!({"alg": "ES256", "kid": "ec", "typ": "logout+jwt"})),
        ),
        (
            "typ of a DPoP proof",
            header(json!({"alg": "ES256", "kid": "ec", "typ": "dpop+jwt"})),
        ),
        (
            "crit",
            header(json!({"alg": "ES256", "kid": "ec", "crit": ["exp"]})),
        ),
        (
            "unencoded",
            header(json!({"alg": "ES256", "kid": "ec", "b64": false})),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_token_opens_the_door_and_none_sends_us_anywhere() {
    let keys = Keys {
        rsa: SigningKey::rs256("rsa"),
        ec: SigningKey::es256("ec"),
        encryption: SigningKey::rs256("enc"),
        own: SigningKey::es256("own"),
    };
    let mut encryption = SigningKey::rs256("enc");
    encryption.jwk = keys.encryption.jwk.clone();
    encryption.jwk["use"] = "enc".into();
    let provider = Provider::start(&[&keys.rsa, &keys.ec, &encryption]).await;
    let mallorys = Provider::start(&[&keys.own]).await;
    let app = hurried_app(&provider).await;
    let tokens = [
        of_algorithms(&keys),
        of_keys(&keys, &mallorys.url()),
        of_claims(&keys),
    ]
    .concat();
    assert!(tokens.len() >= 40, "{}", tokens.len());
    for (name, token) in tokens {
        let answer = bearer(&app, token).kick_login("user1").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (401, "unauthenticated"),
            "{name}"
        );
        let challenge = answer.header("www-authenticate").expect("it is there");
        assert!(
            challenge.starts_with("Bearer error=\"invalid_token\""),
            "{name}: {challenge}"
        );
    }
    assert_eq!(mallorys.fetches(), 0);
    assert_eq!(app.count("select count(*) from audit.action").await, 0);
    assert_eq!(app.simulator.calls().len(), 0);
    // The same claims, signed as they should be, are good.
    for key in [&keys.rsa, &keys.ec] {
        assert_eq!(
            bearer(&app, key.sign(&claims("mallory")))
                .kick_login("user1")
                .await
                .status,
            200
        );
    }
    app.stop().await;
}
