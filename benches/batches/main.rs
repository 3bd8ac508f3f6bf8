//! Batches at their full rate, beside people who click and look, with the real binary.
//!
//! ```text
//! cargo bench --bench batches                  # of 5,000 and of 10,000 items: three minutes on two cores
//! cargo bench --bench batches -- 1000 2000     # smaller ones
//! ```
//!
//! The server is that of `TEST_DATABASE_URL`, where databases `modgate_bench_batches_…` are made anew, else one from
//! the programs installed here, gone afterwards. A simulator in this process answers after 20 ms.
//!
//! First login and seat kicks in turn, on one and on three replicas, with clicks before and beside them. Then a larger
//! batch that ten people look at while it runs, each at the batch and at one of its actions in turn. Fails if
//!
//! - calls of either kind arrive at less than 90 % of the rate that the permits allow,
//! - a click beside a batch takes more than three times as long as before it and 50 ms, at the 99th percentile,
//! - a look at the batch takes more than three times as long as one at an action and 20 ms, at the 99th percentile, or
//! - a gateway ever has more than 150 MB of memory.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it is a program that prints tables, and is told by the environment where to run"
)]

mod looks;
mod pace;
mod replica;
mod stage;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use modgate::dev::{Lifetime, LocalPostgres, Options};

/// The most memory of a gateway, in megabytes.
const MOST_MEMORY: u64 = 150;

/// Items of the batches whose pace is measured, and of the one that is looked at.
const SIZES: [usize; 2] = [5_000, 10_000];

#[tokio::main]
async fn main() -> ExitCode {
    let sizes: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let [paced, looked_at] = <[usize; 2]>::try_from(sizes).unwrap_or(SIZES);
    let given = std::env::var("TEST_DATABASE_URL").ok();
    let local = given.is_none().then(local_postgres);
    let server = given.or_else(|| local.as_ref().map(LocalPostgres::url));
    let server = server.expect("one or the other is there");
    let mut kept = true;
    println!("{}", pace::HEAD);
    for replicas in [1, 3] {
        kept &= pace::measure(&server, replicas, paced).await;
    }
    println!("\n{}", looks::HEAD);
    kept &= looks::measure(&server, looked_at).await;
    if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn local_postgres() -> LocalPostgres {
    let options = Options {
        directory: Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-batches"),
        lifetime: Lifetime::Temporary,
        // The disk would be most of what is measured.
        settings: vec!["fsync=off".to_owned(), "max_wal_size=1GB".to_owned()],
    };
    LocalPostgres::create(options).expect("a local server starts")
}

/// How long so many of a hundred took at most, in milliseconds.
fn percentile(took: &mut [Duration], percent: usize) -> f64 {
    took.sort_unstable();
    took[(took.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1e3
}

/// What stands at the end of a line.
const fn verdict(kept: bool) -> &'static str {
    if kept { "yes" } else { "NO" }
}
