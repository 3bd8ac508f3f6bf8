//! What the owner of the record has decided about it: nothing that is hidden, and nothing that hides.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Report;
use super::strength::time;
use crate::audit::proof::decision::{AcceptedBreak, Decision, What};
use crate::audit::proof::seal::{Hash, Seal, SeenHead};
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::Key;

/// The decisions of the record.
#[derive(Debug, Default)]
pub(super) struct Decided {
    all: BTreeMap<Uuid, Decision>,
    /// Those that a seal which counts holds.
    sealed: BTreeSet<Uuid>,
}

impl Decided {
    /// The rows of `audit.decision`, known before any seal is looked at. Of two with one id the second
    /// is no decision, and named.
    pub(super) fn new(rows: Vec<StoredRow>, report: &mut Report) -> Self {
        let mut decided = Self::default();
        for decision in rows.into_iter().map(Decision::of) {
            if let Some(twice) = decided.all.insert(decision.id(), decision) {
                report.find(format_args!("{}: there 2 times", twice.row.key));
            }
        }
        decided
    }

    /// The row of a decision.
    pub(super) fn row(&self, id: Uuid) -> Option<&StoredRow> {
        self.all.get(&id).map(|decision| &decision.row)
    }

    /// Whether a seal does not count.
    pub(super) fn is_void(&self, no: u64) -> bool {
        self.void_until(no).is_some()
    }

    /// If a seal does not count, up to which one they do not.
    pub(super) fn void_until(&self, no: u64) -> Option<u64> {
        let mut void = self.all.values().filter_map(Decision::void);
        void.find(|void| void.contains(&no)).map(|void| *void.end())
    }

    /// Whether the record may lack a head that was kept outside.
    pub(super) fn covers(&self, kept: &SeenHead) -> bool {
        self.all.values().any(|decision| decision.covers(kept))
    }

    /// Whether a row that was refused is known to be false.
    pub(super) fn acknowledges(&self, key: Key, hash: &Hash) -> bool {
        let mut decisions = self.all.values();
        decisions.any(|decision| decision.acknowledges(key, hash))
    }

    /// A seal holds this decision, and begins an epoch or not. Whether it is a reason to begin one.
    pub(super) fn sealed(
        &mut self,
        key: Key,
        seal: &Seal,
        begins_epoch: bool,
        report: &mut Report,
    ) -> bool {
        self.sealed.insert(key.id);
        let Some(decision) = self.all.get(&key.id) else {
            return false;
        };
        if decision.row.recorded_at > seal.sealed_at {
            report.find(format_args!(
                "{key}: decided after its seal was made (seal {})",
                seal.no
            ));
        }
        let What::Break(accepted) = &decision.what else {
            return false;
        };
        let in_place = begins_epoch && accepted.precedes(seal);
        if !in_place {
            report.find(format_args!(
                "{key}: accepts another break than the one before seal {}",
                seal.no
            ));
        }
        in_place
    }

    /// Names what is in no seal, and tells what was decided.
    pub(super) fn report(&self, accepted: &[Uuid], report: &mut Report) {
        for id in accepted.iter().filter(|id| !self.all.contains_key(id)) {
            let note = format!("no decision has the id {id}, which was given as accepted");
            report.notes.push(note);
        }
        for decision in self.all.values() {
            let id = decision.id();
            if !self.sealed.contains(&id) {
                report.find(format_args!("{}: in no seal", decision.row.key));
                continue;
            }
            let is_accepted = accepted.contains(&id);
            let known = if is_accepted { ", accepted" } else { "" };
            report
                .decisions
                .push(format!("decided{known}: {}", told(decision)));
            report.unaccepted += u64::from(!is_accepted);
        }
    }
}

fn told(decision: &Decision) -> String {
    let what = match &decision.what {
        What::Break(accepted) => told_break(accepted),
        What::Acknowledgement(_) => format!(
            "rows of action {} that no gateway wrote are known",
            decision.text("subject")
        ),
        What::Other => format!("a decision of a later version ({})", decision.text("kind")),
    };
    format!(
        "{}: {what}; by {} (role {}, host {}) at {}: {:?}",
        decision.id(),
        decision.text("operator"),
        decision.text("decided_by"),
        decision.text("host"),
        time(decision.row.recorded_at),
        decision.text("reason")
    )
}

fn told_break(accepted: &AcceptedBreak) -> String {
    let lost = accepted
        .lost_no
        .map(|no| format!(", known to be lost: up to seal {no}"));
    let void = accepted.void();
    let void = void.map(|void| format!("; seals {} to {} do not count", void.start(), void.end()));
    format!(
        "the chain of seals was broken after seal {} ({}); heads seen before then may be gone from seal {} on{}{}",
        accepted.last_no,
        accepted.cause,
        accepted.lost_from,
        lost.unwrap_or_default(),
        void.unwrap_or_default()
    )
}
