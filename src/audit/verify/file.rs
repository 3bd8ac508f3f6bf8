//! The record as an export has it (see [`archive`](mod@crate::audit::archive)).

use std::io::BufRead;

use super::checker::{Checker, Rows};
use super::{Error, Evidence, Report};
use crate::audit::archive::{FORMAT, Fields, Line, into_row};
use crate::audit::seal::Seal;
use crate::audit::stored::{StoredRow, Table};

/// Checks an export.
pub fn verify(export: impl BufRead, evidence: Evidence) -> Result<Report, Error> {
    let mut reading = Reading {
        checker: Checker::new(evidence),
        seal: None,
        rows: Rows::new(),
        in_no_seal: Vec::new(),
        rows_read: 0,
        seals_read: 0,
    };
    let mut ended = false;
    for (number, line) in (1..).zip(export.lines()) {
        let wrong = |rule: &str| Error::Line {
            line: number,
            rule: rule.to_owned(),
        };
        let line: Line = serde_json::from_str(&line?).map_err(|error| wrong(&error.to_string()))?;
        if ended {
            return Err(wrong("nothing follows the end line"));
        }
        if number == 1 {
            let known = line.format.as_deref() == Some(FORMAT) && line.version == Some(1);
            known
                .then_some(())
                .ok_or_else(|| wrong("must be the format line of an export, version 1"))?;
            continue;
        }
        ended = reading.take(line).map_err(wrong)?;
    }
    if ended {
        Ok(reading.finish())
    } else {
        Err(Error::Cut)
    }
}

/// A seal waits for its rows, which follow it.
struct Reading {
    checker: Checker,
    seal: Option<Seal>,
    rows: Rows,
    /// Rows that are not in the seal they follow.
    in_no_seal: Vec<StoredRow>,
    rows_read: u64,
    seals_read: u64,
}

impl Reading {
    /// Takes one line; says whether it is the last.
    fn take(&mut self, line: Line) -> Result<bool, &'static str> {
        match line {
            Line {
                seal: Some(seal), ..
            } => {
                let seal = seal
                    .into_seal()
                    .ok_or("a member of the seal is not of its form")?;
                self.pass_on();
                self.seals_read += 1;
                self.seal = Some(seal);
            }
            Line {
                action: Some(members),
                ..
            } => self.row(Table::Action, members)?,
            Line {
                event: Some(members),
                ..
            } => self.row(Table::Event, members)?,
            Line {
                prune: Some(members),
                ..
            } => self.row(Table::Prune, members)?,
            Line {
                end: Some(true),
                rows,
                seals,
                ..
            } => {
                if (rows, seals) != (Some(self.rows_read), Some(self.seals_read)) {
                    return Err("the end line counts other rows or seals than there are");
                }
                self.pass_on();
                return Ok(true);
            }
            _ => return Err("must be a seal, a row or the end"),
        }
        Ok(false)
    }

    fn row(&mut self, table: Table, members: Fields) -> Result<(), &'static str> {
        let row = into_row(table, members)
            .ok_or("a member of the row is missing, unknown or not of its form")?;
        self.rows_read += 1;
        if let Some(twice) = self.rows.insert(row.key, row) {
            self.in_no_seal.push(twice);
        }
        Ok(())
    }

    /// Hands the seal on with its rows. What else came with it is in no seal.
    fn pass_on(&mut self) {
        if let Some(seal) = self.seal.take() {
            self.checker.seal(&seal, &self.rows);
            for entry in seal.entries().into_iter().flatten() {
                self.rows.remove(&entry.key);
            }
        }
        self.in_no_seal
            .extend(self.rows.drain().map(|(_, row)| row));
    }

    fn finish(mut self) -> Report {
        self.checker.sealed();
        self.in_no_seal.sort_unstable_by_key(|row| row.key);
        for row in &self.in_no_seal {
            self.checker.unsealed(row);
        }
        self.checker.finish()
    }
}
