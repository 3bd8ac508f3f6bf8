//! The keys that an identity provider publishes (RFC 7517), kept fresh.
//!
//! One task fetches ([`Pace`]), so there are never two fetches at once, nor two in quick succession:
//! whatever tokens claim, the provider is not flooded. It fetches regularly, and as soon as it may
//! when a token names a key that is not known; the request waits for that, so that a rotation costs
//! nobody a refusal. A fetch that brings nothing leaves the keys as they are.

mod source;
mod unknown;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::keys::{KeySet, SkippedKey, VerificationKey};
use super::{Error, Refusal};
use crate::telemetry::causes;
use source::Source;
pub use source::{FetchError, JwksSource, JwksUrl, Pace};
use unknown::UnknownIds;

/// The longest that a request waits for the key of its token: for its turn, and for the fetch.
const PATIENCE: Duration = Duration::from_secs(8);

/// How many requests may wait. Those beyond are told that the key is unknown.
const MOST_WAITING: usize = 256;

/// The keys, and who waits for others.
#[derive(Debug)]
pub struct Jwks {
    source: Source,
    pace: Pace,
    held: watch::Sender<Held>,
    wanted: Notify,
    waiting: Semaphore,
    unknown: UnknownIds,
    since: Instant,
}

/// What the last fetches brought.
#[derive(Clone, Debug, Default)]
struct Held {
    keys: Arc<[VerificationKey]>,
    /// What was published besides.
    skipped: Arc<[SkippedKey]>,
    /// When the fetch that brought the keys began.
    fetched: Option<Instant>,
    /// When the last fetch that is over began, whatever it brought.
    tried: Option<Instant>,
}

impl Held {
    fn knows(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id() == Some(id))
    }
}

impl Jwks {
    /// Has no key until [`Jwks::keep_fresh`] has fetched some.
    pub(super) fn new(source: JwksSource) -> Result<Self, Error> {
        Ok(Self {
            pace: source.pace,
            source: Source::new(source)?,
            held: watch::Sender::default(),
            wanted: Notify::new(),
            waiting: Semaphore::new(MOST_WAITING),
            unknown: UnknownIds::default(),
            since: Instant::now(),
        })
    }

    /// Fetches, until `closing`.
    pub async fn keep_fresh(&self, closing: &CancellationToken) {
        let fetching = async {
            loop {
                let began = Instant::now();
                let pause = self.take(began, self.source.fetch().await);
                sleep_until(began + self.pace.min_interval).await;
                tokio::select! {
                    () = sleep_until(began + pause) => {}
                    () = self.wanted.notified() => {}
                }
            }
        };
        closing.run_until_cancelled(fetching).await;
    }

    /// Asks the provider once how many keys for signatures it publishes, and which others; nothing
    /// is kept.
    pub async fn published(&self) -> Result<(usize, Vec<SkippedKey>), FetchError> {
        let set = self.source.fetch().await?;
        Ok((set.keys.len(), set.skipped))
    }

    /// Whether any key was fetched since the start.
    pub fn has_keys(&self) -> bool {
        self.held.borrow().fetched.is_some()
    }

    /// How old the keys are; without any, for how long there have been none.
    pub fn age(&self) -> Duration {
        self.held.borrow().fetched.unwrap_or(self.since).elapsed()
    }

    /// Whether the keys are older than they are while the provider answers.
    pub fn is_stale(&self) -> bool {
        self.age() > self.pace.refresh_every + self.pace.retry_after
    }

    /// The keys that may have signed a token whose header has this `kid`.
    pub(super) async fn keys_for(&self, id: Option<&str>) -> Result<Vec<VerificationKey>, Refusal> {
        let known = |held: &Held| match id {
            Some(id) => held.knows(id),
            None => held.fetched.is_some(),
        };
        if !known(&self.held.borrow()) {
            self.wait_for(id, known).await;
        }
        let held = self.held.borrow().clone();
        if held.fetched.is_none() {
            return Err(Refusal::NoKeys);
        }
        let may_have_signed =
            |key: &&VerificationKey| id.is_none() || key.id().is_none_or(|own| Some(own) == id);
        let keys: Vec<_> = held.keys.iter().filter(may_have_signed).cloned().collect();
        if keys.is_empty() {
            Err(Refusal::UnknownKey)
        } else {
            Ok(keys)
        }
    }

    /// Until the key is known, or a fetch that began after this moment has not brought it.
    async fn wait_for(&self, id: Option<&str>, known: impl Fn(&Held) -> bool) {
        if id.is_some_and(|id| self.unknown.has(id)) {
            return;
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return;
        };
        let (asked, mut held) = (Instant::now(), self.held.subscribe());
        self.wanted.notify_one();
        let answered = |held: &Held| known(held) || held.tried.is_some_and(|tried| tried >= asked);
        let looked = timeout(PATIENCE, held.wait_for(answered)).await;
        let Ok(Ok(held)) = looked else { return };
        let is_answer = held.fetched.is_some_and(|fetched| fetched >= asked);
        if let Some(id) = id
            && is_answer
            && !known(&held)
        {
            self.unknown.note(id);
        }
    }

    /// Keeps what a fetch brought; returns the pause until the next one.
    fn take(&self, began: Instant, fetched: Result<KeySet, FetchError>) -> Duration {
        match fetched {
            Ok(set) => {
                report(&set, &self.held.borrow());
                self.held.send_modify(|held| {
                    *held = Held {
                        keys: set.keys.into(),
                        skipped: set.skipped.into(),
                        fetched: Some(began),
                        tried: Some(began),
                    };
                });
                self.pace.refresh_every
            }
            Err(error) => {
                let age_seconds = self.age().as_secs();
                tracing::error!(
                    event = "jwks_not_fetched",
                    error = causes(&error),
                    age_seconds,
                    "the keys of the identity provider cannot be fetched: those that are known stay in use"
                );
                self.held.send_modify(|held| held.tried = Some(began));
                self.pace.retry_after
            }
        }
    }
}

/// Says what is new in a set: once for each change, not with each fetch.
fn report(set: &KeySet, held: &Held) {
    let ids = |keys: &[VerificationKey]| {
        let ids = keys
            .iter()
            .map(|key| key.id().unwrap_or_default().to_owned());
        ids.collect::<Vec<_>>()
    };
    if ids(&set.keys) != ids(&held.keys) {
        tracing::info!(
            event = "jwks_changed",
            keys = set.keys.len(),
            "the keys of the identity provider are in use"
        );
    }
    let faults = set.skipped.iter().filter(|key| key.is_fault());
    for key in faults.filter(|key| !held.skipped.contains(key)) {
        tracing::warn!(
            event = "jwks_key_skipped",
            position = key.position,
            key_id = key.id,
            reason = %key.why,
            "a key of the identity provider is not used: tokens that are signed with it are refused"
        );
    }
}
