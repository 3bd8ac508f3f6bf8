//! Calls to an API of Tencent's are stopped for a stated reason until a stated time or event.
//!
//! One mechanism for three reasons. While an API is suspended, one action now and then is let through
//! as a probe; what Tencent answers to it, or to a call that was still under way, opens it again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{Api, Attempt, Class, Failure, SuspendedFor, Verdict};
use crate::tencent::is_about_the_signature;

/// Actions in a row without an answer of use, after which an API counts as unavailable.
const UNAVAILABLE_AFTER: u32 = 10;

/// Between two probes; for a lock-out, until calls are made again at all.
const fn interval(reason: SuspendedFor) -> Duration {
    match reason {
        SuspendedFor::Unavailable => Duration::from_secs(5),
        SuspendedFor::Credential => Duration::from_secs(10),
        SuspendedFor::LockedOut => Duration::from_mins(1),
    }
}

/// What the operator should do.
const fn advice(reason: SuspendedFor) -> &'static str {
    match reason {
        SuspendedFor::Unavailable => {
            "see Tencent's status page, MODGATE_TENCENT_URL and the way out of this network"
        }
        SuspendedFor::Credential => {
            "check MODGATE_TENCENT_SECRET_KEY, MODGATE_TENCENT_ADMIN and MODGATE_TENCENT_SDK_APP_ID"
        }
        SuspendedFor::LockedOut => {
            "too many signatures were wrong, here or elsewhere: nothing is sent for a minute"
        }
    }
}

/// Calls to the API are suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    /// Why.
    pub reason: SuspendedFor,
    /// When the next probe may be made.
    pub retry_after: Duration,
}

/// The leave to make calls, asked for when an action arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// The API is open.
    Open,
    /// The API is suspended, and this action finds out whether it still has to be.
    Probe,
}

/// What an action as a whole says about the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Answers,
    Unavailable,
    BadCredential,
    LockedOut,
    Nothing,
}

