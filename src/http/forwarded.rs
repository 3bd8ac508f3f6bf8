//! The address of the client behind reverse proxies, as far as it can be believed.
//!
//! Each proxy appends to `X-Forwarded-For` whom it was called by, so the list is to be read from
//! its right end, and only as far as those who wrote it are trusted: a hop says who is to the left
//! of it. What is left of the first hop that is not trusted, the client may have written itself.

use std::iter::once;
use std::net::{IpAddr, SocketAddr};

use crate::http::settings::TrustedProxies;

/// The most items that are looked at: nobody has that many proxies.
const MOST: usize = 64;

/// The right-most hop that is not trusted, of `peer` and the lines of `X-Forwarded-For` before it,
/// which come last first. Of trusted hops alone it is the left-most.
///
/// An item that is no address ends the walk: its writer is the last hop that is known. So a proxy
/// that could not tell whom it was called by is itself recorded, and not what an unknown client
/// wrote further to the left. Empty items are none (RFC 9110, 5.6.1).
pub(super) fn client<'a>(
    peer: IpAddr,
    lines_from_the_last: impl Iterator<Item = &'a [u8]>,
    trusted: &TrustedProxies,
) -> IpAddr {
    let items = lines_from_the_last.flat_map(|line| line.rsplit(|byte| *byte == b','));
    let hops = items
        .take(MOST)
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
        .map_while(address);
    let mut known = peer;
    for hop in once(peer).chain(hops) {
        known = hop;
        if !trusted.contain(hop) {
            break;
        }
    }
    known
}

