//! Lets a test that measures, or that is heavy, have the machine to itself.
//!
//! Not a fair lock, on purpose: whoever wants to be alone waits until nobody is here, and keeps
//! nobody out meanwhile. So a test with two worlds cannot wait for itself.

use std::sync::LazyLock;

use tokio::sync::{Semaphore, SemaphorePermit, watch};

/// How many tests offer a load at the same time: what they offer together is a part of what two slow cores can do.
static LOADS: Semaphore = Semaphore::const_new(2);

#[derive(Debug, Default)]
struct Here {
    others: usize,
    alone: bool,
}

static HERE: LazyLock<watch::Sender<Here>> = LazyLock::new(watch::Sender::default);

/// A world that is there. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Presence {
    alone: bool,
    /// If it offers a load.
    load: Option<SemaphorePermit<'static>>,
}

/// Waits until nobody wants to be alone.
pub(crate) async fn among_others() -> Presence {
    enter(false, |here| !here.alone, |here| here.others += 1).await
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
    let nobody = |here: &Here| !here.alone && here.others == 0;
    enter(true, nobody, |here| here.alone = true).await
}

async fn enter(alone: bool, may: fn(&Here) -> bool, go_in: fn(&mut Here)) -> Presence {
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
            return Presence { alone, load: None };
        }
        let waited = changes.wait_for(may).await;
        drop(waited.expect("the sender is never dropped"));
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        HERE.send_modify(|here| {
            if self.alone {
                here.alone = false;
            } else {
                here.others -= 1;
            }
        });
    }
}
