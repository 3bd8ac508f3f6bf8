//! Providers that are services.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn okta() {
    let key = SigningKey::rs256("UfSBBhWV-0Q9gJb2pgLlVf1NvdkjkN0XtT7yU6oCw3s");
    let mut okta = Recipe::of("Okta", key, &[]).await;
    okta.header = json!({"kid": okta.key.id(), "alg": "RS256"});
    let access = json!({
        "ver": 1, "jti": "AT.k7vQ3d2o3Qz8c1cV4r0H3l2vE0F8hYyI", "iss": okta.issuer(),
        "aud": okta.audience(), "iat": 0, "exp": 0, "cid": "0oa1b2c3d4e5F6G7h8i9",
        "uid": "00u1a2b3c4d5E6F7g8h9", "scp": ["action:kick_login", "openid"], "auth_time": 1_700_000_000,
        "sub": "alice@example.com",
    });
    let token = || okta.token(&access, &json!({}));
    let moderator = okta.me(token()).await;
    assert_eq!(moderator["moderator"], "00u1a2b3c4d5E6F7g8h9");
    assert_eq!(moderator["name"], "alice@example.com");
    assert_eq!(okta.may_kick(token()).await, 200);
    let other = json!({"scp": ["openid"]});
    assert_eq!(okta.may_kick(okta.token(&access, &other)).await, 403);
    assert_eq!(okta.recorded("0oa1b2c3d4e5F6G7h8i9").await, 2);
    let id_token = json!({
        "sub": "00u1a2b3c4d5E6F7g8h9", "name": "Alice W.", "aud": "0oa1b2c3d4e5F6G7h8i9", "jti": "ID.4eAWJOCMB3SX8XewDfVR",
        "amr": ["pwd"], "idp": "00o1n8sbwArJ7OQRw406", "nonce": "n", "preferred_username": "alice@example.com",
        "at_hash": "cpqKfdQA5eH891Ff5oJr_Q", "cid": null, "uid": null, "scp": null,
    });
    okta.assert_refused(okta.token(&access, &id_token), ID_TOKEN)
        .await;
    okta.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entra() {
    let mut key = SigningKey::rs256("CuZ3sEw8aT1oYqg7b9Rk2mXn4Ps");
    // As Microsoft publishes them: no alg, a certificate, and an issuer with a placeholder.
    key.jwk["x5t"] = key.id().into();
    key.jwk["x5c"] = json!(["MIIC/TCCAeWgAwIBAgIIK4Yw"]);
    key.jwk["issuer"] = "https://login.microsoftonline.com/{tenantid}/v2.0".into();
    let entra = Recipe::of("Entra", key, &[]).await;
    let access = json!({
        "aud": entra.audience(), "iss": entra.issuer(),
        "iat": 0, "nbf": 0, "exp": 0, "aio": "AWQAm/8XAAAA", "azp": "5c1b6f3e-0b5f-4c0e-8d5d-2f1e7a9b3c4d", "azpacr": "0",
        "name": "Alice W.", "oid": "b8a3c1d2-4e5f-4a6b-9c7d-8e9f0a1b2c3d", "preferred_username": "alice@example.com",
        "rh": "0.AXkA", "roles": ["Modgate.Moderator"], "scp": "access_as_user",
        "sub": "gXh4o2cJw0T4mS2Xv1cEoQbVZtqN1sV6m9Kf0p3dE7A",
        "tid": "11111111-2222-3333-4444-555555555555", "uti": "Q2hhbmdl", "ver": "2.0",
    });
    let token = || entra.token(&access, &json!({}));
    let moderator = entra.me(token()).await;
    // `sub` differs from application to application.
    assert_eq!(
        moderator["moderator"],
        "b8a3c1d2-4e5f-4a6b-9c7d-8e9f0a1b2c3d"
    );
    assert_eq!(moderator["name"], "alice@example.com");
    assert_eq!(entra.may_kick(token()).await, 200);
    let auditor = json!({"roles": ["Modgate.Auditor"]});
    assert_eq!(entra.may_kick(entra.token(&access, &auditor)).await, 403);
    assert_eq!(
        entra
            .may_read_everything(entra.token(&access, &auditor))
            .await,
        200
    );
    // Whatever the dashboard names, a token of version 2 is for the client id.
    for stranger in [
        json!({"aud": "api://66666666-7777-8888-9999-000000000000"}),
        json!({"iss": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/"}),
    ] {
        let token = entra.token(&access, &stranger);
        let answer = bearer(&entra.app, token).get("/v1/me").await;
        assert_eq!(answer.status, 401, "{stranger}");
    }
    // Of a dashboard that is the same app registration: audience and roles are right.
    let id_token = json!({"nonce": "12345", "azp": null, "azpacr": null, "scp": null});
    entra
        .assert_refused(entra.token(&access, &id_token), ID_TOKEN)
        .await;
    entra.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entra_with_tokens_of_version_1() {
    let key = SigningKey::rs256("i6lGk3FZzxRcUb2C3nEQ7syHJlY");
    let entra = Recipe::of("Entra, changed", key, &[]).await;
    let client_id = "66666666-7777-8888-9999-000000000000";
    let access = json!({
        "aud": client_id, "iss": entra.issuer(), "iat": 0, "nbf": 0, "exp": 0, "acr": "1", "aio": "AXQAi/8IAAAA",
        "amr": ["pwd"], "appid": "5c1b6f3e-0b5f-4c0e-8d5d-2f1e7a9b3c4d", "appidacr": "0", "name": "Alice W.",
        "oid": "b8a3c1d2-4e5f-4a6b-9c7d-8e9f0a1b2c3d", "roles": ["Modgate.Moderator"], "scp": "access_as_user",
        "sub": "gXh4o2cJw0T4mS2Xv1cEoQbVZtqN1sV6m9Kf0p3dE7A", "tid": "11111111-2222-3333-4444-555555555555",
        "unique_name": "alice@example.com", "upn": "alice@example.com", "uti": "Q2hhbmdl", "ver": "1.0",
    });
    // As the dashboard named it.
    for audience in [client_id.to_owned(), format!("api://{client_id}")] {
        let token = || entra.token(&access, &json!({"aud": audience}));
        let moderator = entra.me(token()).await;
        assert_eq!(
            moderator["moderator"],
            "b8a3c1d2-4e5f-4a6b-9c7d-8e9f0a1b2c3d"
        );
        assert_eq!(moderator["name"], "alice@example.com");
        assert_eq!(
            moderator["scopes"],
            json!(["action:kick_login", "action:kick_seat"])
        );
        assert_eq!(entra.may_kick(token()).await, 200);
    }
    let another = entra.token(&access, &json!({"aud": "api://another"}));
    let answer = bearer(&entra.app, another).get("/v1/me").await;
    assert_eq!(answer.status, 401, "{}", answer.text);
    entra.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cognito() {
    let mut key = SigningKey::rs256("nCQLk3qHyBQvMe0DrYJxjNRbtEbpp+hQnQ3GfqxhBjk=");
    key.jwk["alg"] = "RS256".into();
    let mut cognito = Recipe::of("Cognito", key, &[]).await;
    cognito.header = json!({"kid": cognito.key.id(), "alg": "RS256"});
    let access = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["moderators"], "iss": cognito.issuer(), "version": 2,
        "client_id": cognito.audience(), "origin_jti": "dd3b2b8a-0f5e-4f6c-9c0a-1a2b3c4d5e6f",
        "event_id": "f8a7b6c5-64d8-4b2d-9c8e-7f6a5b4c3d2e", "token_use": "access", "scope": "phone openid profile email",
        "auth_time": 1_700_000_000, "exp": 0, "iat": 0, "jti": "5c4b3a29-1807-46f5-84d3-c2b1a0918273", "username": "alice",
    });
    let token = || cognito.token(&access, &json!({}));
    let moderator = cognito.me(token()).await;
    assert_eq!(
        moderator["moderator"],
        "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    );
    assert_eq!(moderator["name"], "alice");
    assert_eq!(cognito.may_kick(token()).await, 200);
    let auditor = || cognito.token(&access, &json!({"cognito:groups": ["auditors"]}));
    assert_eq!(cognito.may_kick(auditor()).await, 403);
    assert_eq!(cognito.may_read_everything(auditor()).await, 200);
    // Signed in by the SDK instead of the hosted page; a user without a group.
    let by_sdk = json!({"scope": "aws.cognito.signin.user.admin", "version": null});
    assert_eq!(cognito.may_kick(cognito.token(&access, &by_sdk)).await, 200);
    let nobody = json!({"cognito:groups": null});
    assert_eq!(cognito.may_kick(cognito.token(&access, &nobody)).await, 403);
    assert_eq!(cognito.recorded(&cognito.audience()).await, 4);
    let other_client = json!({"client_id": "2h57kf5cpq17m0eml12EXAMPLE"});
    cognito
        .assert_refused(cognito.token(&access, &other_client), "another audience")
        .await;
    let id_token = json!({
        "token_use": "id", "aud": cognito.audience(), "cognito:username": "alice", "at_hash": "s1NR4TBb-XtHwoXJ6g4XeQ",
        "email": "alice@example.com", "client_id": null, "scope": null, "username": null, "version": null,
    });
    cognito
        .assert_refused(cognito.token(&access, &id_token), ID_TOKEN)
        .await;
    cognito.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auth0() {
    let mut key = SigningKey::rs256("RTc0RjJENjQ5QkJDQTM0QjU0MzRFNzE2");
    key.jwk["x5t"] = "RTc0RjJENjQ5QkJDQTM0QjU0MzRFNzE2".into();
    let mut auth0 = Recipe::of("Auth0", key, &[]).await;
    let userinfo = format!("{}userinfo", auth0.issuer());
    let access = json!({
        "iss": auth0.issuer(), "sub": "auth0|6553da60a54af58e29493993", "aud": [auth0.audience(), userinfo], "iat": 0, "exp": 0,
        "azp": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja", "scope": "openid profile email",
        "permissions": ["action:kick_login", "action:kick_seat"], "https://modgate.example.com/name": "Alice W.",
    });
    // The other profile.
    let rfc9068 = json!({"azp": null, "client_id": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja", "jti": "73WakrfVbNJBaAmhQtEeDv"});
    for (typ, changes) in [("JWT", json!({})), ("at+jwt", rfc9068)] {
        auth0.header["typ"] = typ.into();
        let token = || auth0.token(&access, &changes);
        let moderator = auth0.me(token()).await;
        assert_eq!(moderator["moderator"], "auth0|6553da60a54af58e29493993");
        assert_eq!(moderator["name"], "Alice W.");
        assert_eq!(auth0.may_kick(token()).await, 200);
        let mut changes = changes.clone();
        changes["permissions"] = json!(["audit:read"]);
        let auditor = || auth0.token(&access, &changes);
        assert_eq!(auth0.may_kick(auditor()).await, 403);
        assert_eq!(auth0.may_read_everything(auditor()).await, 200);
    }
    assert_eq!(auth0.recorded("K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja").await, 4);
    auth0.header["typ"] = "JWT".into();
    let id_token = json!({
        "aud": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja", "nickname": "alice", "sid": "fD1Tn3QZ", "nonce": "n", "azp": null,
        "scope": null, "permissions": null,
    });
    auth0
        .assert_refused(auth0.token(&access, &id_token), ID_TOKEN)
        .await;
    // Without an audience: an encrypted token, as good as opaque.
    let encrypted = format!(
        "{}..GmJ0yQ.aXr2mw.Ka9xYw",
        crate::support::provider::base64url(r#"{"alg":"dir","enc":"A256GCM"}"#)
    );
    auth0
        .assert_refused(encrypted, "not a well-formed JWT")
        .await;
    auth0.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn google() {
    let mut key = SigningKey::rs256("c6263d09745b5032e57fa6e1d041b77a54066dbd");
    key.jwk["alg"] = "RS256".into();
    let google = Recipe::of("Google", key, &[]).await;
    let id_token = json!({
        "iss": google.issuer(), "azp": google.audience(), "aud": google.audience(), "sub": "110248495921238986420",
        "hd": "example.com", "email": "alice@example.com", "email_verified": true, "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
        "nonce": "0394852-3190485-2490358", "name": "Alice W.", "picture": "https://lh3.googleusercontent.com/a/x",
        "given_name": "Alice", "family_name": "W.", "iat": 0, "exp": 0,
    });
    let token = || google.token(&id_token, &json!({}));
    let moderator = google.me(token()).await;
    assert_eq!(moderator["moderator"], "110248495921238986420");
    assert_eq!(moderator["name"], "alice@example.com");
    assert_eq!(
        moderator["scopes"],
        json!(["action:kick_login", "action:kick_seat"])
    );
    assert_eq!(google.may_kick(token()).await, 200);
    assert_eq!(google.may_read_everything(token()).await, 403);
    let auditor = json!({"sub": "110169484474386276334"});
    assert_eq!(
        google
            .may_read_everything(google.token(&id_token, &auditor))
            .await,
        200
    );
    // By the button, which has neither nonce nor at_hash; and somebody of no Workspace.
    let by_button = json!({"nonce": null, "at_hash": null, "nbf": Utc::now().timestamp() - 300, "jti": "161803398874def"});
    assert_eq!(
        google.may_kick(google.token(&id_token, &by_button)).await,
        200
    );
    let stranger =
        json!({"hd": null, "sub": "110000000000000000000", "email": "alice@example.com"});
    assert_eq!(
        google.may_kick(google.token(&id_token, &stranger)).await,
        403
    );
    let other_app = json!({"aud": "407408718192.apps.googleusercontent.com"});
    google
        .assert_refused(google.token(&id_token, &other_app), "another audience")
        .await;
    let opaque = "ya29.a0AfB_byC1mT9wQx".to_owned();
    google.assert_refused(opaque, "not a well-formed JWT").await;
    google.app.stop().await;
}
