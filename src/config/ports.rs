//! Where the two ports are.

use std::net::{IpAddr, SocketAddr};

use super::Reader;
use super::variable::Variable;

/// Where the API listens.
pub(crate) const LISTEN: Variable = Variable::plain("MODGATE_LISTEN", "127.0.0.1:8080");

/// Where the operations port is.
pub(crate) const OPS_LISTEN: Variable = Variable::plain("MODGATE_OPS_LISTEN", "127.0.0.1:9090");

/// The address of the API and that of the operations port. Both cannot be had if they overlap: the
/// second one would be refused by the kernel, and only at the start.
pub(super) fn ports(reader: &mut Reader<'_>) -> Option<(SocketAddr, SocketAddr)> {
    let (api, ops) = (reader.parsed(LISTEN), reader.parsed(OPS_LISTEN));
    let (api, ops): (SocketAddr, SocketAddr) = (api?, ops?);
    if overlap(api, ops) {
        let rule = format!("must not be the same port as {OPS_LISTEN}");
        reader.fault(LISTEN, rule);
        return None;
    }
    Some((api, ops))
}

/// Whether one process cannot listen at both.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_within = |ip: IpAddr, any: IpAddr| {
        // `[::]` takes IPv4 as well, unless the machine is told otherwise (ipv6(7), bindv6only).
        any.is_unspecified() && (any.is_ipv6() || ip.is_ipv4())
    };
    let (ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    let shares_an_address = ip == other_ip || is_within(ip, other_ip) || is_within(other_ip, ip);
    one.port() != 0 && one.port() == other.port() && shares_an_address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_port_of_addresses_that_share_one_is_an_overlap() {
        for (one, other, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "0.0.0.0:81", false),
            ("[::]:80", "0.0.0.0:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "[::1]:80", true),
            ("[::1]:80", "0.0.0.0:80", false),
            ("[::1]:80", "127.0.0.1:80", false),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
            ("[::ffff:127.0.0.1]:80", "0.0.0.0:80", true),
        ] {
            let [one, other] = [one, other].map(|address| address.parse().unwrap());
            assert_eq!(overlap(one, other), expected, "{one} {other}");
            assert_eq!(overlap(other, one), expected, "{other} {one}");
        }
    }
}
