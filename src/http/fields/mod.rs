//! From named texts to domain values, with every fault noted under the name of its field.

mod asked;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::Value;

use super::problem::{ApiError, FieldFault};
use crate::domain::{Slot, Span, printable};
use crate::members::Members;

pub(super) use asked::{
    IDEMPOTENCY_KEY, action_id, idempotency_key, name, request, targets, user_id,
};

/// Which item of a batch something is said of. It is none in every other request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Its number, from 0.
    pub(super) index: Option<usize>,
    /// The line of CSV that it begins on.
    pub(super) line: Option<u64>,
}

impl Place {
    /// That `field` breaks `rule` here.
    pub(super) fn fault(self, field: &str, rule: impl Display) -> FieldFault {
        FieldFault {
            index: self.index,
            line: self.line,
            // The name may be the client's own, of any length and content.
            field: printable(field, 100),
            rule: rule.to_string(),
        }
    }
}

/// The fields of a request, or of an item of a batch, of which each is taken at most once.
#[derive(Debug, Default)]
pub(super) struct Fields {
    place: Place,
    values: BTreeMap<String, Value>,
    faults: Vec<FieldFault>,
}

impl Fields {
    /// The members of a body. A duplicate is a fault.
    pub(super) fn of(members: Members<Value>) -> Self {
        Self::at(Place::default(), members)
    }

    /// The members of the item at `place`. A duplicate is a fault.
    pub(super) fn at(place: Place, members: Members<Value>) -> Self {
        let mut fields = Self {
            place,
            ..Self::default()
        };
        for (name, value) in members.0 {
            if let Some(_earlier) = fields.values.insert(name.clone(), value) {
                fields.fault(&name, "must not be given twice");
            }
        }
        fields
    }

    /// Which item they are of.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    pub(super) fn fault(&mut self, field: &str, rule: impl Display) {
        self.faults.push(self.place.fault(field, rule));
    }

    /// Whether a fault of `field` is noted.
    pub(super) fn is_wrong(&self, field: &str) -> bool {
        self.faults.iter().any(|fault| fault.field == field)
    }

    /// Whether `field` is there, not null, and not taken yet.
    pub(super) fn has(&self, field: &str) -> bool {
        self.values.get(field).is_some_and(|value| !value.is_null())
    }

    /// A value of any sort, if it is there and not null.
    fn value(&mut self, field: &str) -> Option<Value> {
        self.values.remove(field).filter(|value| !value.is_null())
    }

    /// A text, if it is there and not null.
    fn text(&mut self, field: &str) -> Option<String> {
        if let Value::String(text) = self.value(field)? {
            return Some(text);
        }
        self.fault(field, "must be a string");
        None
    }

    /// A value that need not be there.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        field: &str,
        read: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(field)?;
        read(text).map_err(|rule| self.fault(field, rule)).ok()
    }

    /// Yes or no, if it is there and not null.
    pub(super) fn choice(&mut self, field: &str) -> Option<bool> {
        if let Value::Bool(choice) = self.value(field)? {
            return Some(choice);
        }
        self.fault(field, "must be true or false");
        None
    }

    /// A whole number, if it is there and not null. `read` says whether `rule` allows it.
    pub(super) fn number<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(u64) -> Option<T>,
        rule: impl Display,
    ) -> Option<T> {
        let number = whole(&self.value(field)?).and_then(read);
        if number.is_none() {
            self.fault(field, rule);
        }
        number
    }

    /// How long: `seconds`, or, where `may_be_forever`, `forever`.
    fn span(&mut self, may_be_forever: bool) -> Option<Span> {
        let (seconds, forever) = (Slot::Seconds.as_str(), Slot::Forever.as_str());
        let given = self.value(seconds);
        let lasting = may_be_forever.then(|| self.value(forever)).flatten();
        match (given, lasting) {
            (Some(_), Some(_)) => self.fault(forever, "must not be given beside seconds"),
            (Some(given), None) => {
                let span = whole(&given).and_then(Span::of_seconds);
                if span.is_none() {
                    self.fault(seconds, Span::RULE);
                }
                return span;
            }
            (None, Some(Value::Bool(true))) => return Some(Span::Forever),
            (None, Some(_)) => self.fault(forever, "must be true where it is given"),
            (None, None) if may_be_forever => self.fault(seconds, "is required, or forever"),
            (None, None) => self.fault(seconds, "is required"),
        }
        None
    }

    /// A value that must be there.
    pub(super) fn required<T, E: Display>(
        &mut self,
        field: &str,
        read: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        if !self.has(field) {
            self.values.remove(field);
            self.fault(field, "is required");
            return None;
        }
        self.optional(field, read)
    }

    /// `value`, if nothing was wrong and no field was left over.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, ApiError> {
        let ended = self.end(value, "is not a field of this request");
        ended.map_err(|errors| ApiError::InvalidRequest {
            detail: "one or more fields break their rules".to_owned(),
            errors,
            errors_total: None,
        })
    }

    /// The same, or else all that was wrong: `left_over` is the rule that a field breaks by being there.
    pub(super) fn end<T>(
        self,
        value: Option<T>,
        left_over: impl Display,
    ) -> Result<T, Vec<FieldFault>> {
        let faults = self.into_faults(left_over);
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(faults),
        }
    }

    /// All that was wrong, with the fields that were left over.
    pub(super) fn into_faults(mut self, left_over: impl Display) -> Vec<FieldFault> {
        for field in std::mem::take(&mut self.values).into_keys() {
            self.fault(&field, &left_over);
        }
        self.faults
    }

    /// What was wrong up to now.
    pub(super) fn into_noted(self) -> Vec<FieldFault> {
        self.faults
    }
}

/// A whole number, also one that is written as `600.0`.
fn whole(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, and within what a u32 holds"
    )]
    let of_float = |number: f64| {
        let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        fits.then_some(number as u64)
    };
    value.as_u64().or_else(|| value.as_f64().and_then(of_float))
}
