//! Calls to an API of Tencent's are stopped for a stated reason until a stated time or event.
//!
//! One mechanism for three reasons. While an API is suspended, one call now and then is let through
//! as a trial; what Tencent answers to it, or to a call that was still under way, opens it again.

mod advice;
mod sign;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{Api, SuspendedFor, Verdict};
use advice::advice;
pub(super) use sign::LastCall;
use sign::{Sign, sign};

/// Actions in a row without an answer of use, after which an API counts as unavailable.
const UNAVAILABLE_AFTER: u32 = 10;

/// An API that nobody has tried to call for so long is not known to be unavailable any more.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(5);

/// Between two trials; for a lock-out, until calls are made again at all.
const fn interval(reason: SuspendedFor) -> Duration {
    match reason {
        SuspendedFor::Unavailable => Duration::from_secs(5),
        SuspendedFor::Credential => Duration::from_secs(10),
        SuspendedFor::LockedOut => Duration::from_mins(1),
    }
}

/// Calls to the API are suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    /// Why.
    pub reason: SuspendedFor,
    /// When the next trial may be made.
    pub retry_after: Duration,
}

/// The leave to make calls, asked for when an action arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// The API is open.
    Open,
    /// The API is suspended, and this call finds out whether it still has to be. Before this moment there is no other.
    Trial(Instant),
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
        let next = now + interval(reason);
        health.suspended = Some((reason, next));
        Ok(Admission::Trial(next))
    }

    /// An action with this leave has called nobody after all: if it had the trial, and nothing has happened since,
    /// that is there for another.
    pub(super) fn give_back(&self, api: &Api, admission: Admission) {
        let Admission::Trial(granted) = admission else {
            return;
        };
        let mut health = self.health(api);
        let others = |(reason, _): &(SuspendedFor, Instant)| *reason != SuspendedFor::LockedOut;
        if let Some((_, next)) = health.suspended.as_mut().filter(|known| others(known))
            && *next == granted
        {
            *next = Instant::now();
        }
    }

    /// Whether an action with this leave must not call any more: asked right before each call.
    pub(super) fn forbids(&self, api: &Api, admission: Admission) -> Option<Suspended> {
        let now = Instant::now();
        let (reason, next) = self.health(api).suspended?;
        let is_trial =
            matches!(admission, Admission::Trial(_)) && reason != SuspendedFor::LockedOut;
        (!is_trial && now < next).then(|| Suspended {
            reason,
            retry_after: next - now,
        })
    }

    /// Why `api` is suspended at this moment, if it is.
    pub(super) fn reason(&self, api: &Api) -> Option<SuspendedFor> {
        let mut health = self.health(api);
        let (reason, next) = health.suspended?;
        let now = Instant::now();
        // Who would find out may not come for long.
        let because = match reason {
            SuspendedFor::LockedOut if next <= now => "the minute is over",
            SuspendedFor::Unavailable if next + FORGOTTEN_AFTER <= now => {
                "nobody has tried it since"
            }
            _ => return Some(reason),
        };
        health.open(api, because);
        None
    }

    /// The same, with when the next trial may be made.
    pub(super) fn suspended(&self, api: &Api) -> Option<Suspended> {
        let reason = self.reason(api)?;
        let (_, next) = self.health(api).suspended?;
        let retry_after = next.saturating_duration_since(Instant::now());
        Some(Suspended {
            reason,
            retry_after,
        })
    }

    /// Learns from an action that is over, and from the last call for it.
    pub(super) fn learn(&self, api: &Api, verdict: Verdict, last: Option<LastCall>) {
        match sign(verdict, last) {
            Sign::Nothing => {}
            Sign::Answers => {
                self.health(api).answered(api);
                self.open_all(SuspendedFor::Credential, "Tencent takes the credential");
            }
            Sign::Unavailable => self.health(api).unavailable(api),
            Sign::BadCredential => self.suspend_all(SuspendedFor::Credential),
            Sign::LockedOut => self.suspend_all(SuspendedFor::LockedOut),
        }
    }

    /// There is a new secret: what was refused for the old one may be tried at once.
    pub(super) fn credential_changed(&self) {
        self.open_all(SuspendedFor::Credential, "there is a new credential");
    }

    /// Those that are suspended for this reason.
    fn open_all(&self, suspended_for: SuspendedFor, because: &str) {
        for (api, health) in &self.0 {
            let mut health = lock(health);
            if health
                .suspended
                .is_some_and(|(reason, _)| reason == suspended_for)
            {
                health.open(api, because);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Class;
    use crate::kinds::tests::undo;
    use crate::kinds::{kick_login, kick_seat};

    fn login() -> &'static Api {
        kick_login::KIND.api
    }

    const fn answered(error_code: i64) -> LastCall {
        LastCall {
            error_code: Some(error_code),
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
            Some(answered(70107)),
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
    async fn one_trial_each_five_seconds_finds_out() {
        let suspensions = Suspensions::default();
        fail(&suspensions, 10);
        tokio::time::advance(Duration::from_secs(5)).await;
        let trial = suspensions.ask(login()).expect("it is due");
        assert_ne!(trial, Admission::Open);
        assert!(suspensions.ask(login()).is_err());
        assert_eq!(suspensions.forbids(login(), trial), None);
        assert!(suspensions.forbids(login(), Admission::Open).is_some());
        suspensions.learn(login(), Verdict::Succeeded, Some(answered(0)));
        assert_eq!(suspensions.ask(login()), Ok(Admission::Open));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_called_nobody_is_there_again_unless_something_has_happened_since() {
        let suspensions = Suspensions::default();
        fail(&suspensions, 10);
        suspensions.give_back(login(), Admission::Open);
        assert!(suspensions.ask(login()).is_err(), "it was no trial");
        tokio::time::advance(Duration::from_secs(5)).await;
        let first = suspensions.ask(login()).expect("it is due");
        suspensions.give_back(login(), first);
        let second = suspensions.ask(login()).expect("it is there again");
        tokio::time::advance(Duration::from_secs(5)).await;
        let third = suspensions.ask(login()).expect("it is due");
        assert_ne!(second, third);
        suspensions.give_back(login(), second);
        assert!(suspensions.ask(login()).is_err(), "another has it");
        let locked_out = Verdict::Refused(Class::CredentialLockout);
        suspensions.learn(login(), locked_out, Some(answered(70050)));
        suspensions.give_back(login(), third);
        assert_eq!(suspensions.reason(login()), Some(SuspendedFor::LockedOut));
        assert!(suspensions.ask(login()).is_err(), "for the whole minute");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_signature_suspends_both_until_a_trial_or_a_new_secret() {
        let suspensions = Suspensions::default();
        suspensions.learn(
            login(),
            Verdict::Refused(Class::Credential),
            Some(answered(70009)),
        );
        for api in Api::all() {
            assert_eq!(suspensions.reason(api), Some(SuspendedFor::Credential));
        }
        suspensions.credential_changed();
        assert_eq!(suspensions.ask(login()), Ok(Admission::Open));
        let refused = Verdict::Refused(Class::Credential);
        suspensions.learn(login(), refused, Some(answered(70009)));
        // One answer to a call that was under way: the signature is right again, for all.
        suspensions.learn(login(), Verdict::Succeeded, Some(answered(0)));
        for api in Api::all() {
            assert_eq!(suspensions.reason(api), None);
        }
        suspensions.learn(
            login(),
            Verdict::Refused(Class::Credential),
            Some(answered(60010)),
        );
        assert_eq!(
            suspensions.ask(login()),
            Ok(Admission::Open),
            "60010 is not about the signature"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_that_nobody_uses_is_not_unavailable_for_ever() {
        let suspensions = Suspensions::default();
        fail(&suspensions, 10);
        tokio::time::advance(Duration::from_mins(5)).await;
        assert_eq!(suspensions.reason(login()), Some(SuspendedFor::Unavailable));
        tokio::time::advance(interval(SuspendedFor::Unavailable)).await;
        assert_eq!(suspensions.reason(login()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_out_lets_nothing_through_for_a_minute() {
        let suspensions = Suspensions::default();
        suspensions.learn(
            login(),
            Verdict::Refused(Class::CredentialLockout),
            Some(answered(70050)),
        );
        suspensions.credential_changed();
        suspensions.learn(login(), Verdict::Succeeded, Some(answered(0)));
        tokio::time::advance(Duration::from_secs(59)).await;
        for api in Api::all() {
            assert!(suspensions.ask(api).is_err());
            let trial = Admission::Trial(Instant::now());
            assert!(suspensions.forbids(api, trial).is_some());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        for api in Api::all() {
            assert_eq!(suspensions.reason(api), None, "asked for or not");
        }
        assert_eq!(suspensions.ask(login()), Ok(Admission::Open));
    }

    #[tokio::test(start_paused = true)]
    async fn kinds_that_call_one_api_are_suspended_together() {
        let suspensions = Suspensions::default();
        fail(&suspensions, UNAVAILABLE_AFTER);
        assert!(suspensions.ask(undo().api).is_err());
        assert_eq!(suspensions.ask(kick_seat::KIND.api), Ok(Admission::Open));
        tokio::time::advance(interval(SuspendedFor::Unavailable)).await;
        let trial = suspensions.ask(undo().api);
        assert!(matches!(trial, Ok(Admission::Trial(_))));
        assert!(suspensions.ask(login()).is_err(), "one trial for both");
    }
}
