//! What the attempts of an action prove together: one rule, whatever way an answer comes by. Pure.
//!
//! # The rule
//! Attempts count in the order in which they were sent, however late their answers come. The first
//! line that fits holds:
//!
//! | | of the attempts | the action |
//! |---|---|---|
//! | 1 | one was answered with `ErrorCode` 0 | `succeeded` |
//! | 2 | one was answered with a code that says that it is so already, for kinds that have such a code (of a seat kick 100206), and an earlier one was ambiguous when it was given up | `succeeded` |
//! | 3 | one is still ambiguous | `unknown` |
//! | 4 | one was refused | `refused` |
//! | 5 | no byte of any has left | `not_sent` |
//!
//! *Ambiguous* is an attempt that timed out, whose answer was lost or made no sense, or that was
//! answered with a transient code. A late answer, one to an attempt that was given up as timed out,
//! resolves it if it is `ErrorCode` 0 or a refusal; whatever else becomes of it leaves it ambiguous.
//!
//! Line 2 asks how the earlier attempt looked when the retry was announced, not what it says
//! later. If it asked the latter, the order in which two late answers arrive would decide. Such a code to the
//! first attempt is a refusal in any case: it was so before.
//!
//! # What is recorded
//! The record allows one end, or `unknown` and then `succeeded` or `refused`. The end in time is what
//! the attempts prove as the record has them: the earlier ones as they were announced to be over, the
//! last one with the best that is known of it. If late answers make the whole definite, that comes
//! as a second end; at once, if they were there before the first. So the record holds the same ends
//! whichever answer came first.
//!
//! An end tells of one attempt: in time, of the last one, or, if it is `refused` and the last one was
//! not sent, of the last that was refused; late, of the one whose answer proves `succeeded`, or of the
//! last that had been given up. The class of a refusal is that of the attempt told of, so that
//! answer, record and replay say the same.

mod rule;
#[cfg(test)]
mod tests;

use crate::domain::{Attempt, Kind, Verdict};
use rule::{Seen, prove};

/// An attempt, and what it proves.
pub(super) type Proof = (Attempt, Verdict);

/// All that is known of the attempts of one action.
#[derive(Debug)]
pub(super) struct Evidence {
    kind: Kind,
    tried: Vec<Over>,
    /// What was said to the record: an end, and after `unknown` perhaps another.
    ends: Vec<Ending>,
}

/// An attempt that is over, and what was heard of it.
#[derive(Debug)]
struct Over {
    /// When it was answered or given up.
    at_first: Proof,
    /// Tencent's word, if it came after that.
    late: Option<Proof>,
}

/// How an action ends.
#[derive(Clone, Debug)]
pub(in crate::moderation) struct Ending {
    /// What the attempts prove.
    pub(in crate::moderation) verdict: Verdict,
    /// The attempt that the end tells of.
    pub(in crate::moderation) attempt: Option<Attempt>,
}

impl Evidence {
    /// Nothing has been tried.
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            tried: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Of this kind of action.
    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The next attempt is over: answered, lost, given up or not sent.
    pub(super) fn over(&mut self, attempt: Attempt, verdict: Verdict) {
        self.tried.push(Over {
            at_first: (attempt, verdict),
            late: None,
        });
    }

    /// An attempt that was given up turned out so.
    pub(super) fn hear(&mut self, late: Proof) {
        let tried = &mut self.tried;
        let given_up = tried
            .iter_mut()
            .find(|tried| tried.at_first.0.number == late.0.number);
        if let Some(given_up) = given_up
            && decides(late.1)
        {
            given_up.late = Some(late);
        }
    }

    /// The latest attempt, as it was when it was over.
    pub(super) fn latest(&self) -> Option<&Attempt> {
        self.tried.last().map(|tried| &tried.at_first.0)
    }

    /// Whether a late answer has left no reason for a retry: it is done, or was refused, and so
    /// would have been no reason had it come in time.
    pub(super) fn needs_no_retry(&self) -> bool {
        match self.whole() {
            Verdict::Succeeded => true,
            Verdict::Refused(_) => self.tried.iter().any(|tried| tried.late.is_some()),
            Verdict::Unknown(_) | Verdict::NotSent => {
                self.tried.last().is_some_and(|last| last.late.is_some())
            }
        }
    }

