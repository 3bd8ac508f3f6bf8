//! Whether a filter lets a change through: what `filter` says in SQL of the present, said of the
//! moment of the change.

use super::Change;
use crate::audit::Filter;
use crate::domain::Word;

impl Change {
    /// Whether `filter` lets it through.
    pub fn matches(&self, filter: &Filter) -> bool {
        // Taken apart, so that a new member is not forgotten here.
        let Filter {
            id,
            visible_to,
            kinds,
            states,
            moderator,
            user_id,
            room_id,
            case_ref,
            tencent_request_id,
            error_code,
            idempotency_key,
            batch_id,
            since,
            until,
        } = filter;
        let action = &self.action;
        let visible = visible_to
            .as_ref()
            .is_none_or(|(issuer, subject)| (issuer, subject) == (&self.issuer, &action.moderator));
        visible
            && id.is_none_or(|id| id == action.id)
            && is_one_of(&action.kind, kinds)
            && is_one_of(&action.state, states)
            && is(moderator.as_ref(), Some(&action.moderator))
            && is(user_id.as_ref(), action.user_id.as_ref())
            && is(room_id.as_ref(), action.room_id.as_ref())
            && is(case_ref.as_ref(), action.case_ref.as_ref())
            && is(idempotency_key.as_ref(), self.idempotency_key.as_ref())
            && is(batch_id.as_ref(), action.batch_id.as_ref())
            && is(error_code.as_ref(), self.error_code.as_ref())
            && tencent_request_id
                .as_ref()
                .is_none_or(|wanted| self.tencent_request_ids.contains(wanted))
            && since.is_none_or(|since| action.requested_at >= since)
            && until.is_none_or(|until| action.requested_at < until)
    }
}

/// Whether the word is one of those looked for, if any are: a newer release's never is.
fn is_one_of<T: Copy + PartialEq + Into<&'static str>>(word: &Word<T>, wanted: &[T]) -> bool {
    wanted.is_empty() || word.known().is_some_and(|known| wanted.contains(&known))
}

/// As in SQL, NULL equals nothing.
fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
    wanted.is_none() || wanted == found
}
