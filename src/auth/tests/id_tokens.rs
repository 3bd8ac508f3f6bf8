//! What is taken for an ID token, and when one is accepted.

use super::*;
use crate::auth::Refusal;
use crate::domain::Moderator;

const HOUR: i64 = 3600;

/// A verifier whose map gives `moderators` a right, and to which scopes are in `scope` and `groups`.
fn verifier(accept_id_tokens: bool) -> Verifier {
    let mut settings = settings(KeySource::Secret(SECRET.into()));
    settings.accept_id_tokens = accept_id_tokens;
    settings.scope_claims = ["scope", "groups"].map(|name| name.parse().unwrap()).into();
    settings.scope_map = ScopeMap::parse("moderators=action:kick_seat").unwrap();
    Verifier::new(settings).unwrap()
}

/// An ID token for `modgate` with `changes` made; null removes a claim.
fn verify(verifier: &Verifier, header: &Value, changes: &Value) -> Result<Moderator, Refusal> {
    let mut claims = claims_with(&json!({"scope": null, "nonce": "n"}));
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let token = secret_signed(&header.to_string(), claims.to_string());
    verifier.verify_at(&token, now()).at_once()
}

/// Whether a token with this header and these changes is refused as an ID token; accepted else.
fn is_id_token(header: &Value, changes: &Value) -> bool {
    match verify(&verifier(false), header, changes) {
        Ok(_) => false,
        Err(Refusal::IdToken) => true,
        Err(other) => panic!("{header} {changes}: {other:?}"),
    }
}

#[test]
fn a_token_that_says_that_it_is_an_id_token_is_one_whatever_else_it_has() {
    let (plain, at_jwt) = (
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "typ": "at+jwt"}),
    );
    for (header, changes) in [
        (&plain, json!({"nonce": null, "typ": "ID"})),
        (&plain, json!({"nonce": null, "token_use": "id"})),
        (&at_jwt, json!({"typ": "ID", "scope": "openid"})),
        (
            &plain,
            json!({"token_use": "id", "scp": ["a"], "azp": "dashboard"}),
        ),
    ] {
        assert!(is_id_token(header, &changes), "{header} {changes}");
    }
}

#[test]
fn a_token_with_a_claim_of_id_tokens_and_none_of_access_tokens_is_an_id_token() {
    for changes in [
        json!({}),
        json!({"nonce": false}),
        json!({"nonce": null, "at_hash": "h"}),
        json!({"azp": "modgate"}),
        json!({"azp": "dashboard", "aud": ["modgate", "dashboard"]}),
        json!({"azp": "", "client_id": "modgate"}),
        json!({"scope": null, "scp": null, "typ": null, "azp": null}),
        json!({"scope": false, "scp": 7}),
        json!({"groups": ["moderators"], "typ": "JWT"}),
    ] {
        assert!(is_id_token(&json!({"alg": "HS256"}), &changes), "{changes}");
    }
}

#[test]
fn a_token_with_anything_that_only_access_tokens_have_is_none() {
    let (plain, at_jwt) = (
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "typ": "at+jwt"}),
    );
    let typed = json!({"alg": "HS256", "typ": "application/AT+JWT"});
    for (header, changes) in [
        (&plain, json!({"scope": "openid"})),
        (&plain, json!({"scope": ""})),
        (&plain, json!({"at_hash": "h", "scp": ["openid"]})),
        (&plain, json!({"typ": "Bearer"})),
        (&at_jwt, json!({})),
        (&typed, json!({"at_hash": "h"})),
        (&plain, json!({"azp": "dashboard"})),
        (
            &plain,
            json!({"client_id": "dashboard", "aud": ["modgate", "account"]}),
        ),
        (&plain, json!({"cid": "dashboard"})),
        (&plain, json!({"appid": "dashboard"})),
        // Nothing of either.
        (&plain, json!({"nonce": null, "at_hash": null})),
        (&plain, json!({"nonce": null, "token_use": "access"})),
    ] {
        assert!(!is_id_token(header, &changes), "{header} {changes}");
    }
}

