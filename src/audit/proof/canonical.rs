//! The bytes that stand for a row (see `format.md`), and what is made of them. What a row says is not known
//! here: whoever writes or reads it lists its fields in order.

use aws_lc_rs::digest::{Context, SHA256, digest};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::keys::SealKeys;

/// The version of every row that this build writes.
pub(in crate::audit) const ROW_FORMAT: i16 = 2;

/// What texts about people are hashed with, new for each row, so that nobody can guess them from their hash
/// once they and it are gone.
pub(in crate::audit) type Salt = [u8; 16];

/// The canonical bytes of one row.
pub(in crate::audit) struct Canonical(Vec<u8>);

impl Canonical {
    pub(in crate::audit) fn new(table: u8, version: i16) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(0);
        bytes.extend_from_slice(format!("modgate.audit.v{version}").as_bytes());
        bytes.push(table);
        Self(bytes)
    }

    pub(in crate::audit) fn field(&mut self, field: &[u8]) -> &mut Self {
        let length = u32::try_from(field.len()).expect("stored texts are far below 4 GiB");
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    pub(in crate::audit) fn text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.0.extend_from_slice(&u32::MAX.to_be_bytes()),
            Some(text) => {
                self.field(text.as_bytes());
            }
        }
        self
    }

    /// A text about a person: a hash, which can stay when the text goes.
    pub(in crate::audit) fn personal(&mut self, salt: &[u8], text: Option<&str>) -> &mut Self {
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

    pub(in crate::audit) fn integer(&mut self, integer: Option<i64>) -> &mut Self {
        self.text(integer.map(|integer| integer.to_string()).as_deref())
    }

    pub(in crate::audit) fn time(&mut self, time: DateTime<Utc>) -> &mut Self {
        self.integer(Some(time.timestamp_micros()))
    }

    pub(in crate::audit) fn uuid(&mut self, id: Option<Uuid>) -> &mut Self {
        self.text(id.map(|id| id.to_string()).as_deref())
    }

    /// Their SHA-256.
    pub(in crate::audit) fn leaf(&self) -> Vec<u8> {
        digest(&SHA256, &self.0).as_ref().to_vec()
    }

    /// What shows that a gateway wrote the row; nothing without a key.
    pub(in crate::audit) fn mac(&self, keys: &SealKeys) -> Option<Vec<u8>> {
        keys.mac(&self.0)
    }

    /// Whether `mac` was made of them by one who has one of the keys.
    pub(in crate::audit) fn is_authentic(&self, keys: &SealKeys, mac: &[u8]) -> bool {
        keys.knows(&self.0, mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
