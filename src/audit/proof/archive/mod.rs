//! The record as a file: newline-delimited JSON that can be checked without a database. Its lines
//! are described with the [seals](super::seal).

mod export;
mod fields;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::seal::{self, Hash, Seal};
use super::stored::StoredRow;
use super::table::{Key, Table};

pub use export::export;
pub(in crate::audit) use fields::Fields;

pub(in crate::audit) const FORMAT: &str = "modgate.record";

/// What this build writes. Version 1 knew no decisions, and seals of format 1 alone; version 2 knew rows of
/// version 1 alone, which did not say so, and neither batches nor brakes.
pub(in crate::audit) const VERSION: u32 = 3;

/// One line; exactly one of the members that are no numbers is there.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::audit) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) seal: Option<SealLine>,
    #[serde(skip_serializing)]
    pub(in crate::audit) action: Option<Fields>,
    #[serde(skip_serializing)]
    pub(in crate::audit) event: Option<Fields>,
    #[serde(skip_serializing)]
    pub(in crate::audit) prune: Option<Fields>,
    #[serde(skip_serializing)]
    pub(in crate::audit) decision: Option<Fields>,
    #[serde(skip_serializing)]
    pub(in crate::audit) batch: Option<Fields>,
    #[serde(skip_serializing)]
    pub(in crate::audit) batch_item: Option<Fields>,
    #[serde(skip_serializing)]
    pub(in crate::audit) batch_event: Option<Fields>,
    #[serde(skip_serializing)]
    pub(in crate::audit) brake: Option<Fields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) end: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) seals: Option<u64>,
}

/// A seal as a line has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::audit) struct SealLine {
    no: u64,
    epoch: u32,
    #[serde(default = "first_format")]
    format: u32,
    prev: String,
    n: u32,
    leaves: String,
    sealed_at: String,
    head: String,
    signature: Option<String>,
    key_id: Option<String>,
}

/// Exports of version 1 did not say it.
const fn first_format() -> u32 {
    1
}

impl From<&Seal> for SealLine {
    fn from(seal: &Seal) -> Self {
        let (signature, key_id) = seal.signed.clone().unzip();
        Self {
            no: seal.no,
            epoch: seal.epoch,
            format: seal.format,
            prev: hex::encode(seal.prev),
            n: seal.n(),
            leaves: BASE64_STANDARD.encode(&seal.leaves),
            sealed_at: seal.sealed_at.to_string(),
            head: hex::encode(seal.head),
            signature: signature.map(hex::encode),
            key_id,
        }
    }
}

impl SealLine {
    /// The seal, unless a member is not of its form.
    pub(in crate::audit) fn into_seal(self) -> Option<Seal> {
        let hash = |digits: &str| -> Option<Hash> { hex::decode(digits).ok()?.try_into().ok() };
        let signature = self.signature.map(hex::decode).transpose().ok()?;
        let seal = Seal {
            no: self.no,
            epoch: self.epoch,
            format: self.format,
            prev: hash(&self.prev)?,
            leaves: BASE64_STANDARD.decode(&self.leaves).ok()?,
            sealed_at: self.sealed_at.parse().ok()?,
            head: hash(&self.head)?,
            signed: signature.zip(self.key_id),
        };
        let is_known = (1..=seal::FORMAT).contains(&seal.format);
        (is_known && seal.n() == self.n).then_some(seal)
    }
}

impl Line {
    /// The row that it holds, with its table.
    pub(in crate::audit) fn take_row(&mut self) -> Option<(Table, Fields)> {
        Table::ALL.into_iter().find_map(|table| {
            let members = match table {
                Table::Action => &mut self.action,
                Table::Event => &mut self.event,
                Table::Prune => &mut self.prune,
                Table::Decision => &mut self.decision,
                Table::Batch => &mut self.batch,
                Table::BatchItem => &mut self.batch_item,
                Table::BatchEvent => &mut self.batch_event,
                Table::Brake => &mut self.brake,
            };
            Some((table, members.take()?))
        })
    }
}

/// The row of a line in an export of `version`, unless a member is missing, or not of its form.
pub(in crate::audit) fn into_row(table: Table, members: Fields, version: u32) -> Option<StoredRow> {
    let (layout, says_version) = (table.layout(), version > 2);
    let mut members = members.into_map();
    let mut take = |name: &str| members.remove(name);
    let columns = if says_version {
        layout.columns
    } else {
        &layout.columns[..layout.of_version_1]
    };
    let fields: Option<Vec<_>> = columns.iter().map(|name| take(name)).collect();
    let mut fields = fields?;
    fields.resize(layout.columns.len(), None);
    let place = |column| layout.columns.iter().position(|name| *name == column);
    let field = |column| fields.get(place(column)?)?.as_deref();
    let id = field(layout.id)?.parse().ok()?;
    let rev = layout.rev.map_or(Some(0), |rev| field(rev)?.parse().ok())?;
    let recorded_at = if layout.hashes_time() {
        field(layout.time).map(str::to_owned)
    } else {
        take("recorded_at")?
    };
    let row_format = (says_version && layout.has_row_format()).then(|| take("row_format"));
    let salt = if says_version && layout.has_salt() {
        take("salt")?
    } else {
        None
    };
    let (leaf_hash, mac) = (hex::decode(take("leaf_hash")??), take("mac")?);
    members.is_empty().then_some(())?;
    Some(StoredRow {
        key: Key { id, rev, table },
        version: row_format.map_or(Some(1), |version| version??.parse().ok())?,
        salt: salt.map(hex::decode).transpose().ok()?,
        recorded_at: recorded_at?.parse().ok()?,
        leaf_hash: leaf_hash.ok()?,
        mac: mac.map(hex::decode).transpose().ok()?,
        fields,
    })
}
