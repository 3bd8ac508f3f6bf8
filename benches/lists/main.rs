//! Lists, look-ups and users at scale, over real HTTP: a year of 100,000 actions beside one of 10,000,000.
//!
//! ```text
//! cargo bench --bench lists                    # as above: 10 GB under target/, 15 minutes on two cores
//! cargo bench --bench lists -- 10000 1000000   # other sizes
//! ```
//!
//! The server is that of `TEST_DATABASE_URL`, where the databases `modgate_bench_…` are made anew and
//! stay, else one from the programs installed here, gone afterwards. Each filter is asked for with up
//! to ten values in turn, and both records in turn, so that what else the machine does is in both.
//! Fails if a page of the larger record takes more than 50 ms, or more than twice as long as of the
//! smaller and 5 ms, at the 99th percentile.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it is a program that prints a table, and is told by the environment where to run"
)]

mod gateway;
mod questions;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use modgate::dev::{Lifetime, LocalPostgres, Options};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use gateway::{Gateway, load};
use questions::paths;

const SIZES: [u64; 2] = [100_000, 10_000_000];
const SAMPLES: usize = 200;

#[tokio::main]
async fn main() -> ExitCode {
    let sizes: Vec<u64> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = <[u64; 2]>::try_from(sizes).unwrap_or(SIZES);
    let given = std::env::var("TEST_DATABASE_URL").ok();
    let local = given.is_none().then(local_postgres);
    let server = given.or_else(|| local.as_ref().map(LocalPostgres::url));
    let server = server.expect("one or the other is there");
    let (stop, mut servers) = (CancellationToken::new(), JoinSet::new());
    let mut gateways = Vec::new();
    for actions in sizes {
        let url = load(&server, actions).await;
        let gateway = Gateway::start(&url, &mut servers, &stop).await;
        gateway.wait_for_recovery().await;
        gateways.push(gateway);
    }
    let kept = measure(&mut gateways).await;
    stop.cancel();
    servers.join_all().await;
    if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn local_postgres() -> LocalPostgres {
    let settings = [
        "fsync=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "max_wal_size=1GB",
        "shared_buffers=2GB",
        "maintenance_work_mem=512MB",
    ];
    let options = Options {
        directory: Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-lists"),
        lifetime: Lifetime::Temporary,
        settings: settings.map(str::to_owned).to_vec(),
    };
    LocalPostgres::create(options).expect("a local server starts")
}

/// Prints the table, and says whether all bounds were kept.
async fn measure(gateways: &mut [Gateway]) -> bool {
    let mut asked = Vec::new();
    for gateway in gateways.iter_mut() {
        asked.push(paths(gateway).await);
    }
    let [small, large] = asked.as_slice() else {
        panic!("two sizes are compared")
    };
    println!(
        "{:28} {:>15} {:>15} {:>13}",
        "milliseconds", "small p50, p99", "large p50, p99", "ratios"
    );
    let mut kept = true;
    for ((name, page), large) in large {
        // What fits on one page of the small record has no other page to be compared with.
        let small = small.get(&(*name, *page));
        let small = small.or_else(|| asked[0].get(&(*name, "first")));
        let both = [small.expect("it is asked of both"), large];
        let mut times = [const { Vec::new() }; 2];
        for sample in 0..SAMPLES {
            for (at, paths) in both.into_iter().enumerate() {
                let took = gateways[at].get(&paths[sample % paths.len()]).await;
                times[at].push(took.expect("it is found"));
            }
        }
        kept &= report(name, page, times);
    }
    kept
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1e3
}

/// Prints a line, and says whether the bounds were kept.
fn report(name: &str, page: &str, mut times: [Vec<Duration>; 2]) -> bool {
    let [small, large] = times.each_mut().map(|times| {
        times.sort_unstable();
        [50, 99].map(|percent| percentile(times, percent))
    });
    let kept = large[1] <= 50.0 && large[1] <= 2.0 * small[1] + 5.0;
    println!(
        "{name:20} {page:7} {:7.1} {:7.1} {:7.1} {:7.1} {:6.2} {:6.2} {}",
        small[0],
        small[1],
        large[0],
        large[1],
        large[0] / small[0],
        large[1] / small[1],
        if kept { "" } else { "BROKEN" }
    );
    kept
}
