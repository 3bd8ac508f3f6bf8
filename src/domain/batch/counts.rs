//! What became of the items of a batch, counted.

use std::collections::BTreeMap;

use super::BatchState;
use crate::domain::{Class, Failure, State, words};

/// How often an item is begun at most.
pub const MOST_TRIES: u16 = 5;

/// The state of an item: that of its action, or why it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemState {
    /// It is not begun, or is to begin again.
    Waiting,
    /// Its action has no end yet.
    Pending,
    /// Tencent did it.
    Succeeded,
    /// Tencent answered that it did nothing.
    Refused,
    /// The gateway gave up before any byte left.
    NotSent,
    /// It may or may not have happened.
    Unknown,
    /// It must not be done.
    Denied,
    /// The batch was cancelled, or not approved, before it began.
    Cancelled,
    /// The time of the batch was over before it began.
    Expired,
}

words!(
    ItemState,
    "must be waiting, pending, succeeded, refused, not_sent, unknown, denied, cancelled or expired",
    Waiting = "waiting",
    Pending = "pending",
    Succeeded = "succeeded",
    Refused = "refused",
    NotSent = "not_sent",
    Unknown = "unknown",
    Denied = "denied",
    Cancelled = "cancelled",
    Expired = "expired"
);

impl From<State> for ItemState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Succeeded => Self::Succeeded,
            State::Refused => Self::Refused,
            State::NotSent => Self::NotSent,
            State::Unknown => Self::Unknown,
            State::Denied => Self::Denied,
        }
    }
}

/// How the last action of some items ended.
#[derive(Clone, Debug)]
pub struct Ends {
    /// Its state.
    pub state: State,
    /// Why, if no answer of Tencent's says it.
    pub failure: Option<Failure>,
    /// What Tencent's error code means, if there is one.
    pub class: Option<Class>,
    /// How many actions such an item had.
    pub tries: u16,
    /// How many items these are.
    pub items: u32,
}

/// Whether an item whose action ended so begins again: nothing was done, for a reason that passes.
pub const fn begins_again(state: State, failure: Option<Failure>, class: Option<Class>) -> bool {
    match state {
        // For another reason than time an item is not begun again.
        State::NotSent => matches!(
            failure,
            Some(
                Failure::Connect
                    | Failure::DeadlinePassed
                    | Failure::Suspended
                    | Failure::LeaseLapsed
                    | Failure::BeginUnclear
            )
        ),
        State::Refused => matches!(class, Some(Class::RateLimit)),
        State::Pending | State::Succeeded | State::Unknown | State::Denied => false,
    }
}

impl Ends {
    /// The state of these items, in a batch of this state.
    pub fn item_state(&self, batch: BatchState) -> ItemState {
        let again = self.tries < MOST_TRIES && begins_again(self.state, self.failure, self.class);
        if again && !batch.is_end() && batch != BatchState::Cancelling {
            ItemState::Waiting
        } else {
            self.state.into()
        }
    }
}

/// How many items of a batch are in each state. They add up to its total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<ItemState, u32>);

impl Counts {
    /// Of a batch in this state with `total` items, whose begun items ended so.
    pub fn of(batch: BatchState, total: u32, ends: &[Ends]) -> Self {
        let mut counts = Self::default();
        for end in ends {
            *counts.0.entry(end.item_state(batch)).or_default() += end.items;
        }
        let begun: u32 = ends.iter().map(|end| end.items).sum();
        let left = total.saturating_sub(begun);
        *counts.0.entry(Self::unbegun(batch)).or_default() += left;
        counts
    }

    /// The state of an item that was never begun.
    pub const fn unbegun(batch: BatchState) -> ItemState {
        match batch {
            BatchState::Cancelling | BatchState::Cancelled | BatchState::Rejected => {
                ItemState::Cancelled
            }
            BatchState::Expired => ItemState::Expired,
            _ => ItemState::Waiting,
        }
    }

    /// As an event of the end has them.
    pub fn read(words: &serde_json::Map<String, serde_json::Value>) -> Option<Self> {
        let count = |(word, count): (&String, &serde_json::Value)| {
            let count = u32::try_from(count.as_u64()?).ok()?;
            Some((word.parse::<ItemState>().ok()?, count))
        };
        words.iter().map(count).collect::<Option<_>>().map(Self)
    }

    /// How many are in `state`.
    pub fn get(&self, state: ItemState) -> u32 {
        self.0.get(&state).copied().unwrap_or_default()
    }

    /// How many are in each state, of all states.
    pub fn all(&self) -> impl Iterator<Item = (ItemState, u32)> {
        ItemState::ALL
            .iter()
            .map(|state| (*state, self.get(*state)))
    }

    /// How many have an end.
    pub fn ended(&self) -> u32 {
        let open = self.get(ItemState::Waiting) + self.get(ItemState::Pending);
        self.0.values().sum::<u32>() - open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(state: State, failure: Option<Failure>, tries: u16, items: u32) -> Ends {
        Ends {
            state,
            failure,
            class: None,
            tries,
            items,
        }
    }

    #[test]
    fn counts_add_up_and_tell_who_waits_from_who_was_cancelled() {
        let all = [
            ends(State::Succeeded, None, 1, 40),
            ends(State::NotSent, Some(Failure::Connect), 1, 3),
            ends(State::NotSent, Some(Failure::Connect), MOST_TRIES, 2),
            ends(State::NotSent, Some(Failure::WouldShorten), 1, 1),
        ];
        for (batch, waiting, not_sent, cancelled) in [
            (BatchState::Running, 57, 3, 0),
            (BatchState::Cancelled, 0, 6, 54),
        ] {
            let counts = Counts::of(batch, 100, &all);
            assert_eq!(counts.get(ItemState::Waiting), waiting);
            assert_eq!(counts.get(ItemState::NotSent), not_sent);
            assert_eq!(counts.get(ItemState::Cancelled), cancelled);
            assert_eq!(counts.all().map(|(_, count)| count).sum::<u32>(), 100);
        }
    }
}
