//! The simulator as a process of its own: what arrives at it is not measured on threads that share
//! their time with those who send it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use modgate::simulator::{Api, Latency};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::eventually::eventually;
use super::persona::Persona;
use super::process::Log;
use super::world::{SDK_APP_ID, SECRET_KEY};

/// It runs until standard input ends, which it does when it is dropped, and also when the process
/// of the tests is killed.
const GUARD: &str = r#""$0" "$@" </dev/null & read -r _; kill -9 $!; wait 2>/dev/null"#;

/// Calls read at once from the control port, which holds up what arrives meanwhile.
const PAGE: usize = 1000;

/// A `tencent-sim` process that counts calls and refuses none for their number.
#[derive(Debug)]
pub(crate) struct Tencent {
    guard: Child,
    pub(crate) url: String,
    control: Persona,
}

/// What has arrived at one API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    pub(crate) calls: u64,
    /// The most in any second since the start.
    pub(crate) largest_second: u64,
}

impl Tencent {
    pub(crate) async fn start() -> Self {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, env!("CARGO_BIN_EXE_tencent-sim")])
            .args(["--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0"])
            .args(["--sdk-app-id", &SDK_APP_ID.to_string()])
            .args(["--secret-key", SECRET_KEY, "--unlimited"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh can be run");
        let printed = Log::default();
        printed.follow(guard.stdout.take().expect("standard output is piped"));
        let line = eventually(
            "the simulator listens",
            Duration::from_secs(20),
            async || printed.lines().pop(),
        )
        .await;
        let words: Vec<&str> = line.split(' ').collect();
        let ["tencent-sim", url, "control", control] = words[..] else {
            panic!("not what the simulator prints: {line}")
        };
        let control = control.trim_start_matches("http://").parse();
        Self {
            guard,
            url: url.to_owned(),
            control: Persona::new(control.expect("an address"), None),
        }
    }

    async fn order(&self, method: Method, path: &str, body: &Value) {
        let request = self.control.request(method, path).body(body.to_string());
        let answer = self.control.send(request).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    pub(crate) async fn set_latency(&self, latency: &Latency) {
        let [before, after] = [&latency.before, &latency.after]
            .map(|range| [range.start().as_millis(), range.end().as_millis()]);
        let latency = json!({"before_ms": before, "after_ms": after});
        self.order(Method::PUT, "/latency", &latency).await;
    }

    /// Holds all requests and answers, then lets them go at once.
    pub(crate) async fn stall(&self, duration: Duration) {
        let stall = json!({"milliseconds": duration.as_millis()});
        self.order(Method::POST, "/stall", &stall).await;
    }

    pub(crate) async fn arrived(&self, api: Api) -> Arrived {
        let windows = self.control.get("/windows").await.json();
        let of_api = &windows[json!(api).as_str().expect("an API has a name")];
        let number = |member: &str| of_api[member].as_u64().expect("a number");
        Arrived {
            calls: number("calls"),
            largest_second: number("largest_second"),
        }
    }

    /// The `random` of every call, to ask the record about them.
    pub(crate) async fn randoms(&self) -> Vec<i64> {
        let (mut randoms, mut last) = (Vec::new(), 0);
        loop {
            let path = format!("/calls?after={last}&limit={PAGE}");
            let page = self.control.get(&path).await.json();
            let calls = page["calls"].as_array().expect("a list of calls");
            let Some(newest) = calls.last() else {
                return randoms;
            };
            last = newest["sequence"].as_u64().expect("a number");
            let random = |call: &Value| call["random"].as_i64().expect("every call has a random");
            randoms.extend(calls.iter().map(random));
        }
    }

    /// How many calls a second arrive, measured for `lasting` from `start`.
    pub(crate) async fn rate(&self, api: Api, start: Instant, lasting: Duration) -> f64 {
        tokio::time::sleep_until(start).await;
        let (from, before) = (Instant::now(), self.arrived(api).await);
        tokio::time::sleep_until(start + lasting).await;
        let after = self.arrived(api).await;
        per_second(after.calls - before.calls, from.elapsed())
    }

    /// Waits until calls have arrived at this rate for three seconds; returns how long it took.
    pub(crate) async fn reaches(&self, rate: f64, api: Api, patience: Duration) -> Duration {
        let (start, window) = (Instant::now(), Duration::from_secs(3));
        let mut samples: Vec<(Instant, u64)> = Vec::new();
        eventually(&format!("{rate:.0} calls a second"), patience, async || {
            let now = (Instant::now(), self.arrived(api).await.calls);
            samples.push(now);
            let old = |sample: &&(Instant, u64)| now.0 - sample.0 >= window;
            let then = samples.iter().rev().find(old)?;
            let seen = per_second(now.1 - then.1, now.0 - then.0);
            (seen >= rate).then(|| start.elapsed())
        })
        .await
    }
}

impl Drop for Tencent {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

fn per_second(calls: u64, during: Duration) -> f64 {
    let calls = u32::try_from(calls).expect("tests are short");
    f64::from(calls) / during.as_secs_f64()
}

/// The latency of calls that travel, each way.
pub(crate) fn travelling() -> Latency {
    let way = Duration::from_millis(5)..=Duration::from_millis(60);
    Latency {
        before: way.clone(),
        after: way,
    }
}
