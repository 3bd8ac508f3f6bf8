//! Floods of what is refused: they cost others nothing, and do not fill the record.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::Row;

use super::{DONE, Replicas, SECOND, assert_only, crowd, measured};
use crate::support::received::{is_whole, says_close};
use crate::support::world::{World, token};

const CONNECTIONS: usize = 8;
const LASTING: Duration = Duration::from_secs(10);
/// `MODGATE_MODERATOR_QPS`, as it is by default.
const MODERATOR_QPS: f64 = 20.0;

/// A thread that asks as fast as it is answered, on several connections.
struct Flood {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<BTreeMap<u16, usize>>,
    start: Instant,
}

impl Flood {
    /// Asks these requests, in turns.
    fn start(addr: SocketAddr, requests: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            ask(addr, &requests, &stopped).expect("the gateway answers")
        });
        Self {
            stop,
            thread,
            start: Instant::now(),
        }
    }

    /// How often each status was answered, and how long the flood lasted.
    fn stop(self) -> (BTreeMap<u16, usize>, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let answered = self.thread.join().expect("the flood went well");
        (answered, self.start.elapsed())
    }
}

fn kick(authorization: &str, body: &str) -> String {
    format!(
        "POST /v1/actions/kick_login HTTP/1.1\r\nhost: modgate\r\n{authorization}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ask(
    addr: SocketAddr,
    requests: &[String],
    stopped: &AtomicBool,
) -> io::Result<BTreeMap<u16, usize>> {
    let mut connections = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(addr))
        .collect::<io::Result<Vec<_>>>()?;
    let (mut answered, mut requests) = (BTreeMap::new(), requests.iter().cycle());
    while !stopped.load(Ordering::Relaxed) {
        for connection in &mut connections {
            let request = requests.next().expect("there is one at least");
            connection.write_all(request.as_bytes())?;
        }
        for connection in &mut connections {
            let answer = read_answer(connection)?;
            let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok());
            *answered.entry(status.unwrap_or(0)).or_default() += 1;
            if says_close(&answer) {
                *connection = TcpStream::connect(addr)?;
            }
        }
    }
    Ok(answered)
}

fn read_answer(connection: &mut TcpStream) -> io::Result<String> {
    let (mut bytes, mut end) = ([0; 4096], 0);
    loop {
        match connection.read(&mut bytes[end..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => end += read,
        }
        let text = std::str::from_utf8(&bytes[..end]).map_err(io::Error::other)?;
        if is_whole(text) {
            return Ok(text.to_owned());
        }
    }
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_without_valid_tokens_costs_a_moderator_no_action() {
    let mut replicas = Replicas::in_world(World::under_load().await).await;
    replicas.start(1).await;
    let good = token("mallory", &["action:kick_login"]);
    let (signed, _) = good.rsplit_once('.').expect("a token has three parts");
    let other = token("trent", &["action:kick_login"]);
    let (_, signature) = other.rsplit_once('.').expect("a token has three parts");
    let authorizations = [
        String::new(),
        bearer("nonsense"),
        bearer(&format!("{signed}.{signature}")),
        "authorization: Basic bWFsbG9yeTpzZWNyZXQ=\r\n".to_owned(),
    ];
    // Without a body the connections stay open, and the flood is faster.
    let requests = authorizations.iter().map(|value| kick(value, ""));
    let flood = Flood::start(replicas.gateways[0].addr, requests.collect());
    let alice = crowd(&replicas.gateways, &["alice"]);
    let asked = alice.offer("user", 20, LASTING).await;
    let (answered, lasted) = flood.stop();
    measured(&format!(
        "the flood was answered {answered:?} in {lasted:?}"
    ));
    assert_eq!(answered.keys().copied().collect::<Vec<_>>(), [401]);
    assert_only(&asked, &[DONE]);
    replicas.assert_the_limit_and_the_record().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_denied_actions_fills_the_record_no_faster_than_its_moderators_may_ask() {
    let mut replicas = Replicas::in_world(World::under_load().await).await;
    replicas.world.variables.remove("MODGATE_MODERATOR_QPS");
    replicas.start(1).await;
    let requests = ["mallory", "trudy"]
        .map(|subject| kick(&bearer(&token(subject, &[])), r#"{"user_id":"user"}"#));
    let flood = Flood::start(replicas.gateways[0].addr, requests.to_vec());
    let alice = crowd(&replicas.gateways, &["alice"]);
    let asked = alice.offer("user", 10, LASTING).await;
    let (answered, lasted) = flood.stop();
    measured(&format!(
        "the flood was answered {answered:?} in {lasted:?}"
    ));
    assert_eq!(answered.keys().copied().collect::<Vec<_>>(), [403, 429]);
    assert_only(&asked, &[DONE]);
    let rows = sqlx::query(
        "select moderator, count(*) from audit.actions where state = 'denied' group by moderator",
    )
    .fetch_all(&mut replicas.world.sql().await)
    .await
    .expect("the record can be read");
    assert_eq!(rows.len(), 2);
    for row in rows {
        let (moderator, rows): (String, i64) = (row.get(0), row.get(1));
        let rows = f64::from(i32::try_from(rows).expect("tests are short"));
        // The burst is as many again.
        let most = MODERATOR_QPS * (lasted + SECOND).as_secs_f64();
        measured(&format!("{rows} rows of {moderator}, {most:.0} at most"));
        assert!(rows <= most, "{rows} rows of {moderator} in {lasted:?}");
    }
}
