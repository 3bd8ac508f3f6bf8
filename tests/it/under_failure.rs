//! What the gateway does while Tencent, its credential or the database misbehaves for longer.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modgate::simulator::{Fault, FaultKind};
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::{JWT_SECRET, SECRET_KEY, World};

fn code(code: i64) -> Fault {
    Fault::next(FaultKind::ErrorCode { code, info: None }).for_ever()
}

/// Offers `rate` login kicks a second, for as long, without waiting for answers.
async fn offer(who: &Persona, rate: u32, lasting: Duration) -> Vec<Answer> {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (began, mut asked) = (Instant::now(), Vec::new());
    while began.elapsed() < lasting {
        ticks.tick().await;
        let who = who.clone();
        asked.push(tokio::spawn(async move { who.kick_login("test").await }));
    }
    join_all(asked)
        .await
        .into_iter()
        .map(|answer| answer.expect("no panic"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_fails_for_ever_is_left_alone_and_opens_again_by_itself() {
    let app = TestApp::in_world(World::new().await.set("MODGATE_MODERATOR_QPS", "1000")).await;
    let alice = app.moderator("alice");
    app.simulator.fail(code(70500));
    let answers = offer(&alice, 100, Duration::from_secs(4)).await;
    let calls = app.simulator.calls().len();
    assert!(
        calls <= answers.len() * 11 / 10 + 20,
        "{calls} calls for {} actions",
        answers.len()
    );
    let suspended = answers.iter().filter(|answer| answer.status == 503).count();
    assert!(
        suspended > answers.len() / 2,
        "{suspended} of {} were told",
        answers.len()
    );
    for answer in answers.iter().filter(|answer| answer.status == 503) {
        assert_eq!(answer.problem(), "tencent-unavailable");
        assert!(answer.header("retry-after").is_some());
    }
    let ready = app.operator().get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.json()["degraded"][0]),
        (200, &"tencent".into())
    );
    let metrics = app.operator().get("/metrics").await.text;
    assert!(
        metrics.contains(r#"modgate_suspended{api="kick_login",reason="unavailable"} 1"#),
        "{metrics}"
    );

    // While suspended, nothing but a probe each five seconds.
    let before = app.simulator.calls().len();
    offer(&alice, 50, Duration::from_secs(6)).await;
    let probes = app.simulator.calls().len() - before;
    assert!(
        (1..=6).contains(&probes),
        "{probes} calls in six seconds: two probes, three attempts each at the most"
    );

    app.simulator.clear_faults();
    eventually("open again", Duration::from_secs(15), async || {
        (alice.kick_login("test").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(alice.kick_login("test").await.status, 200);
    app.stop().await;
}

/// A file that holds a secret, gone with the test.
struct SecretFile(PathBuf);

impl SecretFile {
    fn new(secret: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("modgate-secret-{}", Uuid::now_v7())));
        file.replace(secret);
        file
    }

    /// As Kubernetes and careful scripts do: whole or not at all.
    fn replace(&self, secret: &str) {
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, secret).expect("the temporary directory can be written");
        std::fs::rename(&beside, &self.0).expect("a rename in one directory");
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn world_with_secret_file(secret: &SecretFile) -> World {
    let mut world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    world.variables.remove("MODGATE_TENCENT_SECRET_KEY");
    world.set(
        "MODGATE_TENCENT_SECRET_KEY_FILE",
        &secret.0.to_string_lossy(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_key_is_not_hammered_and_the_right_one_is_used_without_a_restart() {
    let secret = SecretFile::new("not-the-secret-key-of-this-app");
    let app = TestApp::in_world(world_with_secret_file(&secret).await).await;
    let alice = app.moderator("alice");
    // A first call, and then many: it is the first refusal that stops the rest.
    assert_eq!(
        alice.kick_login("test").await.problem(),
        "tencent-rejected-gateway"
    );
    let answers = offer(&alice, 100, Duration::from_secs(12)).await;
    let calls = app.simulator.calls().len();
    assert!(calls <= 12, "{calls} calls: at most 60 in a minute");
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 502 && answer.problem() == "tencent-rejected-gateway")
    );

    secret.replace(SECRET_KEY);
    eventually(
        "the right key is used",
        Duration::from_secs(15),
        async || (alice.kick_login("test").await.status == 200).then_some(()),
    )
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_key_is_rotated_under_load_without_a_failed_action() {
    let secret = SecretFile::new(SECRET_KEY);
    let app = TestApp::in_world(world_with_secret_file(&secret).await).await;
    let alice = app.moderator("alice");
    let offering = tokio::spawn({
        let alice = alice.clone();
        async move { offer(&alice, 20, Duration::from_secs(4)).await }
    });
    // Tencent accepts old and new for a while; so does the simulator, that checks one at a time:
    // the file is written with the same key and a line end, then read again.
    secret.replace(&format!("{SECRET_KEY}\n"));
    let answers = offering.await.expect("no panic");
    assert!(answers.iter().all(|answer| answer.status == 200));
    let new_key = "0".repeat(64);
    secret.replace(&new_key);
    app.simulator.set_secret_key(SecretString::from(new_key));
    eventually("the new key is used", Duration::from_secs(15), async || {
        (alice.kick_login("test").await.status == 200).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_the_tokens_and_the_database_url_are_rotated_without_a_restart() {
    let mut world = World::new().await;
    let (jwt, url) = (
        SecretFile::new(JWT_SECRET),
        SecretFile::new(&world.database.url),
    );
    world.variables.remove("MODGATE_JWT_SECRET");
    world.variables.remove("MODGATE_DATABASE_URL");
    let world = world
        .set("MODGATE_JWT_SECRET_FILE", &jwt.0.to_string_lossy())
        .set("MODGATE_DATABASE_URL_FILE", &url.0.to_string_lossy());
    let app = TestApp::in_world(world).await;
    let alice = app.moderator("alice");
    assert_eq!(alice.kick_login("test").await.status, 200);

    jwt.replace(&"another-secret-of-the-tokens-".repeat(2));
    eventually(
        "the old tokens are refused",
        Duration::from_secs(15),
        async || (alice.get("/v1/me").await.status == 401).then_some(()),
    )
    .await;
    jwt.replace(JWT_SECRET);
    let role = format!("rotated_{}", Uuid::now_v7().simple());
    sqlx::query(AssertSqlSafe(format!(
        "create role {role} login superuser password 'new'"
    )))
    .execute(&mut app.sql().await)
    .await
    .expect("the tests' own role may make another");
    let options = PgConnectOptions::from_str(&app.database.url).expect("a URL of Postgres");
    let options = options.username(&role).password("new");
    url.replace(options.to_url_lossy().as_str());
    eventually(
        "the old tokens are good again",
        Duration::from_secs(15),
        async || (alice.get("/v1/me").await.status == 200).then_some(()),
    )
    .await;
    // What is open stays open; here it is closed, so that the next ones are opened by the new URL.
    app.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .await;
    eventually(
        "the record is reached again",
        Duration::from_secs(15),
        async || (alice.kick_login("test").await.status == 200).then_some(()),
    )
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_usersig_is_minted_anew_and_the_moderator_sees_nothing_of_it() {
    let app = TestApp::start().await;
    app.simulator.fail(Fault::next(FaultKind::ErrorCode {
        code: 70001,
        info: None,
    }));
    let answer = app.moderator("alice").kick_login("test").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["attempts"].as_array().map(Vec::len), Some(2));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_by_tencent_cuts_the_permits() {
    let app = TestApp::start().await;
    app.simulator.fail(Fault::next(FaultKind::ErrorCode {
        code: 60007,
        info: None,
    }));
    let answer = app.moderator("alice").kick_login("test").await;
    assert_eq!(
        (answer.status, &answer.json()["limit"]),
        (429, &"tencent".into())
    );
    let operator = app.operator();
    let (free, cut) = (
        operator.permits("free").await,
        operator.permits("cut").await,
    );
    assert!(
        (65..113).contains(&free),
        "half of the 150 that are held, growing back: {free}"
    );
    assert!((37..=75).contains(&cut), "the other half: {cut}");
    let cuts = r#"modgate_permit_cuts_total{api="kick_login"}"#;
    assert_eq!(operator.series(cuts).await, Some(1));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_first_and_answers_until_the_drain_delay_is_over() {
    let world = World::new().await.set("MODGATE_DRAIN_DELAY", "2s");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (alice, operator) = (gateway.moderator("alice"), gateway.operator());
    gateway.signal("TERM");
    eventually("not ready", Duration::from_secs(2), async || {
        (operator.get("/readyz").await.status == 503).then_some(())
    })
    .await;
    assert_eq!(
        alice.kick_login("test").await.status,
        200,
        "it still accepts"
    );
    assert_eq!(gateway.exit(Duration::from_secs(20)).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_exits_at_once() {
    let world = World::new().await.set("MODGATE_DRAIN_DELAY", "1m");
    let gateway = Gateway::start(&world.variables).await;
    gateway.signal("TERM");
    eventually("it drains", Duration::from_secs(5), async || {
        gateway.log().events("draining").pop()
    })
    .await;
    gateway.signal("TERM");
    assert_eq!(gateway.exit(Duration::from_secs(5)).await.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_the_truth_and_no_reason_for_a_second_login_kick() {
    let app = TestApp::in_world(World::new().await.set("MODGATE_TENCENT_TIMEOUT", "500ms")).await;
    let alice = app.moderator("alice");
    app.simulator.fail(Fault::next(FaultKind::Delay {
        duration: Duration::from_secs(2),
    }));
    let answer = alice.kick_login("test").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (504, "outcome-unknown")
    );
    let detail = answer.json()["detail"]
        .as_str()
        .expect("a problem has a detail")
        .to_owned();
    assert!(
        detail.contains("supersedes"),
        "it says what to do: {detail}"
    );
    let id = answer.action()["id"]
        .as_str()
        .expect("an action has an id")
        .to_owned();
    assert_eq!(alice.action(&id).await.json()["state"], "unknown");
    let truth = eventually("the truth arrives", Duration::from_secs(10), async || {
        let action = alice.action(&id).await.json();
        (action["state"] == "succeeded").then_some(action)
    })
    .await;
    assert_eq!(truth["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(truth["attempts"][0]["error_code"], 0);
    assert_eq!(app.simulator.calls().len(), 1);
    let states: Vec<String> = sqlx::query_scalar("select state from audit.event order by rev")
        .fetch_all(&mut app.sql().await)
        .await
        .expect("the record can be read");
    assert_eq!(states, ["unknown", "succeeded"], "both stay");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_freezes_under_load_costs_no_known_end_and_no_memory() {
    // So long that recovery has no part in it: the gateway lives, and knows every end.
    let world = World::with_its_own_postgres()
        .await
        .set("MODGATE_MODERATOR_QPS", "1000")
        .set("MODGATE_ACTION_DEADLINE", "5m");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let cluster = world
        .cluster
        .as_ref()
        .expect("this test has a server of its own");
    let warm = offer(&alice, 50, Duration::from_secs(2)).await;
    assert!(warm.iter().any(|answer| answer.status == 200));

    let before = gateway.resident_kilobytes();
    let offering = tokio::spawn({
        let alice = alice.clone();
        async move { offer(&alice, 50, Duration::from_secs(14)).await }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster.freeze().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let grown = gateway.resident_kilobytes().saturating_sub(before);
    cluster.thaw().await;
    let answers = offering.await.expect("no panic");
    assert!(grown < 50 * 1024, "{grown} kB more while frozen");
    assert!(
        answers.iter().any(|answer| answer.status == 503),
        "it was frozen"
    );

    eventually(
        "service is back by itself",
        Duration::from_secs(15),
        async || (alice.kick_login("test").await.status == 200).then_some(()),
    )
    .await;
    eventually(
        "every action has its end",
        Duration::from_secs(45),
        async || {
            let pending = "select count(*) from audit.actions where state = 'pending'";
            (world.count(pending).await == 0).then_some(())
        },
    )
    .await;
    world.assert_the_record_is_whole().await;
    let succeeded = "select id::text from audit.actions where state = 'succeeded'";
    let succeeded: Vec<String> = sqlx::query_scalar(succeeded)
        .fetch_all(&mut world.sql().await)
        .await
        .expect("the record can be read");
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        let told = answer.json();
        let id = told["id"].as_str().expect("an action has an id");
        assert!(
            succeeded.iter().any(|recorded| recorded == id),
            "told, and not recorded: {told}"
        );
    }
}
