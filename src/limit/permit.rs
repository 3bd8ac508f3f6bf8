//! Permits: the right to have one call count against a one-second window at Tencent.

use std::sync::Arc;
use std::time::Duration;

use super::ledger::Term;
use super::permits::Permits;
use super::{ABANDON_GRACE, REST};

/// A permit set aside. Dropped without a call, it is free at once.
#[derive(Debug)]
#[must_use = "a turn that is not used should be given back at once"]
pub struct Turn {
    permits: Option<Arc<Permits>>,
    term: Term,
    /// Whether an item of a batch has it.
    of_item: bool,
}

impl Turn {
    /// Waits for a free permit and sets it aside.
    pub(super) async fn reserve(permits: &Arc<Permits>) -> Self {
        Self::new(permits, permits.take().await)
    }

    /// The same for an item of a batch, which leaves one to people.
    pub(super) async fn reserve_for_item(permits: &Arc<Permits>) -> Self {
        Self::new(permits, permits.take_for_item().await)
    }

    fn new(permits: &Arc<Permits>, term: Term) -> Self {
        Self {
            permits: Some(Arc::clone(permits)),
            term,
            of_item: false,
        }
    }

    /// An item of a batch has it.
    pub(super) fn for_item(mut self) -> Self {
        if let Some(permits) = self.permits.as_ref().filter(|_| !self.of_item) {
            permits.taken_by_item();
            self.of_item = true;
        }
        self
    }

    /// The term of the lease that it belongs to.
    pub const fn term(&self) -> Term {
        self.term
    }

    /// Takes the permit for a call that is about to be made; `None` if the lease has run out since
    /// the turn came, so that others may have the permit.
    pub fn permit(mut self) -> Option<Permit> {
        let (term, of_item) = (self.term, self.of_item);
        self.permits.as_ref()?.may_send(term).then(|| Permit {
            permits: self.permits.take(),
            term,
            of_item,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(permits) = self.permits.take() {
            permits.give_back(None, self.of_item);
        }
    }
}

/// The right to one call. What became of the call decides when the permit is free again; dropped
/// without a word it counts as [abandoned](Self::abandoned).
#[derive(Debug)]
#[must_use = "a call must not be made after its permit is gone"]
pub struct Permit {
    permits: Option<Arc<Permits>>,
    term: Term,
    of_item: bool,
}

impl Permit {
    /// Says at any later moment whether the call may still be sent. It may not when the lease has
    /// run out since.
    pub fn validity(&self) -> impl Fn() -> bool + Send + Sync + Unpin + use<> {
        let (permits, term) = (self.permits.clone(), self.term);
        move || {
            permits
                .as_ref()
                .is_some_and(|permits| permits.may_send(term))
        }
    }

    /// No byte was sent: free at once.
    pub fn unused(mut self) {
        self.give_back(None);
    }

    /// The answer has just been fully read: free again after one second.
    pub fn answered(mut self) {
        self.give_back(Some(REST));
    }

    /// The socket has just been closed without a whole answer: free again after one second and
    /// [`ABANDON_GRACE`].
    pub fn abandoned(mut self) {
        self.give_back(Some(REST + ABANDON_GRACE));
    }

    fn give_back(&mut self, rest: Option<Duration>) {
        if let Some(permits) = self.permits.take() {
            permits.give_back(rest, self.of_item);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.give_back(Some(REST + ABANDON_GRACE));
    }
}
