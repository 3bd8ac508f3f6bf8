//! The bytes that stand for a row (see `format.md`), and what is made of them. A request's
//! fingerprint is made in the same way, as of a table `F`.

use aws_lc_rs::digest::{Context, SHA256, digest};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Deployment;
use super::event::Event;
use super::keys::SealKeys;
use super::stored::StoredRow;
use crate::domain::{CaseRef, IdempotencyKey, Intent, Reason, Request};

/// The version of every row that this build writes.
pub(super) const ROW_FORMAT: i16 = 2;

/// What texts about people are hashed with, new for each row, so that nobody can guess them from their hash
/// once they and it are gone.
pub(super) type Salt = [u8; 16];

/// The canonical bytes of one row.
pub(super) struct Canonical(Vec<u8>);

impl Canonical {
    fn new(table: u8, version: i16) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(0);
        bytes.extend_from_slice(format!("modgate.audit.v{version}").as_bytes());
        bytes.push(table);
        Self(bytes)
    }

    fn field(&mut self, field: &[u8]) -> &mut Self {
        let length = u32::try_from(field.len()).expect("stored texts are far below 4 GiB");
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    fn text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.0.extend_from_slice(&u32::MAX.to_be_bytes()),
            Some(text) => {
                self.field(text.as_bytes());
            }
        }
        self
    }

    /// A text about a person: a hash, which can stay when the text goes.
    fn personal(&mut self, salt: &[u8], text: Option<&str>) -> &mut Self {
        match text {
            None => self.text(None),
            Some(text) => {
                let mut context = Context::new(&SHA256);
                context.update(salt);
                context.update(text.as_bytes());
                self.field(context.finish().as_ref())
            }
        }
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

    /// Of a row as it is stored.
    pub(super) fn of_row(row: &StoredRow) -> Self {
        let layout = row.key.table.layout();
        let mut canonical = Self::new(layout.byte, row.version);
        let salt = row.salt.as_deref();
        for (index, (name, field)) in layout.columns.iter().zip(&row.fields).enumerate() {
            let field = field.as_deref();
            if row.version == 1 {
                // What version 1 has no column for counts only where somebody has put something into it.
                if index < layout.of_version_1 || field.is_some() {
                    canonical.text(field);
                }
            } else if layout.personal.contains(name) {
                canonical.personal(salt.unwrap_or_default(), field);
            } else {
                canonical.text(field);
            }
        }
        if let (1, Some(salt)) = (row.version, salt) {
            canonical.field(salt);
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
    salt: &[u8],
) -> Canonical {
    let (moderator, request, origin) = (&intent.moderator, &intent.request, &intent.origin);
    let command = &request.command;
    let mut canonical = Canonical::new(b'A', ROW_FORMAT);
    canonical
        .uuid(Some(intent.id))
        .text(Some(command.kind().as_str()))
        .text(Some(&moderator.subject))
        .personal(salt, moderator.name.as_deref())
        .text(Some(&moderator.issuer))
        .text(moderator.token_id.as_deref())
        .text(moderator.client_id.as_deref())
        .text(moderator.actor.as_deref())
        .text(command.user_id())
        .text(command.room_id())
        .personal(salt, command.data())
        .personal(salt, request.reason.as_ref().map(Reason::as_str))
        .text(request.case_ref.as_ref().map(CaseRef::as_str))
        .uuid(request.supersedes)
        // batch_id
        .uuid(None)
        .text(request.idempotency_key.as_ref().map(IdempotencyKey::as_str))
        .personal(salt, Some(&origin.client_ip.to_string()))
        .personal(salt, Some(&origin.peer_ip.to_string()))
        .personal(salt, origin.user_agent.as_deref())
        .text(origin.trace_id.as_deref())
        .text(Some(&origin.http_request_id))
        .text(Some(&deployment.instance))
        .text(Some(&deployment.version))
        .integer(Some(i64::from(deployment.sdk_app_id)))
        .text(Some(&deployment.tencent_host))
        .time(intent.requested_at)
        .integer(Some(i64::from(super::intent::deadline_ms(intent))))
        .integer(tencent_random.map(i64::from))
        // batch_index, parameters
        .integer(None)
        .text(None);
    canonical
}

/// What was asked, so that the same `Idempotency-Key` for something else is noticed.
pub(super) fn fingerprint(request: &Request) -> Vec<u8> {
    let command = &request.command;
    let mut canonical = Canonical::new(b'F', 1);
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
pub(super) fn event(action_id: Uuid, rev: i16, event: &Event<'_>, salt: &[u8]) -> Canonical {
    let mut canonical = Canonical::new(b'E', ROW_FORMAT);
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
        .personal(salt, event.error_info)
        .text(event.tencent_request_id)
        .text(event.failure)
        .integer(event.next_random)
        // details
        .text(None);
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Command, Targets, UserId};

    #[test]
    fn null_and_empty_and_shifted_fields_have_different_bytes() {
        let bytes = |fields: &[Option<&str>]| {
            let mut canonical = Canonical::new(b'E', 1);
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
    #[test]
    fn the_fingerprint_of_a_kick_is_what_builds_made_before_rows_had_versions() {
        let targets = Targets {
            user_id: UserId::try_from("user1".to_owned()).ok(),
            ..Targets::default()
        };
        let kick = "kick_login".parse().expect("a kind");
        let request = Request {
            command: Command::new(kick, targets).expect("it has its fields"),
            reason: Reason::try_from("späm".to_owned()).ok(),
            case_ref: CaseRef::try_from("TS-1".to_owned()).ok(),
            supersedes: None,
            idempotency_key: None,
        };
        let made = "66c545c5ac5d39876d3df3ed1af1a3375c9d1874a7f2169c9fec02309978b0eb";
        assert_eq!(hex::encode(fingerprint(&request)), made);
    }
}