/// An address, as different proxies write it: bare, with a port, in brackets.
fn address(item: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(item).ok()?;
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bracketed {
        Some(inner) => inner.parse().map(IpAddr::V6).ok(),
        None => text.parse().ok(),
    };
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    address
        .or_else(with_port)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRUSTED: &str = "10.0.0.0/8, 192.0.2.7/32, 2001:db8:1::/48";

    /// Peer, lines, client.
    const CASES: &[(&str, &[&str], &str)] = &[
        // Nobody is believed who is not trusted.
        ("203.0.113.5", &[], "203.0.113.5"),
        ("203.0.113.5", &["10.9.9.9, 1.1.1.1"], "203.0.113.5"),
        ("192.0.2.8", &["1.1.1.1"], "192.0.2.8"),
        // One proxy, two proxies, and what a client wrote before them.
        ("10.0.0.1", &["198.51.100.9"], "198.51.100.9"),
        ("192.0.2.7", &["1.1.1.1, 198.51.100.9"], "198.51.100.9"),
        (
            "10.0.0.1",
            &["1.1.1.1,198.51.100.9,10.0.0.2"],
            "198.51.100.9",
        ),
        (
            "10.0.0.1",
            &["198.51.100.9, 203.0.113.1, 10.0.0.2"],
            "203.0.113.1",
        ),
        // Lines are joined in the order they came.
        ("10.0.0.1", &["1.1.1.1", "198.51.100.9"], "198.51.100.9"),
        (
            "10.0.0.1",
            &["1.1.1.1, 198.51.100.9", "10.0.0.2"],
            "198.51.100.9",
        ),
        (
            "10.0.0.1",
            &["198.51.100.9", "10.0.0.2", "10.0.0.3"],
            "198.51.100.9",
        ),
        // All are trusted: the left-most.
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        // Every way to write an address.
        ("10.0.0.1", &["198.51.100.9:50123"], "198.51.100.9"),
        ("10.0.0.1", &["2001:db8::9"], "2001:db8::9"),
        ("10.0.0.1", &["2001:DB8:0::9"], "2001:db8::9"),
        ("10.0.0.1", &["[2001:db8::9]"], "2001:db8::9"),
        ("10.0.0.1", &["[::1]:443"], "::1"),
        ("10.0.0.1", &["::ffff:198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", &["[::ffff:198.51.100.9]:443"], "198.51.100.9"),
        (
            "10.0.0.1",
            &["198.51.100.9, ::ffff:10.0.0.2"],
            "198.51.100.9",
        ),
        (
            "2001:db8:1::1",
            &["198.51.100.9, 2001:db8:1:2::3"],
            "198.51.100.9",
        ),
        ("2001:db8:2::1", &["198.51.100.9"], "2001:db8:2::1"),
        // Empty items say nothing.
        ("10.0.0.1", &[""], "10.0.0.1"),
        ("10.0.0.1", &[" , ,198.51.100.9, \t,"], "198.51.100.9"),
        (
            "10.0.0.1",
            &["198.51.100.9", "", "10.0.0.2,"],
            "198.51.100.9",
        ),
        // What is no address ends the walk at the hop that wrote it.
        ("10.0.0.1", &["unknown"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.9, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["unknown, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", &["for=198.51.100.9"], "10.0.0.1"),
        ("10.0.0.1", &["\"198.51.100.9\""], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.009"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.9/32"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.9:99999"], "10.0.0.1"),
        ("10.0.0.1", &["[198.51.100.9]"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.9 10.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", &["\u{2066}198.51.100.9"], "10.0.0.1"),
    ];

    /// With the lines in the order in which they came.
    fn client_of(peer: &str, lines: &[&str]) -> String {
        let trusted = TRUSTED
            .split(',')
            .map(|network| network.trim().parse().unwrap());
        let trusted: TrustedProxies = trusted.collect();
        let lines = lines.iter().rev().map(|line| line.as_bytes());
        client(peer.parse().unwrap(), lines, &trusted).to_string()
    }

    #[test]
    fn the_client_is_the_right_most_hop_that_is_not_trusted() {
        for (peer, lines, expected) in CASES {
            assert_eq!(client_of(peer, lines), *expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn of_a_very_long_header_only_the_end_is_looked_at() {
        let long = format!("1.1.1.1, {}", "10.0.0.2, ".repeat(MOST - 1));
        assert_eq!(client_of("10.0.0.1", &[&long]), "10.0.0.2");
        let empty = ",".repeat(100_000);
        assert_eq!(client_of("10.0.0.1", &["1.1.1.1", &empty]), "10.0.0.1");
        let garbage = "1".repeat(100_000);
        assert_eq!(client_of("10.0.0.1", &["1.1.1.1", &garbage]), "10.0.0.1");
        let end = format!("{garbage}, 198.51.100.9");
        assert_eq!(client_of("10.0.0.1", &[&end]), "198.51.100.9");
    }

    #[test]
    fn without_trusted_proxies_nothing_is_believed() {
        let nobody = TrustedProxies::default();
        let peer = "127.0.0.1".parse().unwrap();
        assert_eq!(client(peer, once(b"1.1.1.1".as_slice()), &nobody), peer);
    }

    proptest! {
        #[test]
        fn whatever_a_client_writes_before_it_the_answer_is_the_same(
            forged in prop::collection::vec("[ -~]{0,40}|10\\.0\\.0\\.[1-9]|(10\\.1\\.1\\.1, ?){1,90}", 0..6),
            in_one_line in any::<bool>(),
            proxies in prop::collection::vec("10\\.0\\.[0-9]\\.[0-9]|\\[2001:db8:1::[1-9]\\]:80", 0..5),
        ) {
            let honest = ["198.51.100.9"].into_iter().chain(proxies.iter().map(String::as_str));
            let honest = honest.collect::<Vec<_>>().join(", ");
            let mut lines = forged.clone();
            if in_one_line {
                lines = vec![forged.into_iter().chain([honest]).collect::<Vec<_>>().join(",")];
            } else {
                lines.push(honest);
            }
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            prop_assert_eq!(client_of("10.0.0.1", &lines), "198.51.100.9");
            prop_assert_eq!(client_of("198.51.100.9", &lines), "198.51.100.9");
        }
    }
}
