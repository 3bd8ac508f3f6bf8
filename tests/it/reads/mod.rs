//! Who reads keeps nobody from acting, leaves something for the others, and leaves nothing behind.

mod places;

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::world::{World, token};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The reading statements of the gateway that wait for the table which [`ReadsWait`] holds.
const WAITING: &str = "select count(*) from pg_stat_activity where datname = current_database()
    and application_name = 'modgate' and wait_event_type = 'Lock' and query like '%audit.decision%'";

/// Whatever reads actions waits, until Postgres ends its statement; nothing that is written does.
#[derive(Debug)]
pub(crate) struct ReadsWait(PgConnection);

impl ReadsWait {
    pub(crate) async fn begin(world: &World) -> Self {
        let mut sql = world.sql().await;
        sqlx::raw_sql("begin; lock table audit.decision in access exclusive mode")
            .execute(&mut sql)
            .await
            .expect("nobody holds it for long");
        Self(sql)
    }

    pub(crate) async fn end(self) {
        self.0.close().await.expect("it is open");
    }
}

/// Someone who may do nothing but read what they did.
fn nobody(app: &TestApp, subject: &str) -> Persona {
    Persona::new(app.addr, Some(token(subject, &[])))
}

fn assert_too_many_reads(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.problem()),
        (429, "rate-limited".to_owned())
    );
    assert_eq!(answer.json()["limit"], "reads");
    let seconds = answer.header("retry-after").expect("it says when");
    assert!(seconds.parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    let left = format!(r#""reads";r=0;t={seconds}"#);
    assert_eq!(answer.header("ratelimit"), Some(left.as_str()));
}

pub(crate) async fn keyed(moderator: &Persona, key: &str, user_id: &str) -> Answer {
    let answer = moderator.try_kick_login_keyed(key, user_id).await;
    answer.expect("the gateway answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_read_for_long_keep_nobody_from_acting_and_no_denial_out_of_the_record() {
    for connections in ["6", "16"] {
        let world = World::new().await;
        let app =
            TestApp::in_world(world.set("MODGATE_DATABASE_MAX_CONNECTIONS", connections)).await;
        let wait = ReadsWait::begin(&app).await;
        let mut readers = JoinSet::new();
        for number in 0..30 {
            let reader = nobody(&app, &format!("reader-{number}"));
            readers.spawn(async move {
                loop {
                    reader.get("/v1/actions?room_id=busy").await;
                }
            });
        }
        eventually("they read", PATIENCE, async || {
            (app.count(WAITING).await > 0).then_some(())
        })
        .await;
        let (alice, mallory) = (app.moderator("alice"), nobody(&app, "mallory"));
        for number in 0..6 {
            let user = format!("user{number}");
            let answer = keyed(&alice, &user, &user).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let answer = alice.kick_login(&user).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let denied = mallory.kick_login(&user).await;
            assert_eq!(denied.status, 403);
            assert_eq!(
                denied.action()["recorded"],
                true,
                "{connections}: {}",
                denied.text
            );
        }
        // The lock that this test holds is reported, as `record`, once a statement has waited a second for it.
        let mut degraded = app.operator().get("/readyz").await.json()["degraded"].clone();
        let degraded = degraded.as_array_mut().expect("it is a list");
        degraded.retain(|what| what != "record");
        assert!(degraded.is_empty(), "{degraded:?}");
        drop(readers);
        wait.end().await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_waits_for_no_denial_and_every_denial_is_recorded_late() {
    const DENIALS: usize = 18;
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    let mut sql = app.sql().await;
    // Denials cannot be recorded now, and ends cannot either; intents can.
    sqlx::raw_sql("begin; lock table audit.event in share mode")
        .execute(&mut sql)
        .await
        .expect("nobody holds it for long");
    let denials = join_all((0..DENIALS).map(|number| {
        let mallory = nobody(&app, &format!("mallory-{}", number % 2));
        async move { mallory.kick_login(&format!("user{number}")).await }
    }));
    let acting = async {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database()
            and wait_event_type = 'Lock' and query like '%insert into audit.event%'";
        eventually("denials wait", PATIENCE, async || {
            (app.count(waiting).await > 0).then_some(())
        })
        .await;
        let calls = app.simulator.calls().len();
        let (plain, with_key) = tokio::join!(alice.kick_login("one"), keyed(&alice, "key", "two"));
        assert_eq!(
            (plain.status, with_key.status),
            (200, 200),
            "{} {}",
            plain.text,
            with_key.text
        );
        assert_eq!(app.simulator.calls().len(), calls + 2);
        sqlx::raw_sql("rollback")
            .execute(&mut sql)
            .await
            .expect("it is open");
    };
    let (denials, ()) = tokio::join!(denials, acting);
    assert!(denials.iter().all(|denial| denial.status == 403));
    let recorded = "select count(*) from audit.actions where state = 'denied'";
    eventually("every denial is in the record", PATIENCE, async || {
        (app.count(recorded).await == 18).then_some(())
    })
    .await;
    eventually("every end is", PATIENCE, async || {
        let pending = "select count(*) from audit.actions where state = 'pending'";
        (app.count(pending).await == 0).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_moderator_reads_little_at_a_time_and_others_read_beside_that() {
    let app = TestApp::start().await;
    let wait = ReadsWait::begin(&app).await;
    let mut reading = JoinSet::new();
    for _ in 0..30 {
        let mallory = nobody(&app, "mallory");
        reading.spawn(async move { mallory.get("/v1/actions").await });
    }
    let mut refused = 0;
    // Two are being carried out, and sixteen wait.
    while refused < 12 {
        let answer = reading.join_next().await.expect("more than there may be");
        let answer = answer.expect("without a panic");
        if answer.status == 429 {
            assert_too_many_reads(&answer);
            refused += 1;
        } else {
            assert_eq!(answer.status, 503, "Postgres ended it: {}", answer.text);
        }
    }
    assert!(app.count(WAITING).await <= 2);
    let bob = nobody(&app, "bob");
    let bobs = tokio::spawn(async move { bob.get("/v1/actions").await.status });
    eventually("bob's is carried out beside them", PATIENCE, async || {
        let waiting = app.count(WAITING).await;
        assert!(waiting <= 3, "{waiting} are carried out");
        (waiting == 3 || bobs.is_finished()).then_some(())
    })
    .await;
    wait.end().await;
    assert_ne!(bobs.await.expect("without a panic"), 429);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_who_asks_again_and_again_reads_no_more_than_a_hundred_times_a_second() {
    let app = TestApp::start().await;
    let (mallory, began) = (nobody(&app, "mallory"), Instant::now());
    let (mut read, mut refused) = (0_u32, None);
    // Eight at a time: as fast as it goes, with nobody waiting for a turn for long.
    while refused.is_none() && began.elapsed() < PATIENCE {
        let path = "/v1/actions/01a201ca-577a-77fa-b1d9-afa8ff23a803";
        let answers = join_all((0..8).map(|_| mallory.get(path))).await;
        for answer in answers {
            match answer.status {
                404 => read += 1,
                _ => refused = Some(answer),
            }
        }
        let most = 101.0 + 100.0 * began.elapsed().as_secs_f64();
        assert!(
            f64::from(read) <= most,
            "{read} reads in {:?}",
            began.elapsed()
        );
    }
    // A machine that cannot read so often has nothing to refuse.
    if let Some(refused) = refused {
        assert_too_many_reads(&refused);
    }
    assert_eq!(
        mallory.get("/v1/me").await.status,
        200,
        "nothing is read for it"
    );
    app.stop().await;
}

/// The age of the oldest reading statement that waits, in milliseconds; -1 if there is none.
const OLDEST: &str =
    "select coalesce(max(extract(epoch from clock_timestamp() - query_start)) * 1000, -1)::bigint
    from pg_stat_activity where datname = current_database() and application_name = 'modgate'
    and wait_event_type = 'Lock' and query like '%audit.decision%'";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_for_a_client_that_has_gone_ends_in_postgres() {
    let app = TestApp::start().await;
    let auditor = app.auditor();
    for path in ["/v1/actions", "/v1/actions/export"] {
        let wait = ReadsWait::begin(&app).await;
        let request = auditor.request(Method::GET, path);
        let reading = tokio::spawn(async move { auditor_gone(request).await });
        eventually("it waits", PATIENCE, async || {
            (app.count(OLDEST).await >= 0).then_some(())
        })
        .await;
        reading.abort();
        let _ = reading.await;
        let mut oldest = 0;
        loop {
            let age = app.count(OLDEST).await;
            if age < 0 {
                break;
            }
            oldest = age;
            sleep(Duration::from_millis(20)).await;
        }
        // Its own time-out would end it after 1,800.
        assert!(oldest < 1_500, "{path}: Postgres went on until {oldest} ms");
        wait.end().await;
    }
    assert_eq!(app.auditor().get("/v1/actions").await.status, 200);
    app.stop().await;
}

async fn auditor_gone(request: reqwest::RequestBuilder) {
    let answer = request.send().await;
    panic!("it was answered: {answer:?}");
}
