//! What stands between modgate and those who call it: reverse proxies, and pages of other origins.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::{Reader, parse};

/// What is known of the way that requests come.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// `MODGATE_TRUSTED_PROXIES`
    pub trusted_proxies: TrustedProxies,
    /// `MODGATE_CORS_ORIGINS`, each as a browser sends it.
    pub cors_origins: Vec<String>,
}

/// The networks whose word about their own clients is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The networks and addresses between the commas of `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let networks = parse::list(text).into_iter().enumerate();
        networks
            .map(|(index, item)| {
                network(&item).ok_or_else(|| {
                    format!(
                        "item {} must be an address or a network such as 10.0.0.0/8, IPv4 without ::ffff:",
                        index + 1
                    )
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether `address`, in its canonical form, is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether all there is of a family of addresses is in one of them.
    pub(super) fn contain_everyone(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }
}

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

pub(super) fn front(reader: &mut Reader<'_>) -> Option<Front> {
    let proxies = reader
        .text("MODGATE_TRUSTED_PROXIES")
        .map_or(Ok(TrustedProxies::default()), |text| {
            TrustedProxies::parse(&text)
        })
        .map_err(|rule| reader.fault("MODGATE_TRUSTED_PROXIES", rule));
    let origins = reader
        .text("MODGATE_CORS_ORIGINS")
        .map_or(Ok(Vec::new()), |text| origins(&text))
        .map_err(|rule| reader.fault("MODGATE_CORS_ORIGINS", rule));
    Some(Front {
        trusted_proxies: proxies.ok()?,
        cors_origins: origins.ok()?,
    })
}

fn origins(text: &str) -> Result<Vec<String>, String> {
    let items = parse::list(text);
    match items.iter().position(|item| !is_origin(item)) {
        None => Ok(items),
        Some(index) => Err(format!(
            "item {} must be an origin as browsers send it: https://host or https://host:port, in \
             lower case, without a path, a default port or a wildcard",
            index + 1
        )),
    }
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
