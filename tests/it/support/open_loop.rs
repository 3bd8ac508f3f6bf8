//! An open loop of kicks: each is asked for at its own moment, whatever became of those before it.
//!
//! Written by hand on a socket, because on a small machine a whole HTTP client would take more of
//! it than the gateway that is measured.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::persona::Answer;

/// A connection is not used again after that: the gateway may be closing it.
const LONGEST_IDLE: Duration = Duration::from_secs(2);

/// A kick that was asked for, and what came back.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) user_id: String,
    pub(crate) answer: io::Result<Answer>,
    pub(crate) waited: Duration,
}

/// Moderators who ask for login kicks of ever new users, in turns.
#[derive(Debug)]
pub(crate) struct Crowd {
    addr: SocketAddr,
    tokens: Vec<String>,
    idle: Mutex<Vec<(TcpStream, Instant)>>,
}

impl Crowd {
    pub(crate) fn new(addr: SocketAddr, tokens: Vec<String>) -> Arc<Self> {
        Arc::new(Self {
            addr,
            tokens,
            idle: Mutex::default(),
        })
    }

    /// Asks `per_second` times a second for that long, to kick `name`0, `name`1, and so on.
    /// Returns when all answers are there.
    pub(crate) async fn offer(
        self: Arc<Self>,
        name: &str,
        per_second: u32,
        lasting: Duration,
    ) -> Vec<Asked> {
        let kicks = lasting.as_millis() * u128::from(per_second) / 1000;
        let (start, mut asking) = (Instant::now(), JoinSet::new());
        for (kick, speaker) in (0..kicks).zip((0..self.tokens.len()).cycle()) {
            let kick = u32::try_from(kick).expect("tests are short");
            sleep_until(start + Duration::from_secs(1) * kick / per_second).await;
            let (crowd, user_id) = (Arc::clone(&self), format!("{name}{kick}"));
            asking.spawn(async move {
                let asked_at = Instant::now();
                let answer = crowd.kick_login(&crowd.tokens[speaker], &user_id).await;
                Asked {
                    user_id,
                    answer,
                    waited: asked_at.elapsed(),
                }
            });
        }
        let late = start.elapsed().saturating_sub(lasting);
        assert!(
            late < lasting / 4,
            "{per_second} kicks a second cannot be offered here: {late:?} late"
        );
        asking.join_all().await
    }

    async fn kick_login(&self, token: &str, user_id: &str) -> io::Result<Answer> {
        let body = format!(r#"{{"user_id":"{user_id}"}}"#);
        let request = format!(
            "POST /v1/actions/kick_login HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.addr,
            body.len()
        );
        let mut connection = match self.idle_connection() {
            Some(connection) => connection,
            None => TcpStream::connect(self.addr).await?,
        };
        connection.write_all(request.as_bytes()).await?;
        let answer = read_answer(&mut connection).await?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((connection, Instant::now()));
        Ok(answer)
    }

    fn idle_connection(&self) -> Option<TcpStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, since) = idle.pop()?;
        if since.elapsed() < LONGEST_IDLE {
            return Some(connection);
        }
        // Those below were idle for longer.
        idle.clear();
        None
    }
}

/// The gateway's answers all have a `Content-Length`.
async fn read_answer(connection: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::with_capacity(2048);
    loop {
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some(answer) = text
            .split_once("\r\n\r\n")
            .and_then(|(head, body)| whole(head, body))
        {
            return Ok(answer);
        }
    }
}

fn whole(head: &str, body: &str) -> Option<Answer> {
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let fields = lines.filter_map(|line| line.split_once(": "));
    let headers: HeaderMap = fields
        .filter_map(|(name, value)| {
            Some((
                name.parse::<HeaderName>().ok()?,
                HeaderValue::from_str(value).ok()?,
            ))
        })
        .collect();
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    (body.len() == length).then(|| Answer {
        status,
        headers,
        text: body.to_owned(),
    })
}
