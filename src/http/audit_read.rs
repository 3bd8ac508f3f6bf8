//! The line in the log that a read of everyone's actions leaves: who looked at what.

use actix_web::{HttpMessage, HttpRequest};

use super::authenticated::Authenticated;
use super::json::time;
use super::middleware::RequestId;
use crate::audit::Filter;
use crate::domain::{Kind, State};

/// A read of actions, with what its line says. A moderator's own leave none.
#[derive(Debug)]
pub(super) struct AuditRead {
    what: &'static str,
    moderator: String,
    http_request_id: Option<String>,
    filter: Filter,
}

impl AuditRead {
    /// A read by who is `authenticated` of the actions that `filter` lets through; `what` is the one word for it.
    pub(super) fn new(
        what: &'static str,
        authenticated: &Authenticated,
        request: &HttpRequest,
        filter: Filter,
    ) -> Self {
        let id = request.extensions().get::<RequestId>().cloned();
        Self {
            what,
            moderator: authenticated.0.subject.clone(),
            http_request_id: id.map(|id| id.0),
            filter,
        }
    }

    /// For one that takes its time.
    pub(super) fn begins(&self) {
        self.say(None, None, "everyone's actions are being read");
    }

    /// So many rows were handed over; `complete` if those were all.
    pub(super) fn ended(&self, rows: u64, complete: bool) {
        self.say(Some(rows), Some(complete), "everyone's actions were read");
    }

    fn say(&self, rows: Option<u64>, complete: Option<bool>, what_happened: &str) {
        let filter = &self.filter;
        if filter.visible_to.is_some() {
            return;
        }
        tracing::info!(
            event = "audit_read",
            what = self.what,
            moderator = self.moderator,
            http_request_id = self.http_request_id,
            action.id = filter.id.map(tracing::field::display),
            filter.kind = words(filter.kinds.iter().copied().map(Kind::as_str)),
            filter.state = words(filter.states.iter().copied().map(State::as_str)),
            filter.moderator = filter.moderator,
            filter.user_id = filter.user_id,
            filter.room_id = filter.room_id,
            filter.case_ref = filter.case_ref,
            filter.tencent_request_id = filter.tencent_request_id,
            filter.error_code = filter.error_code,
            filter.idempotency_key = filter.idempotency_key,
            filter.batch_id = filter.batch_id.map(tracing::field::display),
            filter.since = filter.since.map(time),
            filter.until = filter.until.map(time),
            rows,
            complete,
            "{what_happened}"
        );
    }
}

/// The words of a filter that may be repeated, if there are any.
fn words(words: impl Iterator<Item = &'static str>) -> Option<String> {
    let words: Vec<&str> = words.collect();
    (!words.is_empty()).then(|| words.join(" "))
}
