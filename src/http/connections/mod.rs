//! The connections of a port: how many there may be, and which are closed first.
//!
//! A connection takes two open files and about 20 kB, whoever made it, and anybody can make one. So:
//! - A connection is a *newcomer* until a request on it has shown that somebody may ask: on the API's
//!   port a valid token. What a newcomer is answered closes its connection, and so announces it: a
//!   reverse proxy sends nothing on a connection that is about to be closed.
//! - Newcomers have a bound of their own, and all connections together have one. Past them the oldest
//!   newcomer is closed, and if there is none the connection that has been idle for longest: never
//!   one with a request under way.
//! - A connection is closed by the end of its reading side, as if the client had gone: a request that
//!   comes in at that moment may stay unanswered, as at the end of any keep-alive. A newcomer that has not gone
//!   [`Limits::newcomer_for`] after it came is cut off, for it may be reading very slowly.
//!
//! The time-outs of the HTTP server come first in all that is in order: 5 s for the first head, then its
//! keep-alive. Those here are for what it has none for: heads and bodies that come byte by byte.

mod occupied;
mod table;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::rt::net::TcpStream;
use socket2::{SockRef, Socket};
use tokio_util::sync::CancellationToken;

pub(super) use occupied::Occupied;
use table::Table;

/// Between two looks for connections whose time is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Between two lines that say that the port is full.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// What a port allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Its name, for the log.
    pub port: &'static str,
    /// Connections past which idle ones are closed.
    pub open: usize,
    /// Newcomers past which the oldest is closed.
    pub newcomers: usize,
    /// How long a connection may stay a newcomer.
    pub newcomer_for: Duration,
    /// How long it may be between two requests, once it is none.
    pub idle_for: Duration,
}

/// The open connections of one port.
#[derive(Debug)]
pub struct Connections {
    limits: Limits,
    table: Mutex<Table>,
}

/// One connection, as long as the HTTP server has it.
pub(super) struct Connection {
    connections: Arc<Connections>,
    socket: Arc<Socket>,
    place: Cell<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Newcomer(u64),
    Idle(u64),
    Occupied,
}

impl Connections {
    /// Of a port on which nobody has come yet.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            table: Mutex::default(),
        })
    }

    /// Takes note of a connection that the HTTP server has accepted, and makes room for it. `None` if
    /// the process can open no further file: nothing can close such a connection early.
    pub fn accept(self: &Arc<Self>, stream: &TcpStream) -> Option<Accepted> {
        // A second descriptor of the same socket: the first belongs to the HTTP server.
        let socket = Arc::new(SockRef::from(stream).try_clone().ok()?);
        let mut table = self.table();
        // For the one that comes, not of it: it is about to ask.
        if table.newcomers() >= self.limits.newcomers {
            table.close_a_newcomer();
        }
        if table.open >= self.limits.open {
            self.say_that_it_is_full(&mut table);
            if !table.close_a_newcomer() {
                table.close_the_longest_idle();
            }
        }
        table.open += 1;
        let number = table.come(&socket);
        drop(table);
        Some(Accepted(Rc::new(Connection {
            connections: Arc::clone(self),
            socket,
            place: Cell::new(Place::Newcomer(number)),
        })))
    }

    /// Closes what has been open, or idle, for too long, until `closing`.
    pub async fn watch(&self, closing: &CancellationToken) {
        let looking = async {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                self.table().close_overdue(&self.limits);
            }
        };
        closing.run_until_cancelled(looking).await;
    }

    fn say_that_it_is_full(&self, table: &mut Table) {
        if table.said.is_some_and(|at| at.elapsed() < SAID_EVERY) {
            return;
        }
        table.said = Some(Instant::now());
        tracing::warn!(
            event = "connections_full",
            port = self.limits.port,
            open = table.open,
            "more connections than there is room for: idle ones are closed; not said again for a minute"
        );
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that was taken note of, to be kept with it.
#[derive(Clone, Debug)]
pub struct Accepted(Rc<Connection>);

impl Accepted {
    /// Of the connection that `request` came on, if it was taken note of.
    pub(super) fn of(request: &HttpRequest) -> Option<&Self> {
        request.conn_data()
    }

    /// Somebody who may ask uses it: it is no newcomer any more, unless it was asked to go already.
    pub(super) fn prove(&self) {
        let connection = &self.0;
        if let Place::Newcomer(number) = connection.place.get()
            && connection.connections.table().forget(number)
        {
            connection.place.set(Place::Occupied);
        }
    }

    /// Whether nobody has shown yet that they may ask: its next answer is its last.
    pub(super) fn is_newcomer(&self) -> bool {
        matches!(self.0.place.get(), Place::Newcomer(_))
    }

    /// A request on it is under way until what is returned is dropped.
    pub(super) fn occupy(&self) -> Occupation {
        if let Place::Idle(number) = self.0.place.get() {
            self.0.connections.table().forget(number);
            self.0.place.set(Place::Occupied);
        }
        Occupation(Rc::clone(&self.0))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Connection")
            .field(&self.place.get())
            .finish()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        table.open -= 1;
        if let Place::Newcomer(number) | Place::Idle(number) = self.place.get() {
            table.forget(number);
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Occupation(Rc<Connection>);

impl Drop for Occupation {
    fn drop(&mut self) {
        let connection = &self.0;
        if connection.place.get() == Place::Occupied {
            let number = connection.connections.table().rest(&connection.socket);
            connection.place.set(Place::Idle(number));
        }
    }
}
