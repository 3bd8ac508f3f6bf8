//! What sealing came to.

use std::time::Duration;

use super::lock::LockHolder;
use super::{Head, SeenHead, WitnessError};
use crate::audit::proof::stored::StoredRow;

/// How many refused rows are named at once.
const NAMED: usize = 20;

/// What a sealer did.
#[derive(Debug, Default)]
pub struct Sealed {
    /// The heads of the seals that it made.
    pub heads: Vec<Head>,
    /// The first rows in them that no gateway with the key wrote.
    pub refused: Vec<String>,
    /// How many such rows there are.
    pub refused_count: u64,
    /// Who appends seals at this moment instead of this replica, or keeps all from it.
    pub held_by: Option<LockHolder>,
    /// For how long the oldest row that is still in no seal has been there.
    pub lag: Duration,
    /// Why the witness does not have what was seen.
    pub unwitnessed: Option<WitnessError>,
    /// What the chain has to remember once it is committed.
    pub(super) made: Vec<(SeenHead, bool)>,
}

impl Sealed {
    pub(super) fn refuse(&mut self, row: &StoredRow) {
        self.refused_count += 1;
        if self.refused.len() < NAMED {
            self.refused.push(row.key.to_string());
        }
    }
}
