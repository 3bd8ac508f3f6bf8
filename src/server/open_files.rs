//! How many files this process may have open, and how many connections that is room for.
//!
//! A process that runs out of them can neither answer health checks nor reach Postgres or Tencent. So
//! both ports together never take more than what the rest does not need.

use std::io;
use std::net::SocketAddr;

/// Each connection takes the socket itself, and a second descriptor to close it by.
const FILES_OF_A_CONNECTION: u64 = 2;

/// Standard streams, listeners, log, timers and wakers of the runtimes, files that are read for a
/// moment, the identity provider, the collector of traces.
const FILES_OF_THE_PROCESS: u64 = 64;

/// For each worker of the HTTP server: its runtime.
const FILES_OF_A_WORKER: u64 = 8;

/// More than this a replica does not take, whatever it may: idle connections alone would have most
/// of its memory.
const MOST_TO_THE_API: u64 = 4096;

/// Health checks and scrapers are few.
const MOST_TO_OPERATIONS: u64 = 128;

/// Of a port, however few files there are.
const LEAST: u64 = 4;

/// How many connections each port takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// The limit of open files.
    pub(super) open_files: u64,
    /// Connections to the API.
    pub(super) api: usize,
    /// Connections to the operations port.
    pub(super) ops: usize,
    /// Whether more files would be more room.
    pub(super) is_scarce: bool,
}

impl Room {
    /// Raises the limit as far as it goes, and shares out what `others`, such as the database's
    /// connections, leave of it.
    pub(super) fn make(workers: usize, others: u64) -> io::Result<Self> {
        let open_files = rlimit::increase_nofile_limit(u64::MAX)
            .or_else(|_| rlimit::Resource::NOFILE.get_soft())?;
        Ok(Self::of(open_files, workers, others))
    }

    /// The line that says where the service listens, and how many it takes there.
    pub(super) fn say_where(&self, addr: SocketAddr, ops_addr: SocketAddr) {
        tracing::info!(
            event = "listening",
            %addr,
            %ops_addr,
            open_files = self.open_files,
            api_connections = self.api,
            ops_connections = self.ops,
            "modgate is listening"
        );
    }

    fn of(open_files: u64, workers: usize, others: u64) -> Self {
        let workers = FILES_OF_A_WORKER.saturating_mul(workers as u64);
        let others = others.saturating_add(workers + FILES_OF_THE_PROCESS);
        // Not all of them are open at the same time.
        let left = open_files - others.min(open_files / 2);
        let ops = left / 8 / FILES_OF_A_CONNECTION;
        let ops = ops.clamp(LEAST, MOST_TO_OPERATIONS);
        let api = left.saturating_sub(ops * FILES_OF_A_CONNECTION) / FILES_OF_A_CONNECTION;
        let few = |connections: u64| usize::try_from(connections).unwrap_or(usize::MAX);
        Self {
            open_files,
            api: few(api.clamp(LEAST, MOST_TO_THE_API)),
            ops: few(ops),
            is_scarce: api < MOST_TO_THE_API,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `serve` needs with the default settings, on two cores.
    const OTHERS: u64 = 16 + 400;

    #[test]
    fn each_limit_that_machines_have_is_shared_out() {
        for (open_files, api, ops, is_scarce) in [
            (64, 12, 4, true),
            (256, 56, 8, true),
            (1024, 231, 33, true),
            (4096, 1672, 128, true),
            (20_000, 4096, 128, false),
            (1_048_576, 4096, 128, false),
            (u64::MAX, 4096, 128, false),
        ] {
            let expected = Room {
                open_files,
                api,
                ops,
                is_scarce,
            };
            assert_eq!(Room::of(open_files, 2, OTHERS), expected);
        }
    }

    proptest! {
        #[test]
        fn half_of_the_files_or_what_is_needed_is_left_to_the_rest(
            open_files in 32_u64..100_000, workers in 1_usize..200, others in 0_u64..50_000
        ) {
            let room = Room::of(open_files, workers, others);
            let taken = (room.api + room.ops) as u64 * FILES_OF_A_CONNECTION;
            let needed = others + workers as u64 * FILES_OF_A_WORKER + FILES_OF_THE_PROCESS;
            prop_assert!(taken + needed.min(open_files / 2) <= open_files.max(32));
        }
    }
}
