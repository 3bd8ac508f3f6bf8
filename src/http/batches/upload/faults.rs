//! All that is wrong with a batch, of which the first are told.

use crate::http::problem::{ApiError, FieldFault};

/// How many are told.
const MOST_TOLD: usize = 100;

/// What is wrong with a batch itself, and with its items in their order.
#[derive(Debug, Default)]
pub(super) struct Faults {
    of_batch: Vec<FieldFault>,
    of_items: Vec<FieldFault>,
    total: usize,
}

impl Extend<FieldFault> for Faults {
    /// Those of an item come after those of the items before it.
    fn extend<Others: IntoIterator<Item = FieldFault>>(&mut self, faults: Others) {
        for fault in faults {
            let of_its_sort = if fault.index.is_some() {
                &mut self.of_items
            } else {
                &mut self.of_batch
            };
            if of_its_sort.len() < MOST_TOLD {
                of_its_sort.push(fault);
            }
            self.total += 1;
        }
    }
}

impl Faults {
    /// Adds others, each at the place of its item.
    pub(super) fn merge(&mut self, others: Self) {
        self.total += others.total;
        self.of_batch.extend(others.of_batch);
        self.of_items.extend(others.of_items);
        self.of_items.sort_by_key(|fault| fault.index);
        self.of_items.truncate(MOST_TOLD);
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// `value`, if nothing was wrong; else what was, that of the batch first.
    pub(super) fn end<T>(self, value: Option<T>) -> Result<T, ApiError> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => Err(self.into()),
        }
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        let counted = !faults.of_items.is_empty() || faults.total > MOST_TOLD;
        let mut errors = faults.of_batch;
        errors.extend(faults.of_items);
        errors.truncate(MOST_TOLD);
        Self::InvalidRequest {
            detail: "one or more fields break their rules: nothing was kept".to_owned(),
            errors,
            errors_total: counted.then_some(faults.total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_item(index: usize) -> FieldFault {
        FieldFault {
            index: Some(index),
            ..FieldFault::new("user_id", "is required")
        }
    }

    fn told(faults: Faults) -> (Vec<Option<usize>>, Option<usize>) {
        match faults.end::<()>(None) {
            Err(ApiError::InvalidRequest {
                errors,
                errors_total,
                ..
            }) => (
                errors.iter().map(|fault| fault.index).collect(),
                errors_total,
            ),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_hundred_are_told_that_of_the_batch_before_all_and_all_are_counted() {
        let mut faults = Faults::default();
        faults.extend((0..5_000).map(|index| of_item(2 * index)));
        let mut others = Faults::default();
        others.extend((0..5_000).map(|index| of_item(2 * index + 1)));
        faults.merge(others);
        faults.extend([FieldFault::new("actions", "must be fewer")]);
        let (indexes, total) = told(faults);
        assert_eq!(total, Some(10_001));
        assert_eq!(indexes.len(), MOST_TOLD);
        assert_eq!(indexes[0], None);
        let in_order: Vec<Option<usize>> = (0..99).map(Some).collect();
        assert_eq!(indexes[1..], in_order);
    }

    #[test]
    fn few_of_the_batch_alone_need_not_be_counted() {
        let mut faults = Faults::default();
        faults.extend([FieldFault::new("reason", "is required")]);
        assert_eq!(told(faults), (vec![None], None));
        assert!(matches!(Faults::default().end(Some(1)), Ok(1)));
    }
}
