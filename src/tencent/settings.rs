//! What the client has to be told, and the values that have a rule.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use crate::domain::{Violation, is_loopback};

/// What the client is built from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The regional base URL, `https://console.tim.qq.com` for China.
    pub url: BaseUrl,
    /// The URL of an egress proxy, `http` or `https`; secret, as it may hold a password. The
    /// proxies of the environment are never used.
    pub proxy: Option<SecretString>,
    /// Further root certificates in PEM, for a proxy that terminates TLS.
    pub further_roots: Option<Vec<u8>>,
    /// The `SDKAppID` of the console, 1 to 4294967295.
    pub sdk_app_id: u32,
    /// The `identifier`: an account that the console lists as an app admin.
    pub admin: String,
    /// What proves that the gateway is that admin.
    pub credential: Credential,
    /// How long a minted `UserSig` is valid, in whole seconds, at least one. Tencent advises 24 h
    /// or more (text of error 70001).
    pub usersig_ttl: Duration,
    /// The member of the kick's body that names the user.
    pub kick_field: KickField,
    /// The longest that one attempt may take, more than zero. Tencent's own time-out is 3 s, and
    /// a caller's should be longer (REST API overview, FAQ).
    pub timeout: Duration,
}

/// What proves to Tencent that the gateway is the admin.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The app's secret key: a `UserSig` is minted from it whenever one is due.
    SecretKey(SecretString),
    /// A `UserSig` made elsewhere. Nothing renews it.
    UserSig(SecretString),
}

/// The member of `im_open_login_svc/kick` that names the user. The documents said `Identifier`
/// until January 2022 and say `UserID` since; which of them an app accepts, only a call shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KickField {
    /// `Identifier`
    Identifier,
    /// `UserID`
    UserId,
}

impl KickField {
    /// The rule, as the operator reads it when it is broken.
    pub const RULE: &'static str = "must be Identifier or UserID";

    /// The name of the member.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identifier => "Identifier",
            Self::UserId => "UserID",
        }
    }
}

impl TryFrom<&str> for KickField {
    type Error = Violation;

    fn try_from(text: &str) -> Result<Self, Violation> {
        [Self::Identifier, Self::UserId]
            .into_iter()
            .find(|field| field.as_str() == text)
            .ok_or(Violation(Self::RULE))
    }
}

/// The scheme, the host and perhaps a path prefix that every request's URL begins with. It holds
/// no credential, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    url: Url,
    host: String,
}

impl BaseUrl {
    /// Takes an `https` URL. An `http` one is taken if its host is this machine, or with
    /// `allow_http`; the `UserSig` then crosses the network in the clear.
    ///
    /// The [`Violation`] displays the rule that `text` breaks, and never `text` itself.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, Violation> {
        let url = Url::parse(text).map_err(|_| Violation("must be an absolute URL"))?;
        let Some(host) = url.host_str() else {
            return Err(Violation("must have a host"));
        };
        match url.scheme() {
            "https" => {}
            "http" if allow_http || is_loopback(host) => {}
            _ => return Err(Violation("must be https, or http to this machine")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Violation("must not hold a user name or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Violation("must not have a query or a fragment"));
        }
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { url, host })
    }

    /// The host, with the port if it is not the scheme's own.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the `UserSig` crosses a network in the clear.
    pub fn is_exposed(&self) -> bool {
        self.url.scheme() == "http" && !self.url.host_str().is_some_and(is_loopback)
    }

    /// The URL of an API, such as `im_open_login_svc/kick`, without a query.
    pub(super) fn of_api(&self, service_and_command: &str) -> Url {
        let mut url = self.url.clone();
        let prefix = self.url.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/v4/{service_and_command}"));
        url
    }
}

/// The client cannot be built from its settings. Says nothing about their values.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `sdk_app_id` is 0.
    #[error("the SDKAppID must be 1 to 4294967295")]
    SdkAppId,
    /// `admin` is empty, or a line break in it would put forged lines into what is signed.
    #[error("the admin identifier must not be empty or hold control characters")]
    Admin,
    /// The secret key or the `UserSig` is empty.
    #[error("the credential must not be empty")]
    Credential,
    /// `usersig_ttl` is out of range.
    #[error("the UserSig must be valid for 1 to 4294967295 seconds")]
    UserSigTtl,
    /// `proxy` is not a URL that can be used.
    #[error("the proxy must be an http or https URL")]
    Proxy,
    /// `further_roots` holds no certificate, or a broken one.
    #[error("the further root certificates must be certificates in PEM")]
    FurtherRoots,
    /// TLS or the resolver could not be set up.
    #[error("the HTTP client cannot be set up")]
    HttpClient(#[source] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<String, Violation> {
        BaseUrl::parse(text, false).map(|url| url.of_api("service/command").to_string())
    }

    #[test]
    fn an_api_url_is_the_base_url_and_its_path() {
        for base in [
            "https://console.tim.qq.com",
            "https://console.tim.qq.com:443/",
        ] {
            assert_eq!(
                url(base).unwrap(),
                "https://console.tim.qq.com/v4/service/command"
            );
        }
        assert_eq!(
            url("http://[::1]:8/im/").unwrap(),
            "http://[::1]:8/im/v4/service/command"
        );
    }

    #[test]
    fn the_host_carries_only_an_unusual_port() {
        let host = |text| BaseUrl::parse(text, false).unwrap().host().to_owned();
        assert_eq!(host("https://console.tim.qq.com:443"), "console.tim.qq.com");
        assert_eq!(host("http://127.0.0.1:8090/"), "127.0.0.1:8090");
        assert_eq!(host("http://[::1]:8090/"), "[::1]:8090");
    }

    #[test]
    fn plain_http_needs_a_loopback_host_or_leave() {
        for loopback in ["http://localhost:1", "http://127.8.0.1", "http://[::1]"] {
            assert!(
                !BaseUrl::parse(loopback, true).unwrap().is_exposed(),
                "{loopback}"
            );
            assert!(url(loopback).is_ok(), "{loopback}");
        }
        for remote in [
            "http://sim:8090",
            "http://localhost.example",
            "http://127.0.0.1.example",
        ] {
            assert!(url(remote).is_err(), "{remote}");
            assert!(
                BaseUrl::parse(remote, true).unwrap().is_exposed(),
                "{remote}"
            );
        }
    }

    #[test]
    fn a_base_url_holds_no_credential_and_no_query() {
        for bad in [
            "",
            "console.tim.qq.com",
            "ftp://console.tim.qq.com",
            "unix:/socket",
            "https://",
            "https://user@host",
            "https://:secret@host",
            "https://host?",
            "https://host?usersig=secret",
            "https://host#",
        ] {
            let violation = url(bad).unwrap_err();
            assert!(!violation.to_string().contains("secret"), "{bad}");
        }
    }

    #[test]
    fn a_kick_field_is_one_of_two_names() {
        assert_eq!(KickField::try_from("Identifier"), Ok(KickField::Identifier));
        assert_eq!(KickField::try_from("UserID"), Ok(KickField::UserId));
        for bad in ["", "identifier", "UserId"] {
            assert_eq!(
                KickField::try_from(bad),
                Err(Violation(KickField::RULE)),
                "{bad}"
            );
        }
    }
}
