//! What the items of batches use of the permits of one API: people come first, so to them it counts as left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::Instant;

/// The permits that items use.
#[derive(Debug, Default)]
pub(super) struct ByItems {
    in_use: usize,
    /// When each resting permit is free again.
    resting: BinaryHeap<Reverse<Instant>>,
}

impl ByItems {
    /// An item got a permit.
    pub(super) const fn taken(&mut self) {
        self.in_use += 1;
    }

    /// An item gave one back, to rest for this long.
    pub(super) fn given_back(&mut self, now: Instant, rest: Option<Duration>) {
        self.in_use = self.in_use.saturating_sub(1);
        self.resting.extend(rest.map(|rest| Reverse(now + rest)));
        self.forget_rested(now);
    }

    /// How many are in use or rest.
    pub(super) fn busy(&mut self, now: Instant) -> usize {
        self.forget_rested(now);
        self.in_use + self.resting.len()
    }

    fn forget_rested(&mut self, now: Instant) {
        let rested = |until: &Reverse<Instant>| until.0 <= now;
        while self.resting.peek().is_some_and(rested) {
            self.resting.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;

    use super::super::Limiter;
    use super::super::moderator::tests::moderator;
    use super::super::quota::tests::limiter;
    use super::*;
    use crate::kinds::kick_login;

    async fn is_left_to_people(limiter: &Limiter) {
        const MOMENT: Duration = Duration::from_millis(150);
        let (api, alice) = (kick_login::KIND.api, moderator("alice"));
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(limiter.item_turn(api, false).await.expect("it is open"));
        }
        let mut fifth = Box::pin(limiter.item_turn(api, false));
        let waited = timeout(MOMENT, &mut fifth).await;
        assert!(waited.is_err(), "the last is for people");
        let click = timeout(MOMENT, limiter.turn(api, &alice)).await;
        let click = click.expect("at once").expect("there is one");
        // Whoever comes next is served before the item, by the first that is free.
        let mut next = Box::pin(limiter.turn(api, &alice));
        assert!(timeout(MOMENT, &mut next).await.is_err());
        held.pop();
        let next = next.await.expect("there is one");
        drop((click, next));
        assert!(fifth.await.is_some(), "one is left to people again");
    }

    #[tokio::test]
    async fn items_leave_one_permit_to_people_who_wait_for_none_of_them() {
        let (limiter, stop) = (limiter(Duration::ZERO), CancellationToken::new());
        tokio::select! {
            () = limiter.dispatch(&stop) => panic!("it serves until it is stopped"),
            () = is_left_to_people(&limiter) => {}
        }
    }
}
