//! What is checked, wherever the record is read from.

use std::collections::HashMap;

use super::decided::Decided;
use super::months::Months;
use super::strength::{Strength, time};
use super::{Evidence, Report};
use crate::audit::proof::seal::{Entry, Hash, Seal};
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::{Key, Table};

/// How far a row's `recorded_at` may lie before one that was sealed earlier: a statement takes
/// its time, and a database's clock may be set. In microseconds.
const SKEW: i64 = 60 * 1_000_000;

/// The rows that are there, by key.
pub(super) type Rows = HashMap<Key, StoredRow>;

/// Takes the seals in order, each with its rows, then the rows that are in none.
pub(super) struct Checker {
    pub(super) evidence: Evidence,
    pub(super) report: Report,
    months: Months,
    pub(super) decided: Decided,
    pub(super) strength: Strength,
    /// The number, epoch, head and format of the seal before.
    pub(super) previous: Option<(u64, u32, Hash, u32)>,
    /// The latest `recorded_at` of the rows that wait for the sealer, in all seals so far, and the seal that has it.
    latest: (i64, u64),
    sealed: Vec<Key>,
    unsealed: u64,
    /// When the first of them was recorded.
    unsealed_since: Option<i64>,
}

impl Checker {
    /// Checks a record with these decisions.
    pub(super) fn new(evidence: Evidence, decisions: Vec<StoredRow>) -> Self {
        let mut report = Report {
            rows: decisions.len() as u64,
            ..Report::default()
        };
        Self {
            evidence,
            decided: Decided::new(decisions, &mut report),
            report,
            months: Months::default(),
            strength: Strength::default(),
            previous: None,
            latest: (i64::MIN, 0),
            sealed: Vec::new(),
            unsealed: 0,
            unsealed_since: None,
        }
    }

    /// Whether a seal does not count.
    pub(super) fn is_void(&self, seal: &Seal) -> bool {
        self.decided.is_void(seal.no)
    }

    /// The next seal, and its rows as far as they are there; of decisions none are needed.
    pub(super) fn seal(&mut self, seal: &Seal, rows: &Rows) {
        self.report.seals += 1;
        let begins_epoch = self.check_chain(seal);
        if self.is_void(seal) {
            return;
        }
        let Some(entries) = seal.entries() else {
            return self.fault(seal, "its leaves are not those of a seal");
        };
        let (mut latest, mut has_reason) = (self.latest, false);
        for entry in &entries {
            let key = entry.key;
            let is_decision = key.table == Table::Decision;
            let of_decision = self.decided.row(key.id).filter(|_| is_decision).cloned();
            let row = rows.get(&key).filter(|_| !is_decision);
            let row = row.or(of_decision.as_ref());
            self.sealed.push(key);
            self.months.sealed(key, seal.no, row.is_some());
            if is_decision {
                has_reason |= self
                    .decided
                    .sealed(key, seal, begins_epoch, &mut self.report);
            }
            let is_known = entry.is_refused && self.decided.acknowledges(key, &entry.hash);
            if entry.is_refused && !is_known {
                self.row_fault(key, &format!("written without the key (seal {})", seal.no));
            }
            if let Some(row) = row {
                self.report.rows += u64::from(!is_decision);
                self.check_row(seal, entry, row, is_known);
                // What the owner adds is sealed at once, and before rows that have waited; of a row that was
                // refused the time is nobody's word.
                if key.table.layout().waits_for_sealer && !entry.is_refused {
                    latest = latest.max((row.recorded_at, seal.no));
                }
            } else if !key.table.layout().is_monthly {
                self.row_fault(key, &format!("missing (seal {})", seal.no));
            }
        }
        self.latest = latest;
        self.check_epoch(seal, begins_epoch, has_reason);
    }

    pub(super) fn fault(&mut self, seal: &Seal, fault: &str) {
        self.report.find(format_args!("seal {}: {fault}", seal.no));
    }

    fn row_fault(&mut self, key: Key, fault: &str) {
        self.report.find(format_args!("{key}: {fault}"));
    }

    /// Of a row that is known to be false only that it is still there as it was.
    fn check_row(&mut self, seal: &Seal, entry: &Entry, row: &StoredRow, is_known: bool) {
        let (key, no) = (row.key, seal.no);
        if row.hash() != entry.hash {
            self.row_fault(key, &format!("changed after it was sealed (seal {no})"));
        } else if !entry.is_refused {
            self.check_writer(row);
        }
        if key.table == Table::Prune {
            self.months.pruned(row, no);
        } else if !is_known && row.recorded_at < self.latest.0.saturating_sub(SKEW) {
            self.report.find(format_args!(
                "{key}: back-dated: recorded at {}, but sealed after rows of {} (seals {} and {no})",
                time(row.recorded_at),
                time(self.latest.0),
                self.latest.1
            ));
        }
    }

