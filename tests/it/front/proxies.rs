//! `X-Forwarded-For`: what it may and may not do to the record.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::support::app::TestApp;
use crate::support::persona::{KICK_LOGIN, Persona};
use crate::support::world::{World, token};

const LINE: &str = "X-Forwarded-For";

/// The client and the peer that are recorded of a login kick with these lines.
async fn recorded(app: &TestApp, moderator: &Persona, lines: &[&str]) -> (String, String) {
    let mut request = moderator
        .request(Method::POST, KICK_LOGIN)
        .header(CONTENT_TYPE, "application/json");
    for line in lines {
        request = request.header(LINE, *line);
    }
    let answer = moderator.send(request.body(r#"{"user_id": "bob"}"#)).await;
    let id = answer.action()["id"]
        .as_str()
        .expect("an action")
        .to_owned();
    sqlx::query_as("select host(client_ip), host(peer_ip) from audit.actions where id::text = $1")
        .bind(id)
        .fetch_one(&mut app.sql().await)
        .await
        .expect("the action is recorded")
}

fn addresses(client: &str, peer: &str) -> (String, String) {
    (client.to_owned(), peer.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_that_is_not_trusted_forwards_never_reaches_the_record() {
    for trusted in ["", "10.0.0.0/8, 127.0.0.2, ::1"] {
        let world = World::new().await.set("MODGATE_TRUSTED_PROXIES", trusted);
        let app = TestApp::in_world(world).await;
        let alice = app.moderator("alice");
        let forgeries: [&[&str]; 5] = [
            &["203.0.113.66"],
            &["203.0.113.66, 10.0.0.1"],
            &["203.0.113.66", "10.0.0.1", "::1"],
            &["127.0.0.2"],
            &["garbage"],
        ];
        for lines in forgeries {
            let told = recorded(&app, &alice, lines).await;
            assert_eq!(told, addresses("127.0.0.1", "127.0.0.1"), "{lines:?}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_trusted_proxies_in_a_row_give_the_right_client_whatever_he_forged() {
    let trusted = "127.0.0.0/8, 10.1.0.0/16, 2001:db8:1::/48";
    let world = World::new().await.set("MODGATE_TRUSTED_PROXIES", trusted);
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    let chains: [(&[&str], &str); 9] = [
        (&["198.51.100.9, 10.1.2.3"], "198.51.100.9"),
        (&["203.0.113.66, 198.51.100.9, 10.1.2.3"], "198.51.100.9"),
        (
            &["203.0.113.66, 10.1.1.1, 198.51.100.9", "10.1.2.3"],
            "198.51.100.9",
        ),
        (
            &["203.0.113.66", "198.51.100.9:40000", "[2001:db8:1::5]:443"],
            "198.51.100.9",
        ),
        (
            &["203.0.113.66, 2001:db8:2::7, ::ffff:10.1.2.3"],
            "2001:db8:2::7",
        ),
        (&["10.1.9.9, 10.1.2.3"], "10.1.9.9"),
        (&["203.0.113.66, unknown, 10.1.2.3"], "10.1.2.3"),
        (&["203.0.113.66, unknown"], "127.0.0.1"),
        (&[], "127.0.0.1"),
    ];
    for (lines, client) in chains {
        let told = recorded(&app, &alice, lines).await;
        assert_eq!(told, addresses(client, "127.0.0.1"), "{lines:?}");
    }
    let powerless = Persona::new(app.addr, Some(token("mallory", &[])));
    let told = recorded(&app, &powerless, &["203.0.113.66, 198.51.100.9"]).await;
    assert_eq!(
        told,
        addresses("198.51.100.9", "127.0.0.1"),
        "what is denied too"
    );
    app.stop().await;
}
