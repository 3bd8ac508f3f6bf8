//! Several replicas, each its own process, on one database: together they keep the limit that one
//! keeps alone, use it as well, and lose it no longer than they must.

mod floods;
mod hostile;
mod throughput;
mod uneven;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use modgate::simulator::Api;
use tokio::time::Instant;

use crate::support::app::MODERATOR;
use crate::support::open_loop::{Asked, Crowd};
use crate::support::process::Gateway;
use crate::support::tencent::{Tencent, travelling};
use crate::support::world::{World, token};

const SECOND: Duration = Duration::from_secs(1);
/// `MODGATE_TENCENT_QPS`: a fifth of the default, so that the machine has time for what else it does.
const N: u32 = 40;
/// Until the permits that rested at first, and the shares, follow the load.
const WARM_UP: Duration = Duration::from_secs(5);
/// Longer than the queue's time-out, the time to begin, an attempt and the time to finish.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many that none of them reaches a limit of their own.
const MODERATORS: [&str; 10] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy",
];

pub(crate) const DONE: &str = "200";
pub(crate) const REFUSED: &str = "429 rate-limited api";
/// The connection failed, or no answer came in time.
const GONE: &str = "no answer";

/// Gateways that share a database and call the same simulator.
#[derive(Debug)]
pub(crate) struct Replicas {
    pub(crate) gateways: Vec<Gateway>,
    tencent: Tencent,
    pub(crate) world: World,
}

impl Replicas {
    /// None yet.
    pub(crate) async fn in_world(world: World) -> Self {
        let tencent = Tencent::start().await;
        tencent.set_latency(&travelling()).await;
        let world = world
            .set("MODGATE_TENCENT_URL", &tencent.url)
            .set("MODGATE_TENCENT_QPS", &N.to_string())
            .set("MODGATE_MODERATOR_QPS", "2000");
        Self {
            gateways: Vec::new(),
            tencent,
            world,
        }
    }

    pub(crate) async fn start(&mut self, count: usize) {
        let gateways = (0..count).map(|_| self.another());
        let gateways = join_all(gateways).await;
        self.gateways.extend(gateways);
    }

    async fn another(&self) -> Gateway {
        Gateway::start(&self.world.variables).await.ready().await
    }

    /// The calls a second that arrive.
    async fn rate(&self, start: Instant, lasting: Duration) -> f64 {
        self.tencent.rate(Api::KICK_LOGIN, start, lasting).await
    }

    /// Whatever happened: no second had too many calls, and none was made without a record.
    pub(crate) async fn assert_the_limit_and_the_record(&self) {
        let largest = self.tencent.arrived(Api::KICK_LOGIN).await.largest_second;
        assert!(largest <= u64::from(N), "{largest} calls in one second");
        let announced = self.world.announced().await;
        for random in self.tencent.randoms().await {
            assert!(announced.contains(&random), "a call without a record");
        }
    }
}

/// Asks these gateways, in turns.
pub(crate) fn crowd(gateways: &[Gateway], subjects: &[&str]) -> Arc<Crowd> {
    impatient_crowd(gateways, subjects, PATIENCE)
}

fn impatient_crowd(gateways: &[Gateway], subjects: &[&str], patience: Duration) -> Arc<Crowd> {
    let doors = gateways.iter().map(|gateway| gateway.addr).collect();
    let tokens = subjects.iter().map(|subject| token(subject, &MODERATOR));
    Crowd::impatient(doors, tokens.collect(), patience)
}

/// Keeps a figure for whoever reads the output of a test that failed.
#[expect(clippy::print_stdout, reason = "libtest shows it with the failure")]
pub(crate) fn measured(figures: &str) {
    println!("{figures}");
}

/// What an answer is called in these tests: its status and, unless it is 200, its code, and whose
/// limit it names.
pub(crate) fn outcome(asked: &Asked) -> String {
    let answer = match &asked.answer {
        Ok(answer) => answer.parsed(),
        Err(_) => return GONE.to_owned(),
    };
    if answer.status == 200 {
        return "200".to_owned();
    }
    let (code, problem) = (answer.problem(), answer.json());
    let limit = problem["limit"].as_str().unwrap_or_default();
    format!("{} {code} {limit}", answer.status)
        .trim_end()
        .to_owned()
}

/// How often each outcome came.
fn outcomes<'a>(asked: impl IntoIterator<Item = &'a Asked>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for asked in asked {
        *counts.entry(outcome(asked)).or_default() += 1;
    }
    counts
}

/// That nothing came but these.
pub(crate) fn assert_only<'a>(asked: impl IntoIterator<Item = &'a Asked>, expected: &[&str]) {
    let asked: Vec<&Asked> = asked.into_iter().collect();
    let outcomes = outcomes(asked.iter().copied());
    let failed = asked.iter().filter_map(|asked| asked.answer.as_ref().err());
    let failed: Vec<_> = failed.take(3).collect();
    let unexpected = |outcome: &&String| !expected.contains(&outcome.as_str());
    assert_eq!(
        outcomes.keys().find(unexpected),
        None,
        "{outcomes:?} {failed:?}"
    );
}
