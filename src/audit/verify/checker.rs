//! What is checked, wherever the record is read from.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, SecondsFormat};

use super::months::Months;
use super::{Evidence, NAMED, Report};
use crate::audit::genuine::ROLLOUT;
use crate::audit::seal::{Entry, Hash, Seal};
use crate::audit::stored::{Key, StoredRow, Table};

/// How far a row's `recorded_at` may lie before one that was sealed earlier: a statement takes
/// its time, and a database's clock may be set. In microseconds.
const SKEW: i64 = 60 * 1_000_000;

/// The rows that are there, by key.
pub(super) type Rows = HashMap<Key, StoredRow>;

/// Takes the seals in order, each with its rows, then the rows that are in none.
pub(super) struct Checker {
    evidence: Evidence,
    report: Report,
    months: Months,
    previous: Option<(u64, u32, Hash)>,
    /// The latest `recorded_at` of all seals so far, and the seal that has it.
    latest: (i64, u64),
    first_signed_at: Option<i64>,
    signed_by: BTreeSet<String>,
    witnessed: Option<u64>,
    sealed: Vec<Key>,
    unsealed: u64,
}

impl Checker {
    pub(super) fn new(evidence: Evidence) -> Self {
        Self {
            evidence,
            report: Report::default(),
            months: Months::default(),
            previous: None,
            latest: (i64::MIN, 0),
            first_signed_at: None,
            signed_by: BTreeSet::new(),
            witnessed: None,
            sealed: Vec::new(),
            unsealed: 0,
        }
    }

    /// The next seal, and its rows as far as they are there.
    pub(super) fn seal(&mut self, seal: &Seal, rows: &Rows) {
        self.report.seals += 1;
        self.check_place(seal);
        self.check_signature(seal);
        self.check_kept(seal);
        self.previous = Some((seal.no, seal.epoch, seal.head));
        let Some(entries) = seal.entries() else {
            return self.fault(seal, "its leaves are not those of a seal");
        };
        let mut latest = self.latest;
        for entry in &entries {
            let (key, row) = (entry.key, rows.get(&entry.key));
            self.sealed.push(key);
            self.months.sealed(key, seal.no, row.is_some());
            if entry.is_refused {
                self.row_fault(key, &format!("written without the key (seal {})", seal.no));
            }
            if let Some(row) = row {
                self.report.rows += 1;
                self.check_row(seal, entry, row);
                latest = latest.max((row.recorded_at, seal.no));
            } else if key.table == Table::Prune {
                self.row_fault(key, &format!("missing (seal {})", seal.no));
            }
        }
        self.latest = latest;
    }

    fn fault(&mut self, seal: &Seal, fault: &str) {
        self.report.find(format_args!("seal {}: {fault}", seal.no));
    }

    fn row_fault(&mut self, key: Key, fault: &str) {
        self.report.find(format_args!("{key}: {fault}"));
    }

    fn check_place(&mut self, seal: &Seal) {
        let (last, epoch, head) = self.previous.unwrap_or((0, 0, [0; 32]));
        let expected = last.saturating_add(1);
        let gap = seal.no.saturating_sub(expected);
        for missing in (expected..seal.no).take(NAMED) {
            self.report.find(format_args!("seal {missing}: missing"));
        }
        self.report.more_findings += gap.saturating_sub(NAMED as u64);
        if seal.no == expected && seal.prev != head {
            self.fault(seal, &format!("does not follow seal {last}"));
        }
        if seal.no < expected {
            self.fault(seal, "there twice, or out of order");
        }
        if !(epoch..=epoch.saturating_add(1)).contains(&seal.epoch) {
            self.fault(seal, "its epoch does not follow that of the seal before it");
        }
        if seal.make_head() != seal.head {
            self.fault(seal, "its head is not that of its content");
        }
    }

