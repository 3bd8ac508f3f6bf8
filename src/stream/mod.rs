//! The stream of changes: one reader of the record for all who listen to this process.
//!
//! [`Feed::poll`] reads what has changed every quarter of a second while somebody listens, and
//! hands it to every [`Listener`], which picks out what its filter lets through. Who comes back
//! with the position of the last change it has seen, and who falls behind the others, reads the
//! record by itself until it has caught up. Both follow the one order of
//! [`audit`](crate::audit::Change), so the seam needs no care: what a listener has seen, it skips,
//! and where something is missing before what it hears, it reads.
//!
//! # Bounds
//! Of what was handed out, the last 32 segments are kept for whoever is slow. A listener
//! holds no more than one segment of its own, and goes on only when its client reads. All of them
//! together read the record with one connection at a time. How many may listen is bounded by
//! [`limit::Readers`](crate::limit::Readers).

mod listener;
mod poller;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio_util::task::TaskTracker;

use crate::audit::{AuditLog, Change, Position, Segment};
use crate::metrics;
use poller::Fault;

pub use listener::{Heard, Lapse, Listener};

/// How many segments are kept: a listener may be so far behind before it reads the record by itself.
const KEPT: usize = 32;

/// After a fault, until the record is read again.
const PAUSE: Duration = Duration::from_secs(1);

/// What the poller tells the listeners.
#[derive(Clone, Debug)]
enum News {
    /// This has happened.
    Changes(Arc<HandedOut>),
    /// The record is another one than before.
    Replaced,
}

/// A change as it is handed out to many.
#[derive(Debug)]
pub struct Notice {
    change: Change,
    rendered: OnceLock<Bytes>,
}

impl Notice {
    /// What `render` makes of the change. It is asked once for all listeners.
    pub fn rendered(&self, render: impl FnOnce(&Change) -> Bytes) -> Bytes {
        self.rendered.get_or_init(|| render(&self.change)).clone()
    }
}

/// A segment as it is handed out.
#[derive(Debug)]
struct HandedOut {
    /// Where the reading began: everything before it was handed out before.
    begin: Position,
    notices: Vec<Arc<Notice>>,
    end: Position,
}

impl HandedOut {
    fn new(begin: Position, segment: Segment) -> Self {
        let notice = |change| {
            Arc::new(Notice {
                change,
                rendered: OnceLock::new(),
            })
        };
        Self {
            begin,
            notices: segment.changes.into_iter().map(notice).collect(),
            end: segment.end,
        }
    }
}

/// Where changes come from, for all listeners of one process.
#[derive(Debug)]
pub struct Feed {
    audit: AuditLog,
    tasks: TaskTracker,
    /// The main runtime, on which the database is spoken to.
    runtime: Handle,
    metrics: metrics::Shared,
    news: broadcast::Sender<News>,
    /// Up to where changes were handed out; `None` while nobody listens.
    present: watch::Sender<Option<Position>>,
    somebody_came: Notify,
    /// The turn to read the record, of those who have to catch up.
    catching_up: Arc<Semaphore>,
    polling_fault: Fault,
    reading_fault: Fault,
}

impl Feed {
    /// A feed from `audit`. Nothing comes before [`Feed::poll`] runs.
    pub fn new(
        audit: AuditLog,
        tasks: TaskTracker,
        runtime: Handle,
        metrics: metrics::Shared,
    ) -> Self {
        Self {
            audit,
            tasks,
            runtime,
            metrics,
            news: broadcast::Sender::new(KEPT),
            present: watch::Sender::new(None),
            somebody_came: Notify::new(),
            catching_up: Arc::new(Semaphore::new(1)),
            polling_fault: Fault::of("the record cannot be polled for changes"),
            reading_fault: Fault::of("the record cannot be read for listeners that catch up"),
        }
    }

    /// From now on: the news, and up to where there will be none. Waits until the record can be
    /// read.
    async fn join(&self) -> (broadcast::Receiver<News>, Position) {
        // In this order: what comes in between is news that is skipped, and no gap.
        let news = self.news.subscribe();
        self.somebody_came.notify_one();
        let mut present = self.present.subscribe();
        let known = present.wait_for(Option::is_some).await;
        let known = known.expect("the feed has the sender, and it is borrowed here");
        let position = known.expect("that was waited for");
        (news, position)
    }
}
