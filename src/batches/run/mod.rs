//! Open batches are run by every replica.
//!
//! A lane for each of Tencent's APIs takes items that its process has picked, one after the other, and waits for a turn
//! behind people with each. `watch` sees what becomes of the batches themselves: once a second, and when something
//! happens. Whatever it misses, or has wrong, the statement that begins an item finds out.

mod ends;
mod fate;
mod lane;
mod outcome;
mod read;
mod signs;
mod state;
mod stops;
mod suspended;
mod tell;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, Semaphore};

use super::Batches;
use crate::domain::Api;
use state::State;

/// Items of a process that may be under way; and those of one API, so that one that is slow leaves some to the others.
const IN_FLIGHT: usize = 64;
const IN_FLIGHT_OF_ONE: usize = 48;

/// How often it is read which batches are open. Until a replica knows of one, the others use the permits that it needs.
const READS_EVERY: Duration = Duration::from_millis(250);

/// How often it is looked at what became of the batches.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// How often what became of items is written down.
const PUTS_BACK_EVERY: Duration = Duration::from_millis(200);

/// How long a replica begins nothing whose begin the schema refuses: its clock may be wrong.
const CLOCK_HOLD: Duration = Duration::from_secs(10);

/// Runs the batches of one process.
#[derive(Debug)]
struct Runner {
    batches: Arc<Batches>,
    state: State,
    in_flight: Arc<Semaphore>,
    /// By the word of the API.
    in_flight_of: HashMap<&'static str, Arc<Semaphore>>,
    /// Told when items may have come that lanes can take.
    items_came: Notify,
}

impl Batches {
    /// Runs what is open until the service closes.
    pub async fn run(self: &Arc<Self>) {
        let runner = Arc::new(Runner {
            batches: Arc::clone(self),
            state: State::default(),
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            in_flight_of: Api::all()
                .iter()
                .map(|api| (api.word, Arc::new(Semaphore::new(IN_FLIGHT_OF_ONE))))
                .collect(),
            items_came: Notify::new(),
        });
        let lanes = Api::all().iter().map(|api| runner.lane(api));
        let running = async {
            tokio::join!(runner.watch(), runner.put_back_ended(), join_all(lanes));
        };
        Box::pin(self.service.closing.run_until_cancelled(running)).await;
        runner.leave().await;
    }
}

impl Runner {
    /// The slots of one API.
    fn in_flight_of(&self, api: &'static Api) -> Arc<Semaphore> {
        let slots = self.in_flight_of.get(api.word);
        Arc::clone(slots.expect("each API has its own"))
    }
}
