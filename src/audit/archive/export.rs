//! `modgate export`: the record into a file.

use std::io::Write;

use secrecy::SecretString;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use sqlx::{Connection as _, PgConnection};

use super::{FORMAT, Line, SealLine};
use crate::audit::seal::Seal;
use crate::audit::stored::{self, Key, StoredRow, Table};
use crate::audit::verify::{Error, database};
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
        for (name, field) in row.key.table.fields().iter().zip(&row.fields) {
            members.serialize_entry(name, field)?;
        }
        if row.key.table != Table::Prune {
            members.serialize_entry("recorded_at", &row.recorded_at.to_string())?;
        }
        members.serialize_entry("leaf_hash", &hex::encode(&row.leaf_hash))?;
        members.serialize_entry("mac", &row.mac.as_ref().map(hex::encode))?;
        members.end()
    }
}

/// Writes the record in the database of `url`, in one snapshot. How many rows.
pub async fn export(url: &SecretString, to: &mut impl Write) -> Result<u64, Error> {
    let mut connection = db::connect(url).await?;
    let mut snapshot = connection
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let mut file = Writer {
        to,
        rows: 0,
        seals: 0,
    };
    file.line(&Line {
        format: Some(FORMAT.to_owned()),
        version: Some(1),
        ..Line::default()
    })?;
    let (mut sealed, mut last) = (Vec::new(), Some(0));
    while let Some(no) = last {
        let page = Seal::after(&mut snapshot, no).await?;
        for batch in database::batches(&page) {
            sealed.extend(file.sealed(&mut snapshot, batch).await?);
        }
        last = page.last().map(|seal| seal.no);
    }
    sealed.sort_unstable();
    let unsealed = database::unsealed(&mut snapshot, &sealed).await?;
    for keys in unsealed.chunks(database::ROWS) {
        let found = stored::rows(&mut snapshot, keys).await?;
        for row in keys.iter().filter_map(|key| found.get(key)) {
            file.row(row)?;
        }
    }
    snapshot.rollback().await?;
    file.end()
}

struct Writer<'a, To> {
    to: &'a mut To,
    rows: u64,
    seals: u64,
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

    /// Writes seals, each with its rows. The keys in them.
    async fn sealed(
        &mut self,
        snapshot: &mut PgConnection,
        seals: &[Seal],
    ) -> Result<Vec<Key>, Error> {
        let entries = seals.iter().filter_map(Seal::entries).flatten();
        let keys: Vec<Key> = entries.map(|entry| entry.key).collect();
        let found = stored::rows(snapshot, &keys).await?;
        for seal in seals {
            self.seals += 1;
            self.line(&Line {
                seal: Some(SealLine::from(seal)),
                ..Line::default()
            })?;
            for entry in seal.entries().into_iter().flatten() {
                if let Some(row) = found.get(&entry.key) {
                    self.row(row)?;
                }
            }
        }
        Ok(keys)
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
