//! What becomes of batches, told to those who listen to the record.

use bytes::Bytes;
use uuid::Uuid;

use super::json::BatchJson;
use crate::audit::Filter;
use crate::batches::{BatchNews, Batches, Seen};
use crate::domain::{Moderator, Scope};

/// The events of a stream that are about batches.
pub(in crate::http) struct BatchEvents {
    news: BatchNews,
    /// Who listens.
    moderator: Moderator,
    /// Only of this batch.
    only: Option<Uuid>,
}

impl BatchEvents {
    /// For a stream with this filter, if it is told of batches: not where only some actions are asked for.
    pub(in crate::http) fn of(
        batches: &Batches,
        filter: &Filter,
        moderator: &Moderator,
    ) -> Option<Self> {
        let told = batches.are_there() && lets_all_through(filter);
        told.then(|| Self {
            news: batches.listen(),
            moderator: moderator.clone(),
            only: filter.batch_id,
        })
    }

    /// The next of a batch that the moderator may see. Nothing is lost if it is not waited for to the end.
    pub(in crate::http) async fn next(&mut self) -> Bytes {
        loop {
            let seen = self.news.next().await;
            let batch = &seen.batch;
            let is_meant = self.only.is_none_or(|only| only == batch.id);
            // Whoever may see it while it is open is told of its end.
            let may =
                batch.is_visible_to(&self.moderator) || self.moderator.may(Scope::BATCH_APPROVE);
            if is_meant && may {
                return event(&seen);
            }
        }
    }
}

/// An event about a batch. It has no id: what was missed of a batch is not told again.
pub(in crate::http) fn event(seen: &Seen) -> Bytes {
    let data = serde_json::to_string(&BatchJson::from(seen));
    let data = data.expect("a batch is plain data");
    Bytes::from(format!("event: batch\ndata: {data}\n\n"))
}

/// Whether it leaves nothing out but other batches.
fn lets_all_through(filter: &Filter) -> bool {
    let Filter {
        id,
        visible_to: _,
        kinds,
        states,
        moderator,
        user_id,
        room_id,
        case_ref,
        tencent_request_id,
        error_code,
        idempotency_key,
        batch_id: _,
        since,
        until,
    } = filter;
    let texts = [
        moderator,
        user_id,
        room_id,
        case_ref,
        tencent_request_id,
        idempotency_key,
    ];
    let no_text = texts.iter().all(|text| text.is_none());
    let no_word = kinds.is_empty() && states.is_empty();
    let no_number = id.is_none() && error_code.is_none();
    no_text && no_word && no_number && since.is_none() && until.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::State;

    #[test]
    fn whoever_asks_for_some_actions_is_not_told_of_batches() {
        let all = Filter {
            visible_to: Some(("issuer".to_owned(), "alice".to_owned())),
            batch_id: Some(Uuid::nil()),
            ..Filter::default()
        };
        assert!(lets_all_through(&all));
        for some in [
            Filter {
                states: vec![State::Unknown],
                ..all.clone()
            },
            Filter {
                user_id: Some("user2".to_owned()),
                ..all.clone()
            },
            Filter {
                error_code: Some(0),
                ..all.clone()
            },
        ] {
            assert!(!lets_all_through(&some), "{some:?}");
        }
    }
}
