//! The items of a batch, read one after the other, however they are written.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::faults::Faults;
use crate::domain::{Command, Item, Kind, MOST_ITEMS, RoomId, Slot, Targets, UserId};
use crate::http::fields::{Fields, Place, targets};
use crate::http::problem::FieldFault;
use crate::http::settings::RequestRules;

/// What is done to whom, and where.
type Target = (Kind, Option<RoomId>, Option<UserId>);

/// Those that were read.
pub(super) struct Items<'r> {
    rules: &'r RequestRules,
    rule_of_kinds: String,
    /// Whether each needs a reason, because there is none for all.
    needs_reason: bool,
    /// Whether any has one.
    has_reason: bool,
    /// What is wrong with those that have none, if any has one.
    unexplained: Faults,
    good: Vec<Item>,
    /// Where each target stands first.
    first: HashMap<Target, Place>,
    /// How many there are; above [`MOST_ITEMS`] they are counted and not read.
    count: usize,
    faults: Faults,
}

impl<'r> Items<'r> {
    /// None yet. `has_reason`: whether the batch has one.
    pub(super) fn new(rules: &'r RequestRules, has_reason: bool) -> Self {
        let words: Vec<&str> = rules.kinds.iter().map(|kind| kind.as_str()).collect();
        let words = words.join(", ");
        Self {
            rules,
            rule_of_kinds: format!("must be one of the kinds that are offered here: {words}"),
            needs_reason: rules.require_reason && !has_reason,
            has_reason: false,
            unexplained: Faults::default(),
            good: Vec::new(),
            first: HashMap::new(),
            count: 0,
            faults: Faults::default(),
        }
    }

    /// The place of the next, which begins on this line of CSV; `None` if there are too many to read it.
    pub(super) fn place(&mut self, line: Option<u64>) -> Option<Place> {
        let index = self.count;
        self.count += 1;
        let place = Place {
            index: Some(index),
            line,
        };
        (index < MOST_ITEMS).then_some(place)
    }

    /// Counts so many more, which are too many to read them.
    pub(super) fn pass(&mut self, more: usize) {
        self.count += more;
    }

    /// Notes what is wrong with the next item as a whole.
    pub(super) fn refuse(&mut self, fault: FieldFault) {
        self.faults.extend([fault]);
    }

    /// Reads the item that has these fields.
    pub(super) fn read(&mut self, mut fields: Fields) {
        self.note_reason(&fields);
        let Some(kind) = fields.required("kind", |word| self.kind(&word)) else {
            // Which other fields it may have is not known.
            self.faults.extend(fields.into_noted());
            return;
        };
        let targets = targets(kind, &mut fields, self.rules);
        self.note_target(kind, &targets, &mut fields);
        let reason = fields.optional("reason", TryFrom::try_from);
        let case_ref = fields.optional("case_ref", TryFrom::try_from);
        let item = Command::new(kind, targets).map(|command| Item {
            command,
            reason,
            case_ref,
        });
        match fields.end(
            item,
            format_args!("is not a field of a {kind} that is part of a batch"),
        ) {
            Ok(item) => self.good.push(item),
            Err(faults) => self.faults.extend(faults),
        }
    }

    fn kind(&self, word: &str) -> Result<Kind, &str> {
        let kind = word.parse::<Kind>().ok();
        kind.filter(|kind| self.rules.kinds.contains(kind))
            .ok_or(self.rule_of_kinds.as_str())
    }

    fn note_reason(&mut self, fields: &Fields) {
        if fields.has("reason") {
            self.has_reason = true;
        } else if self.needs_reason {
            let fault = fields.place().fault("reason", "is required");
            self.unexplained.extend([fault]);
        }
    }

    /// That an earlier one is of the same kind and against the same target, as far as that is known.
    fn note_target(&mut self, kind: Kind, targets: &Targets, fields: &mut Fields) {
        let is_known = |slot: Slot, is_given: bool| {
            !kind.has(slot) || (is_given && !fields.is_wrong(slot.as_str()))
        };
        if !is_known(Slot::UserId, targets.user_id.is_some())
            || !is_known(Slot::RoomId, targets.room_id.is_some())
        {
            return;
        }
        let target = (kind, targets.room_id.clone(), targets.user_id.clone());
        match self.first.entry(target) {
            Entry::Vacant(entry) => {
                entry.insert(fields.place());
            }
            Entry::Occupied(first) => {
                let slot = match targets.user_id {
                    Some(_) => Slot::UserId,
                    None => Slot::RoomId,
                };
                let rule = same_as(*first.get());
                fields.fault(slot.as_str(), rule);
            }
        }
    }

    /// All of them, and what is wrong with them. `field` is what they stand in.
    pub(super) fn finish(mut self, field: &str) -> (Vec<Item>, Faults) {
        if !(1..=MOST_ITEMS).contains(&self.count) {
            let count = self.count;
            let rule = format!("must hold 1 to {MOST_ITEMS} items, and holds {count}");
            self.faults.extend([FieldFault::new(field, rule)]);
        }
        if self.has_reason {
            self.faults.merge(self.unexplained);
        } else if !self.unexplained.is_empty() {
            let rule = "is required, here or in each item";
            self.faults.extend([FieldFault::new("reason", rule)]);
        }
        (self.good, self.faults)
    }
}

fn same_as(first: Place) -> String {
    let index = first.index.unwrap_or_default();
    let line = first.line.map(|line| format!(" (line {line})"));
    let line = line.unwrap_or_default();
    format!("is the same target as item {index}{line} for the same kind")
}
