//! Where keys are published, and how they are fetched from there.

use std::str::FromStr;
use std::time::Duration;

use reqwest::{Certificate, Client, Url, redirect, retry};

use crate::auth::Error;
use crate::auth::keys::{KeySet, SkippedKey, key_set};
use crate::domain::is_loopback;

/// In bytes. The documents of large providers, certificates included, are below 32 KiB.
const LARGEST_DOCUMENT: usize = 256 * 1024;

/// Of one fetch as a whole.
const FETCH_TIMEOUT: Duration = Duration::from_secs(4);

/// How many keys an error names: a line must stay one that can be read.
const MOST_KEYS_NAMED: usize = 10;

/// Where the keys of an identity provider are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksUrl(Url);

impl FromStr for JwksUrl {
    type Err = Error;

    /// An https URL, or an http one to this machine: whoever can change the answer can make tokens.
    fn from_str(text: &str) -> Result<Self, Error> {
        let url = Url::parse(text).map_err(|_| Error::JwksUrl)?;
        let safe = match (url.scheme(), url.host_str()) {
            ("https", Some(_)) => true,
            ("http", Some(host)) => is_loopback(host),
            _ => false,
        };
        let bare =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (safe && bare).then_some(Self(url)).ok_or(Error::JwksUrl)
    }
}

/// Why a fetch brought nothing. Its causes name no URL.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or half of one.
    #[error("the document cannot be fetched")]
    Http(#[source] reqwest::Error),
    /// Another status than 200. Redirects are not followed.
    #[error("the provider answered with status {0}")]
    Status(u16),
    /// More than any provider publishes.
    #[error("the document is larger than {LARGEST_DOCUMENT} bytes")]
    TooLarge,
    /// HTML, say, or a member that is there twice.
    #[error("the document is not a JWK Set")]
    Malformed,
    /// An empty answer is likelier a fault of the provider than its will that nobody works.
    #[error("the document has no key that checks signatures of tokens{}", list(.0))]
    NoKey(Vec<SkippedKey>),
}

fn list(skipped: &[SkippedKey]) -> String {
    let named = skipped.iter().take(MOST_KEYS_NAMED);
    let named = named.map(ToString::to_string);
    let parts: Vec<_> = std::iter::once(String::new()).chain(named).collect();
    parts.join("; ")
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

/// How often keys are fetched.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Though nobody asks for a key: one that was withdrawn is accepted for that long.
    pub refresh_every: Duration,
    /// After a fetch that failed.
    pub retry_after: Duration,
    /// From the beginning of one fetch to that of the next, at least.
    pub min_interval: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            refresh_every: Duration::from_mins(5),
            retry_after: Duration::from_secs(10),
            min_interval: Duration::from_secs(5),
        }
    }
}

/// Where keys come from, and whom to believe there.
#[derive(Clone, Debug)]
pub struct JwksSource {
    /// Where they are published.
    pub url: JwksUrl,
    /// Certificates in PEM that are trusted beside the system's.
    pub further_roots: Option<Vec<u8>>,
    /// How often they are fetched.
    pub pace: Pace,
}

/// The client, and what it asks for.
#[derive(Debug)]
pub(super) struct Source {
    http: Client,
    url: JwksUrl,
}

impl Source {
    pub(super) fn new(source: JwksSource) -> Result<Self, Error> {
        let mut builder = Client::builder()
            .user_agent(concat!("modgate/", env!("CARGO_PKG_VERSION")))
            .timeout(FETCH_TIMEOUT)
            // A redirect may lead where the operator would not have sent us.
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy();
        if let Some(pem) = source.further_roots {
            let roots = Certificate::from_pem_bundle(&pem).map_err(|_| Error::FurtherRoots)?;
            builder = builder.tls_certs_merge(roots);
        }
        let http = builder.build().map_err(|_| Error::JwksClient)?;
        let url = source.url;
        Ok(Self { http, url })
    }

    /// The keys that are published now: at least one that can be used.
    pub(super) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let mut response = self.http.get(self.url.0.clone()).send().await?;
        if response.status() != 200 {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if document.len() + chunk.len() > LARGEST_DOCUMENT {
                return Err(FetchError::TooLarge);
            }
            document.extend_from_slice(&chunk);
        }
        let set = key_set(&document).ok_or(FetchError::Malformed)?;
        if set.keys.is_empty() {
            return Err(FetchError::NoKey(set.skipped));
        }
        Ok(set)
    }
}
