//! How much each moderator may read: the record is for all of them, and what is written comes first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::moderator::ModeratorLimit;
use crate::domain::Moderator;

/// Reads of one moderator in a second, and the burst: a dozen tabs that ask each second take an eighth.
const READS_PER_SECOND: u32 = 100;

/// Reads of one moderator that wait for those being carried out, and for how long.
const IN_LINE: usize = 16;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// When a read is worth asking for again that found the line full, or waited for too long.
const NEXT_READ: Duration = Duration::from_secs(1);

/// Exports and streams of one moderator, and of all, at a time. Each export has a page in memory.
const EXPORTS: (usize, usize) = (4, 16);
const STREAMS: (usize, usize) = (32, 1_000);

/// Uploads of one moderator in line and of all, and those of one that are read at a time: each has a body in memory.
const UPLOADS: (usize, usize) = (16, 64);
const UPLOADS_AT_ONCE: usize = 2;

/// When one more may find a place: exports and streams last.
const NEXT_PLACE: Duration = Duration::from_secs(10);

/// The limits on reading of one process.
#[derive(Debug)]
pub struct Readers {
    rate: ModeratorLimit,
    reads: Places,
    exports: Places,
    streams: Places,
    uploads: Places,
}

impl Readers {
    /// For a database that is read over so many connections: one moderator takes at most half of them.
    pub fn new(connections: u32) -> Self {
        let at_once = usize::try_from(connections / 2).unwrap_or(1).max(1);
        Self {
            rate: ModeratorLimit::new(READS_PER_SECOND),
            reads: Places::new((at_once + IN_LINE, usize::MAX), at_once),
            exports: Places::new(EXPORTS, EXPORTS.0),
            streams: Places::new(STREAMS, STREAMS.0),
            uploads: Places::new(UPLOADS, UPLOADS_AT_ONCE),
        }
    }

    /// How many reads one moderator may ask for in a second.
    pub const fn reads_per_second(&self) -> u32 {
        READS_PER_SECOND
    }

    /// Waits for the turn to read for `moderator`, which ends when the place is dropped.
    ///
    /// # Errors
    /// With the time to wait, when the moderator reads too often, or too much at a time.
    pub async fn read(&self, moderator: &Moderator) -> Result<Place, Duration> {
        self.rate.check(moderator)?;
        self.reads.turn(moderator).await
    }

    /// Waits for the turn of `moderator` to upload a large body, which ends when the place is dropped.
    ///
    /// # Errors
    /// With the time to wait, when the moderator or all of them upload too much at a time.
    pub async fn upload(&self, moderator: &Moderator) -> Result<Place, Duration> {
        self.uploads.turn(moderator).await
    }

    /// A place for an export.
    ///
    /// # Errors
    /// With the time to wait, when the moderator or all of them have as many as there may be, or the
    /// moderator reads too often.
    pub fn export(&self, moderator: &Moderator) -> Result<Place, Duration> {
        self.rate.check(moderator)?;
        self.exports.take(moderator).ok_or(NEXT_PLACE)
    }

    /// A place for a stream.
    ///
    /// # Errors
    /// As for an export.
    pub fn stream(&self, moderator: &Moderator) -> Result<Place, Duration> {
        self.rate.check(moderator)?;
        self.streams.take(moderator).ok_or(NEXT_PLACE)
    }

    /// Forgets, now and then, those who have not read for a while.
    pub async fn forget_idle(&self, stop: &CancellationToken) {
        self.rate.forget_idle(stop).await;
    }
}

/// Issuer and subject.
type Reader = (String, String);

/// So many places, for each reader and for all.
#[derive(Debug)]
struct Places {
    each: usize,
    all: usize,
    turns: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<Reader, Own>,
}

/// What one reader has.
#[derive(Debug)]
struct Own {
    places: usize,
    turns: Arc<Semaphore>,
}

/// A reader's place. Free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    taken: Arc<Mutex<Taken>>,
    reader: Reader,
    turns: Arc<Semaphore>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Places {
    fn new((each, all): (usize, usize), turns: usize) -> Self {
        Self {
            each,
            all,
            turns,
            taken: Arc::default(),
        }
    }

    /// Waits in line.
    async fn turn(&self, moderator: &Moderator) -> Result<Place, Duration> {
        let mut place = self.take(moderator).ok_or(NEXT_READ)?;
        let turn = Arc::clone(&place.turns).acquire_owned();
        let turn = timeout(LONGEST_WAIT, turn).await.map_err(|_| NEXT_READ)?;
        place.turn = Some(turn.expect("nobody closes it"));
        Ok(place)
    }

    fn take(&self, moderator: &Moderator) -> Option<Place> {
        let reader = (moderator.issuer.clone(), moderator.subject.clone());
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.all {
            return None;
        }
        let own = taken.by.entry(reader.clone()).or_insert_with(|| Own {
            places: 0,
            turns: Arc::new(Semaphore::new(self.turns)),
        });
        if own.places >= self.each {
            return None;
        }
        own.places += 1;
        let turns = Arc::clone(&own.turns);
        taken.all += 1;
        Some(Place {
            taken: Arc::clone(&self.taken),
            reader,
            turns,
            turn: None,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by.get_mut(&self.reader) {
            own.places -= 1;
            if own.places == 0 {
                taken.by.remove(&self.reader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_immediate;

    use super::super::moderator::tests::moderator;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_reader_has_few_turns_and_a_line_and_takes_none_of_anothers() {
        let readers = Readers::new(4);
        let [alice, bob] = ["alice", "bob"].map(moderator);
        let mut reading = vec![readers.read(&alice).await, readers.read(&alice).await];
        let mut waiting = Vec::new();
        for _ in 0..IN_LINE {
            let mut turn = Box::pin(readers.read(&alice));
            assert!(poll_immediate(&mut turn).await.is_none(), "two at once");
            waiting.push(turn);
        }
        let refused = readers.read(&alice).await.map(|_place| ());
        assert_eq!(refused, Err(NEXT_READ), "the line is full");
        assert!(readers.read(&bob).await.is_ok(), "bob has his own");
        reading.pop();
        reading.push(waiting.remove(0).await);
        assert!(reading.iter().all(Result::is_ok), "the next in line");
        let began = tokio::time::Instant::now();
        let given_up = waiting.remove(0).await.map(|_place| ());
        assert_eq!((given_up, began.elapsed()), (Err(NEXT_READ), LONGEST_WAIT));
    }

    #[tokio::test]
    async fn nobody_who_reads_nothing_is_remembered() {
        let readers = Readers::new(1);
        let alice = moderator("alice");
        drop(readers.read(&alice).await);
        let place = readers.export(&alice);
        let remembered = |places: &Places| places.taken.lock().unwrap().by.len();
        assert_eq!(remembered(&readers.reads), 0);
        assert_eq!(remembered(&readers.exports), 1);
        drop(place);
        assert_eq!(remembered(&readers.exports), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn two_uploads_of_one_are_read_at_a_time_and_the_next_waits_for_a_while() {
        let readers = Readers::new(4);
        let [alice, bob] = ["alice", "bob"].map(moderator);
        let first = readers.upload(&alice).await;
        let _second = readers.upload(&alice).await.expect("two at once");
        let waited = readers.upload(&alice).await.map(|_place| ());
        assert_eq!(waited, Err(NEXT_READ));
        assert!(readers.upload(&bob).await.is_ok(), "bob has his own");
        drop(first);
        assert!(readers.upload(&alice).await.is_ok());
    }
}
