//! The record as an export has it (see [`archive`](mod@crate::audit::proof::archive)).

use std::io::BufRead;
use std::mem::take;

use super::checker::{Checker, Rows};
use super::{Error, Evidence, Report, heap};
use crate::audit::proof::archive::{FORMAT, Fields, Line, SealLine, VERSION, into_row};
use crate::audit::proof::seal::Seal;
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::{Key, Table};

/// Checks an export.
pub fn verify(export: impl BufRead, evidence: Evidence) -> Result<Report, Error> {
    let mut reading = Reading {
        version: VERSION,
        evidence: Some(evidence),
        decisions: Vec::new(),
        checker: None,
        seal: None,
        rows: Rows::new(),
        in_no_seal: Vec::new(),
        absent: Vec::new(),
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
            let known = line
                .version
                .filter(|version| (1..=VERSION).contains(version));
            let version = known.filter(|_| line.format.as_deref() == Some(FORMAT));
            reading.version = version
                .ok_or_else(|| wrong("must be the format line of an export, version 1, 2 or 3"))?;
            continue;
        }
        ended = reading.take(line).map_err(wrong)?;
    }
    if ended {
        reading.finish().of_something()
    } else {
        Err(Error::Cut)
    }
}

/// A seal waits for its rows, which follow it.
struct Reading {
    /// Of the export.
    version: u32,
    /// Taken by the checker.
    evidence: Option<Evidence>,
    decisions: Vec<StoredRow>,
    /// There from the first line on that is no decision.
    checker: Option<Checker>,
    seal: Option<Seal>,
    rows: Rows,
    /// Rows that are not in the seal they follow.
    in_no_seal: Vec<StoredRow>,
    /// Rows of seals that do not follow their seal.
    absent: Vec<Key>,
    rows_read: u64,
    seals_read: u64,
}

impl Reading {
    /// Takes one line; says whether it is the last.
    fn take(&mut self, line: Line) -> Result<bool, &'static str> {
        match line {
            Line {
                seal: Some(seal), ..
            } => self.seal(seal)?,
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
            mut line => {
                let row = line.take_row();
                let (table, members) = row.ok_or("must be a seal, a row or the end")?;
                self.row(table, members)?;
            }
        }
        Ok(false)
    }

    fn seal(&mut self, line: SealLine) -> Result<(), &'static str> {
        let seal = line.into_seal();
        let seal = seal.ok_or("a member of the seal is not of its form")?;
        self.checker();
        self.pass_on();
        self.seals_read += 1;
        self.seal = Some(seal);
        Ok(())
    }

    /// The decisions are known before anything else is checked.
    fn checker(&mut self) -> &mut Checker {
        let (evidence, decisions) = (&mut self.evidence, &mut self.decisions);
        self.checker.get_or_insert_with(|| {
            Checker::new(evidence.take().unwrap_or_default(), take(decisions))
        })
    }

    fn decision(&mut self, decision: StoredRow) -> Result<(), &'static str> {
        if self.checker.is_some() {
            return Err("decisions come before everything else");
        }
        self.decisions.push(decision);
        Ok(())
    }

    fn row(&mut self, table: Table, members: Fields) -> Result<(), &'static str> {
        let row = into_row(table, members, self.version)
            .ok_or("a member of the row is missing, unknown or not of its form")?;
        if !row.is_known() {
            return Err("the row is of a version that this build does not know");
        }
        self.rows_read += 1;
        if table == Table::Decision {
            return self.decision(row);
        }
        self.checker();
        if let Some(twice) = self.rows.insert(row.key, row) {
            self.in_no_seal.push(twice);
        }
        Ok(())
    }

    /// Hands the seal on with its rows. What else came with it is in no seal.
    fn pass_on(&mut self) {
        if let Some(seal) = self.seal.take() {
            let rows = take(&mut self.rows);
            self.checker().seal(&seal, &rows);
            self.rows = rows;
            // What stands with a seal that does not count is in none.
            let counts = !self.checker().is_void(&seal);
            let entries = seal.entries().filter(|_| counts);
            for entry in entries.into_iter().flatten() {
                if self.rows.remove(&entry.key).is_none() {
                    self.absent.push(entry.key);
                }
            }
        }
        self.in_no_seal
            .extend(self.rows.drain().map(|(_, row)| row));
    }

    fn finish(mut self) -> Report {
        self.checker();
        let Some(mut checker) = self.checker else {
            return Report::default();
        };
        let sealed = checker.sealed();
        self.absent.sort_unstable();
        self.in_no_seal.sort_unstable_by_key(|row| row.key);
        let mut twice = Vec::new();
        for copies in self.in_no_seal.chunk_by(|row, next| row.key == next.key) {
            let key = &copies[0].key;
            // The one that a seal was checked with is not among them.
            let in_seal =
                sealed.binary_search(key).is_ok() && self.absent.binary_search(key).is_err();
            let times = copies.len() + usize::from(in_seal);
            if times > 1 {
                twice.push(heap::twice(key, times));
            }
            for row in copies {
                checker.unsealed(row);
            }
        }
        let mut report = checker.finish();
        for finding in twice {
            report.find(finding);
        }
        report
    }
}
