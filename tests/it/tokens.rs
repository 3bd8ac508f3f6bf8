//! Who is let in: tokens as clients send them and as `modgate token` makes them.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use modgate::domain::Kind;
use pem::Pem;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::file::TemporaryFile;
use crate::support::persona::{Answer, Persona};
use crate::support::process::modgate;
use crate::support::world::{AUDIENCE, ISSUER, JWT_SECRET, World};

const ID: &str = "01932c07-1111-7111-8111-111111111111";

/// Every path that asks who is there.
fn paths() -> Vec<(Method, String)> {
    let kinds = Kind::ALL.iter();
    let mut paths: Vec<_> = kinds
        .map(|kind| (Method::POST, format!("/v1/actions/{kind}")))
        .collect();
    paths.extend([
        (Method::GET, "/v1/actions".to_owned()),
        (Method::GET, format!("/v1/actions/{ID}")),
        (Method::GET, "/v1/me".to_owned()),
    ]);
    paths
}

/// Claims that are right, with `changes` made; null removes a claim.
fn claims(changes: &Value) -> Value {
    let now = Utc::now().timestamp();
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "preferred_username": "Alice W.",
        "scope": "action:kick_login", "iat": now, "exp": now + 600, "jti": "token-1",
    });
    let members = claims.as_object_mut().expect("it is one");
    for (name, value) in changes.as_object().expect("it is one") {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    claims
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).expect("the key is of the algorithm")
}

fn secret_signed(changes: &Value) -> String {
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    signed(&Header::new(Algorithm::HS256), &claims(changes), &key)
}

fn with_token(app: &TestApp, token: String) -> Persona {
    Persona::new(app.addr, Some(token))
}

