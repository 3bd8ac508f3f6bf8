//! How items ended, as far as it matters to their batch.

use crate::audit::{CountedEnds, EndedItem};
use crate::domain::{Action, Attempt, Class, Ends, Failure, State};
use crate::tencent::class_of;

/// How these items ended.
pub(super) fn ends_of(counted: &CountedEnds) -> Ends {
    Ends {
        items: counted.items,
        ..ends_of_item(&counted.ended, counted.tries)
    }
}

/// How one item ended that had so many actions.
pub(super) fn ends_of_item(ended: &EndedItem, tries: u16) -> Ends {
    let class: Option<Class> = ended
        .kind
        .zip(ended.error_code)
        .map(|(kind, code)| class_of(kind.api, code));
    Ends {
        state: ended.state,
        failure: ended.failure,
        class,
        tries,
        items: 1,
    }
}

/// Why no answer of Tencent's says how `action` ended.
pub(super) fn failure_of(action: &Action) -> Option<Failure> {
    let last = action.attempts.last();
    action.failure.or_else(|| last.and_then(Attempt::failure))
}

/// How the item ended whose last action this is, and which had so many.
pub(super) fn ends_of_action(action: &Action, tries: u16) -> Ends {
    let state = action.state.known().unwrap_or(State::Unknown);
    let code = action.last_answer().map(|answer| answer.error_code);
    let last = action.attempts.last();
    let ended = EndedItem {
        state,
        failure: action.failure.or_else(|| last.and_then(Attempt::failure)),
        kind: action.kind.known(),
        error_code: code.filter(|_| state == State::Refused),
    };
    ends_of_item(&ended, tries)
}
