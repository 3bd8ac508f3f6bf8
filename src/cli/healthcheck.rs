//! `modgate healthcheck`: what a container without a shell runs to check itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Failed;
use crate::config::{self, Environment};

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn healthcheck(environment: &Environment) -> Result<(), Failed> {
    let address = reachable(config::ops_listen(environment)?);
    match tokio::time::timeout(PATIENCE, status_line(address)).await {
        Ok(Ok(line)) if line.starts_with("HTTP/1.1 200 ") => {
            println!("alive");
            Ok(())
        }
        Ok(Ok(line)) => Err(Failed(format!("{address} answered {line:?}"))),
        Ok(Err(error)) => Err(Failed(format!("{address} cannot be asked: {error}"))),
        Err(_) => Err(Failed(format!("{address} did not answer in time"))),
    }
}

/// An address that is listened on as "any" is asked on this machine.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

/// One request by hand: the HTTP client belongs to `tencent`, with its pinned-down settings.
async fn status_line(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /livez HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer).await?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
