//! What the events of a batch have made of it.

use serde_json::Value;

use super::BatchState;
use super::events::{BatchEvent, BatchWord};
use super::pause::Pause;

/// What the events of a batch have made of it.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Its state.
    pub state: BatchState,
    /// When its turn came.
    pub started: Option<&'a BatchEvent>,
    /// Who approved it, or did not.
    pub decided: Option<&'a BatchEvent>,
    /// The pause that it is in.
    pub paused: Option<Pause<'a>>,
    /// Who cancelled it.
    pub cancelling: Option<&'a BatchEvent>,
    /// Its end.
    pub ended: Option<&'a BatchEvent>,
}

impl<'a> Progress<'a> {
    pub(super) fn of(needs_approval: bool, events: &'a [BatchEvent]) -> Self {
        let state = if needs_approval {
            BatchState::AwaitingApproval
        } else {
            BatchState::Queued
        };
        let begun = Self {
            state,
            started: None,
            decided: None,
            paused: None,
            cancelling: None,
            ended: None,
        };
        events.iter().fold(begun, Self::after)
    }

    /// An event that cannot come in this state changes nothing.
    fn after(mut self, event: &'a BatchEvent) -> Self {
        let Some(state) = next(self.state, event.word) else {
            return self;
        };
        match event.word {
            BatchWord::Approved | BatchWord::Rejected => self.decided = Some(event),
            BatchWord::Started => self.started = Some(event),
            BatchWord::Cancelling => self.cancelling = Some(event),
            _ => {}
        }
        if state == BatchState::Paused {
            let word = event.details.get("cause").and_then(Value::as_str);
            let cause = word.and_then(|word| word.parse().ok());
            self.paused = Some(Pause { event, cause });
        } else {
            self.paused = None;
        }
        if state.is_end() {
            self.ended = Some(event);
        }
        self.state = state;
        self
    }
}

impl BatchState {
    /// The state after this event, if it may come in this one.
    pub fn after(self, word: BatchWord) -> Option<Self> {
        next(self, word)
    }
}

/// The one table of what may follow what.
const fn next(state: BatchState, word: BatchWord) -> Option<BatchState> {
    use BatchState as S;
    use BatchWord as W;
    Some(match (state, word) {
        (S::AwaitingApproval, W::Approved) => S::Queued,
        (S::AwaitingApproval, W::Rejected) => S::Rejected,
        (S::Queued, W::Started) | (S::Paused, W::Resumed) => S::Running,
        (S::Running | S::Paused, W::Paused) => S::Paused,
        (S::Running | S::Paused, W::Cancelling) => S::Cancelling,
        (S::AwaitingApproval | S::Queued | S::Cancelling, W::Cancelled) => S::Cancelled,
        (S::AwaitingApproval | S::Queued | S::Running | S::Paused, W::Expired) => S::Expired,
        (S::Running | S::Paused, W::Done) => S::Done,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::Map;

    use super::*;

    fn events(words: &[BatchWord]) -> Vec<BatchEvent> {
        let event = |(rev, word): (i16, &BatchWord)| BatchEvent {
            rev,
            word: *word,
            at: DateTime::UNIX_EPOCH,
            by: None,
            reason: None,
            details: Map::new(),
        };
        (1..).zip(words).map(event).collect()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn a_batch_goes_from_state_to_state_as_its_events_say() {
        use BatchWord as W;
        for (needs_approval, words, expected) in [
            (false, &[W::Submitted][..], BatchState::Queued),
            (true, &[W::Submitted], BatchState::AwaitingApproval),
            (
                true,
                &[W::Submitted, W::Started],
                BatchState::AwaitingApproval,
            ),
            (true, &[W::Submitted, W::Approved], BatchState::Queued),
            (
                true,
                &[W::Submitted, W::Rejected, W::Approved],
                BatchState::Rejected,
            ),
            (
                true,
                &[W::Submitted, W::Cancelled, W::Approved],
                BatchState::Cancelled,
            ),
            (
                true,
                &[W::Submitted, W::Expired, W::Approved],
                BatchState::Expired,
            ),
            (false, &[W::Submitted, W::Started], BatchState::Running),
            (false, &[W::Started, W::Paused], BatchState::Paused),
            (
                false,
                &[W::Started, W::Paused, W::Paused],
                BatchState::Paused,
            ),
            (
                false,
                &[W::Started, W::Paused, W::Resumed],
                BatchState::Running,
            ),
            (false, &[W::Started, W::Cancelled], BatchState::Running),
            (
                false,
                &[W::Started, W::Paused, W::Cancelling],
                BatchState::Cancelling,
            ),
            (
                false,
                &[W::Started, W::Cancelling, W::Resumed],
                BatchState::Cancelling,
            ),
            (
                false,
                &[W::Started, W::Cancelling, W::Cancelled],
                BatchState::Cancelled,
            ),
            (false, &[W::Started, W::Done, W::Paused], BatchState::Done),
        ] {
            let events = events(words);
            let progress = Progress::of(needs_approval, &events);
            assert_eq!(progress.state, expected, "{words:?}");
            assert_eq!(progress.paused.is_some(), expected == BatchState::Paused);
            assert_eq!(progress.ended.is_some(), expected.is_end());
        }
    }

    #[test]
    fn nothing_follows_an_end_and_nothing_starts_without_approval() {
        for state in BatchState::ALL.iter().filter(|state| state.is_end()) {
            for word in BatchWord::ALL {
                assert_eq!(next(*state, *word), None, "{state} {word}");
            }
        }
        assert_eq!(next(BatchState::AwaitingApproval, BatchWord::Started), None);
    }
}