    fn check_signature(&mut self, seal: &Seal) {
        let Some((_, key_id)) = &seal.signed else {
            if self.first_signed_at.is_some() {
                self.fault(seal, "not signed, though an earlier seal is");
            }
            return;
        };
        self.first_signed_at.get_or_insert(seal.sealed_at);
        self.signed_by.insert(key_id.clone());
        if self.evidence.public_keys.is_empty() {
            return;
        }
        match seal.is_signed_by(&self.evidence.public_keys) {
            Some(true) => {}
            Some(false) => self.fault(seal, "the signature is wrong"),
            None => self.fault(seal, &format!("signed by an unknown key ({key_id})")),
        }
    }

    fn check_kept(&mut self, seal: &Seal) {
        let kept = self.evidence.kept.take(seal.no);
        if kept.iter().any(|head| *head != seal.head) {
            self.fault(seal, "its head differs from the one kept outside");
        } else if !kept.is_empty() {
            self.witnessed = Some(seal.no);
        }
    }

    fn check_row(&mut self, seal: &Seal, entry: &Entry, row: &StoredRow) {
        let (key, no) = (row.key, seal.no);
        if row.hash() != entry.hash {
            self.row_fault(key, &format!("changed after it was sealed (seal {no})"));
        } else if !entry.is_refused {
            self.check_writer(row);
        }
        if key.table == Table::Prune {
            self.months.pruned(row, no);
        } else if row.recorded_at < self.latest.0.saturating_sub(SKEW) {
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
        let needs_mac = |first: i64| row.recorded_at > first.saturating_add(ROLLOUT);
        let fault = match &row.mac {
            _ if canonical.leaf() != row.leaf_hash => "its leaf_hash is not that of its fields",
            Some(mac) if !keys.is_empty() && !canonical.is_authentic(keys, mac) => {
                "its mac is not of a known key"
            }
            None if self.first_signed_at.is_some_and(needs_mac) => "written without the key",
            _ => return,
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
        self.report.rows += 1;
        if key.table == Table::Prune {
            self.row_fault(key, "in no seal");
        } else if row.recorded_at < latest.saturating_sub(SKEW) || self.months.is_pruned(key) {
            self.report.find(format_args!(
                "{key}: in the record but in no seal, though recorded at {}, before what seal {no} holds",
                time(row.recorded_at)
            ));
        } else {
            self.unsealed += 1;
            self.check_writer(row);
        }
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Report {
        for no in self.evidence.kept.numbers() {
            let finding = format_args!("seal {no}: kept outside, but not in the record (cut off)");
            self.report.find(finding);
        }
        if let (None, false, Some((no, ..))) = (
            self.first_signed_at,
            self.evidence.public_keys.is_empty(),
            self.previous,
        ) {
            self.report
                .find(format_args!("seal {no}: not signed, though there is a key"));
        }
        self.months.report(&mut self.report);
        if self.unsealed > 0 {
            let note = format!("{} rows are in no seal yet", self.unsealed);
            self.report.notes.push(note);
        }
        let strength = self.strength();
        self.report.notes.push(strength);
        self.report
    }

    fn strength(&self) -> String {
        let signed_by: Vec<&str> = self.signed_by.iter().map(String::as_str).collect();
        let signed = match (signed_by.is_empty(), self.evidence.public_keys.is_empty()) {
            (true, _) => "unsigned: whoever may change the database could have made the seals anew"
                .to_owned(),
            (false, true) => format!(
                "signed by {}, but no public key was given to check it with",
                signed_by.join(", ")
            ),
            (false, false) => format!("signed by {}", signed_by.join(", ")),
        };
        let kept = self.witnessed.map_or_else(
            || "no head was kept outside, so that a cut end would not show".to_owned(),
            |no| format!("heads kept outside confirm it up to seal {no}"),
        );
        format!("proof: {signed}; {kept}")
    }
}

fn time(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::keys::SealKeys;

    #[test]
    fn numbers_that_no_sealer_wrote_are_named_and_stop_nothing() {
        let mut checker = Checker::new(Evidence::default());
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
