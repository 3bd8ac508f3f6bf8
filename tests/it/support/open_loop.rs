//! An open loop of kicks: each is asked for at its own moment, whatever became of those before it.
//!
//! Written by hand on a socket, on a thread of its own, and without a look into the answers while
//! it runs: on a small machine a whole HTTP client would take more of it than the gateways that are
//! measured.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::received::{Received, read_answer};

/// A connection is not used again after that: the gateway may be closing it.
const LONGEST_IDLE: Duration = Duration::from_secs(2);

/// A kick that was asked for, and what came back.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) user_id: String,
    /// Which of the crowd's gateways was asked.
    pub(crate) door: usize,
    pub(crate) answer: io::Result<Received>,
    pub(crate) at: Instant,
    pub(crate) waited: Duration,
}

/// Moderators who ask for login kicks of ever new users, in turns, one gateway after the other.
#[derive(Debug)]
pub(crate) struct Crowd {
    doors: Mutex<Vec<SocketAddr>>,
    tokens: Vec<String>,
    patience: Duration,
}

/// A crowd that is asking. Dropped, it stops.
#[derive(Debug)]
pub(crate) struct Load {
    stop: DropGuard,
    asked: oneshot::Receiver<Vec<Asked>>,
}

/// The connections of one load.
#[derive(Debug, Default)]
struct Connections(Mutex<Vec<(SocketAddr, TcpStream, Instant)>>);

impl Crowd {
    pub(crate) fn new(doors: Vec<SocketAddr>, tokens: Vec<String>) -> Arc<Self> {
        Self::impatient(doors, tokens, Duration::from_mins(1))
    }

    /// Each gives up after `patience`.
    pub(crate) fn impatient(
        doors: Vec<SocketAddr>,
        tokens: Vec<String>,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            doors: Mutex::new(doors),
            tokens,
            patience,
        })
    }

    /// Another gateway has taken the place of this one.
    pub(crate) fn moved(&self, door: usize, addr: SocketAddr) {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)[door] = addr;
    }

    /// Asks `per_second` times a second for that long, to kick `name`0, `name`1, and so on.
    /// Returns when all answers are there.
    pub(crate) async fn offer(
        self: Arc<Self>,
        name: &str,
        per_second: u32,
        lasting: Duration,
    ) -> Vec<Asked> {
        let Load { stop: _stop, asked } = self.start(name, per_second, lasting);
        asked.await.expect("the load could be offered")
    }

    /// The same in the background, until it is stopped.
    pub(crate) fn start(self: &Arc<Self>, name: &str, per_second: u32, at_most: Duration) -> Load {
        let (crowd, name) = (Arc::clone(self), name.to_owned());
        let (done, asked) = oneshot::channel();
        let stopped = CancellationToken::new();
        let stop = stopped.clone().drop_guard();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let asked = runtime.block_on(crowd.ask(&name, per_second, at_most, stopped));
            // Nobody waits for what a dropped load was answered.
            let _ = done.send(asked);
        });
        Load { stop, asked }
    }

    async fn ask(
        self: Arc<Self>,
        name: &str,
        per_second: u32,
        at_most: Duration,
        stopped: CancellationToken,
    ) -> Vec<Asked> {
        let kicks = at_most.as_millis() * u128::from(per_second) / 1000;
        let kicks = u32::try_from(kicks).expect("tests are short");
        let (start, connections) = (Instant::now(), Arc::new(Connections::default()));
        let (mut asking, mut latest) = (JoinSet::new(), Duration::ZERO);
        for kick in 0..kicks {
            let due = start + Duration::from_secs(1) * kick / per_second;
            if stopped
                .run_until_cancelled(sleep_until(due))
                .await
                .is_none()
            {
                break;
            }
            latest = latest.max(due.elapsed());
            let (crowd, connections) = (Arc::clone(&self), Arc::clone(&connections));
            let user_id = format!("{name}{kick}");
            asking.spawn(async move { crowd.kick(kick as usize, user_id, &connections).await });
        }
        assert!(
            latest < Duration::from_secs(2),
            "{per_second} kicks a second cannot be offered here: {latest:?} late"
        );
        asking.join_all().await
    }

    async fn kick(&self, kick: usize, user_id: String, connections: &Connections) -> Asked {
        let at = Instant::now();
        let (door, speaker, addr) = {
            let doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
            let door = kick % doors.len();
            (door, kick / doors.len() % self.tokens.len(), doors[door])
        };
        let body = format!(r#"{{"user_id":"{user_id}"}}"#);
        let request = format!(
            "POST /v1/actions/kick_login HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.tokens[speaker],
            body.len()
        );
        let answer = timeout(self.patience, connections.ask(addr, &request)).await;
        Asked {
            user_id,
            door,
            answer: answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            at,
            waited: at.elapsed(),
        }
    }
}

impl Load {
    /// No more is asked. Returns when all answers are there.
    pub(crate) async fn stop(self) -> Vec<Asked> {
        drop(self.stop);
        self.asked.await.expect("the load could be offered")
    }
}

impl Connections {
    async fn ask(&self, addr: SocketAddr, request: &str) -> io::Result<Received> {
        let mut connection = match self.idle(addr) {
            Some(connection) => connection,
            None => TcpStream::connect(addr).await?,
        };
        connection.write_all(request.as_bytes()).await?;
        let answer = read_answer(&mut connection).await?;
        if answer.says_close() {
            return Ok(answer);
        }
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((addr, connection, Instant::now()));
        Ok(answer)
    }

    fn idle(&self, addr: SocketAddr) -> Option<TcpStream> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = idle.iter().rposition(|(other, ..)| *other == addr)?;
        let (_, connection, since) = idle.remove(latest);
        if since.elapsed() < LONGEST_IDLE {
            return Some(connection);
        }
        // Those before it were idle for longer.
        idle.retain(|(other, ..)| *other != addr);
        None
    }
}
