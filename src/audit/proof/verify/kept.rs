//! Heads that were kept outside of the database.

use std::collections::BTreeMap;

use crate::audit::proof::seal::SeenHead;

/// Heads by the number of their seal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptHeads(BTreeMap<u64, Vec<SeenHead>>);

impl KeptHeads {
    /// Takes the heads out of lines as `modgate seals` prints them and `modgate serve` logs them or
    /// writes them into its witness file. Other lines are passed over, so that a whole log may be given.
    pub fn read(text: &str) -> Self {
        let mut kept = Self::default();
        for head in text.lines().filter_map(SeenHead::parse) {
            let heads = kept.0.entry(head.no).or_default();
            if !heads.contains(&head) {
                heads.push(head);
            }
        }
        kept
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These and the others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        for (no, heads) in others.0 {
            self.0.entry(no).or_default().extend(heads);
        }
        self
    }

    /// Takes out those of seal `no`.
    pub(in crate::audit) fn take(&mut self, no: u64) -> Vec<SeenHead> {
        self.0.remove(&no).unwrap_or_default()
    }

    /// Those that nobody took, in the order of their seals.
    pub(in crate::audit) fn iter(&self) -> impl Iterator<Item = &SeenHead> {
        self.0.values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_among_other_lines() {
        let (one, two) = ("01".repeat(32), "02".repeat(32));
        let text = format!(
            "modgate is listening\n{{\"level\":\"INFO\",\"event\":\"seal\",\"seal.no\":7,\"seal.head\":\"{one}\"}}\n\
             {{\"no\":8,\"epoch\":1,\"head\":\"{two}\"}}\n{{\"no\":9,\"head\":\"zz\"}}\n{{\"event\":\"action\"}}\n"
        );
        let mut kept = KeptHeads::read(&text);
        let numbers: Vec<u64> = kept.iter().map(|head| head.no).collect();
        assert_eq!(numbers, [7, 8]);
        let heads = |kept: Vec<SeenHead>| kept.iter().map(|kept| kept.head).collect::<Vec<_>>();
        assert_eq!(heads(kept.take(7)), [[1; 32]]);
        assert_eq!(heads(kept.take(8)), [[2; 32]]);
        assert!(kept.is_empty());
    }
}
