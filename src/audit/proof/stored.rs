//! Rows as they are stored: each hashed field as the text that is hashed.

use aws_lc_rs::digest::{Context, SHA256};

use super::canonical::Canonical;
use super::keys::SealKeys;
use super::table::{Key, Table};

/// A row with everything that a seal holds of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::audit) struct StoredRow {
    pub(in crate::audit) key: Key,
    /// Which of the fields are hashed, and how.
    pub(in crate::audit) version: i16,
    /// In the order of [`Layout::columns`].
    pub(in crate::audit) fields: Vec<Option<String>>,
    /// What its texts about people are hashed with.
    pub(in crate::audit) salt: Option<Vec<u8>>,
    /// Microseconds since the Unix epoch; of a prune `pruned_at`, of a decision `decided_at`.
    pub(in crate::audit) recorded_at: i64,
    pub(in crate::audit) leaf_hash: Vec<u8>,
    pub(in crate::audit) mac: Option<Vec<u8>>,
}

impl StoredRow {
    /// A row without a salt that is about to be inserted, with what its fields make.
    pub(in crate::audit) fn new(
        key: Key,
        fields: Vec<Option<String>>,
        recorded_at: i64,
        keys: &SealKeys,
    ) -> Self {
        let mut row = Self {
            key,
            version: *key.table.layout().versions.end(),
            fields,
            salt: None,
            recorded_at,
            leaf_hash: Vec::new(),
            mac: None,
        };
        let canonical = row.canonical();
        (row.leaf_hash, row.mac) = (canonical.leaf(), canonical.mac(keys));
        row
    }

    /// A row with a salt that is about to be inserted, with what its fields make. The database says when it is recorded.
    pub(in crate::audit) fn salted(
        key: Key,
        fields: Vec<Option<String>>,
        salt: Vec<u8>,
        keys: &SealKeys,
    ) -> Self {
        let mut row = Self {
            salt: Some(salt),
            ..Self::new(key, fields, 0, keys)
        };
        let canonical = row.canonical();
        (row.leaf_hash, row.mac) = (canonical.leaf(), canonical.mac(keys));
        row
    }

    /// Whether this build knows what of it is hashed, and how.
    pub(in crate::audit) fn is_known(&self) -> bool {
        self.key.table.layout().versions.contains(&self.version)
    }

    /// Whether somebody with one of `keys` wrote it as it is, at about the time that it tells.
    pub(in crate::audit) fn is_authentic(&self, keys: &SealKeys) -> bool {
        let canonical = self.canonical();
        let mac = self.mac.as_deref();
        mac.is_some_and(|mac| canonical.is_authentic(keys, mac))
            && canonical.leaf() == self.leaf_hash
            && self.has_its_time()
    }

    /// The row for people, with its version: this build does not know it.
    pub(in crate::audit) fn newer(&self) -> String {
        format!("{} of version {}", self.key, self.version)
    }

    /// One of its hashed columns as the text that is hashed.
    pub(in crate::audit) fn field(&self, column: &str) -> Option<&str> {
        let mut columns = self.key.table.layout().columns.iter();
        let place = columns.position(|name| *name == column)?;
        self.fields.get(place)?.as_deref()
    }

    /// Whether `recorded_at`, which is the database's and in no mac, is about the time that the fields
    /// tell: to within a minute where a rule of the schema says so, of an event not before it, nor later
    /// than an end is offered to a record that does not take it.
    pub(in crate::audit) fn has_its_time(&self) -> bool {
        const MINUTE: i64 = 60 * 1_000_000;
        let told = |column| self.field(column)?.parse().ok();
        let (told, latest): (Option<i64>, i64) = match self.key.table {
            Table::Action | Table::Brake => (told("requested_at"), MINUTE),
            Table::Batch => (told("submitted_at"), MINUTE),
            Table::BatchItem => (self.key.millis().checked_mul(1_000), MINUTE),
            Table::Event | Table::BatchEvent => (told("at"), 30 * MINUTE),
            Table::Prune | Table::Decision => return true,
        };
        told.is_some_and(|told| {
            let after = self.recorded_at.saturating_sub(told);
            (-MINUTE..=latest).contains(&after)
        })
    }

    /// The bytes that its fields make, as its version hashes them.
    pub(in crate::audit) fn canonical(&self) -> Canonical {
        let layout = self.key.table.layout();
        let mut canonical = Canonical::new(layout.byte, self.version);
        let salt = self.salt.as_deref();
        for (index, (name, field)) in layout.columns.iter().zip(&self.fields).enumerate() {
            let field = field.as_deref();
            if self.version == 1 {
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
        if let (1, Some(salt)) = (self.version, salt) {
            canonical.field(salt);
        }
        canonical
    }

    /// What a seal says of it: SHA-256 over a byte 1, the leaf hash that its fields make,
    /// `recorded_at` as a big-endian i64, and `mac`, if it has one.
    pub(in crate::audit) fn hash(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(&[1]);
        context.update(&self.canonical().leaf());
        context.update(&self.recorded_at.to_be_bytes());
        context.update(self.mac.as_deref().unwrap_or_default());
        let hash = context.finish();
        hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}
