//! `modgate healthcheck`: what a container without a shell runs to check itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Failed, output};
use crate::config::{self, Environment};

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn healthcheck(environment: &Environment) -> Result<(), Failed> {
    let address = config::ops_listen(environment)?;
    match timeout(PATIENCE, get(address, "/livez")).await {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200 ") => output::line("alive"),
        Ok(Ok(answer)) => {
            let line = answer.lines().next().unwrap_or_default();
            Err(Failed(format!("{address} answered {line:?}")))
        }
        Ok(Err(error)) => Err(Failed(format!("{address} cannot be asked: {error}"))),
        Err(_) => Err(Failed(format!("{address} did not answer in time"))),
    }
}

/// What a modgate that listens at these addresses answers, and hardly anybody else: at its API's, and at
/// that of its operations port.
const SIGNS: [(&str, &str); 2] = [
    ("/v1/me", "urn:modgate:problem:"),
    ("/livez", r#"{"status":"alive"}"#),
];

/// Whether it is a modgate that listens on this machine at `addresses`, of its API and of its
/// operations port.
pub(super) async fn are_modgate(addresses: [SocketAddr; 2]) -> [bool; 2] {
    let is_modgate = async |address, (path, sign): (&str, &str)| {
        let answer = timeout(PATIENCE, get(address, path)).await;
        matches!(answer, Ok(Ok(answer)) if answer.contains(sign))
    };
    let ([api, ops], [of_api, of_ops]) = (addresses, SIGNS);
    let (api, ops) = tokio::join!(is_modgate(api, of_api), is_modgate(ops, of_ops));
    [api, ops]
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
async fn get(listening: SocketAddr, path: &str) -> std::io::Result<String> {
    let address = reachable(listening);
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
