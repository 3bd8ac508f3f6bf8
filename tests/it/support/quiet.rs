//! Lets a test that measures, or that is heavy, have the machine to itself.
//!
//! Not a fair lock, on purpose: whoever wants to be alone waits until nobody is here, and keeps
//! nobody out meanwhile. So a test with two worlds cannot wait for itself.

use std::sync::LazyLock;

use tokio::sync::watch;

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
}

/// Waits until nobody wants to be alone.
pub(crate) async fn among_others() -> Presence {
    enter(false, |here| !here.alone, |here| here.others += 1).await
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
            return Presence { alone };
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