#[test]
fn an_id_token_is_accepted_if_it_is_for_one_client_and_not_older_than_an_hour() {
    use Refusal::{IdTokenAge, IdTokenAudience};
    let table = [
        (json!({}), None),
        (json!({"aud": ["modgate"]}), None),
        (json!({"azp": "modgate"}), None),
        (json!({"azp": "modgate", "aud": ["modgate"]}), None),
        (json!({"azp": null}), None),
        (json!({"iat": NOW - HOUR - 29}), None),
        (json!({"iat": NOW + 30}), None),
        (
            json!({"aud": ["modgate", "dashboard"]}),
            Some(IdTokenAudience),
        ),
        (
            json!({"aud": ["modgate", "modgate"]}),
            Some(IdTokenAudience),
        ),
        (
            json!({"azp": "dashboard", "typ": "ID"}),
            Some(IdTokenAudience),
        ),
        // Where ID tokens are refused, this one counts as an access token.
        (json!({"azp": "dashboard"}), Some(IdTokenAudience)),
        (json!({"azp": 7}), Some(IdTokenAudience)),
        (json!({"iat": NOW - HOUR - 30}), Some(IdTokenAge)),
        (json!({"iat": NOW + 31}), Some(IdTokenAge)),
        (json!({"iat": null}), Some(IdTokenAge)),
        (json!({"iat": "now"}), Some(IdTokenAge)),
        // What holds for every token holds for these.
        (
            json!({"iss": "https://evil.example"}),
            Some(Refusal::WrongIssuer),
        ),
        (json!({"aud": "dashboard"}), Some(Refusal::WrongAudience)),
        (json!({"exp": NOW - 31}), Some(Refusal::Expired)),
        (json!({"nbf": NOW + 31}), Some(Refusal::NotYetValid)),
    ];
    for (changes, expected) in table {
        let refused = verify(&verifier(true), &json!({"alg": "HS256"}), &changes).err();
        assert_eq!(refused, expected, "{changes}");
    }
}

#[test]
fn an_id_token_without_aud_is_for_nobody_whatever_else_stands_for_it() {
    let mut settings = settings(KeySource::Secret(SECRET.into()));
    settings.accept_id_tokens = true;
    settings.audience_claim = "client_id".to_owned();
    let verifier = Verifier::new(settings).unwrap();
    let changes = json!({"aud": null, "client_id": "modgate"});
    let refused = verify(&verifier, &json!({"alg": "HS256"}), &changes);
    assert_eq!(refused.unwrap_err(), Refusal::IdTokenAudience);
}

#[test]
fn an_id_token_has_only_the_scopes_of_the_map() {
    let changes = json!({"groups": ["action:kick_login", "audit:read", "moderators"], "typ": "ID"});
    let scopes = |changes: &Value| {
        let moderator = verify(&verifier(true), &json!({"alg": "HS256"}), changes).unwrap();
        moderator.scopes.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(scopes(&changes), ["action:kick_seat"]);
    let access = json!({"groups": ["action:kick_login", "moderators"], "nonce": null});
    assert_eq!(
        scopes(&access),
        ["action:kick_login", "action:kick_seat", "moderators"]
    );
}

#[test]
fn an_id_token_ends_an_hour_after_it_was_issued_or_when_it_expires() {
    let expires_at = |changes: &Value| {
        let moderator = verify(&verifier(true), &json!({"alg": "HS256"}), changes).unwrap();
        moderator.expires_at.timestamp()
    };
    let issued = NOW - 10;
    assert_eq!(
        expires_at(&json!({"iat": issued, "exp": NOW + 24 * HOUR})),
        issued + HOUR
    );
    assert_eq!(
        expires_at(&json!({"iat": issued, "exp": NOW + 60})),
        NOW + 60
    );
}
