//! What commands write, and what becomes of it when nobody reads it.
//!
//! Whoever reads may end first, as in `modgate openapi | head -1`. That is no fault of the command: what is left
//! is written to nobody, as with cargo, and the command goes on, so that its exit code still says what it did or
//! found. One that does nothing but write ends there with exit code 0, as ripgrep does. Anything else that
//! keeps standard output from being written, such as a full disk, is a fault.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write, stderr, stdout};

use super::Failed;

/// Writes a line, or several, to standard output.
pub(super) fn line(text: impl Display) -> Result<(), Failed> {
    let mut out = stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error, for whoever runs the command. Where that cannot be written, there is
/// nobody to tell.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(stderr(), "modgate: {text}");
}

/// Standard output for what is written while it is found, and need not be found when nobody reads it.
pub(super) struct Stream {
    to: BufWriter<StdoutLock<'static>>,
    is_unread: bool,
}

impl Stream {
    pub(super) fn new() -> Self {
        Self {
            to: BufWriter::new(stdout().lock()),
            is_unread: false,
        }
    }

    /// What came of writing to it: that nobody reads it is no fault. Then there is no result.
    pub(super) fn unless_unread<T, E>(&self, written: Result<T, E>) -> Result<Option<T>, E> {
        match written {
            Err(_) if self.is_unread => Ok(None),
            written => written.map(Some),
        }
    }

    fn watch<T>(&mut self, written: io::Result<T>) -> io::Result<T> {
        written.inspect_err(|error| self.is_unread |= error.kind() == ErrorKind::BrokenPipe)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes);
        self.watch(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.to.flush();
        self.watch(written)
    }
}