    /// Whether the row is one that a gateway wrote, as far as the keys given tell.
    fn check_writer(&mut self, row: &StoredRow) {
        let (canonical, keys) = (row.canonical(), &self.evidence.seal_keys);
        let since = self.evidence.proven_since;
        let fault = match &row.mac {
            _ if canonical.leaf() != row.leaf_hash => "its leaf_hash is not that of its fields",
            _ if !row.has_its_time() => "its recorded_at is not the time that its fields tell",
            Some(mac) if !keys.is_empty() && !canonical.is_authentic(keys, mac) => {
                "its mac is not of a known key"
            }
            None if self.strength.needs_mac(row.recorded_at) => "written without the key",
            None if since.is_some_and(|since| row.recorded_at >= since) => {
                "recorded without a mac, so that it is not proven"
            }
            None => return self.strength.without_mac(row.recorded_at),
            Some(_) => return,
        };
        self.row_fault(row.key, fault);
    }

    /// The rows that are in a seal, sorted. Called once, after the last seal.
    pub(super) fn sealed(&mut self) -> Vec<Key> {
        let mut sealed = std::mem::take(&mut self.sealed);
        sealed.sort_unstable();
        for twice in sealed.windows(2).filter(|pair| pair[0] == pair[1]) {
            self.report.find(format_args!("{}: in two seals", twice[0]));
        }
        sealed
    }

    /// A row that is in no seal.
    pub(super) fn unsealed(&mut self, row: &StoredRow) {
        let (key, (latest, no)) = (row.key, self.latest);
        if key.table == Table::Decision {
            return; // It was counted before, and is named with the decisions.
        }
        self.report.rows += 1;
        if key.table == Table::Prune {
            self.row_fault(key, "in no seal");
        } else if row.recorded_at < latest.saturating_sub(SKEW) || self.months.is_pruned(key) {
            self.report.find(format_args!(
                "{key}: in the record but in no seal, though recorded at {}, before what seal {no} holds",
                time(row.recorded_at)
            ));
        } else {
            self.check_waiting(row);
            self.unsealed += 1;
            let first = self.unsealed_since.unwrap_or(i64::MAX);
            self.unsealed_since = Some(first.min(row.recorded_at));
            self.check_writer(row);
        }
    }

    /// Rows are sealed within seconds: one that waits for longer is not proven.
    fn check_waiting(&mut self, row: &StoredRow) {
        let (since, now) = (self.evidence.proven_since, self.evidence.now);
        let is_asked = since.is_some_and(|since| row.recorded_at >= since);
        if is_asked && now.is_some_and(|now| row.recorded_at < now.saturating_sub(SKEW)) {
            self.row_fault(row.key, "in no seal yet, so that it is not proven");
        }
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Report {
        self.check_what_was_kept();
        self.check_strength();
        self.months.report(&mut self.report);
        self.decided
            .report(&self.evidence.accepted, &mut self.report);
        if let Some(since) = self.unsealed_since {
            let (rows, since) = (self.unsealed, time(since));
            let note = format!("{rows} rows are in no seal yet, the first recorded at {since}");
            self.report.notes.push(note);
        }
        let has_public_key = !self.evidence.public_keys.is_empty();
        let has_seal_key = !self.evidence.seal_keys.is_empty();
        let strength = self.strength.told(has_public_key, has_seal_key);
        self.report.notes.push(strength);
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::proof::keys::SealKeys;
    use crate::audit::proof::verify::NAMED;

    #[test]
    fn numbers_that_no_sealer_wrote_are_named_and_stop_nothing() {
        let mut checker = Checker::new(Evidence::default(), Vec::new());
        for epoch in [u32::MAX, 1] {
            let place = (u64::MAX, epoch, [0; 32]);
            let seal = Seal::new(place, Vec::new(), 0, &SealKeys::default());
            checker.seal(&seal, &Rows::new());
        }
        let report = checker.finish();
        assert_eq!(
            report.findings.first().map(String::as_str),
            Some("seal 1: missing")
        );
        assert_eq!(report.findings.len(), NAMED);
        assert!(
            report.more_findings > u64::MAX / 2,
            "{}",
            report.more_findings
        );
    }
}
