//! The record as a file: newline-delimited JSON that can be checked without a database. Its lines
//! are described with the [seals](super::seal).

mod export;
mod fields;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::seal::{self, Hash, Seal};
use super::stored::{Key, StoredRow, Table};

pub use export::export;
pub(super) use fields::Fields;

pub(super) const FORMAT: &str = "modgate.record";

/// What this build writes. Version 1 knew no decisions, and seals of format 1 alone.
pub(super) const VERSION: u32 = 2;

/// One line; exactly one of the members that are no numbers is there.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seal: Option<SealLine>,
    #[serde(skip_serializing)]
    pub(super) action: Option<Fields>,
    #[serde(skip_serializing)]
    pub(super) event: Option<Fields>,
    #[serde(skip_serializing)]
    pub(super) prune: Option<Fields>,
    #[serde(skip_serializing)]
    pub(super) decision: Option<Fields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seals: Option<u64>,
}

/// A seal as a line has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SealLine {
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
    pub(super) fn into_seal(self) -> Option<Seal> {
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

/// The row of a line, unless a member is missing, or not of its form.
pub(super) fn into_row(table: Table, members: Fields) -> Option<StoredRow> {
    let mut members = members.into_map();
    let mut take = |name: &str| members.remove(name);
    let names = table.fields().iter();
    let fields: Vec<Option<String>> = names.map(|name| take(name)).collect::<Option<_>>()?;
    let recorded_at = match table.time_field() {
        Some(place) => fields[place].clone(),
        None => take("recorded_at")?,
    };
    let (leaf_hash, mac) = (hex::decode(take("leaf_hash")??), take("mac")?);
    let rev = match table {
        Table::Event => fields[1].as_deref()?.parse::<i16>().ok()?.cast_unsigned(),
        Table::Action | Table::Prune | Table::Decision => 0,
    };
    members.is_empty().then_some(())?;
    Some(StoredRow {
        key: Key {
            id: fields[0].as_deref()?.parse().ok()?,
            rev,
            table,
        },
        recorded_at: recorded_at?.parse().ok()?,
        leaf_hash: leaf_hash.ok()?,
        mac: mac.map(hex::decode).transpose().ok()?,
        fields,
    })
}
