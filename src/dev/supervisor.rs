//! A server that ends with this process, however this process ends.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use super::{Error, Mode, io_error};

/// Started with `sh -c`, on this machine or in a container.
const SCRIPT: &str = include_str!("supervisor.sh");

/// A shell that runs one server and stops it on an order, or when its standard input ends.
#[derive(Debug)]
pub(super) struct Supervisor {
    shell: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Starts `server` through `shell`, a command line to which the script is appended (`docker run … image`, or `env`).
    /// What both write goes to `log`. `at_end` says how the server is stopped when this process ends without saying so,
    /// and `remove` is a directory that goes with it.
    pub(super) fn start<I>(
        mut shell: Command,
        server: I,
        log: File,
        at_end: Mode,
        remove: Option<&Path>,
    ) -> Result<Self, Error>
    where
        I: IntoIterator<Item = String>,
    {
        shell.args(["sh", "-c", SCRIPT, "supervisor", at_end.as_order()]);
        shell.arg(remove.unwrap_or(Path::new(""))).args(server);
        // Its own process group: Ctrl-C in a terminal reaches the gateway alone, which still needs its database then.
        shell.process_group(0);
        let mut shell = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(io_error("start the PostgreSQL server"))?;
        let orders = shell.stdin.take().expect("the standard input is piped");
        let answers = BufReader::new(shell.stdout.take().expect("the standard output is piped"));
        let mut supervisor = Self {
            shell,
            orders,
            answers,
        };
        supervisor.read_answer()?;
        Ok(supervisor)
    }

    /// Stops every process of the server with SIGSTOP: connections stay open and nothing answers. Linux only.
    pub(super) fn freeze(&mut self) -> Result<(), Error> {
        self.send("freeze")?;
        self.read_answer()
    }

    /// Undoes [`freeze`](Self::freeze).
    pub(super) fn thaw(&mut self) -> Result<(), Error> {
        self.send("thaw")?;
        self.read_answer()
    }

    /// Stops the server and returns when it has ended; its data stays.
    pub(super) fn stop(mut self, mode: Mode) -> Result<(), Error> {
        self.send(mode.as_order())?;
        self.wait()
    }

    /// Ends the server as the end of this process would.
    pub(super) fn end(self) -> Result<(), Error> {
        let Self {
            mut shell,
            orders,
            answers: _answers,
        } = self;
        drop(orders);
        shell
            .wait()
            .map(drop)
            .map_err(io_error("wait for the PostgreSQL server"))
    }

    fn send(&mut self, order: &str) -> Result<(), Error> {
        writeln!(self.orders, "{order}").map_err(io_error("give an order to the PostgreSQL server"))
    }

    fn read_answer(&mut self) -> Result<(), Error> {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .map(drop)
            .map_err(io_error("read the PostgreSQL server's answer"))
    }

    fn wait(&mut self) -> Result<(), Error> {
        self.shell
            .wait()
            .map(drop)
            .map_err(io_error("wait for the PostgreSQL server"))
    }
}
