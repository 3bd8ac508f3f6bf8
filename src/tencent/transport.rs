//! The HTTP client, pinned down, and the one place where it is used.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::DATE;
use reqwest::{Certificate, Proxy, Request, Response, Url, redirect, retry};
use secrecy::{ExposeSecret, SecretString};

use super::last_check::held_back;
use super::redact::redact;
use super::settings::{Error, Settings};
use crate::domain::{Failure, printable};

/// In bytes. Tencent's own answers to a kick are below 1 KiB.
const LARGEST_ANSWER: usize = 64 * 1024;

/// Short, because a connection that the other end closes just as a request goes out costs that
/// request its outcome. Clicks that follow one another still share it.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// Half of an attempt's time is for connecting, so that a host which does not answer at all is
/// known as one that was not reached. Names, TLS and the proxy's tunnel are in that half.
///
/// Below this there is one more repeat that cannot be switched off: a request that found its
/// kept connection closed before a byte of it was written goes out on another one. That is safe.
pub(super) fn http_client(settings: &Settings) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("modgate/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .connect_timeout(settings.timeout / 2)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy();
    // The kernel gives up what is not acknowledged in time, even if this process is stopped: the
    // limit counts on it that no call arrives long after its attempt.
    #[cfg(target_os = "linux")]
    {
        builder = builder.tcp_user_timeout(settings.timeout);
    }
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(proxy_of(proxy)?);
    }
    if let Some(pem) = &settings.further_roots {
        builder = builder.tls_certs_merge(roots_of(pem)?);
    }
    builder
        .build()
        .map_err(|error| Error::HttpClient(error.without_url()))
}

/// Whether `url` can be [`Settings::proxy`].
pub fn check_proxy(url: &SecretString) -> Result<(), Error> {
    proxy_of(url).map(drop)
}

/// Whether `pem` can be [`Settings::further_roots`].
pub fn check_roots(pem: &[u8]) -> Result<(), Error> {
    roots_of(pem).map(drop)
}

/// The proxy at `url`, `http` or `https`.
pub(super) fn proxy_of(url: &SecretString) -> Result<Proxy, Error> {
    let url = Url::parse(url.expose_secret()).map_err(|_| Error::Proxy)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::Proxy);
    }
    Proxy::all(url).map_err(|_| Error::Proxy)
}

/// The certificates in `pem`, at least one.
pub(super) fn roots_of(pem: &[u8]) -> Result<Vec<Certificate>, Error> {
    let roots = Certificate::from_pem_bundle(pem).map_err(|_| Error::FurtherRoots)?;
    if roots.is_empty() {
        Err(Error::FurtherRoots)
    } else {
        Ok(roots)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) failure: Failure,
    /// What the HTTP client says of it, without URL and credential; for people.
    pub(super) causes: String,
}

impl From<Failure> for Lost {
    fn from(failure: Failure) -> Self {
        let causes = failure.as_str().to_owned();
        Self { failure, causes }
    }
}

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    pub(super) status: Option<u16>,
    /// `Date`, in seconds (RFC 9110, 6.6.1).
    pub(super) date: Option<DateTime<Utc>>,
}

/// Sends the request and reads the answer to its end. `head` is there also for a caller that drops the future
/// before that.
///
/// Of the failures, only [`Failure::Connect`] and those of the last check say that no byte left.
pub(super) async fn fetch(
    http: &reqwest::Client,
    request: Request,
    secrets: &[&str],
    head: &mut Head,
) -> Result<(u16, Vec<u8>), Lost> {
    let mut response = http.execute(request).await.map_err(|error| {
        let failure = match held_back(&error) {
            Some(failure) => failure,
            None if error.is_connect() => Failure::Connect,
            None => Failure::ConnectionLost,
        };
        lost(error, failure, secrets)
    })?;
    let status = response.status().as_u16();
    *head = Head {
        status: Some(status),
        date: date(&response),
    };
    let mut body = Vec::new();
    loop {
        let chunk = response
            .chunk()
            .await
            .map_err(|error| lost(error, Failure::ConnectionLost, secrets))?;
        let Some(chunk) = chunk else {
            return Ok((status, body));
        };
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Failure::AnswerTooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
}

fn date(response: &Response) -> Option<DateTime<Utc>> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(date).ok().map(Into::into)
}

/// The only place that sees an error of the HTTP client. It prints its URL, and what its causes
/// print is not promised by anyone, so the credential is looked for as well.
fn lost(error: reqwest::Error, failure: Failure, secrets: &[&str]) -> Lost {
    let error = error.without_url();
    let mut causes = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ = write!(causes, ": {cause}");
        source = cause.source();
    }
    let causes = printable(&redact(&causes, secrets), 500);
    tracing::debug!(failure = failure.as_str(), causes, "the attempt failed");
    Lost { failure, causes }
}
