//! Whether each seal follows the one before it, by whom it was made, and what was kept of it.

use super::NAMED;
use super::checker::Checker;
use super::strength::time;
use crate::audit::proof::seal::Seal;

impl Checker {
    /// Whether the seal stands where it says; whether it begins an epoch. Of one that does not count only
    /// its number is looked at.
    pub(super) fn check_chain(&mut self, seal: &Seal) -> bool {
        let (last, epoch, head, format) = self.previous.unwrap_or((0, 0, [0; 32], 1));
        self.check_number(seal, last);
        if self.is_void(seal) {
            self.check_void(seal);
        } else {
            // One before it that is gone and does not count had an epoch of its own.
            let is_after_void =
                seal.no > last.saturating_add(1) && self.decided.is_void(seal.no - 1);
            let epochs = if is_after_void {
                epoch.saturating_add(1)..=u32::MAX
            } else {
                epoch..=epoch.saturating_add(1)
            };
            if seal.no == last.saturating_add(1) && seal.prev != head {
                self.fault(seal, &format!("does not follow seal {last}"));
            }
            if !epochs.contains(&seal.epoch) {
                self.fault(seal, "its epoch does not follow that of the seal before it");
            }
            if seal.format < format {
                self.fault(seal, "of an older format than the seal before it");
            }
            if seal.make_head() != seal.head {
                self.fault(seal, "its head is not that of its content");
            }
            self.check_signature(seal);
        }
        self.check_kept(seal);
        // What a seal that does not count says of its format is nobody's word.
        let format = if self.is_void(seal) {
            format
        } else {
            seal.format
        };
        self.previous = Some((seal.no, seal.epoch, seal.head, format));
        seal.epoch > epoch
    }

    /// A decision is no way to do away with what a known key made.
    fn check_void(&mut self, seal: &Seal) {
        let is_ours = seal.is_signed_by(&self.evidence.public_keys) == Some(true);
        if is_ours && seal.make_head() == seal.head {
            self.fault(
                seal,
                "does not count by a decision, though a known key made it",
            );
        }
    }

    fn check_number(&mut self, seal: &Seal, last: u64) {
        let expected = last.saturating_add(1);
        let (mut missing, mut named) = (expected, 0);
        while missing < seal.no {
            if let Some(end) = self.decided.void_until(missing) {
                missing = end.saturating_add(1);
            } else if named < NAMED {
                self.report.find(format_args!("seal {missing}: missing"));
                (missing, named) = (missing + 1, named + 1);
            } else {
                self.report.more_findings += seal.no - missing;
                break;
            }
        }
        if seal.no < expected {
            self.fault(seal, "there twice, or out of order");
        }
    }

    fn check_signature(&mut self, seal: &Seal) {
        if seal.signed.is_none() && self.strength.is_signed() {
            self.fault(seal, "not signed, though an earlier seal is");
        }
        self.strength.seal(seal);
        let (Some((_, key_id)), false) = (&seal.signed, self.evidence.public_keys.is_empty())
        else {
            return;
        };
        match seal.is_signed_by(&self.evidence.public_keys) {
            Some(true) => {}
            Some(false) => self.fault(seal, "the signature is wrong"),
            None => self.fault(seal, &format!("signed by an unknown key ({key_id})")),
        }
    }

    fn check_kept(&mut self, seal: &Seal) {
        for kept in self.evidence.kept.take(seal.no) {
            if kept.head == seal.head && self.is_void(seal) {
                self.fault(
                    seal,
                    "does not count by a decision, though its head was kept outside",
                );
            } else if kept.head == seal.head {
                self.strength.witness(seal.no);
            } else if !self.decided.covers(&kept) {
                self.fault(seal, "its head differs from the one kept outside");
            }
        }
    }

    /// Since format 2 an epoch begins with the decision that accepts the break before it.
    pub(super) fn check_epoch(&mut self, seal: &Seal, begins: bool, has_reason: bool) {
        if !begins || has_reason || seal.no == 1 {
            return;
        }
        let since = self.evidence.proven_since;
        if seal.format > 1 {
            self.fault(seal, "begins an epoch for no recorded reason");
        } else if since.is_some_and(|since| seal.sealed_at >= since) {
            self.fault(
                seal,
                "begins an epoch for no recorded reason, so that what was before is not proven",
            );
        } else {
            self.strength.silent_epoch(seal.sealed_at);
        }
    }

    /// What was kept outside and is not in the record.
    pub(super) fn check_what_was_kept(&mut self) {
        for kept in self.evidence.kept.iter() {
            if !self.decided.covers(kept) {
                let no = kept.no;
                let finding =
                    format_args!("seal {no}: kept outside, but not in the record (cut off)");
                self.report.find(finding);
            }
        }
    }

    /// With a key nothing may be unsigned, and nothing to check is not intact.
    pub(super) fn check_strength(&mut self) {
        if let (false, false, no) = (
            self.strength.is_signed(),
            self.evidence.public_keys.is_empty(),
            self.previous.map_or(0, |(no, ..)| no),
        ) {
            let what = if no == 0 {
                "record: holds no seal, though there is a key".to_owned()
            } else {
                format!("seal {no}: not signed, though there is a key")
            };
            self.report.find(what);
        }
        let Some(since) = self.evidence.proven_since else {
            return;
        };
        match self.strength.holds_since() {
            Some(holds) if holds <= since => {}
            Some(holds) => self.report.find(format_args!(
                "proof: holds for what was recorded from {} on, not from {}",
                time(holds),
                time(since)
            )),
            None => self.report.find(format_args!(
                "proof: nothing is signed, so that it does not hold from {} on",
                time(since)
            )),
        }
    }
}
