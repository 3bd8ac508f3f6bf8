//! What is to become of an item, and what has become of it, by the actions that the record has of it.

use crate::audit::{CountedEnds, Earlier, EndedItem};
use crate::batches::ended::{ends_of, ends_of_item};
use crate::domain::{Ends, MOST_TRIES, State, begins_again};

/// What is to become of an item that has these actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is to begin, if it can be read.
    Begins,
    /// Its last action has no end yet.
    NotYet,
    /// Nothing.
    Over,
}

pub(super) fn fate(earlier: &[Earlier]) -> Fate {
    for one in earlier {
        let Some(ended) = &one.ended else {
            return Fate::Over;
        };
        if ended.state == State::Pending {
            return Fate::NotYet;
        }
        if !may_begin_again(ended) {
            return Fate::Over;
        }
    }
    if earlier.len() >= usize::from(MOST_TRIES) {
        Fate::Over
    } else {
        Fate::Begins
    }
}

fn may_begin_again(ended: &EndedItem) -> bool {
    let Ends {
        state,
        failure,
        class,
        ..
    } = ends_of_item(ended, 1);
    begins_again(state, failure, class)
}

/// How a begun item ended, by the action that decides it. Where nobody with one of the keys wrote one of them, nobody knows.
pub(super) fn judged(earlier: &[Earlier]) -> Ends {
    let unknown = EndedItem {
        state: State::Unknown,
        failure: None,
        kind: None,
        error_code: None,
    };
    let ends: Vec<EndedItem> = earlier
        .iter()
        .map(|one| one.ended.unwrap_or(unknown))
        .collect();
    let decides = ends.iter().find(|ended| !may_begin_again(ended));
    ends_of(&CountedEnds {
        ended: decides.or(ends.last()).copied().unwrap_or(unknown),
        tries: u16::try_from(earlier.len()).unwrap_or(u16::MAX),
        items: 1,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::Failure;

    fn earlier(ended: Option<(State, Option<Failure>)>) -> Earlier {
        Earlier {
            id: Uuid::nil(),
            ended: ended.map(|(state, failure)| EndedItem {
                state,
                failure,
                kind: None,
                error_code: None,
            }),
        }
    }

    #[test]
    fn what_was_not_sent_begins_again_and_what_may_have_happened_never_does() {
        let not_sent = earlier(Some((State::NotSent, Some(Failure::Connect))));
        let unknown = earlier(Some((State::Unknown, None)));
        let (pending, false_one) = (earlier(Some((State::Pending, None))), earlier(None));
        for (actions, expected, state) in [
            (vec![not_sent], Fate::Begins, State::NotSent),
            (vec![not_sent; 5], Fate::Over, State::NotSent),
            (vec![not_sent, unknown], Fate::Over, State::Unknown),
            (vec![unknown, not_sent], Fate::Over, State::Unknown),
            (vec![not_sent, pending], Fate::NotYet, State::Pending),
            (vec![false_one], Fate::Over, State::Unknown),
            (vec![false_one, not_sent], Fate::Over, State::Unknown),
        ] {
            assert_eq!(fate(&actions), expected, "{actions:?}");
            assert_eq!(judged(&actions).state, state, "{actions:?}");
        }
        assert_eq!(fate(&[]), Fate::Begins);
    }
}
