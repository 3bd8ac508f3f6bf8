//! Which connections wait for a request, and how long they have.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::Socket;

use super::Limits;

/// By number, and so by age: of a newcomer since it came, of the others since they became idle.
#[derive(Debug, Default)]
pub(super) struct Table {
    next: u64,
    /// How many connections there are, waiting or not.
    pub(super) open: usize,
    newcomers: BTreeMap<u64, Waiting>,
    /// Newcomers that were asked to go.
    leaving: BTreeMap<u64, Waiting>,
    idle: BTreeMap<u64, Waiting>,
    /// When it was last said that the port is full.
    pub(super) said: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    socket: Arc<Socket>,
}

impl Table {
    /// A newcomer, and its number.
    pub(super) fn come(&mut self, socket: &Arc<Socket>) -> u64 {
        self.next += 1;
        self.newcomers.insert(self.next, Waiting::new(socket));
        self.next
    }

    /// A connection becomes idle, under this number.
    pub(super) fn rest(&mut self, socket: &Arc<Socket>) -> u64 {
        self.next += 1;
        self.idle.insert(self.next, Waiting::new(socket));
        self.next
    }

    /// A connection does not wait any more. False if it was asked to go meanwhile.
    pub(super) fn forget(&mut self, number: u64) -> bool {
        self.leaving.remove(&number);
        let newcomer = self.newcomers.remove(&number).is_some();
        newcomer || self.idle.remove(&number).is_some()
    }

    /// How many newcomers there are that were not asked to go.
    pub(super) fn newcomers(&self) -> usize {
        self.newcomers.len()
    }

    /// Asks the oldest newcomer to go, if there is one.
    pub(super) fn close_a_newcomer(&mut self) -> bool {
        let Some((number, newcomer)) = self.newcomers.pop_first() else {
            return false;
        };
        newcomer.shut(Shutdown::Read);
        self.leaving.insert(number, newcomer);
        true
    }

    /// Closes the connection that has been idle for longest, if there is one.
    pub(super) fn close_the_longest_idle(&mut self) {
        if let Some((_, idle)) = self.idle.pop_first() {
            idle.shut(Shutdown::Read);
        }
    }

    /// Closes every connection whose time is over.
    pub(super) fn close_overdue(&mut self, limits: &Limits) {
        for newcomers in [&mut self.newcomers, &mut self.leaving] {
            close_older(newcomers, limits.newcomer_for, Shutdown::Both);
        }
        close_older(&mut self.idle, limits.idle_for, Shutdown::Read);
    }
}

fn close_older(waiting: &mut BTreeMap<u64, Waiting>, longest: Duration, how: Shutdown) {
    while let Some(first) = waiting.first_entry()
        && first.get().since.elapsed() > longest
    {
        first.remove().shut(how);
    }
}

impl Waiting {
    fn new(socket: &Arc<Socket>) -> Self {
        Self {
            since: Instant::now(),
            socket: Arc::clone(socket),
        }
    }

    fn shut(&self, how: Shutdown) {
        // Fails only if the client has gone already.
        let _ = self.socket.shutdown(how);
    }
}
