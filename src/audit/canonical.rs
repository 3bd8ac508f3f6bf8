//! The bytes that stand for a row (see `format.md`), and what is made of them. A request's
//! fingerprint is made in the same way, as of a table `F`.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Deployment;
use super::event::Event;
use super::keys::SealKeys;
use crate::domain::{CaseRef, IdempotencyKey, Intent, Reason, Request};

/// The hashed columns of `audit.action`, in order.
pub(super) const ACTION_FIELDS: [&str; 28] = [
    "id",
    "kind",
    "moderator",
    "moderator_name",
    "issuer",
    "token_id",
    "client_id",
    "actor",
    "user_id",
    "room_id",
    "data",
    "reason",
    "case_ref",
    "supersedes",
    "batch_id",
    "idempotency_key",
    "client_ip",
    "peer_ip",
    "user_agent",
    "trace_id",
    "http_request_id",
    "instance",
    "version",
    "sdk_app_id",
    "tencent_host",
    "requested_at",
    "deadline_ms",
    "tencent_random",
];

/// The hashed columns of `audit.event`, in order.
pub(super) const EVENT_FIELDS: [&str; 16] = [
    "action_id",
    "rev",
    "state",
    "at",
    "decided_by",
    "duration_us",
    "attempt",
    "tencent_random",
    "attempt_duration_us",
    "http_status",
    "action_status",
    "error_code",
    "error_info",
    "tencent_request_id",
    "failure",
    "next_random",
];

/// The hashed columns of `audit.prune`, in order.
pub(super) const PRUNE_FIELDS: [&str; 6] =
    ["id", "month", "actions", "events", "pruned_at", "pruned_by"];

/// The hashed columns of `audit.decision`, in order.
pub(super) const DECISION_FIELDS: [&str; 9] = [
    "id",
    "kind",
    "subject",
    "decided_at",
    "decided_by",
    "operator",
    "host",
    "reason",
    "details",
];

/// The canonical bytes of one row.
pub(super) struct Canonical(Vec<u8>);

impl Canonical {
    fn new(table: u8) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(0);
        bytes.extend_from_slice(b"modgate.audit.v1");
        bytes.push(table);
        Self(bytes)
    }

    fn text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.0.extend_from_slice(&u32::MAX.to_be_bytes()),
            Some(text) => {
                let length = u32::try_from(text.len()).expect("stored texts are far below 4 GiB");
                self.0.extend_from_slice(&length.to_be_bytes());
                self.0.extend_from_slice(text.as_bytes());
            }
        }
        self
    }

    fn integer(&mut self, integer: Option<i64>) -> &mut Self {
        self.text(integer.map(|integer| integer.to_string()).as_deref())
    }

    fn time(&mut self, time: DateTime<Utc>) -> &mut Self {
        self.integer(Some(time.timestamp_micros()))
    }

    fn uuid(&mut self, id: Option<Uuid>) -> &mut Self {
        self.text(id.map(|id| id.to_string()).as_deref())
    }

    /// Of a row whose fields are given as the texts that are hashed.
    pub(super) fn of_texts(table: u8, fields: &[Option<String>]) -> Self {
        let mut canonical = Self::new(table);
        for field in fields {
            canonical.text(field.as_deref());
        }
        canonical
    }

    /// Their SHA-256.
    pub(super) fn leaf(&self) -> Vec<u8> {
        digest(&SHA256, &self.0).as_ref().to_vec()
    }

    /// What shows that a gateway wrote the row; nothing without a key.
    pub(super) fn mac(&self, keys: &SealKeys) -> Option<Vec<u8>> {
        keys.mac(&self.0)
    }

    /// Whether `mac` was made of them by one who has one of the keys.
    pub(super) fn is_authentic(&self, keys: &SealKeys, mac: &[u8]) -> bool {
        keys.knows(&self.0, mac)
    }
}

/// Those of the row that `intent` becomes.
pub(super) fn action(
    intent: &Intent,
    tencent_random: Option<u32>,
    deployment: &Deployment,
) -> Canonical {
    let (moderator, request, origin) = (&intent.moderator, &intent.request, &intent.origin);
    let command = &request.command;
    let mut canonical = Canonical::new(b'A');
    canonical
        .uuid(Some(intent.id))
        .text(Some(command.kind().as_str()))
        .text(Some(&moderator.subject))
        .text(moderator.name.as_deref())
        .text(Some(&moderator.issuer))
        .text(moderator.token_id.as_deref())
        .text(moderator.client_id.as_deref())
        .text(moderator.actor.as_deref())
        .text(command.user_id())
        .text(command.room_id())
        .text(command.data())
        .text(request.reason.as_ref().map(Reason::as_str))
        .text(request.case_ref.as_ref().map(CaseRef::as_str))
        .uuid(request.supersedes)
        // batch_id
        .uuid(None)
        .text(request.idempotency_key.as_ref().map(IdempotencyKey::as_str))
        .text(Some(&origin.client_ip.to_string()))
        .text(Some(&origin.peer_ip.to_string()))
        .text(origin.user_agent.as_deref())
        .text(origin.trace_id.as_deref())
        .text(Some(&origin.http_request_id))
        .text(Some(&deployment.instance))
        .text(Some(&deployment.version))
        .integer(Some(i64::from(deployment.sdk_app_id)))
        .text(Some(&deployment.tencent_host))
        .time(intent.requested_at)
        .integer(Some(i64::from(super::intent::deadline_ms(intent))))
        .integer(tencent_random.map(i64::from));
    canonical
}

/// What was asked, so that the same `Idempotency-Key` for something else is noticed.
pub(super) fn fingerprint(request: &Request) -> Vec<u8> {
    let command = &request.command;
    let mut canonical = Canonical::new(b'F');
    canonical
        .text(Some(command.kind().as_str()))
        .text(command.user_id())
        .text(command.room_id())
        .text(command.data())
        .text(request.reason.as_ref().map(Reason::as_str))
        .text(request.case_ref.as_ref().map(CaseRef::as_str))
        .uuid(request.supersedes);
    canonical.leaf()
}

/// Those of the row that `event` becomes.
pub(super) fn event(action_id: Uuid, rev: i16, event: &Event<'_>) -> Canonical {
    let mut canonical = Canonical::new(b'E');
    canonical
        .uuid(Some(action_id))
        .integer(Some(i64::from(rev)))
        .text(Some(event.state))
        .time(event.at)
        .text(Some(event.decided_by.as_str()))
        .integer(event.duration_us)
        .integer(event.attempt.map(i64::from))
        .integer(event.tencent_random)
        .integer(event.attempt_duration_us)
        .integer(event.http_status.map(i64::from))
        .text(event.action_status)
        .integer(event.error_code)
        .text(event.error_info)
        .text(event.tencent_request_id)
        .text(event.failure)
        .integer(event.next_random);
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_and_shifted_fields_have_different_bytes() {
        let bytes = |fields: &[Option<&str>]| {
            let mut canonical = Canonical::new(b'E');
            for field in fields {
                canonical.text(*field);
            }
            canonical.0
        };
        assert_ne!(bytes(&[None]), bytes(&[Some("")]));
        assert_ne!(
            bytes(&[Some("ab"), Some("c")]),
            bytes(&[Some("a"), Some("bc")])
        );
        assert_eq!(&bytes(&[Some("é")])[18..], [0, 0, 0, 2, 0xc3, 0xa9]);
    }
}
