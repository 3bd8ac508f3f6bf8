//! Whether the record is what was sealed, from the database or from an export of it.
//!
//! The checks are those of `checker`; [`database`] and [`file`](mod@file) hand it each seal with the rows
//! that are there, and then the rows that are in no seal.

mod checker;
pub mod database;
pub mod file;
mod kept;
pub(super) mod months;

use std::fmt;
use std::sync::Arc;

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
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong, each naming a row or a seal.
    pub findings: Vec<String>,
    /// How many more were found.
    pub more_findings: u64,
    /// What else there is to know, the strength of the proof among it.
    pub notes: Vec<String>,
    /// How many rows were looked at.
    pub rows: u64,
    /// How many seals.
    pub seals: u64,
}

/// How many findings are named. A dropped month would otherwise fill the disk.
const NAMED: usize = 1_000;

impl Report {
    /// Whether nothing is wrong.
    pub const fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, finding: impl fmt::Display) {
        if self.findings.len() < NAMED {
            self.findings.push(finding.to_string());
        } else {
            self.more_findings += 1;
        }
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
        for note in &self.notes {
            writeln!(formatter, "{note}")?;
        }
        let verdict = if self.is_intact() {
            "intact"
        } else {
            "tampered"
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
    /// No connection.
    #[error(transparent)]
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
    /// The export has no end line.
    #[error("the export is cut: it has no end line")]
    Cut,
}
