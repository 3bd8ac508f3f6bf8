//! One who listens.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::{Feed, HandedOut, News, Notice, PAUSE};
use crate::audit::{Filter, Position, Segment};

/// What a listener hears.
#[derive(Debug)]
pub enum Heard {
    /// An action took this state.
    Change(Arc<Notice>),
    /// Changes may have been missed; the listener goes on from the present.
    Reset(Lapse),
}

/// Why changes may have been missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// What follows the position happened more than a quarter of an hour ago.
    TooOld,
    /// The position is none of this record.
    Unknown,
}

impl Lapse {
    /// The one word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooOld => "too_old",
            Self::Unknown => "unknown",
        }
    }
}

/// What a listener waits for.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// News.
    News,
    /// What the record has after its position.
    Record {
        /// Whether it has come back, and may have been away for too long.
        came_back: bool,
    },
    /// To begin anew.
    Present(Lapse),
}

/// A read of the record; nothing if it failed.
type Reading = Pin<Box<dyn Future<Output = Option<Option<Segment>>>>>;

/// One who listens. Gone when dropped.
pub struct Listener {
    feed: Arc<Feed>,
    filter: Filter,
    /// Everything up to here was considered.
    position: Position,
    news: broadcast::Receiver<News>,
    /// Known, and not considered yet.
    ahead: VecDeque<Arc<Notice>>,
    /// Where `ahead` ends.
    end: Position,
    next: Next,
    /// Kept between calls: whoever calls may stop waiting at any time, and this keeps its turn.
    reading: Option<Reading>,
}

impl Feed {
    /// Someone who listens from now on, or after the position that `last` stands for. Waits until
    /// the record can be read.
    pub async fn listen(self: &Arc<Self>, filter: Filter, last: Option<&str>) -> Listener {
        let (news, present) = self.join().await;
        let (position, next) = match last.map(str::parse) {
            None => (present, Next::News),
            Some(Ok(position)) => (position, Next::Record { came_back: true }),
            Some(Err(_unreadable)) => (present, Next::Present(Lapse::Unknown)),
        };
        self.metrics.listener_came();
        Listener {
            feed: Arc::clone(self),
            filter,
            position,
            news,
            ahead: VecDeque::new(),
            end: position,
            next,
            reading: None,
        }
    }

    /// Reads in turn with the others, on the main runtime and to the end.
    fn read_after(self: &Arc<Self>, position: Position) -> Reading {
        let feed = Arc::clone(self);
        Box::pin(async move {
            let turn = Arc::clone(&feed.catching_up).acquire_owned().await;
            let audit = feed.audit.clone();
            let reading = async move {
                let read = audit.changes_after(position).await;
                drop(turn);
                read
            };
            let read = feed.tasks.spawn_on(reading, &feed.runtime).await.ok()?;
            feed.reading_fault.note(read.as_ref().err());
            if read.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
            read.ok()
        })
    }
}

impl Listener {
    /// Everything at or before this was considered for this listener.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The next that the filter lets through. Nothing is lost if it is not waited for to the end.
    pub async fn next(&mut self) -> Heard {
        loop {
            if let Some(notice) = self.consider() {
                return Heard::Change(notice);
            }
            match self.next {
                Next::News => self.hear().await,
                Next::Record { came_back } => self.catch_up(came_back).await,
                Next::Present(lapse) => {
                    self.begin_anew().await;
                    return Heard::Reset(lapse);
                }
            }
        }
    }

    fn consider(&mut self) -> Option<Arc<Notice>> {
        while let Some(notice) = self.ahead.pop_front() {
            let change = &notice.change;
            if change.position <= self.position {
                continue;
            }
            self.position = change.position;
            if change.matches(&self.filter) {
                return Some(notice);
            }
        }
        self.position = self.position.max(self.end);
        None
    }

    fn look_ahead(&mut self, handed_out: &HandedOut) {
        self.ahead.extend(handed_out.notices.iter().cloned());
        self.end = handed_out.end;
    }

    async fn hear(&mut self) {
        match self.news.recv().await {
            Ok(News::Changes(handed_out)) if handed_out.begin <= self.position => {
                self.look_ahead(&handed_out);
            }
            Ok(News::Replaced) => self.next = Next::Present(Lapse::Unknown),
            // Something is missing before this, or was there and is not kept any more.
            Ok(News::Changes(_)) | Err(_) => self.next = Next::Record { came_back: false },
        }
    }

    async fn catch_up(&mut self, came_back: bool) {
        let (feed, position) = (&self.feed, self.position);
        let reading = self
            .reading
            .get_or_insert_with(|| feed.read_after(position));
        let read = reading.await;
        self.reading = None;
        match read {
            None => {}
            Some(None) => self.next = Next::Present(Lapse::Unknown),
            Some(Some(segment)) if came_back && segment.begins_long_ago => {
                self.next = Next::Present(Lapse::TooOld);
            }
            Some(Some(segment)) => {
                self.next = if segment.more {
                    Next::Record { came_back: false }
                } else {
                    Next::News
                };
                self.look_ahead(&HandedOut::new(position, segment));
            }
        }
    }

    async fn begin_anew(&mut self) {
        let (news, position) = self.feed.join().await;
        self.news = news;
        self.position = position;
        self.end = position;
        self.next = Next::News;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.feed.metrics.listener_left();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Listener")
            .field("filter", &self.filter)
            .field("position", &self.position)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
