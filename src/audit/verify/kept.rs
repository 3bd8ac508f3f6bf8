//! Heads that were kept outside of the database.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::audit::seal::Hash;

/// Heads by the number of their seal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptHeads(BTreeMap<u64, Vec<Hash>>);

/// A line of `modgate seals`, or of the log of `modgate serve`.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "seal.no")]
    no: u64,
    #[serde(alias = "seal.head")]
    head: String,
}

impl KeptHeads {
    /// Takes the heads out of lines as `modgate seals` prints them and `modgate serve` logs them.
    /// Other lines are passed over, so that a whole log may be given.
    pub fn read(text: &str) -> Self {
        let mut kept = Self::default();
        for line in text.lines() {
            let line = serde_json::from_str::<Line>(line).ok();
            let head = line.and_then(|line| Some((line.no, hash(&line.head)?)));
            if let Some((no, head)) = head {
                let heads: &mut Vec<Hash> = kept.0.entry(no).or_default();
                if !heads.contains(&head) {
                    heads.push(head);
                }
            }
        }
        kept
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out those of seal `no`.
    pub(super) fn take(&mut self, no: u64) -> Vec<Hash> {
        self.0.remove(&no).unwrap_or_default()
    }

    /// The numbers of those that nobody took.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.keys().copied()
    }
}

fn hash(digits: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    hex::decode_to_slice(digits, &mut hash).ok()?;
    Some(hash)
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
        assert_eq!(kept.numbers().collect::<Vec<_>>(), [7, 8]);
        assert_eq!((kept.take(7), kept.take(8)), (vec![[1; 32]], vec![[2; 32]]));
        assert!(kept.is_empty());
    }
}