    /// What everything that is known proves.
    pub(super) fn whole(&self) -> Verdict {
        prove(self.kind, &self.as_known()).0
    }

    /// The end in time. No more attempts are made after it.
    pub(super) fn end(&mut self) -> Ending {
        let seen = self.as_recorded();
        let (verdict, decisive) = prove(self.kind, &seen);
        let told_of = match verdict {
            Verdict::Unknown(_) => seen.last().map(|last| last.attempt),
            _ => decisive,
        };
        let ending = Ending {
            verdict,
            attempt: told_of.cloned(),
        };
        self.ends.push(ending.clone());
        ending
    }

    /// The end that is to be recorded after `unknown`, once late answers make the whole definite.
    pub(super) fn learnt(&mut self) -> Option<Ending> {
        if !matches!(self.ends.last()?.verdict, Verdict::Unknown(_)) {
            return None;
        }
        let (verdict, attempt) = match prove(self.kind, &self.as_known()) {
            (Verdict::Succeeded, decisive) => (Verdict::Succeeded, decisive?),
            (Verdict::Refused(_), _) => {
                let late = self
                    .tried
                    .iter()
                    .rev()
                    .find_map(|tried| tried.late.as_ref());
                let (attempt, verdict) = late?;
                (*verdict, attempt)
            }
            (Verdict::Unknown(_) | Verdict::NotSent, _) => return None,
        };
        let ending = Ending {
            verdict,
            attempt: Some(attempt.clone()),
        };
        self.ends.push(ending.clone());
        Some(ending)
    }

    /// The attempts as whoever reads the record is shown them, with the ends so far.
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        let announced = self
            .tried
            .split_last()
            .map_or(&[][..], |(_, before)| before);
        let announced = announced.iter().map(|tried| &tried.at_first.0);
        let ended = self.ends.iter().filter_map(|end| end.attempt.as_ref());
        let mut attempts: Vec<Attempt> = Vec::new();
        for attempt in announced.chain(ended) {
            attempts.retain(|earlier| earlier.number != attempt.number);
            attempts.push(attempt.clone());
        }
        attempts
    }

    /// Late answers that no end tells of: they changed nothing.
    pub(super) fn untold(&self) -> impl Iterator<Item = &Attempt> {
        let late = self.tried.iter().filter_map(|tried| tried.late.as_ref());
        let told = |attempt: &Attempt| {
            let mut told = self.ends.iter().filter_map(|end| end.attempt.as_ref());
            told.any(|told| told.number == attempt.number && told.answer.is_some())
        };
        late.map(|(attempt, _)| attempt)
            .filter(move |attempt| !told(attempt))
    }

    /// What an end says about the API. A refusal that another attempt should have cured says
    /// nothing of it if that one could not be made.
    pub(super) fn about_the_api<'a>(&'a self, end: &'a Ending) -> (Verdict, Option<&'a Attempt>) {
        match (end.verdict, self.tried.last().map(|last| &last.at_first)) {
            (Verdict::Refused(_), Some((unsent, Verdict::NotSent))) => {
                (Verdict::NotSent, Some(unsent))
            }
            _ => (end.verdict, end.attempt.as_ref()),
        }
    }

    fn as_known(&self) -> Vec<Seen<'_>> {
        self.tried.iter().map(Over::at_best).collect()
    }

    /// As the record has them: an attempt is announced to be over before its late answer comes.
    fn as_recorded(&self) -> Vec<Seen<'_>> {
        let last = self.tried.len().saturating_sub(1);
        let tried = self.tried.iter().enumerate();
        tried
            .map(|(at, tried)| {
                if at == last {
                    tried.at_best()
                } else {
                    tried.seen(&tried.at_first)
                }
            })
            .collect()
    }
}

impl Over {
    fn seen<'a>(&self, (attempt, verdict): &'a Proof) -> Seen<'a> {
        Seen {
            attempt,
            verdict: *verdict,
            was_ambiguous: matches!(self.at_first.1, Verdict::Unknown(_)),
        }
    }

    fn at_best(&self) -> Seen<'_> {
        self.seen(self.late.as_ref().unwrap_or(&self.at_first))
    }
}

/// Whether this answer leaves nothing open about its own attempt.
pub(super) const fn decides(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Succeeded | Verdict::Refused(_))
}
