//! Whoever sends requests without waiting for answers takes no more than one who waits.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::app::MODERATOR;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::world::{World, token};

const CONNECTIONS: usize = 10;
const CLICKS: usize = 25;

/// Asks for ever, a hundred requests at a time, and takes what is answered.
async fn pipeline(addr: SocketAddr, token: String) {
    let connection = TcpStream::connect(addr).await.expect("the gateway listens");
    let (mut answers, mut requests) = connection.into_split();
    let request =
        format!("GET /v1/me HTTP/1.1\r\nhost: modgate\r\nauthorization: Bearer {token}\r\n\r\n")
            .repeat(100);
    let asking = async { while requests.write_all(request.as_bytes()).await.is_ok() {} };
    let taking = async {
        let mut bytes = vec![0; 64 * 1024];
        while answers.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    };
    tokio::join!(asking, taking);
    panic!("the gateway ended the connection of somebody with a valid token");
}

/// Asks for ever, one request at a time.
async fn one_at_a_time(reader: Persona) {
    loop {
        assert_eq!(reader.get("/v1/me").await.status, 200);
    }
}

/// The longest that one of alice's clicks takes, each on a connection of its own.
async fn longest_click(addr: SocketAddr, name: &str) -> Duration {
    let mut longest = Duration::ZERO;
    for click in 0..CLICKS {
        let alice = Persona::new(addr, Some(token("alice", &MODERATOR)));
        let began = Instant::now();
        let answer = alice.kick_login(&format!("{name}-{click}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        longest = longest.max(began.elapsed());
    }
    longest
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_sent_without_waiting_take_no_more_than_others() {
    let mut world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    world.be_alone().await;
    let eve = token("eve", &[]);
    let mut waiting = JoinSet::new();
    for _ in 0..CONNECTIONS {
        waiting.spawn(one_at_a_time(Persona::new(gateway.addr, Some(eve.clone()))));
    }
    let beside_one_at_a_time = longest_click(gateway.addr, "waiting").await;
    waiting.shutdown().await;
    let mut pipelining = JoinSet::new();
    for _ in 0..CONNECTIONS {
        pipelining.spawn(pipeline(gateway.addr, eve.clone()));
    }
    let beside_pipelines = longest_click(gateway.addr, "pipelined").await;
    assert_eq!(pipelining.len(), CONNECTIONS, "all go on");
    assert!(
        beside_pipelines <= beside_one_at_a_time * 3 + Duration::from_millis(250),
        "{beside_pipelines:?} beside pipelines, {beside_one_at_a_time:?} beside those who wait"
    );
}
