//! `modgate export`: the record into a file.

use std::io::Write;
use std::ops::RangeInclusive;

use secrecy::SecretString;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use sqlx::{Connection as _, PgConnection};

use super::{FORMAT, Line, SealLine, VERSION};
use crate::audit::proof::decision::{self, Decision};
use crate::audit::proof::fetch;
use crate::audit::proof::seal::Seal;
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::{Key, Table};
use crate::audit::proof::verify::heap::{self, ByKey};
use crate::audit::proof::verify::{Error, database};
use crate::db;

/// A row as a line, its members in the order in which they are hashed.
struct RowLine<'a>(&'a StoredRow);

impl Serialize for RowLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(Some(1))?;
        line.serialize_entry(self.0.key.table.name(), &Members(self.0))?;
        line.end()
    }
}

struct Members<'a>(&'a StoredRow);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.0;
        let mut members = serializer.serialize_map(None)?;
        let layout = row.key.table.layout();
        for (name, field) in layout.columns.iter().zip(&row.fields) {
            members.serialize_entry(name, field)?;
        }
        if layout.has_row_format() {
            members.serialize_entry("row_format", &row.version.to_string())?;
        }
        if layout.has_salt() {
            members.serialize_entry("salt", &row.salt.as_ref().map(hex::encode))?;
        }
        if !layout.hashes_time() {
            members.serialize_entry("recorded_at", &row.recorded_at.to_string())?;
        }
        members.serialize_entry("leaf_hash", &hex::encode(&row.leaf_hash))?;
        members.serialize_entry("mac", &row.mac.as_ref().map(hex::encode))?;
        members.end()
    }
}

/// Writes the record in the database of `url`, in one snapshot. How many rows.
pub async fn export(url: &SecretString, to: &mut impl Write) -> Result<u64, Error> {
    let mut connection = db::connect_to_record(url).await?;
    let mut snapshot = connection
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let mut file = Writer {
        to,
        rows: 0,
        seals: 0,
        void: Vec::new(),
    };
    file.line(&Line {
        format: Some(FORMAT.to_owned()),
        version: Some(VERSION),
        ..Line::default()
    })?;
    let decisions = decision::all(&mut snapshot).await?;
    for decision in &decisions {
        file.row(&decision.row)?;
    }
    file.void = decisions.iter().filter_map(Decision::void).collect();
    let (mut by_key, mut last) = (ByKey::default(), Some(0));
    heap::find_by_index(&mut snapshot).await?;
    while let Some(no) = last {
        let page = Seal::after(&mut snapshot, no).await?;
        for batch in database::batches(&page) {
            file.sealed(&mut snapshot, batch, &mut by_key).await?;
        }
        last = page.last().map(|seal| seal.no);
    }
    by_key.sealed.sort_unstable();
    by_key.absent.sort_unstable();
    file.unsealed(&mut snapshot, &by_key).await?;
    snapshot.rollback().await?;
    file.end()
}

struct Writer<'a, To> {
    to: &'a mut To,
    rows: u64,
    seals: u64,
    /// Seals that do not count: their rows are in others, or in none.
    void: Vec<RangeInclusive<u64>>,
}

impl<To: Write> Writer<'_, To> {
    fn line(&mut self, line: &impl Serialize) -> Result<(), Error> {
        serde_json::to_writer(&mut *self.to, line).map_err(std::io::Error::from)?;
        self.to.write_all(b"\n")?;
        Ok(())
    }

    fn row(&mut self, row: &StoredRow) -> Result<(), Error> {
        self.rows += 1;
        self.line(&RowLine(row))
    }

    /// Writes seals, each with its rows.
    async fn sealed(
        &mut self,
        snapshot: &mut PgConnection,
        seals: &[Seal],
        by_key: &mut ByKey,
    ) -> Result<(), Error> {
        let counting = seals.iter().filter(|seal| !self.is_void(seal));
        let entries = counting.filter_map(Seal::entries).flatten();
        let keys: Vec<Key> = entries.map(|entry| entry.key).collect();
        let found = fetch::rows(snapshot, &keys).await?;
        for seal in seals {
            self.seals += 1;
            self.line(&Line {
                seal: Some(SealLine::from(seal)),
                ..Line::default()
            })?;
            let counts = !self.is_void(seal);
            let entries = seal.entries().filter(|_| counts);
            for entry in entries.into_iter().flatten() {
                // The decisions stand before the seals.
                let row = found.get(&entry.key);
                if let Some(row) = row.filter(|row| row.key.table != Table::Decision) {
                    self.row(row)?;
                }
            }
        }
        by_key.add(seals, &keys, |key| found.contains_key(key));
        by_key.sealed.extend(keys);
        Ok(())
    }

    fn is_void(&self, seal: &Seal) -> bool {
        self.void.iter().any(|void| void.contains(&seal.no))
    }

    /// Writes the rows that are in no seal. Fails where a table has more rows than were found by their
    /// keys: the file would say less than the record, and it has no end line yet.
    async fn unsealed(&mut self, snapshot: &mut PgConnection, by_key: &ByKey) -> Result<(), Error> {
        let counted = heap::count(snapshot, by_key).await?;
        if let Some(finding) = counted.report.findings.into_iter().next() {
            return Err(Error::Hidden(finding));
        }
        for keys in counted.unsealed.chunks(database::ROWS) {
            let found = fetch::rows(snapshot, keys).await?;
            // The decisions stand before the seals.
            let keys = keys.iter().filter(|key| key.table != Table::Decision);
            for key in keys {
                let row = found.get(key);
                self.row(row.ok_or_else(|| Error::Hidden(heap::hidden(*key)))?)?;
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<u64, Error> {
        self.line(&Line {
            end: Some(true),
            rows: Some(self.rows),
            seals: Some(self.seals),
            ..Line::default()
        })?;
        self.to.flush()?;
        Ok(self.rows)
    }
}