/// Those of each API.
#[derive(Debug)]
pub(super) struct Suspensions(Vec<(&'static Api, Mutex<Health>)>);

/// What is known of one API.
#[derive(Debug, Default)]
struct Health {
    unavailable_in_a_row: u32,
    suspended: Option<(SuspendedFor, Instant)>,
}

impl Default for Suspensions {
    fn default() -> Self {
        Self(
            Api::all()
                .iter()
                .map(|api| (*api, Mutex::default()))
                .collect(),
        )
    }
}

impl Suspensions {
    /// Whether an action that arrives now may call `api`.
    pub(super) fn ask(&self, api: &Api) -> Result<Admission, Suspended> {
        let now = Instant::now();
        let mut health = self.health(api);
        let Some((reason, next)) = health.suspended else {
            return Ok(Admission::Open);
        };
        if now < next {
            return Err(Suspended {
                reason,
                retry_after: next - now,
            });
        }
        if reason == SuspendedFor::LockedOut {
            health.open(api, "the minute is over");
            return Ok(Admission::Open);
        }
        health.suspended = Some((reason, now + interval(reason)));
        Ok(Admission::Probe)
    }

    /// Whether an action with this leave must not call any more: asked right before each call.
    pub(super) fn forbids(&self, api: &Api, admission: Admission) -> Option<Suspended> {
        let now = Instant::now();
        let (reason, next) = self.health(api).suspended?;
        let probes = admission == Admission::Probe && reason != SuspendedFor::LockedOut;
        (!probes && now < next).then(|| Suspended {
            reason,
            retry_after: next - now,
        })
    }

    /// Why `api` is suspended at this moment, if it is.
    pub(super) fn reason(&self, api: &Api) -> Option<SuspendedFor> {
        self.health(api).suspended.map(|(reason, _)| reason)
    }

    /// Learns from an action that is over, and from its last attempt.
    pub(super) fn learn(&self, api: &Api, verdict: Verdict, last: Option<&Attempt>) {
        match sign(verdict, last) {
            Sign::Nothing => {}
            Sign::Answers => self.health(api).answered(api),
            Sign::Unavailable => self.health(api).unavailable(api),
            Sign::BadCredential => self.suspend_all(SuspendedFor::Credential),
            Sign::LockedOut => self.suspend_all(SuspendedFor::LockedOut),
        }
    }

    /// There is a new secret: what was refused for the old one may be tried at once.
    pub(super) fn credential_changed(&self) {
        for (api, health) in &self.0 {
            let mut health = lock(health);
            if matches!(health.suspended, Some((SuspendedFor::Credential, _))) {
                health.open(api, "there is a new credential");
            }
        }
    }

    /// One credential serves all.
    fn suspend_all(&self, reason: SuspendedFor) {
        for (api, health) in &self.0 {
            lock(health).suspend(api, reason);
        }
    }

    fn health(&self, api: &Api) -> MutexGuard<'_, Health> {
        let mut all = self.0.iter();
        let found = all.find(|(of, _)| *of == api);
        let (_, health) = found.expect("each API that a kind calls is there");
        lock(health)
    }
}

fn lock(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Health {
    fn answered(&mut self, api: &Api) {
        self.unavailable_in_a_row = 0;
        if self
            .suspended
            .is_some_and(|(reason, _)| reason != SuspendedFor::LockedOut)
        {
            self.open(api, "Tencent answers");
        }
    }

    fn unavailable(&mut self, api: &Api) {
        self.unavailable_in_a_row = self.unavailable_in_a_row.saturating_add(1);
        if self.suspended.is_none() && self.unavailable_in_a_row >= UNAVAILABLE_AFTER {
            self.suspend(api, SuspendedFor::Unavailable);
        }
    }

    fn suspend(&mut self, api: &Api, reason: SuspendedFor) {
        let known = self.suspended.map(|(reason, _)| reason);
        if known == Some(SuspendedFor::LockedOut) || known == Some(reason) {
            return;
        }
        self.suspended = Some((reason, Instant::now() + interval(reason)));
        tracing::error!(
            event = "suspended",
            api = api.word,
            reason = reason.as_str(),
            advice = advice(reason),
            "calls to Tencent are suspended"
        );
    }

    fn open(&mut self, api: &Api, because: &str) {
        self.unavailable_in_a_row = 0;
        if let Some((reason, _)) = self.suspended.take() {
            tracing::info!(
                event = "resumed",
                api = api.word,
                reason = reason.as_str(),
                because,
                "calls to Tencent are resumed"
            );
        }
    }
}

fn sign(verdict: Verdict, last: Option<&Attempt>) -> Sign {
    let code = last
        .and_then(|last| last.answer.as_ref())
        .map(|answer| answer.error_code);
    let unreachable = last.is_some_and(|last| last.failure() == Some(Failure::Connect));
    match verdict {
        Verdict::Refused(Class::CredentialLockout) => Sign::LockedOut,
        Verdict::Refused(Class::Credential) if code.is_some_and(is_about_the_signature) => {
            Sign::BadCredential
        }
        Verdict::Succeeded | Verdict::Refused(_) => Sign::Answers,
        Verdict::NotSent if !unreachable => Sign::Nothing,
        Verdict::NotSent | Verdict::Unknown(_) => Sign::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Answer;
    use crate::kinds::tests::undo;
    use crate::kinds::{kick_login, kick_seat};

    fn login() -> &'static Api {
        kick_login::KIND.api
    }

    fn answered(error_code: i64) -> Attempt {
        let answer = Answer {
            action_status: None,
            error_code,
            error_info: String::new(),
            request_id: None,
        };
        Attempt {
            number: 1,
            random: 0,
            duration: Duration::ZERO,
            http_status: Some(200),
            answer: Some(answer),
            failure: None,
        }
    }

    fn fail(suspensions: &Suspensions, times: u32) {
        for _ in 0..times {
            suspensions.learn(login(), Verdict::Unknown(None), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ten_unavailable_actions_in_a_row_suspend_their_api_alone() {
        let suspensions = Suspensions::default();
        fail(&suspensions, 9);
        suspensions.learn(
            login(),
            Verdict::Refused(Class::NotFound),
            Some(&answered(70107)),
        );
        fail(&suspensions, 9);
        assert_eq!(suspensions.ask(login()), Ok(Admission::Open));
        fail(&suspensions, 1);
        assert_eq!(
            suspensions
                .ask(login())
                .map_err(|suspended| suspended.reason),
            Err(SuspendedFor::Unavailable)
        );
        assert_eq!(suspensions.ask(kick_seat::KIND.api), Ok(Admission::Open));
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_each_five_seconds_finds_out() {
        let suspensions = Suspensions::default();
        fail(&suspensions, 10);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(suspensions.ask(login()), Ok(Admission::Probe));
        assert!(suspensions.ask(login()).is_err());
        assert_eq!(suspensions.forbids(login(), Admission::Probe), None);
        assert!(suspensions.forbids(login(), Admission::Open).is_some());
        suspensions.learn(login(), Verdict::Succeeded, Some(&answered(0)));
        assert_eq!(suspensions.ask(login()), Ok(Admission::Open));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_signature_suspends_both_until_a_probe_or_a_new_secret() {
        let suspensions = Suspensions::default();
        suspensions.learn(
            login(),
            Verdict::Refused(Class::Credential),
            Some(&answered(70009)),
        );
        for api in Api::all() {
            assert_eq!(suspensions.reason(api), Some(SuspendedFor::Credential));
        }
        suspensions.credential_changed();
        assert_eq!(suspensions.ask(login()), Ok(Admission::Open));
        suspensions.learn(
            login(),
            Verdict::Refused(Class::Credential),
            Some(&answered(60010)),
        );
        assert_eq!(
            suspensions.ask(login()),
            Ok(Admission::Open),
            "60010 is not about the signature"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_out_lets_nothing_through_for_a_minute() {
        let suspensions = Suspensions::default();
        suspensions.learn(
            login(),
            Verdict::Refused(Class::CredentialLockout),
            Some(&answered(70050)),
        );
        suspensions.credential_changed();
        suspensions.learn(login(), Verdict::Succeeded, Some(&answered(0)));
        tokio::time::advance(Duration::from_secs(59)).await;
        for api in Api::all() {
            assert!(suspensions.ask(api).is_err());
            assert!(suspensions.forbids(api, Admission::Probe).is_some());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(suspensions.ask(login()), Ok(Admission::Open));
    }

    #[tokio::test(start_paused = true)]
    async fn kinds_that_call_one_api_are_suspended_together() {
        let suspensions = Suspensions::default();
        fail(&suspensions, UNAVAILABLE_AFTER);
        assert!(suspensions.ask(undo().api).is_err());
        assert_eq!(suspensions.ask(kick_seat::KIND.api), Ok(Admission::Open));
        tokio::time::advance(interval(SuspendedFor::Unavailable)).await;
        assert_eq!(suspensions.ask(undo().api), Ok(Admission::Probe));
        assert!(suspensions.ask(login()).is_err(), "one probe for both");
    }
}
