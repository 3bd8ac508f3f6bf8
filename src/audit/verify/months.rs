//! What is sealed, what is missing and what was dropped, by month.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike};
use uuid::Uuid;

use super::{NAMED, Report};
use crate::audit::stored::{Key, StoredRow, Table};

/// The months of the record.
#[derive(Debug, Default)]
pub(super) struct Months(BTreeMap<String, Month>);

#[derive(Debug, Default)]
struct Month {
    actions: Tally,
    events: Tally,
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
    actions: u64,
    events: u64,
}

/// `YYYY-MM`, in UTC, of the time in a `UUIDv7` (RFC 9562, 5.7).
pub(in crate::audit) fn month_of(id: Uuid) -> String {
    let bytes = id.as_bytes();
    let millis = bytes[..6]
        .iter()
        .fold(0, |sum, &byte| sum << 8 | i64::from(byte));
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    format!("{:04}-{:02}", time.year(), time.month())
}

impl Months {
    /// Seal `no` holds this row, and it is there or it is not.
    pub(super) fn sealed(&mut self, key: Key, no: u64, is_there: bool) {
        if matches!(key.table, Table::Prune | Table::Decision) {
            return;
        }
        let month = self.0.entry(month_of(key.id)).or_default();
        let tally = match key.table {
            Table::Action => &mut month.actions,
            _ => &mut month.events,
        };
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
        let field = |index: usize| row.fields.get(index).cloned().flatten().unwrap_or_default();
        let number = |index: usize| field(index).parse().unwrap_or(u64::MAX);
        let month = field(1).get(..7).map(str::to_owned).unwrap_or_default();
        self.0.entry(month).or_default().prune = Some(Prune {
            key: row.key,
            seal: no,
            actions: number(2),
            events: number(3),
        });
    }

    /// Whether the month of `key` was dropped.
    pub(super) fn is_pruned(&self, key: Key) -> bool {
        let month = self.0.get(&month_of(key.id));
        month.is_some_and(|month| month.prune.is_some())
    }

    /// Names what is missing for no recorded reason, and explains what was dropped.
    pub(super) fn report(&self, report: &mut Report) {
        for (name, month) in &self.0 {
            let pruned_by = month.prune.as_ref().map(|prune| prune.seal);
            month.actions.report(pruned_by, report);
            month.events.report(pruned_by, report);
            if let Some(prune) = &month.prune {
                explain(name, month, prune, report);
            }
        }
    }
}

fn explain(name: &str, month: &Month, prune: &Prune, report: &mut Report) {
    let (actions, events) = (month.actions.sealed, month.events.sealed);
    let key = prune.key;
    if (prune.actions, prune.events) != (actions, events) {
        report.find(format_args!(
            "{key}: says that {name} had {} actions and {} events, but {actions} and {events} were sealed",
            prune.actions, prune.events
        ));
    }
    let left = actions + events - month.actions.missing - month.events.missing;
    let left = if left == 0 {
        String::new()
    } else {
        format!(", {left} rows not dropped yet")
    };
    report.notes.push(format!(
        "dropped by retain: {name}, {actions} actions, {events} events ({key}, seal {}){left}",
        prune.seal
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_of_an_id_is_that_of_its_time() {
        let id = |text: &str| Uuid::parse_str(text).expect("an id");
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
