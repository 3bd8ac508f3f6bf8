//! One attempt: one HTTP request, bounded in time, and what it proves.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};

use super::credential::UserSigSource;
use super::deadline::CallDeadline;
use super::envelope::Judgement;
use super::exchange::{Exchange, PermitUse, judge_exchange};
use super::last_check;
use super::request::{Admin, build_request};
use super::settings::{BaseUrl, Credential, Error, Settings};
use super::transport::{Head, fetch, http_client};
use crate::audit::SendToken;
use crate::domain::{Attempt, Command, Failure, Kind, Verdict, Wire};
use crate::limit::Permit;

/// How long after its deadline an answer is still listened for.
pub const LISTENING: Duration = Duration::from_secs(10);

/// Calls the two APIs. Made once, shared by everyone, as it holds the connections.
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) url: BaseUrl,
    pub(super) sdk_app_id: u32,
    pub(super) admin: String,
    usersigs: ArcSwap<UserSigSource>,
    /// What another credential is checked and used with.
    usersig_ttl: Duration,
    wire: Wire,
    timeout: Duration,
}

impl Client {
    /// A client for one app and one admin. Connects to nobody yet.
    ///
    /// # Errors
    /// [`Error`] says which of the `settings` cannot be used.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        if settings.sdk_app_id == 0 {
            return Err(Error::SdkAppId);
        }
        if settings.admin.is_empty() || settings.admin.contains(char::is_control) {
            return Err(Error::Admin);
        }
        let http = http_client(&settings)?;
        let usersigs = UserSigSource::new(
            &settings.credential,
            settings.sdk_app_id,
            &settings.admin,
            settings.usersig_ttl,
        )?;
        let Settings {
            url,
            sdk_app_id,
            admin,
            kick_field,
            timeout,
            usersig_ttl,
            ..
        } = settings;
        Ok(Self {
            http,
            url,
            sdk_app_id,
            admin,
            usersigs: ArcSwap::from_pointee(usersigs),
            usersig_ttl,
            wire: Wire {
                login_kick_field: kick_field.as_str(),
            },
            timeout,
        })
    }

    /// The host that is called, with the port if it is not the scheme's own.
    pub fn host(&self) -> &str {
        self.url.host()
    }

    /// The identifier that the gateway calls with.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// When the `UserSig` in use ends; `None` if it was made elsewhere and cannot be read. One
    /// that is due is renewed first, so that an idle gateway does not seem to have an old one.
    pub fn usersig_expires_at(&self) -> Option<SystemTime> {
        self.usersigs().ends_at(SystemTime::now())
    }

    /// Makes the next call mint a new `UserSig`: Tencent refused the one in use. `false` if there
    /// is nothing to mint it from.
    pub fn renew_usersig(&self) -> bool {
        self.usersigs().renew()
    }

    /// Calls with another credential from here on.
    ///
    /// # Errors
    /// If it cannot be used; the one before stays in use.
    pub fn set_credential(&self, credential: &Credential) -> Result<(), Error> {
        let usersigs =
            UserSigSource::new(credential, self.sdk_app_id, &self.admin, self.usersig_ttl)?;
        self.usersigs.store(Arc::new(usersigs));
        Ok(())
    }

    pub(super) fn usersigs(&self) -> Arc<UserSigSource> {
        self.usersigs.load_full()
    }

    /// When an attempt that begins now is given up, if its action must have ended by `action`.
    pub fn call_deadline(&self, action: Instant) -> CallDeadline {
        CallDeadline::of(action, self.timeout)
    }

    /// Makes the one attempt that `token` announces. Nothing is sent once `deadline` has passed, or
    /// the lease on its permit has run out.
    /// An answer is waited for until [`LISTENING`] after it, for whoever has given up still wants
    /// to know. An attempt that still connects when its time is up
    /// counts as one that may have been sent.
    ///
    /// `permit` is given back as soon as it is known how it was used. Dropping the future closes the
    /// socket and drops the permit.
    pub async fn send(
        &self,
        token: SendToken,
        permit: Permit,
        deadline: CallDeadline,
    ) -> (Attempt, Verdict) {
        let valid = permit.validity();
        let check = move || (!valid()).then_some(Failure::LeaseLapsed);
        let exchange = self
            .exchange(token.command(), token.random(), deadline, LISTENING, check)
            .await;
        match exchange.permit_use {
            PermitUse::Unused => permit.unused(),
            PermitUse::Answered => permit.answered(),
            PermitUse::Abandoned => permit.abandoned(),
        }
        let Judgement {
            answer,
            failure,
            verdict,
        } = exchange.judgement;
        let attempt = Attempt {
            number: token.number(),
            random: token.random(),
            duration: exchange.duration,
            http_status: exchange.http_status,
            answer,
            failure: failure.map(Into::into),
        };
        (attempt, verdict)
    }

    /// The part of [`Client::send`] that needs neither token nor permit.
    pub(super) async fn exchange(
        &self,
        command: &Command,
        random: u32,
        deadline: CallDeadline,
        listening: Duration,
        check: impl Fn() -> Option<Failure> + Send + Sync + Unpin + 'static,
    ) -> Exchange {
        let usersigs = self.usersigs();
        let usersig = usersigs.usersig(SystemTime::now());
        let secrets = secrets(&usersigs, &usersig);
        let admin = Admin {
            sdk_app_id: self.sdk_app_id,
            identifier: &self.admin,
            usersig: &usersig,
        };
        let mut request = build_request(&self.url, &admin, &self.wire, command, random);
        let started = Instant::now();
        let check = move || {
            let late = deadline.has_passed().then_some(Failure::DeadlinePassed);
            late.or_else(&check)
        };
        last_check::add(&mut request, check);
        let mut head = Head::default();
        let fetched = if deadline.has_passed() {
            Err(Failure::DeadlinePassed)
        } else {
            // Whatever is still open is closed here, with the future that holds it.
            let fetching = fetch(&self.http, request, &secrets, &mut head);
            let fetched = timeout_at(deadline.at() + listening, fetching).await;
            fetched.map_or(Err(Failure::TimedOut), |fetched| {
                fetched.map_err(|lost| lost.failure)
            })
        };
        let duration = started.elapsed();
        let (permit_use, judgement) = judge_exchange(command.kind().api, fetched, &secrets);
        advise(command.kind(), &judgement);
        Exchange {
            permit_use,
            duration,
            http_status: head.status,
            judgement,
        }
    }
}

/// Tells the operator what Tencent's answer to this kind may mean.
fn advise(kind: Kind, judgement: &Judgement) {
    let error_code = judgement.answer.as_ref().map(|answer| answer.error_code);
    for (code, advice) in kind.advice {
        if error_code == Some(*code) {
            tracing::warn!(kind = kind.as_str(), error_code, "{advice}");
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("host", &self.host())
            .field("sdk_app_id", &self.sdk_app_id)
            .field("admin", &self.admin)
            .field("usersigs", &self.usersigs())
            .finish_non_exhaustive()
    }
}

/// What no text that is kept may hold.
pub(super) fn secrets<'a>(usersigs: &'a UserSigSource, usersig: &'a SecretString) -> Vec<&'a str> {
    let secrets = usersigs.secret_key().into_iter().chain([usersig]);
    secrets.map(ExposeSecret::expose_secret).collect()
}
