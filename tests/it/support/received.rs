//! Answers that are kept as they came, to be looked into later.

use std::io;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::persona::Answer;

/// An answer as it came, head and body.
#[derive(Debug)]
pub(crate) struct Received(String);

/// The gateway's answers all have a `Content-Length`.
pub(crate) async fn read_answer(connection: &mut TcpStream) -> io::Result<Received> {
    let mut bytes = Vec::with_capacity(2048);
    loop {
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if std::str::from_utf8(&bytes).is_ok_and(is_whole) {
            let text = String::from_utf8(bytes).map_err(io::Error::other)?;
            return Ok(Received(text));
        }
    }
}

/// Whether all of an answer is there.
pub(crate) fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = field(head, "content-length").and_then(|value| value.parse().ok());
    length == Some(body.len())
}

/// Whether the connection ends with this answer, as with one to a request whose body is not read.
pub(crate) fn says_close(answer: &str) -> bool {
    field(answer, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

fn field<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    let mut fields = head.lines().map_while(|line| match line {
        "" => None,
        line => Some(line.split_once(": ").unwrap_or_default()),
    });
    fields.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
}

impl Received {
    /// Whether the connection ends with it.
    pub(super) fn says_close(&self) -> bool {
        says_close(&self.0)
    }

    /// 0 if there is none.
    pub(crate) fn status(&self) -> u16 {
        let status = self.0.split(' ').nth(1);
        status.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn parsed(&self) -> Answer {
        let (head, body) = self.0.split_once("\r\n\r\n").expect("it was read whole");
        let fields = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let headers: HeaderMap = fields
            .filter_map(|(name, value)| {
                Some((
                    name.parse::<HeaderName>().ok()?,
                    HeaderValue::from_str(value).ok()?,
                ))
            })
            .collect();
        Answer {
            status: self.status(),
            headers,
            text: body.to_owned(),
        }
    }
}
