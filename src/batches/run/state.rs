//! What a process knows of the batches that it runs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::signs::Signs;
use crate::audit::{ItemEnd, Picked};
use crate::domain::{Api, Batch, BatchState, Kind};

/// An item that was picked is left alone by the others for so long, with a margin.
const GOOD_FOR: Duration = Duration::from_secs(16);

/// The longest that picking may take.
const PICKS_WITHIN: Duration = Duration::from_secs(10);

/// What a process knows of all batches.
#[derive(Debug, Default)]
pub(super) struct State(Mutex<All>);

#[derive(Debug, Default)]
pub(super) struct All {
    pub(super) open: BTreeMap<Uuid, Open>,
    /// Batches of the last day that have ended; and those that are not genuine, or that another release must read, until
    /// they are looked at again.
    pub(super) closed: HashMap<Uuid, Option<Instant>>,
    /// Whether those that are older than a day were looked for.
    pub(super) has_looked_back: bool,
    /// How many items were given to lanes.
    served: u64,
    /// Until when a lane takes nothing, by the word of its API; and how often it was made to wait in a row.
    held: HashMap<&'static str, (Instant, u32)>,
    /// Until when no lane takes anything.
    pub(super) held_until: Option<Instant>,
    /// The item that each lane waits for a turn with, by the word of its API.
    pub(super) in_hand: HashMap<&'static str, (Uuid, u32)>,
    /// What is to be written down of items that ended.
    pub(super) ended: HashMap<Uuid, Vec<ItemEnd>>,
}

/// An open batch.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) batch: Arc<Batch>,
    /// Whether it was said of each item that it is left.
    pub(super) items_left: bool,
    /// The rev at which a begin found that it is stopped, or that its time is over.
    pub(super) stopped_at: Option<i16>,
    /// Items that were picked and not begun, by the word of their API.
    pub(super) picked: HashMap<&'static str, Buffer>,
    /// What the ends of its items say.
    pub(super) signs: Signs,
    /// Since when this process has seen calls that it needs suspended.
    pub(super) suspended_since: Option<Instant>,
    /// Whether an item finds out whether they still are.
    pub(super) is_tried: bool,
    /// When it was said anew of each item that it is left.
    pub(super) left_anew: Option<Instant>,
}

/// Items that were picked for one API.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    items: VecDeque<(Instant, Picked)>,
    /// Since when more are being picked.
    picking_since: Option<Instant>,
    /// The number of the last that was given to the lane.
    served: u64,
    /// When it is worth picking again.
    pub(super) next_pick: Option<Instant>,
}

impl State {
    pub(super) fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    pub(super) fn new(batch: Arc<Batch>) -> Self {
        Self {
            batch,
            items_left: false,
            stopped_at: None,
            picked: HashMap::new(),
            signs: Signs::default(),
            suspended_since: None,
            is_tried: false,
            left_anew: None,
        }
    }

    pub(super) fn state(&self) -> BatchState {
        self.batch.state()
    }

    /// Whether items of it are begun, as far as is known here.
    pub(super) fn begins(&self) -> bool {
        self.state() == BatchState::Running
            && self.stopped_at != Some(self.batch.last_rev)
            && self.batch.has_room_for_a_stop()
    }

    /// The kinds of its items that call `api`, of those that there are here.
    pub(super) fn kinds_of(&self, api: &Api, offered: &[Kind]) -> Vec<Kind> {
        let kinds = self.batch.known_kinds();
        kinds
            .filter(|kind| kind.api == api && offered.contains(kind))
            .collect()
    }

    /// What was before the pause is no reason for another.
    pub(super) fn begin_anew(&mut self) {
        self.signs = Signs::default();
        self.suspended_since = None;
    }

    /// Takes out what was picked and not begun.
    pub(super) fn take_picked(&mut self) -> Vec<u32> {
        let buffers = self.picked.values_mut();
        buffers
            .flat_map(|buffer| std::mem::take(&mut buffer.items))
            .map(|(_, picked)| picked.index)
            .collect()
    }
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether more are being picked. Whoever has not come back for so long will not.
    pub(super) fn is_being_filled(&self) -> bool {
        self.picking_since
            .is_some_and(|since| since.elapsed() < PICKS_WITHIN)
    }

    pub(super) fn begin_to_fill(&mut self) {
        self.picking_since = Some(Instant::now());
    }

    pub(super) fn end_filling(&mut self) {
        self.picking_since = None;
    }

    pub(super) fn push(&mut self, at: Instant, picked: Picked) {
        self.items.push_back((at, picked));
    }

    /// The next, unless another replica may have picked it by now.
    fn pop(&mut self) -> Option<Picked> {
        loop {
            let (at, picked) = self.items.pop_front()?;
            if at.elapsed() < GOOD_FOR {
                return Some(picked);
            }
        }
    }
}

/// Who submitted it.
fn whose(batch: &Batch) -> (String, String) {
    let (issuer, subject) = batch.moderator.key();
    (issuer.to_owned(), subject.to_owned())
}

impl All {
    /// The next item that calls `api`, of the batches that run: of the moderator who has waited longest, and of their batch
    /// that has.
    pub(super) fn next(&mut self, api: &'static Api) -> Option<(Arc<Batch>, Picked)> {
        let running = |open: &&mut Open| open.begins();
        let mut ready: Vec<(&Arc<Batch>, &mut Buffer)> = Vec::new();
        let mut of_moderators: HashMap<(String, String), u64> = HashMap::new();
        for open in self.open.values_mut().filter(running) {
            if let Some(buffer) = open.picked.get_mut(api.word) {
                let last = of_moderators.entry(whose(&open.batch)).or_default();
                *last = buffer.served.max(*last);
                ready.push((&open.batch, buffer));
            }
        }
        ready.sort_by_key(|(batch, buffer)| {
            (of_moderators.get(&whose(batch)).copied(), buffer.served)
        });
        for (batch, buffer) in ready {
            if let Some(picked) = buffer.pop() {
                self.served += 1;
                buffer.served = self.served;
                return Some((Arc::clone(batch), picked));
            }
        }
        None
    }

    /// A lane takes nothing for a while: longer each time in a row.
    pub(super) fn hold(&mut self, api: &'static Api, longest: Duration) {
        let (until, times) = self
            .held
            .get(api.word)
            .copied()
            .unwrap_or((Instant::now(), 0));
        // Those that were under way together say the same thing.
        if until > Instant::now() {
            return;
        }
        let pause = Duration::from_secs(1) * 2_u32.pow(times.min(5));
        self.held
            .insert(api.word, (Instant::now() + pause.min(longest), times + 1));
    }

    /// What made a lane wait is over.
    pub(super) fn release(&mut self, api: &'static Api) {
        self.held.remove(api.word);
    }

    /// What made lanes wait is over, for all that one knows.
    pub(super) fn release_all(&mut self) {
        self.held.clear();
    }

    /// For how long a lane takes nothing yet.
    pub(super) fn held_for(&self, api: &'static Api) -> Option<Duration> {
        let until = self
            .held
            .get(api.word)
            .map(|(until, _)| *until)
            .max(self.held_until)?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}
