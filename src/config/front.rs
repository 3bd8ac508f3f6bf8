//! The settings about what stands between modgate and its clients: reverse proxies, and pages of other origins.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::Reader;
use super::variable::Variable;
use crate::http::Front;

fn network(item: &str) -> Option<IpNet> {
    let network = item
        .parse()
        .or_else(|_| item.parse().map(|address: IpAddr| address.into()));
    network.ok().filter(|network| match network {
        // Addresses are looked up in their canonical form: nothing would ever be in it.
        IpNet::V6(network) => !is_mapped(network.network()) || network.prefix_len() < 96,
        IpNet::V4(_) => true,
    })
}

const fn is_mapped(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some()
}

pub(super) const TRUSTED_PROXIES: Variable = Variable::plain("MODGATE_TRUSTED_PROXIES", "");
pub(super) const CORS_ORIGINS: Variable = Variable::plain("MODGATE_CORS_ORIGINS", "");

pub(super) fn front(reader: &mut Reader<'_>) -> Option<Front> {
    let proxies = reader.list(TRUSTED_PROXIES, |item| {
        network(item)
            .ok_or("must be an address or a network such as 10.0.0.0/8, IPv4 without ::ffff:")
    });
    let origins = reader.list(CORS_ORIGINS, |item| {
        let origin = is_origin(item).then(|| item.to_owned());
        origin.ok_or(
            "must be an origin as browsers send it: https://host or https://host:port, in lower \
             case, without a path, a default port or a wildcard",
        )
    });
    Some(Front {
        trusted_proxies: proxies?.into_iter().collect(),
        cors_origins: origins?,
    })
}

/// Whether a browser can send it as `Origin` (RFC 6454, 6.2): compared byte by byte, anything else
/// would never match. `null` is what pages without an origin send, whoever made them.
fn is_origin(item: &str) -> bool {
    let Some((scheme, authority)) = item.split_once("://") else {
        return false;
    };
    let default_port = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let right_port = port.is_none_or(|port| {
        port != default_port && !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok()
    });
    right_port && is_host(host)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let parsed = address.parse::<Ipv6Addr>();
        return parsed.is_ok_and(|parsed| parsed.to_string() == address);
    }
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    host.split('.').all(label)
}
