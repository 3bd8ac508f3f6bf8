//! Tencent's door: what has arrived there, what may still arrive, and the promise about both.

use std::collections::VecDeque;

use super::clock::{Micros, SECOND};

/// One life of a replica, and what it has sent.
#[derive(Debug)]
struct Sender {
    /// N, as it is configured.
    calls_per_second: usize,
    /// Sent, not arrived, and not lost either.
    under_way: usize,
    /// Arrived within the last second.
    recent: usize,
}

#[derive(Debug, Default)]
pub(super) struct Door {
    senders: Vec<Sender>,
    /// When each of the last second arrived, and from whom.
    recent: VecDeque<(Micros, usize)>,
    pub(super) arrived: usize,
}

impl Door {
    /// A replica that begins, and its number here.
    pub(super) fn sender(&mut self, calls_per_second: usize) -> usize {
        self.senders.push(Sender {
            calls_per_second,
            under_way: 0,
            recent: 0,
        });
        self.senders.len() - 1
    }

    pub(super) fn sent(&mut self, sender: usize) {
        self.senders[sender].under_way += 1;
    }

    /// It has not arrived, and never will.
    pub(super) fn lost(&mut self, sender: usize) {
        self.senders[sender].under_way -= 1;
    }

    /// No window with a call of a replica holds more calls than that replica's N. It is enough to
    /// look at the second that ends with each call.
    pub(super) fn arrives(&mut self, now: Micros, sender: usize) -> Result<(), String> {
        self.forget(now);
        self.recent.push_back((now, sender));
        self.arrived += 1;
        let from = &mut self.senders[sender];
        from.under_way -= 1;
        from.recent += 1;
        let window = self.recent.len();
        let broken = |sender: &Sender| sender.recent > 0 && window > sender.calls_per_second;
        match self.senders.iter().find(|sender| broken(sender)) {
            None => Ok(()),
            Some(sender) => Err(format!(
                "{window} calls in a second, one of them from a replica with N = {}",
                sender.calls_per_second
            )),
        }
    }

    /// What has been sent, and what `may_send` says that each could send now, is together no more
    /// than the N of any who has sent something or could.
    pub(super) fn check(
        &mut self,
        now: Micros,
        may_send: impl Iterator<Item = (usize, usize)>,
    ) -> Result<(), String> {
        self.forget(now);
        let mut least = usize::MAX;
        let mut exposed = self.recent.len();
        for sender in &self.senders {
            exposed += sender.under_way;
            if sender.under_way + sender.recent > 0 {
                least = least.min(sender.calls_per_second);
            }
        }
        for (sender, permits) in may_send {
            exposed += permits;
            if permits > 0 {
                least = least.min(self.senders[sender].calls_per_second);
            }
        }
        if exposed <= least {
            return Ok(());
        }
        Err(format!(
            "{exposed} calls could fall into one second, beside a replica with N = {least}: {:?}",
            self.senders
        ))
    }

    fn forget(&mut self, now: Micros) {
        while let Some((_, sender)) = self.recent.pop_front_if(|(at, _)| *at <= now - SECOND) {
            self.senders[sender].recent -= 1;
        }
    }
}
