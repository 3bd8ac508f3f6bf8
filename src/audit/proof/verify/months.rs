//! What is sealed, what is missing and what was dropped, by month.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike};

use super::{NAMED, Report};
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::{Key, Table};

/// The months of the record.
#[derive(Debug, Default)]
pub(super) struct Months(BTreeMap<String, Month>);

#[derive(Debug, Default)]
struct Month {
    tallies: BTreeMap<Table, Tally>,
    prune: Option<Prune>,
}

/// What became of the rows of one table.
#[derive(Debug, Default)]
struct Tally {
    sealed: u64,
    missing: u64,
    /// The first of those missing, each with its seal.
    named: Vec<(Key, u64)>,
}

impl Tally {
    /// Names what is missing. A table is dropped as a whole: where some rows are still there, the
    /// others were not dropped by retain.
    fn report(&self, pruned_by: Option<u64>, report: &mut Report) {
        let is_dropped = pruned_by.is_some() && self.missing == self.sealed;
        let named = self.named.iter();
        let unexplained = named.filter(|(_, no)| !is_dropped || Some(*no) >= pruned_by);
        for (key, no) in unexplained {
            report.find(format_args!("{key}: missing (seal {no})"));
        }
        if !is_dropped {
            report.more_findings += self.missing - self.named.len() as u64;
        }
    }
}

#[derive(Debug)]
struct Prune {
    key: Key,
    seal: u64,
    /// How many rows it says that each table had.
    counts: BTreeMap<Table, u64>,
}

/// `YYYY-MM`, in UTC, of the time in a key's id.
pub(in crate::audit) fn month_of(key: Key) -> String {
    let time = DateTime::from_timestamp_millis(key.millis()).unwrap_or_default();
    format!("{:04}-{:02}", time.year(), time.month())
}

impl Months {
    /// Seal `no` holds this row, and it is there or it is not.
    pub(super) fn sealed(&mut self, key: Key, no: u64, is_there: bool) {
        if !key.table.layout().is_monthly {
            return;
        }
        let month = self.0.entry(month_of(key)).or_default();
        let tally = month.tallies.entry(key.table).or_default();
        tally.sealed += 1;
        if !is_there {
            tally.missing += 1;
            if tally.named.len() < NAMED {
                tally.named.push((key, no));
            }
        }
    }

    /// Seal `no` holds this record of a dropped month.
    pub(super) fn pruned(&mut self, row: &StoredRow, no: u64) {
        let count = |column| match row.field(column) {
            Some(text) => text.parse().unwrap_or(u64::MAX),
            // Of version 1, when there were no batches.
            None => 0,
        };
        let counts = Table::monthly().filter_map(|table| Some((table, count(table.counted_in()?))));
        let counts = counts.collect();
        let month = row.field("month").and_then(|month| month.get(..7));
        let month = month.unwrap_or_default().to_owned();
        self.0.entry(month).or_default().prune = Some(Prune {
            key: row.key,
            seal: no,
            counts,
        });
    }

    /// Whether the month of `key` was dropped.
    pub(super) fn is_pruned(&self, key: Key) -> bool {
        let month = self.0.get(&month_of(key));
        month.is_some_and(|month| month.prune.is_some())
    }

    /// Names what is missing for no recorded reason, and explains what was dropped.
    pub(super) fn report(&self, report: &mut Report) {
        for (name, month) in &self.0 {
            let pruned_by = month.prune.as_ref().map(|prune| prune.seal);
            for tally in month.tallies.values() {
                tally.report(pruned_by, report);
            }
            if let Some(prune) = &month.prune {
                explain(name, month, prune, report);
            }
        }
    }
}

fn explain(name: &str, month: &Month, prune: &Prune, report: &mut Report) {
    let (key, mut left, mut dropped) = (prune.key, 0, Vec::new());
    for (table, said) in &prune.counts {
        let none = Tally::default();
        let tally = month.tallies.get(table).unwrap_or(&none);
        let sealed = tally.sealed;
        let what = table.counted_in().unwrap_or_default().replace('_', " ");
        if *said != sealed {
            report.find(format_args!(
                "{key}: says that {name} had {said} {what}, but {sealed} were sealed"
            ));
        }
        left += sealed - tally.missing;
        if sealed > 0 || table.is_of_every_month() {
            dropped.push(format!("{sealed} {what}"));
        }
    }
    let left = if left == 0 {
        String::new()
    } else {
        format!(", {left} rows not dropped yet")
    };
    report.notes.push(format!(
        "dropped by retain: {name}, {} ({key}, seal {}){left}",
        dropped.join(", "),
        prune.seal
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_of_an_id_is_that_of_its_time() {
        let id = |text: &str| Key {
            id: text.parse().expect("an id"),
            rev: 0,
            table: Table::Action,
        };
        // 2025-12-31T23:59:59.999Z and one millisecond later.
        assert_eq!(
            month_of(id("019b76da-a7ff-7000-8000-000000000000")),
            "2025-12"
        );
        assert_eq!(
            month_of(id("019b76da-a800-7000-8000-000000000000")),
            "2026-01"
        );
    }
}
