//! Attempts that were given up as timed out, and whose answers may still come.

use std::pin::Pin;
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};

use super::evidence::Proof;
use crate::domain::Kind;
use crate::limit::Term;
use crate::moderation::Moderation;

/// An attempt under way. Dropped, its socket is closed.
pub(super) type Sending = Pin<Box<dyn Future<Output = Proof> + Send>>;

/// An attempt whose time is up.
pub(super) struct GivenUp {
    /// The term of the lease on its permit.
    pub(super) term: Term,
    pub(super) sending: Sending,
}

/// The attempts of one action that are given up and still listened to, each as long as there is a
/// lease on its permit. Dropped, their sockets are closed.
#[derive(Debug, Default)]
pub(super) struct Listening(JoinSet<Option<Proof>>);

impl Listening {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Closes the sockets: the permits are free again once they have rested.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    /// The next answer; `None` when none will come any more.
    pub(super) async fn next(&mut self) -> Option<Proof> {
        loop {
            if let Some(late) = heard(self.0.join_next().await?) {
                return Some(late);
            }
        }
    }

    /// An answer that has come already.
    pub(super) fn arrived(&mut self) -> Option<Proof> {
        loop {
            if let Some(late) = heard(self.0.try_join_next()?) {
                return Some(late);
            }
        }
    }
}

/// Nothing, where the lease ran out first.
fn heard(listened: Result<Option<Proof>, JoinError>) -> Option<Proof> {
    listened.ok().flatten()
}

impl Moderation {
    /// Goes on listening whatever else the action waits for.
    pub(super) fn listen_for(self: &Arc<Self>, kind: Kind, given_up: GivenUp, to: &mut Listening) {
        let this = Arc::clone(self);
        let GivenUp { term, sending } = given_up;
        let listening = async move {
            tokio::select! {
                over = sending => Some(over),
                () = this.limiter.lapsed(kind.api, term) => None,
            }
        };
        to.0.spawn_on(self.tasks.track_future(listening), &self.runtime);
    }
}