fn assert_unauthenticated(answer: &Answer, challenge: &str) {
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (401, "unauthenticated"),
        "{}",
        answer.text
    );
    let given = answer
        .header("www-authenticate")
        .expect("a 401 says how to come in");
    assert!(
        given.starts_with(challenge) && (challenge != "Bearer" || given == challenge),
        "{given}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

const INVALID: &str = "Bearer error=\"invalid_token\"";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_every_path_asks_for_one() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    for (method, path) in paths() {
        let answer = anonymous
            .send(anonymous.request(method.clone(), &path).body("{}"))
            .await;
        assert_unauthenticated(&answer, "Bearer");
        // What is not a bearer token is none.
        for other in ["Basic YWxpY2U6cHc=", "Bearer", "Bearer ", "Token x", ""] {
            let request = anonymous
                .request(method.clone(), &path)
                .header("authorization", other);
            assert_unauthenticated(&anonymous.send(request.body("{}")).await, "Bearer");
        }
    }
    assert_eq!(app.count("select count(*) from audit.action").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_opens_no_path() {
    let app = TestApp::start().await;
    let now = Utc::now().timestamp();
    let good = secret_signed(&json!({}));
    let strange = EncodingKey::from_secret(b"another secret of thirty-two bytes");
    let header = |typ: Option<&str>| Header {
        typ: typ.map(str::to_owned),
        ..Header::new(Algorithm::HS256)
    };
    let ours = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    let whole = claims(&json!({}));
    let (message, _) = good.rsplit_once('.').expect("three parts");
    let tokens = [
        ("not a token", "hello".to_owned()),
        ("two parts", message.to_owned()),
        ("no signature", format!("{message}.")),
        (
            "another secret",
            signed(&header(Some("JWT")), &whole, &strange),
        ),
        (
            "an ID token by type",
            signed(&header(Some("id+jwt")), &whole, &ours),
        ),
        (
            "alg none",
            format!(
                "eyJhbGciOiJub25lIn0.{}.",
                message.split('.').nth(1).expect("two parts")
            ),
        ),
        (
            "HS512",
            signed(&Header::new(Algorithm::HS512), &whole, &ours),
        ),
        (
            "another issuer",
            secret_signed(&json!({"iss": "https://evil.example"})),
        ),
        ("no issuer", secret_signed(&json!({"iss": null}))),
        ("another audience", secret_signed(&json!({"aud": "other"}))),
        ("no audience", secret_signed(&json!({"aud": null}))),
        ("expired", secret_signed(&json!({"exp": now - 60}))),
        ("no expiry", secret_signed(&json!({"exp": null}))),
        ("not yet valid", secret_signed(&json!({"nbf": now + 120}))),
        ("no subject", secret_signed(&json!({"sub": null}))),
        (
            "a subject of two lines",
            secret_signed(&json!({"sub": "alice\nroot"})),
        ),
        (
            "an ID token by nonce",
            secret_signed(&json!({"nonce": "n", "scope": null})),
        ),
        (
            "too long",
            secret_signed(&json!({"pad": "x".repeat(13_000)})),
        ),
    ];
    for (name, token) in tokens {
        let someone = with_token(&app, token.clone());
        for (method, path) in paths() {
            let answer = someone
                .send(someone.request(method, &path).body("{}"))
                .await;
            assert_unauthenticated(&answer, INVALID);
            let challenge = answer.header("www-authenticate").expect("checked");
            assert!(
                !answer.text.contains(&token) && !challenge.contains(&token),
                "{name}"
            );
        }
    }
    let twice = with_token(&app, good.clone());
    let request = twice
        .request(Method::GET, "/v1/me")
        .header("authorization", format!("Bearer {good}"));
    assert_unauthenticated(&twice.send(request).await, INVALID);
    assert_eq!(twice.get("/v1/me").await.status, 200, "once, it is good");
    assert_eq!(app.count("select count(*) from audit.action").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_hundreds_of_groups_is_as_good_as_any() {
    let app = TestApp::start().await;
    // As Microsoft writes them: 200 ids of 36 characters, the most that it puts into one token.
    let groups: Vec<String> = (0..200)
        .map(|number| format!("b8a3c1d2-4e5f-4a6b-9c7d-{number:012}"))
        .collect();
    let token = secret_signed(&json!({"groups": groups}));
    assert!(token.len() > 10_000, "{}", token.len());
    let answer = with_token(&app, token).kick_login("user1").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let longest = secret_signed(&json!({"pad": "x".repeat(12_000)}));
    assert!(
        (16_000..=16_384).contains(&longest.len()),
        "{}",
        longest.len()
    );
    assert_eq!(with_token(&app, longest).get("/v1/me").await.status, 200);
    let longer = secret_signed(&json!({"pad": "x".repeat(12_300)}));
    let answer = with_token(&app, longer).get("/v1/me").await;
    assert_unauthenticated(&answer, INVALID);
    let challenge = answer.header("www-authenticate").expect("checked");
    assert!(challenge.contains("longer than 16384 bytes"), "{challenge}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_query_is_none() {
    let app = TestApp::start().await;
    let token = secret_signed(&json!({}));
    let answer = app
        .anonymous()
        .get(&format!("/v1/me?access_token={token}"))
        .await;
    assert_unauthenticated(&answer, "Bearer");
    app.stop().await;
}

/// A key pair of the test, as files hold it.
struct Key {
    algorithm: Algorithm,
    encoding: EncodingKey,
    private_pem: String,
    public_pem: String,
}

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&Pem::new(tag, der))
}

fn rsa_key() -> Key {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("there is entropy");
    let private_pem = pem(
        "PRIVATE KEY",
        pair.as_der().expect("it can be written").as_ref(),
    );
    let public = pair.public_key().as_der().expect("it can be written");
    Key {
        algorithm: Algorithm::RS256,
        encoding: EncodingKey::from_rsa_pem(private_pem.as_bytes()).expect("it was just made"),
        public_pem: pem("PUBLIC KEY", public.as_ref()),
        private_pem,
    }
}

fn ec_key(algorithm: Algorithm, curve: &'static EcdsaSigningAlgorithm) -> Key {
    let pair = EcdsaKeyPair::generate(curve).expect("there is entropy");
    let private = pair.to_pkcs8v1().expect("it can be written");
    let public = pair.public_key().as_der().expect("it can be written");
    Key {
        algorithm,
        encoding: EncodingKey::from_ec_der(private.as_ref()),
        private_pem: pem("PRIVATE KEY", private.as_ref()),
        public_pem: pem("PUBLIC KEY", public.as_ref()),
    }
}

fn ed25519_key() -> Key {
    let pair = Ed25519KeyPair::generate().expect("there is entropy");
    let private = pair.to_pkcs8v1().expect("it can be written");
    let public = pair.public_key().as_der().expect("it can be written");
    Key {
        algorithm: Algorithm::EdDSA,
        encoding: EncodingKey::from_ed_der(private.as_ref()),
        private_pem: pem("PRIVATE KEY", private.as_ref()),
        public_pem: pem("PUBLIC KEY", public.as_ref()),
    }
}

fn keys() -> [Key; 4] {
    [
        rsa_key(),
        ec_key(Algorithm::ES256, &ECDSA_P256_SHA256_FIXED_SIGNING),
        ec_key(Algorithm::ES384, &ECDSA_P384_SHA384_FIXED_SIGNING),
        ed25519_key(),
    ]
}

/// A service that knows the public halves of `keys`, all in one file.
async fn public_key_app(keys: &[Key]) -> (TestApp, TemporaryFile) {
    let file = TemporaryFile::new(
        keys.iter()
            .map(|key| key.public_pem.as_str())
            .collect::<String>(),
    );
    let mut world = World::new()
        .await
        .set("MODGATE_JWT_PUBLIC_KEY_FILE", file.path());
    world.variables.remove("MODGATE_JWT_SECRET");
    (TestApp::in_world(world).await, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_of_the_public_key_file_opens_and_none_is_taken_for_a_secret() {
    let keys = keys();
    let (app, file) = public_key_app(&keys).await;
    for key in &keys {
        let token = signed(
            &Header::new(key.algorithm),
            &claims(&json!({})),
            &key.encoding,
        );
        let answer = with_token(&app, token).get("/v1/me").await;
        assert_eq!(answer.status, 200, "{:?}: {}", key.algorithm, answer.text);
        assert_eq!(answer.json()["moderator"], "alice");
    }
    let pss = signed(
        &Header::new(Algorithm::PS256),
        &claims(&json!({})),
        &keys[0].encoding,
    );
    assert_eq!(with_token(&app, pss).get("/v1/me").await.status, 200);

    let whole_file = std::fs::read(file.path()).expect("it is there");
    let publics = keys.iter().map(|key| key.public_pem.clone().into_bytes());
    for secret in publics.chain([whole_file, JWT_SECRET.as_bytes().to_vec(), Vec::new()]) {
        let forged = EncodingKey::from_secret(&secret);
        let forged = signed(&Header::new(Algorithm::HS256), &claims(&json!({})), &forged);
        assert_unauthenticated(&with_token(&app, forged).get("/v1/me").await, INVALID);
    }
    for stranger in self::keys() {
        let token = signed(
            &Header::new(stranger.algorithm),
            &claims(&json!({})),
            &stranger.encoding,
        );
        assert_unauthenticated(&with_token(&app, token).get("/v1/me").await, INVALID);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_come_from_the_usual_claims_as_text_list_or_object() {
    let app = TestApp::start().await;
    for (scopes, allowed) in [
        (json!({"scope": "action:kick_login"}), true),
        (json!({"scope": "openid action:kick_login email"}), true),
        (
            json!({"scope": null, "scp": ["openid", "action:kick_login"]}),
            true,
        ),
        (json!({"scope": "openid", "scp": "action:kick_login"}), true),
        (json!({"scope": null}), false),
        (json!({"scope": "action:kick_seat"}), false),
        (
            json!({"scope": "action:kick_login2 xaction:kick_login ACTION:KICK_LOGIN"}),
            false,
        ),
        (json!({"scope": ["action:kick_login openid"]}), false),
        (json!({"scope": {"action:kick_login": true}}), true),
        (json!({"scope": {"action:kick_login": {}}}), true),
        (json!({"scope": {"action:kick_login": false}}), false),
        (json!({"scope": {"may": "action:kick_login"}}), false),
        (
            json!({"scope": null, "roles": ["action:kick_login"]}),
            false,
        ),
    ] {
        let answer = with_token(&app, secret_signed(&scopes))
            .kick_login("bob")
            .await;
        if allowed {
            assert_eq!(answer.status, 200, "{scopes}: {}", answer.text);
        } else {
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (403, "forbidden"),
                "{scopes}"
            );
            assert_eq!(answer.action()["state"], "denied");
        }
    }
    assert_eq!(app.simulator.calls().len(), 6);
    assert_eq!(
        app.count("select count(*) from audit.actions where state = 'denied'")
            .await,
        7
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_and_subject_and_name_may_be_in_other_claims() {
    let world = World::new()
        .await
        .set(
            "MODGATE_JWT_SCOPE_CLAIM",
            "/realm_access/roles,https://example.test/rights",
        )
        .set("MODGATE_JWT_SUBJECT_CLAIM", "oid")
        .set("MODGATE_JWT_NAME_CLAIM", "name")
        .set(
            "MODGATE_JWT_SCOPE_MAP",
            "auditors=audit:read;all=action:kick_login",
        );
    let app = TestApp::in_world(world).await;
    let token = secret_signed(&json!({
        "oid": "object-1", "name": "Alice", "scope": "audit:read",
        "realm_access": {"roles": ["action:kick_login"]}, "https://example.test/rights": "action:kick_seat",
    }));
    let me = with_token(&app, token).get("/v1/me").await.json();
    assert_eq!(
        (&me["moderator"], &me["name"]),
        (&json!("object-1"), &json!("Alice"))
    );
    assert_eq!(
        me["scopes"],
        json!(["action:kick_login", "action:kick_seat"])
    );
    // Roles of the provider's are not listed, but what they stand for is.
    for (roles, scopes) in [
        (json!(["auditors", "offline_access"]), json!(["audit:read"])),
        (
            json!(["all", "auditors", "action:kick_login"]),
            json!(["action:kick_login", "audit:read"]),
        ),
        (json!(["offline_access", "Auditors"]), json!([])),
    ] {
        let claims = json!({"oid": "object-1", "scope": null, "realm_access": {"roles": roles}});
        let me = with_token(&app, secret_signed(&claims)).get("/v1/me").await;
        assert_eq!(me.json()["scopes"], scopes, "{roles}");
    }
    assert_unauthenticated(
        &with_token(&app, secret_signed(&json!({})))
            .get("/v1/me")
            .await,
        INVALID,
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn me_says_who_i_am_what_i_may_and_what_is_asked_of_me() {
    let world = World::new()
        .await
        .set("MODGATE_REQUIRE_REASON", "true")
        .set("MODGATE_USER_ID_PATTERN", "[a-z]+")
        .set("MODGATE_TENCENT_QPS", "50")
        .set("MODGATE_MODERATOR_QPS", "7");
    let app = TestApp::in_world(world).await;
    let expires = Utc::now().timestamp() + 300;
    let token = secret_signed(&json!({"exp": expires, "scope": "b action:kick_login a"}));
    let answer = with_token(&app, token).get("/v1/me").await;
    let expires_at = DateTime::from_timestamp(expires, 0).expect("it is near");
    let expires_at = expires_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    assert_eq!(
        answer.json(),
        json!({
            "moderator": "alice", "name": "Alice W.", "scopes": ["action:kick_login"],
            "expires_at": expires_at,
            "limits": {
                "moderator_requests_per_second": 7, "moderator_actions_per_hour": null, "tencent_calls_per_second": 50,
                "batch_items": 10000,
            },
            "rules": {"reason_required": true, "user_id_pattern": "[a-z]+", "batch_approval_above": null},
        })
    );
    let nameless = with_token(&app, secret_signed(&json!({"preferred_username": null})));
    assert_eq!(nameless.get("/v1/me").await.json()["name"], Value::Null);
    app.stop().await;
}

/// What `modgate token` prints.
fn made(variables: &BTreeMap<String, String>, arguments: &[&str]) -> Result<String, String> {
    let output = modgate(variables)
        .arg("token")
        .args(arguments)
        .output()
        .expect("the binary can be run");
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .expect("it writes UTF-8")
            .trim_end()
            .to_owned()
    };
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

const ALICE: [&str; 6] = [
    "--sub",
    "alice",
    "--name",
    "Alice W.",
    "--scope",
    "action:kick_login audit:read",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_token_made_with_the_secret_is_accepted() {
    let app = TestApp::start().await;
    let token =
        made(&app.variables, &[&ALICE[..], &["--ttl", "15m"]].concat()).expect("it is made");
    let someone = with_token(&app, token);
    let me = someone.get("/v1/me").await.json();
    assert_eq!(
        (&me["moderator"], &me["name"]),
        (&json!("alice"), &json!("Alice W."))
    );
    assert_eq!(me["scopes"], json!(["action:kick_login", "audit:read"]));
    let expires_at: DateTime<Utc> = me["expires_at"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("RFC 3339");
    let left = (expires_at - Utc::now())
        .to_std()
        .expect("it has not expired");
    assert!(
        left <= Duration::from_mins(15) && left > Duration::from_mins(13),
        "{left:?}"
    );
    assert_eq!(someone.kick_login("bob").await.status, 200);
    let short = made(&app.variables, &["--sub", "bob", "--ttl", "1s"]).expect("it is made");
    assert_eq!(
        with_token(&app, short).get("/v1/me").await.json()["scopes"],
        json!([])
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_made_with_a_private_key_is_accepted_by_its_public_key() {
    let keys = keys();
    let (app, _file) = public_key_app(&keys).await;
    for key in &keys {
        let file = TemporaryFile::new(&key.private_pem);
        let arguments = [&ALICE[..], &["--private-key", file.path()]].concat();
        let token = made(&app.variables, &arguments).expect("it is made");
        let answer = with_token(&app, token).get("/v1/me").await;
        assert_eq!(answer.status, 200, "{:?}: {}", key.algorithm, answer.text);
    }
    let needed = made(&app.variables, &ALICE).expect_err("there is nothing to sign with");
    assert!(
        needed.contains("MODGATE_JWT_SECRET") && needed.contains("--private-key"),
        "{needed}"
    );
    let public = TemporaryFile::new(&keys[0].public_pem);
    for path in [public.path(), "/nowhere/key.pem"] {
        let refused = made(
            &app.variables,
            &[&ALICE[..], &["--private-key", path]].concat(),
        );
        assert!(!refused.expect_err("it cannot sign").is_empty());
    }
    app.stop().await;
}
