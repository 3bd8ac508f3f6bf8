//! A client of the stream: what the README's example does in a browser.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::support::persona::Persona;

/// Longer than a poll, a round through the record, and a stall of the machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// An open stream.
#[derive(Debug)]
pub(crate) struct Listening {
    response: Response,
    /// Lines that are not whole yet.
    rest: Vec<u8>,
    blocks: VecDeque<Block>,
    current: Block,
    /// As `EventSource` keeps it.
    pub(crate) last_id: Option<String>,
}

/// What is between two empty lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) event: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) retry: Option<String>,
    pub(crate) comment: Option<String>,
}

impl Block {
    pub(crate) fn action(&self) -> Value {
        assert_eq!(self.event.as_deref(), Some("action"), "{self:?}");
        serde_json::from_str(self.data.as_deref().expect("an action has data"))
            .expect("the data is JSON")
    }

    fn line(&mut self, line: &str) {
        let (field, value) = line
            .split_once(':')
            .unwrap_or_else(|| panic!("no field: {line}"));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        let place = match field {
            "event" => &mut self.event,
            "id" => &mut self.id,
            "data" => &mut self.data,
            "retry" => &mut self.retry,
            "" => &mut self.comment,
            other => panic!("no field of server-sent events: {other}"),
        };
        assert_eq!(place.replace(value), None, "one {field} a block");
    }
}

/// Asks for the stream.
pub(crate) async fn ask(who: &Persona, query: &str, last_id: Option<&str>) -> Option<Response> {
    let request = who
        .request(Method::GET, &format!("/v1/actions/stream?{query}"))
        .timeout(Duration::from_mins(10));
    let request = match last_id {
        Some(id) => request.header("Last-Event-ID", id),
        None => request,
    };
    request.send().await.ok()
}

impl Listening {
    pub(crate) fn to(response: Response, last_id: Option<String>) -> Self {
        Self {
            response,
            rest: Vec::new(),
            blocks: VecDeque::new(),
            current: Block::default(),
            last_id,
        }
    }

    /// Opens the stream, and reads its opening block.
    pub(crate) async fn open(who: &Persona, query: &str, last_id: Option<&str>) -> Self {
        let response = ask(who, query, last_id).await.expect("the gateway answers");
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        assert_eq!(header("content-type"), Some("text/event-stream"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("x-accel-buffering"), Some("no"));
        assert!(header("ratelimit").is_some() && header("ratelimit-policy").is_some());
        let mut listening = Self::to(response, last_id.map(str::to_owned));
        let opening = listening.block().await.expect("an opening block");
        assert_eq!(opening.retry.as_deref(), Some("1000"));
        assert!(opening.id.is_some() && opening.event.is_none());
        listening
    }

    /// The next block; `None` if the stream has ended as it should.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        self.try_block().await.expect("the stream does not break")
    }

    /// The same of a gateway that may die.
    pub(crate) async fn try_block(&mut self) -> Result<Option<Block>, reqwest::Error> {
        while self.blocks.is_empty() {
            match self.response.chunk().await? {
                None => return Ok(None),
                Some(chunk) => self.read(&chunk),
            }
        }
        let block = self.blocks.pop_front();
        if let Some(id) = block.as_ref().and_then(|block| block.id.clone()) {
            self.last_id = Some(id);
        }
        Ok(block)
    }

    fn read(&mut self, chunk: &[u8]) {
        self.rest.extend_from_slice(chunk);
        let rest = std::mem::take(&mut self.rest);
        let mut unread = rest.as_slice();
        while let Some((line, after)) = memory_split(unread) {
            unread = after;
            if line.is_empty() {
                self.blocks.push_back(std::mem::take(&mut self.current));
            } else {
                let line = std::str::from_utf8(line).expect("the stream is UTF-8");
                self.current.line(line);
            }
        }
        self.rest = unread.to_vec();
    }

    /// The next event that has a name, without what only keeps the connection.
    pub(crate) async fn event(&mut self) -> Block {
        let named = async {
            loop {
                let block = self.block().await.expect("the stream goes on");
                if block.event.is_some() {
                    return block;
                }
            }
        };
        timeout(PATIENCE, named).await.expect("an event in time")
    }

    /// `user_id state` of the next action.
    pub(crate) async fn told(&mut self) -> String {
        let action = self.event().await.action();
        let word = |member: &str| action[member].as_str().expect("it is a text").to_owned();
        format!("{} {}", word("user_id"), word("state"))
    }

    /// The reason of a reset.
    pub(crate) async fn reset(&mut self) -> String {
        let event = self.event().await;
        assert_eq!(event.event.as_deref(), Some("reset"), "{event:?}");
        let data = event.data.expect("a reset has data");
        let data: Value = serde_json::from_str(&data).expect("the data is JSON");
        data["reason"].as_str().expect("a reason").to_owned()
    }

    /// That nothing comes for this long: several polls.
    pub(crate) async fn silent(&mut self) {
        let heard = timeout(Duration::from_secs(1), self.block()).await;
        assert!(heard.is_err(), "heard {heard:?}");
    }

    pub(crate) fn id(&self) -> &str {
        self.last_id.as_deref().expect("an id was given")
    }
}

/// Before and after the first line end. Written so that a debug build is fast enough for hundreds
/// of megabytes.
fn memory_split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = bytes;
    let mut line = Vec::new();
    let length = std::io::BufRead::read_until(&mut reader, b'\n', &mut line).ok()?;
    let line = bytes[..length].strip_suffix(b"\n")?;
    Some((line, reader))
}
