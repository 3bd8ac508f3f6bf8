//! The real binary, for everything that signals, crashes and log lines are about.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::app::MODERATOR;
use super::eventually::eventually;
use super::persona::Persona;
use super::world::token;

/// A `modgate` process. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) ops_addr: SocketAddr,
    log: Log,
}

/// What a process wrote to standard error, line by line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The fields of every line with this `event`.
    pub(crate) fn events(&self, event: &str) -> Vec<Value> {
        let values = self
            .lines()
            .into_iter()
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        values.filter(|line| line["event"] == event).collect()
    }

    pub(crate) fn follow(&self, stream: impl std::io::Read + Send + 'static) {
        let lines = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
    }
}

/// The `modgate` command with these variables and no others.
pub(crate) fn modgate(variables: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modgate"));
    command.env_clear().envs(variables).stdin(Stdio::null());
    command
}

impl Gateway {
    /// Starts the binary and waits until it listens. It may grant nothing for two seconds yet:
    /// [`Gateway::ready`].
    pub(crate) async fn start(variables: &BTreeMap<String, String>) -> Self {
        Self::listening(modgate(variables)).await
    }

    /// The same for a process with these limits of open files, soft and hard.
    pub(crate) async fn start_with_open_files(
        variables: &BTreeMap<String, String>,
        (soft, hard): (u32, u32),
    ) -> Self {
        let limited = format!("ulimit -S -n {soft} && ulimit -H -n {hard} && exec \"$0\"");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_modgate")]);
        command.env_clear().envs(variables).stdin(Stdio::null());
        Self::listening(command).await
    }

    async fn listening(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let log = Log::default();
        log.follow(child.stderr.take().expect("standard error is piped"));
        let listening = eventually("the gateway listens", Duration::from_secs(20), async || {
            log.events("listening").pop()
        })
        .await;
        let address = |field: &str| listening[field].as_str().and_then(|text| text.parse().ok());
        let (addr, ops_addr) = (address("addr"), address("ops_addr"));
        Self {
            child,
            addr: addr.expect("logged"),
            ops_addr: ops_addr.expect("logged"),
            log,
        }
    }

    /// Waits until permits are granted.
    pub(crate) async fn ready(self) -> Self {
        let operator = Persona::new(self.ops_addr, None);
        eventually(
            "the gateway is ready",
            Duration::from_secs(20),
            async || (operator.get("/readyz").await.status == 200).then_some(()),
        )
        .await;
        self
    }

    pub(crate) fn moderator(&self, subject: &str) -> Persona {
        Persona::new(self.addr, Some(token(subject, &MODERATOR)))
    }

    pub(crate) fn operator(&self) -> Persona {
        Persona::new(self.ops_addr, None)
    }

    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }

    /// Sends a signal such as `TERM` or `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill can be run").success());
    }

    /// The memory that the process has, in kilobytes.
    pub(crate) fn resident_kilobytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the process runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes.expect("Linux knows it")
    }

    /// The names of the threads, cut to 15 bytes by Linux.
    pub(crate) fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let tasks = tasks.expect("the process runs, on Linux");
        let names = tasks.filter_map(|task| {
            let name = std::fs::read_to_string(task.ok()?.path().join("comm"));
            Some(name.ok()?.trim_end().to_owned())
        });
        names.collect()
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process is ours");
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn exit(mut self, patience: Duration) -> ExitStatus {
        let child = &mut self.child;
        eventually("the gateway ends", patience, async || {
            child.try_wait().expect("the process is ours")
        })
        .await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
