//! How the batches of a process stand: what was counted of them, at most once a second, for all who ask.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use tokio::time::Instant;
use uuid::Uuid;

use super::shown::{Estimate, Seen};
use crate::domain::{Counts, Ends};

/// Counted again when somebody asks, if it is so old.
const OLD_AFTER: Duration = Duration::from_secs(1);

/// Nobody is told what is so old: whoever asks waits until it is counted.
const TOO_OLD_AFTER: Duration = Duration::from_secs(2);

/// Over how long the rate is taken, and from when on it can be told.
const RATE_OVER: Duration = Duration::from_secs(30);
const RATE_FROM: Duration = Duration::from_secs(5);

/// How many news are kept for whoever is slow.
const KEPT_NEWS: usize = 256;

/// What was counted of one batch.
#[derive(Clone, Debug)]
struct Counted {
    /// The newest event of the batch that was known before it was counted.
    last_rev: i16,
    ends: Arc<Vec<Ends>>,
    at: Instant,
    told_at: DateTime<Utc>,
    /// How many items had ended, at some moments of the last half minute.
    samples: VecDeque<(Instant, u32)>,
    is_under_way: bool,
}

/// The turn to count.
type Turn = tokio::sync::Mutex<()>;

/// What was counted, and who is told.
#[derive(Debug)]
pub(super) struct Board {
    counted: Mutex<HashMap<Uuid, Counted>>,
    news: broadcast::Sender<Arc<Seen>>,
    /// Who counts a batch of which nothing is known: one after the other, so that the next need not.
    counting: Mutex<HashMap<Uuid, Arc<Turn>>>,
}

/// How fresh something is.
pub(super) enum Known {
    /// It can be told, and need not be counted again.
    Fresh(Arc<Vec<Ends>>, DateTime<Utc>),
    /// It can be told; whoever asked is to count it again.
    Old(Arc<Vec<Ends>>, DateTime<Utc>),
    /// It must be counted first.
    Unknown,
}

/// News of batches, each at most once a second.
#[derive(Debug)]
pub struct BatchNews(broadcast::Receiver<Arc<Seen>>);

impl BatchNews {
    /// The next. Those that were missed are gone. Nothing is lost if it is not waited for to the end.
    pub async fn next(&mut self) -> Arc<Seen> {
        loop {
            match self.0.recv().await {
                Ok(seen) => return seen,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                // There will be none any more.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Default for Board {
    fn default() -> Self {
        Self {
            counted: Mutex::default(),
            news: broadcast::Sender::new(KEPT_NEWS),
            counting: Mutex::default(),
        }
    }
}

impl Board {
    pub(super) fn listen(&self) -> BatchNews {
        BatchNews(self.news.subscribe())
    }

    /// Whether somebody listens.
    pub(super) fn is_listened_to(&self) -> bool {
        self.news.receiver_count() > 0
    }

    pub(super) fn tell(&self, seen: Seen) {
        // Nobody may be there to hear it.
        let _ = self.news.send(Arc::new(seen));
    }

    /// What is known of the batch `id`, whose newest event is `last_rev`: what was counted before that is too old. One of
    /// those who are told that it is old, or not known, is to count it.
    pub(super) fn known(&self, id: Uuid, last_rev: i16) -> Known {
        let mut all = self.lock();
        let Some(counted) = all
            .get_mut(&id)
            .filter(|counted| counted.last_rev >= last_rev)
        else {
            return Known::Unknown;
        };
        let (age, ends) = (counted.at.elapsed(), Arc::clone(&counted.ends));
        if age >= TOO_OLD_AFTER {
            return Known::Unknown;
        }
        if age < OLD_AFTER || counted.is_under_way {
            return Known::Fresh(ends, counted.told_at);
        }
        counted.is_under_way = true;
        Known::Old(ends, counted.told_at)
    }

    /// What was counted last, whenever that was.
    pub(super) fn last(&self, id: Uuid) -> Option<(Arc<Vec<Ends>>, DateTime<Utc>)> {
        let all = self.lock();
        let counted = all.get(&id)?;
        Some((Arc::clone(&counted.ends), counted.told_at))
    }

    /// The turn to count the batch `id`.
    pub(super) fn counting(&self, id: Uuid) -> Arc<Turn> {
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        counting.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(counting.entry(id).or_default())
    }

    /// It was counted, when `last_rev` was its newest event: so many of its items have `ended`.
    pub(super) fn counted(
        &self,
        (id, last_rev): (Uuid, i16),
        ends: Vec<Ends>,
        ended: u32,
    ) -> (Arc<Vec<Ends>>, DateTime<Utc>) {
        let (now, counted_at, ends) = (Instant::now(), Utc::now(), Arc::new(ends));
        let mut all = self.lock();
        let mut samples = all
            .remove(&id)
            .map(|known| known.samples)
            .unwrap_or_default();
        samples.push_back((now, ended));
        while samples.front().is_some_and(|(at, _)| now - *at > RATE_OVER) {
            samples.pop_front();
        }
        let counted = Counted {
            last_rev,
            ends: Arc::clone(&ends),
            at: now,
            told_at: counted_at,
            samples,
            is_under_way: false,
        };
        all.insert(id, counted);
        (ends, counted_at)
    }

    /// It could not be counted.
    pub(super) fn not_counted(&self, id: Uuid) {
        if let Some(counted) = self.lock().get_mut(&id) {
            counted.is_under_way = false;
        }
    }

    /// How fast it runs, with so many items that have no end yet.
    pub(super) fn estimate(&self, id: Uuid, counts: &Counts, total: u32) -> Option<Estimate> {
        let all = self.lock();
        let samples = &all.get(&id)?.samples;
        let ((first, before), (last, after)) = (samples.front()?, samples.back()?);
        let time = last.duration_since(*first);
        if time < RATE_FROM {
            return None;
        }
        let rate_per_second = f64::from(after.saturating_sub(*before)) / time.as_secs_f64();
        let left = f64::from(total.saturating_sub(counts.ended()));
        let in_seconds = (rate_per_second > 0.0).then(|| left / rate_per_second);
        let lasts = in_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Some(Estimate {
            rate_per_second,
            done_at: lasts.and_then(|lasts| {
                Utc::now().checked_add_signed(chrono::TimeDelta::from_std(lasts).ok()?)
            }),
        })
    }

    /// It has ended, and nobody has asked for it lately.
    pub(super) fn forget_old(&self) {
        self.lock()
            .retain(|_, counted| counted.at.elapsed() < Duration::from_mins(1));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
