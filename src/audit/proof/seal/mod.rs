//! Seals: after its commit, every row is listed by hash in a seal, and each seal includes the one
//! before it. Who keeps a head can show that nothing up to it has changed, gone or come since.
//!
//! # Which rows a seal holds
//! Those that the snapshot of the seal before did not show, and that of this seal does: a row is
//! in exactly one seal, whatever commits late, and no transaction of somebody else is waited for.
//! Transaction ids mean nothing in another cluster: a record that was restored from a dump is told
//! by the seals' own ids, which are not those of the transactions that brought them.
//!
//! # What no sealer goes on from
//! Each replica remembers the newest head that it has seen, also those that others made, and looks
//! for it before anything is sealed ([`Break`]). Where it is gone, where the newest seal is none that a
//! known key made, or where the record was restored, nothing is sealed until the owner of the record
//! has decided so: `modgate seals --accept-break` records who, when, why and what is lost, and begins
//! a new epoch in which what is in no seal is found by difference.
//!
//! # What it proves
//! Unsigned seals can be made anew by whoever may write to the table with its triggers off: then
//! only a head that is kept outside shows it. `modgate serve` writes each head to its log, and to
//! `MODGATE_SEAL_WITNESS_FILE`, which remembers for a process that starts anew.
//!
#![doc = include_str!("../format.md")]

mod broken;
mod chain;
mod difference;
mod due;
mod heads;
mod key_fit;
mod lock;
mod newer;
mod sealed;
mod sealer;
mod store;
mod witness;

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, digest};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::keys::{PublicKeys, SealKeys};
use super::stored::StoredRow;
use super::table::{Key, Table};

pub use broken::Break;
pub(in crate::audit) use chain::Chain;
pub use heads::{Head, SeenHead, print_heads};
pub use key_fit::KeyFit;
pub(in crate::audit) use key_fit::fit;
pub use lock::LockHolder;
pub(in crate::audit) use lock::lock_when_free;
pub use sealed::Sealed;
pub(in crate::audit) use sealer::{current_snapshot, seal_by_difference};
pub(in crate::audit) use store::{Newest, newest, seal_one};
pub use witness::{Witness, WitnessError, begin_witness};

/// How long one entry of a seal is, in bytes.
const ENTRY: usize = 51;

/// What a sealer of this build makes. Format 1 knew no decisions, and did not say its number; format 2 knew
/// rows of version 1 alone, and neither batches nor brakes.
pub(in crate::audit) const FORMAT: u32 = 3;

/// How long one step of sealing is waited for. Postgres gives up sooner; a server that has vanished
/// never says so.
const STEP: Duration = Duration::from_secs(25);

/// A SHA-256.
pub type Hash = [u8; 32];

/// A seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// From 1, without gaps.
    pub no: u64,
    /// From 1; goes up where a break of the chain was accepted.
    pub epoch: u32,
    /// How its bytes are made.
    pub format: u32,
    /// The head of the seal before it.
    pub prev: Hash,
    /// Its rows; see [`seal`](self).
    pub leaves: Vec<u8>,
    /// When it was made, by the database's clock, in microseconds since the Unix epoch.
    pub sealed_at: i64,
    /// What stands for it and all seals before it.
    pub head: Hash,
    /// The signature of `head` and the id of the key.
    pub signed: Option<(Vec<u8>, String)>,
}

impl Seal {
    /// Seals `entries` after `prev`.
    pub(in crate::audit) fn new(
        (no, epoch, prev): (u64, u32, Hash),
        mut entries: Vec<Entry>,
        sealed_at: i64,
        keys: &SealKeys,
    ) -> Self {
        entries.sort_unstable_by_key(|entry| entry.key);
        let mut seal = Self {
            no,
            epoch,
            format: FORMAT,
            prev,
            leaves: entries.into_iter().flat_map(Entry::to_bytes).collect(),
            sealed_at,
            head: [0; 32],
            signed: None,
        };
        seal.head = seal.make_head();
        seal.signed = keys.sign(&seal.head);
        seal
    }

    /// How many rows it holds.
    pub fn n(&self) -> u32 {
        u32::try_from(self.leaves.len() / ENTRY).unwrap_or(u32::MAX)
    }

