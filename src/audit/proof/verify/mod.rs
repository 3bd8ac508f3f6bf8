//! Whether the record is what was sealed, from the database or from an export of it.
//!
//! The checks are those of `checker`; [`database`] and [`file`](mod@file) hand it each seal with the rows
//! that are there, and then the rows that are in no seal. Of a database `heap` counts the rows, for an
//! index may show others than there are, and `schema` compares everything around them with what the
//! migrations made: a view that tells something else, or a trigger that is off, is in no seal.

mod chain;
mod checker;
pub mod database;
mod decided;
pub mod file;
pub(in crate::audit) mod heap;
mod kept;
pub(in crate::audit) mod months;
mod schema;
mod strength;

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::keys::{PublicKeys, SealKeys};

pub use kept::KeptHeads;

/// What a check has besides the record itself.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Whose signatures are believed. With none, no signature is checked.
    pub public_keys: PublicKeys,
    /// With these, macs are checked as well.
    pub seal_keys: Arc<SealKeys>,
    /// Heads that were kept outside of the database.
    pub kept: KeptHeads,
    /// The time of the database that is checked, in microseconds since the Unix epoch.
    pub now: Option<i64>,
    /// The decisions of the record that are known and need no attention.
    pub accepted: Vec<Uuid>,
    /// Anything of that time or later that is not proven is a finding; in microseconds since the Unix
    /// epoch.
    pub proven_since: Option<i64>,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong, each naming a row or a seal.
    pub findings: Vec<String>,
    /// How many more were found.
    pub more_findings: u64,
    /// What the owner of the record has decided about it.
    pub decisions: Vec<String>,
    /// How many of these were not said to be known.
    pub unaccepted: u64,
    /// What else there is to know, the strength of the proof among it.
    pub notes: Vec<String>,
    /// How many rows were looked at.
    pub rows: u64,
    /// How many seals.
    pub seals: u64,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Intact,
    /// Something was changed, is missing, or was inserted.
    Tampered,
    /// Nothing is wrong but what the owner of the record has decided about.
    Decided,
}

/// How many findings are named. A dropped month would otherwise fill the disk.
const NAMED: usize = 1_000;

impl Report {
    /// What it comes to.
    pub const fn verdict(&self) -> Verdict {
        if !self.findings.is_empty() {
            Verdict::Tampered
        } else if self.unaccepted > 0 {
            Verdict::Decided
        } else {
            Verdict::Intact
        }
    }

    /// Whether nothing is wrong, and nothing was decided that is not known.
    pub fn is_intact(&self) -> bool {
        self.verdict() == Verdict::Intact
    }

    /// Whether there was anything to check.
    fn of_something(self) -> Result<Self, Error> {
        if self.seals == 0 && self.findings.is_empty() {
            return Err(Error::NothingSealed);
        }
        Ok(self)
    }

    fn find(&mut self, finding: impl fmt::Display) {
        if self.findings.len() < NAMED {
            self.findings.push(finding.to_string());
        } else {
            self.more_findings += 1;
        }
    }

    /// Adds what another part of the check found. Each part names its own, however many there are of
    /// the others.
    fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.more_findings += other.more_findings;
        self.notes.extend(other.notes);
        self.rows += other.rows;
        self.seals += other.seals;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(formatter, "tampered: {finding}")?;
        }
        if self.more_findings > 0 {
            writeln!(formatter, "tampered: and {} more", self.more_findings)?;
        }
        for line in self.decisions.iter().chain(&self.notes) {
            writeln!(formatter, "{line}")?;
        }
        let verdict = match self.verdict() {
            Verdict::Intact => "intact".to_owned(),
            Verdict::Tampered => "tampered".to_owned(),
            Verdict::Decided => format!(
                "intact except for {} recorded {} (--accepted ID once it was reviewed)",
                self.unaccepted,
                if self.unaccepted == 1 {
                    "decision"
                } else {
                    "decisions"
                }
            ),
        };
        write!(
            formatter,
            "{verdict}: {} rows in {} seals",
            self.rows, self.seals
        )
    }
}

/// The record could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database could not be read.
    #[error("the record cannot be read")]
    Database(#[from] sqlx::Error),
    /// No connection, or none to a record.
    #[error("{0}")]
    Connect(#[from] crate::db::Error),
    /// The export could not be read, or written.
    #[error("the export cannot be read or written")]
    File(#[from] std::io::Error),
    /// A line of the export is not what an export holds.
    #[error("line {line} of the export: {rule}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What it should have been.
        rule: String,
    },
    /// The schema is not that of this build, which cannot say what is wrong with it.
    #[error("the record cannot be checked: {0}")]
    Schema(String),
    /// A newer release wrote a row, and this build does not know what of it is hashed.
    #[error("the record cannot be checked: it holds {0}, which a newer release wrote")]
    Newer(String),
    /// There is no seal.
    #[error("there is no seal, so that nothing can be checked")]
    NothingSealed,
    /// The rows are not what their keys say, so that an export would leave some out.
    #[error("the record was tampered with and is not exported: {0}; see `modgate verify`")]
    Hidden(String),
    /// The export has no end line.
    #[error("the export is cut: it has no end line")]
    Cut,
}
