//! Providers that people run themselves.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn keycloak() {
    let key = SigningKey::rs256("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE");
    let mut encryption = SigningKey::rs256("enc-key");
    encryption.jwk["use"] = "enc".into();
    encryption.jwk["alg"] = "RSA-OAEP".into();
    let keycloak = Recipe::of("Keycloak", key, &[&encryption]).await;
    // As of 25 and later.
    let access = json!({
        "exp": 0, "iat": 0, "auth_time": 1_700_000_000, "jti": "onrtac:2e1b1c4e-0f4c-4d0c-9a55-9f4b5b7f0d11",
        "iss": keycloak.issuer(), "aud": ["modgate", "account"],
        "sub": "f:3f0d1f4c-59a5:alice", "typ": "Bearer", "azp": "dashboard",
        "sid": "6a2b9b7e-d3c5-4d8d-8a59-9c3f7a1b2c3d", "acr": "1", "allowed-origins": ["https://dashboard.example"],
        "realm_access": {"roles": ["offline_access", "default-roles-moderation"]},
        "resource_access": {"modgate": {"roles": ["moderator"]}, "account": {"roles": ["manage-account"]}},
        "scope": "openid profile email", "email_verified": true, "name": "Alice W.",
        "preferred_username": "alice", "given_name": "Alice", "email": "alice@example.com",
    });
    let auditor = json!({"resource_access": {"modgate": {"roles": ["auditor"]}}});
    // Up to 24, and later with the mapper "Nonce backwards compatible".
    let up_to_24 = json!({
        "jti": "2e1b1c4e-0f4c-4d0c-9a55-9f4b5b7f0d11", "nonce": "7d4b3c2a-0e4c-4a53-9d5f-7a1b2c3d4e5f",
        "session_state": "6a2b9b7e-d3c5-4d8d-8a59-9c3f7a1b2c3d",
    });
    for changes in [json!({}), up_to_24] {
        let token = || keycloak.token(&access, &changes);
        let moderator = keycloak.me(token()).await;
        assert_eq!(moderator["moderator"], "f:3f0d1f4c-59a5:alice");
        assert_eq!(moderator["name"], "alice");
        assert_eq!(keycloak.may_kick(token()).await, 200);
        let mut changes = changes.clone();
        changes["resource_access"] = auditor["resource_access"].clone();
        let token = || keycloak.token(&access, &changes);
        assert_eq!(keycloak.may_kick(token()).await, 403);
        assert_eq!(keycloak.may_read_everything(token()).await, 200);
    }
    assert_eq!(keycloak.recorded("dashboard").await, 4);
    let id_token = json!({
        "typ": "ID", "aud": "modgate", "azp": "modgate", "nonce": "7d4b3c2a", "at_hash": "lEvVfkMQ1dA8EYbKpbY2Ng",
        "scope": null, "realm_access": null, "allowed-origins": null,
    });
    keycloak
        .assert_refused(keycloak.token(&access, &id_token), ID_TOKEN)
        .await;
    keycloak.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zitadel() {
    let key = SigningKey::rs256("259254409320529922");
    let zitadel = Recipe::of("Zitadel", key, &[]).await;
    let project = zitadel.audience();
    let roles = format!("urn:zitadel:iam:org:project:{project}:roles");
    let access = json!({
        "aud": ["259254317079330819@modgate", "259254409320529923@modgate", project], "client_id": "259254317079330819@modgate",
        "exp": 0, "iat": 0, "nbf": 0, "iss": zitadel.issuer(), "jti": "V2_259311205912207361-at_259311205912272897",
        "sub": "259242039378444290",
        "urn:zitadel:iam:org:project:roles": {"moderator": {"259241944654282754": "acme.eu1.zitadel.cloud"}},
        roles.clone(): {"moderator": {"259241944654282754": "acme.eu1.zitadel.cloud"}},
    });
    let token = || zitadel.token(&access, &json!({}));
    let moderator = zitadel.me(token()).await;
    assert_eq!(moderator["moderator"], "259242039378444290");
    assert_eq!(zitadel.may_kick(token()).await, 200);
    let auditor =
        json!({roles.clone(): {"auditor": {"259241944654282754": "acme.eu1.zitadel.cloud"}}});
    let auditor = || zitadel.token(&access, &auditor);
    assert_eq!(zitadel.may_kick(auditor()).await, 403);
    assert_eq!(zitadel.may_read_everything(auditor()).await, 200);
    // Roles of another project are none here.
    let elsewhere = json!({roles: null, "urn:zitadel:iam:org:project:1:roles": {"moderator": {"1": "other.example"}}});
    assert_eq!(
        zitadel.may_kick(zitadel.token(&access, &elsewhere)).await,
        403
    );
    assert_eq!(zitadel.recorded("259254317079330819@modgate").await, 3);
    let id_token = json!({
        "amr": ["pwd"], "at_hash": "tSB9vHnFhgYQ9LXqSbKBLg", "auth_time": 1_700_000_000, "azp": "259254317079330819@modgate",
        "nonce": "b1c2d3", "jti": null, "sid": "V1_259311205912141825",
    });
    zitadel
        .assert_refused(zitadel.token(&access, &id_token), ID_TOKEN)
        .await;
    zitadel.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dex() {
    let key = SigningKey::rs256("8f2d7a3b6c5e4d1f0a9b8c7d6e5f4a3b2c1d0e9f");
    let mut dex = Recipe::of("Dex", key, &[]).await;
    dex.header = json!({"alg": "RS256", "kid": dex.key.id()});
    // Access tokens have an at_hash, of a random text; nonce only if the login had one.
    let access = json!({
        "iss": dex.issuer(), "sub": "CgcyMzQyNzQ5EgZnaXRodWI", "aud": "dashboard", "exp": 0, "iat": 0, "nonce": "n-0S6_WzA2Mj",
        "at_hash": "x5H0lGdKDjvPHWJ8mFVNGQ", "groups": ["example:moderators", "example:everyone"],
        "name": "Alice W.", "preferred_username": "alice",
    });
    let id_token = json!({"c_hash": "4ZkR1uSIY0Sl4YUdM8Cl1A", "at_hash": "W2vQzJSRkYm1qzOWmKqVJQ"});
    for changes in [json!({}), json!({"nonce": null}), id_token] {
        let moderator = dex.me(dex.token(&access, &changes)).await;
        assert_eq!(moderator["moderator"], "CgcyMzQyNzQ5EgZnaXRodWI");
        assert_eq!(moderator["name"], "alice");
        assert_eq!(
            moderator["scopes"],
            json!(["action:kick_login", "action:kick_seat"])
        );
        assert_eq!(dex.may_kick(dex.token(&access, &changes)).await, 200);
    }
    let auditor = || dex.token(&access, &json!({"groups": ["example:auditors"]}));
    assert_eq!(dex.may_kick(auditor()).await, 403);
    assert_eq!(dex.may_read_everything(auditor()).await, 200);
    // Whoever can name a group cannot name a scope.
    let named = json!({"groups": ["action:kick_login"]});
    assert_eq!(dex.may_kick(dex.token(&access, &named)).await, 403);
    let now = Utc::now().timestamp();
    let of_this_morning = json!({"iat": now - 2 * 3600, "exp": now + 22 * 3600});
    let why = "not issued within the last hour";
    dex.assert_refused(dex.token(&access, &of_this_morning), why)
        .await;
    let of_two = json!({"aud": ["modgate", "dashboard"], "azp": "dashboard"});
    let why = "not for one client alone";
    dex.assert_refused(dex.token(&access, &of_two), why).await;
    dex.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authentik() {
    let key = SigningKey::rs256("b9f3a6c1d0e8472f95ab36c7d1e2f304");
    let authentik = Recipe::of("authentik", key, &[]).await;
    let access = json!({
        "iss": authentik.issuer(), "aud": authentik.audience(), "exp": 0, "iat": 0, "auth_time": 1_700_000_000,
        "sub": "3c6e0b8a9c15224a8228b9a98ca1531d1e2b8f6a7d5c4b3a29180716f5e4d3c2",
        "acr": "goauthentik.io/providers/oauth2/default", "amr": ["pwd", "mfa"], "nonce": "0394852-3190485-2490358",
        "sid": "9b74c9897bac770ffc029102a200c5de", "email": "alice@example.com", "email_verified": true, "name": "Alice W.",
        "given_name": "Alice W.", "preferred_username": "alice", "nickname": "alice", "groups": ["moderators", "staff"],
        "azp": authentik.audience(), "uid": "dP0ZcQ4yE8mUq1sWv7tKxL2nB5hRjF9aGoIiYbTe",
    });
    // A login with nonce and one without, and a provider that says which scopes were granted.
    for changes in [
        json!({}),
        json!({"nonce": null}),
        json!({"scope": "openid profile groups"}),
    ] {
        let moderator = authentik.me(authentik.token(&access, &changes)).await;
        assert_eq!(moderator["name"], "alice");
        assert_eq!(
            authentik.may_kick(authentik.token(&access, &changes)).await,
            200
        );
        let mut changes = changes.clone();
        changes["groups"] = json!(["auditors"]);
        let auditor = || authentik.token(&access, &changes);
        assert_eq!(authentik.may_kick(auditor()).await, 403);
        assert_eq!(authentik.may_read_everything(auditor()).await, 200);
    }
    assert_eq!(authentik.recorded(&authentik.audience()).await, 6);
    authentik.app.stop().await;
}