    /// When it was made; the Unix epoch where that is no time.
    pub fn time(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.sealed_at).unwrap_or_default()
    }

    /// The head that its content makes.
    pub(in crate::audit) fn make_head(&self) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(&[2]);
        context.update(&self.prev);
        context.update(&self.epoch.to_be_bytes());
        context.update(&self.no.to_be_bytes());
        context.update(&self.n().to_be_bytes());
        context.update(&self.sealed_at.to_be_bytes());
        context.update(digest(&SHA256, &self.leaves).as_ref());
        if self.format > 1 {
            context.update(&self.format.to_be_bytes());
        }
        let head = context.finish();
        head.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// Whether its signature is right; `None` if it has none, or none of a known key.
    pub(in crate::audit) fn is_signed_by(&self, keys: &PublicKeys) -> Option<bool> {
        let (signature, key_id) = self.signed.as_ref()?;
        keys.check(key_id, &self.head, signature)
    }

    /// Its rows; `None` where the bytes are not entries.
    pub(in crate::audit) fn entries(&self) -> Option<Vec<Entry>> {
        let (entries, rest) = self.leaves.as_chunks::<ENTRY>();
        let entries = entries.iter().map(Entry::from_bytes).collect();
        if rest.is_empty() { entries } else { None }
    }
}

/// What a seal says of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) struct Entry {
    pub(in crate::audit) key: Key,
    pub(in crate::audit) is_refused: bool,
    pub(in crate::audit) hash: Hash,
}

impl Entry {
    /// Of a row that is genuine.
    pub(in crate::audit) fn of(row: &StoredRow) -> Self {
        Self {
            key: row.key,
            is_refused: false,
            hash: row.hash(),
        }
    }

    fn to_bytes(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        let table = self.key.table.byte();
        bytes[0] = if self.is_refused {
            table.to_ascii_lowercase()
        } else {
            table
        };
        bytes[1..17].copy_from_slice(self.key.id.as_bytes());
        bytes[17..19].copy_from_slice(&self.key.rev.to_be_bytes());
        bytes[19..].copy_from_slice(&self.hash);
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY]) -> Option<Self> {
        let (table, rest) = bytes.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (rev, hash) = rest.split_first_chunk()?;
        let mut tables = Table::ALL.into_iter();
        Some(Self {
            key: Key {
                table: tables.find(|known| known.byte() == table.to_ascii_uppercase())?,
                id: Uuid::from_bytes(*id),
                rev: u16::from_be_bytes(*rev),
            },
            is_refused: table.is_ascii_lowercase(),
            hash: hash.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(byte: u8, table: Table, is_refused: bool) -> Entry {
        Entry {
            key: Key {
                id: Uuid::from_bytes([byte; 16]),
                rev: u16::from(byte),
                table,
            },
            is_refused,
            hash: [byte; 32],
        }
    }

    #[test]
    fn the_entries_of_a_seal_are_those_that_were_put_in_by_key() {
        let entries = vec![
            entry(3, Table::Prune, false),
            entry(1, Table::Event, true),
            entry(2, Table::Action, false),
        ];
        let seal = Seal::new((1, 1, [0; 32]), entries.clone(), 7, &SealKeys::default());
        let sorted = vec![entries[1], entries[2], entries[0]];
        assert_eq!(seal.entries(), Some(sorted));
        assert_eq!((seal.n(), seal.leaves.len()), (3, 153));
        assert_eq!(
            &seal.leaves[..19],
            &[b"e".as_slice(), &[1; 16], &[0, 1]].concat()
        );
    }

    #[test]
    fn every_part_of_a_seal_is_in_its_head() {
        let seal = Seal::new(
            (2, 1, [5; 32]),
            vec![entry(1, Table::Action, false)],
            7,
            &SealKeys::default(),
        );
        let changes: [fn(&mut Seal); 7] = [
            |seal| seal.format = 1,
            |seal| seal.format += 1,
            |seal| seal.no += 1,
            |seal| seal.epoch += 1,
            |seal| seal.prev[31] ^= 1,
            |seal| seal.sealed_at += 1,
            |seal| seal.leaves[50] ^= 1,
        ];
        for change in changes {
            let mut other = seal.clone();
            change(&mut other);
            assert_ne!(other.make_head(), seal.head);
        }
        assert_eq!(seal.make_head(), seal.head);
    }

    #[test]
    fn bytes_that_are_no_entries_are_none() {
        let mut seal = Seal::new(
            (1, 1, [0; 32]),
            vec![entry(1, Table::Action, false)],
            7,
            &SealKeys::default(),
        );
        seal.leaves[0] = b'X';
        assert_eq!(seal.entries(), None);
        seal.leaves[0] = b'A';
        seal.leaves.push(0);
        assert_eq!(seal.entries(), None);
    }
}
