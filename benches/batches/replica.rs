//! A gateway as a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// A `modgate` process that is ready. Killed when dropped.
pub(crate) struct Replica {
    child: Child,
    pub(crate) addr: SocketAddr,
    ops_addr: SocketAddr,
}

impl Replica {
    pub(crate) async fn start(variables: &BTreeMap<String, String>, http: &Client) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_modgate"))
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let log = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let listening = lines.find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            (line["event"] == "listening").then_some(line)
        });
        let listening = listening.expect("the gateway listens");
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let address = |name: &str| listening[name].as_str().and_then(|text| text.parse().ok());
        let (addr, ops_addr) = (address("addr"), address("ops_addr"));
        let replica = Self {
            child,
            addr: addr.expect("it is logged"),
            ops_addr: ops_addr.expect("it is logged"),
        };
        replica.is_ready(http).await;
        replica
    }

    async fn is_ready(&self, http: &Client) {
        let (url, since) = (format!("http://{}/readyz", self.ops_addr), Instant::now());
        loop {
            let answer = http.get(&url).send().await.expect("it answers");
            if answer.status().is_success() {
                return;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "it is not ready");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The most memory that it ever had, in megabytes.
    pub(crate) fn most_megabytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.expect("Linux knows it") / 1024
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
