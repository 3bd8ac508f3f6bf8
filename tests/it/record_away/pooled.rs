//! Connections that are kept open: they are not tried out in the way of a click, and one that has died
//! costs none.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{app_with_its_own_postgres, mallory, own, works};
use crate::support::app::TestApp;
use crate::support::world::World;

/// Half of a round trip to Postgres.
const WAY: Duration = Duration::from_millis(60);

/// A network between the gateway and Postgres on which everything takes [`WAY`].
async fn far_from(postgres: SocketAddr) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let mut network = JoinSet::new();
    network.spawn(async move {
        let mut ways = JoinSet::new();
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(postgres)
                .await
                .expect("Postgres listens");
            let ((near_read, near_write), (far_read, far_write)) =
                (near.into_split(), far.into_split());
            ways.spawn(one_way(near_read, far_write));
            ways.spawn(one_way(far_read, near_write));
        }
    });
    (addr, network)
}

/// Each byte arrives [`WAY`] after it was sent, however many are on their way.
async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let (sent, mut on_its_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let leaving = async {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut bytes).await?;
            if read == 0
                || sent
                    .send((Instant::now() + WAY, bytes[..read].to_vec()))
                    .is_err()
            {
                drop(sent);
                return io::Result::Ok(());
            }
        }
    };
    let arriving = async {
        while let Some((at, bytes)) = on_its_way.recv().await {
            sleep_until(at).await;
            to.write_all(&bytes).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(leaving, arriving).map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_waits_for_two_round_trips_to_the_record_and_for_no_more() {
    let world = World::new().await;
    let options: PgConnectOptions = world.database.url.parse().expect("a URL");
    let postgres = format!("{}:{}", options.get_host(), options.get_port());
    let postgres = tokio::net::lookup_host(postgres)
        .await
        .expect("a host")
        .next();
    let (addr, _network) = far_from(postgres.expect("an address")).await;
    let far = options.host("127.0.0.1").port(addr.port()).to_url_lossy();
    let app = TestApp::in_world(world.set("MODGATE_DATABASE_URL", far.as_str())).await;
    let alice = app.moderator("alice");
    let mut quickest = Duration::MAX;
    // The first ones open connections and prepare statements.
    for number in 0..20 {
        let began = Instant::now();
        assert_eq!(alice.kick_login(&format!("user{number}")).await.status, 200);
        quickest = quickest.min(began.elapsed());
    }
    // The intent and the end, one round trip each; the third is for the machine.
    let (least, most) = (WAY * 2 * 2, WAY * 2 * 3);
    assert!(
        quickest >= least,
        "it did not go over the slow network: {quickest:?}"
    );
    assert!(quickest < most, "{quickest:?}");
    app.stop().await;
}

/// Uses many connections at once, and a moment ago.
async fn used(app: &TestApp) {
    let acting = (0..6).map(|number| app.moderator(&format!("moderator-{number}")));
    let acting = join_all(acting.map(async |moderator| {
        assert_eq!(moderator.kick_login("test").await.status, 200);
        assert_eq!(moderator.get("/v1/actions").await.status, 200);
    }));
    acting.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_postgres_between_two_clicks_costs_none_of_them() {
    let app = app_with_its_own_postgres().await;
    for round in 0..3 {
        used(&app).await;
        own(&app).stop_fast().await;
        own(&app).start().await;
        let (alice, mallory) = (app.moderator("alice"), mallory(&app));
        let key = format!("key-{round}");
        let plain = join_all((0..3).map(|_| alice.kick_login("test")));
        let (plain, keyed, denied, list) = tokio::join!(
            plain,
            alice.try_kick_login_keyed(&key, "test"),
            mallory.kick_login("test"),
            alice.get("/v1/actions"),
        );
        for answer in plain.iter().chain([&keyed.expect("it is answered"), &list]) {
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_ne!(answer.json()["recorded"], false, "{}", answer.text);
        }
        assert_eq!(denied.action()["recorded"], true, "{}", denied.text);
    }
    let not_sent =
        "select count(*) from audit.actions where state in ('not_sent', 'unknown', 'pending')";
    assert_eq!(app.count(not_sent).await, 0);
    works(&app).await;
    app.stop().await;
}
