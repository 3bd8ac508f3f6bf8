//! Settings that are lists.

use std::fmt::Display;

use super::variable::Variable;
use super::{Reader, parse};

impl Reader<'_> {
    /// The items between the commas of a value, as `read` understands them: none where nothing is set.
    ///
    /// Each item that `read` does not understand is a fault of its own. It is named by its number,
    /// since it may be a URL with a password.
    pub fn list<T, E: Display>(
        &mut self,
        variable: Variable,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let text = self.text(variable).unwrap_or_default();
        if self.is_faulty(variable) {
            return None;
        }
        let items: Vec<_> = parse::list(&text).iter().map(|item| read(item)).collect();
        for (index, item) in items.iter().enumerate() {
            if let Err(rule) = item {
                self.fault(variable, format_args!("item {}: {rule}", index + 1));
            }
        }
        items.into_iter().collect::<Result<_, _>>().ok()
    }

    /// As [`Reader::list`], and a fault where there is no item.
    pub fn full_list<T, E: Display>(
        &mut self,
        variable: Variable,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let items = self.list(variable, read)?;
        if !items.is_empty() {
            return Some(items);
        }
        let mut set = self.effective().iter().map(|setting| setting.name);
        if set.any(|name| name == variable.name) {
            self.fault(variable, "must have at least one item");
        } else {
            self.missing(variable);
        }
        None
    }
}
