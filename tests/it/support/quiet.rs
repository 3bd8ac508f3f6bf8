//! Lets a test that measures, or that is heavy, have the machine to itself.
//!
//! Whoever waits to be alone keeps out those who come after, but not a test that has a world already: it would
//! wait for itself. A test's own thread tells which that is.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::thread::{self, ThreadId};

use tokio::sync::{Semaphore, SemaphorePermit, watch};

/// How many tests offer a load at the same time: what they offer together is a part of what two slow cores can do.
static LOADS: Semaphore = Semaphore::const_new(2);

#[derive(Debug, Default)]
struct Here {
    /// How many worlds of each thread are there.
    others: HashMap<ThreadId, usize>,
    /// How many wait to be alone.
    waiting: usize,
    alone: bool,
}

static HERE: LazyLock<watch::Sender<Here>> = LazyLock::new(watch::Sender::default);

/// A world that is there. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Whose it is, unless it is alone.
    of: Option<ThreadId>,
    /// If it offers a load.
    load: Option<SemaphorePermit<'static>>,
}

/// Waits until nobody is alone or wants to be.
pub(crate) async fn among_others() -> Presence {
    let of = thread::current().id();
    let may = |here: &Here| !here.alone && (here.waiting == 0 || here.others.contains_key(&of));
    enter(may, |here| *here.others.entry(of).or_default() += 1).await;
    let of = Some(of);
    Presence { of, load: None }
}

/// The same for a test that offers a load: waits until few others do.
pub(crate) async fn under_load() -> Presence {
    let load = LOADS.acquire().await.expect("it is never closed");
    let mut presence = among_others().await;
    presence.load = Some(load);
    presence
}

/// Waits until nobody is there, and keeps everybody out.
pub(crate) async fn alone() -> Presence {
    let _waiting = Waiting::begin();
    let nobody = |here: &Here| !here.alone && here.others.is_empty();
    enter(nobody, |here| here.alone = true).await;
    Presence {
        of: None,
        load: None,
    }
}

/// Somebody waits to be alone.
struct Waiting;

impl Waiting {
    fn begin() -> Self {
        HERE.send_modify(|here| here.waiting += 1);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        HERE.send_modify(|here| here.waiting -= 1);
    }
}

async fn enter(may: impl Fn(&Here) -> bool, go_in: impl Fn(&mut Here)) {
    let mut changes = HERE.subscribe();
    loop {
        let entered = HERE.send_if_modified(|here| {
            let entering = may(here);
            if entering {
                go_in(here);
            }
            entering
        });
        if entered {
            return;
        }
        let waited = changes.wait_for(&may).await;
        drop(waited.expect("the sender is never dropped"));
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        HERE.send_modify(|here| match self.of {
            None => here.alone = false,
            Some(thread) => {
                if let Some(worlds) = here.others.get_mut(&thread) {
                    *worlds -= 1;
                }
                here.others.retain(|_, worlds| *worlds > 0);
            }
        });
    }
}
