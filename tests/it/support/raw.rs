//! HTTP by hand, for what no client library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What came back on a connection.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    /// Of the first answer; `None` if the connection was closed without one.
    pub(crate) status: Option<u16>,
    /// Everything that was read.
    pub(crate) text: String,
}

/// Sends `bytes` as they are and reads one answer. Panics if there is neither an answer nor the end
/// of the connection within `patience`.
pub(crate) async fn exchange(addr: SocketAddr, bytes: &[u8], patience: Duration) -> RawAnswer {
    let stream = TcpStream::connect(addr).await.expect("the gateway listens");
    let (mut receiving, mut sending) = stream.into_split();
    let answered = async {
        let send = async {
            // The gateway may have heard enough before the end.
            let _ = sending.write_all(bytes).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = send => unreachable!("it stays open"),
            answer = read_answer(&mut receiving) => answer,
        }
    };
    let answered = timeout(patience, answered).await;
    answered.expect("an answer, or the end of the connection, in time")
}

/// Sends all of `bytes` before it looks for an answer, as simple clients do. `Err` if the gateway
/// would not take them all.
pub(crate) async fn send_all_then_read(
    addr: SocketAddr,
    bytes: &[u8],
    patience: Duration,
) -> std::io::Result<RawAnswer> {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(bytes).await?;
        Ok(read_answer(&mut stream).await)
    };
    timeout(patience, exchange)
        .await
        .expect("an answer in time")
}

async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> RawAnswer {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
        }
        if is_whole(&bytes) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok());
    RawAnswer { status, text }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("content-length");
        named.then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}
