//! Whom a host name means.

use std::net::IpAddr;

/// Whether `host`, as it stands in a URL, is this machine: what goes there crosses no network. Other
/// names than `localhost` are nobody's promise.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}
