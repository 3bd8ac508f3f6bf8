//! The tables whose rows are sealed.

use std::fmt;

use uuid::Uuid;

use super::layout::{self, Layout};

/// A table whose rows are sealed, in the order in which a seal has rows of one id and rev.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::audit) enum Table {
    Action,
    Event,
    Prune,
    Decision,
    Batch,
    BatchItem,
    BatchEvent,
    Brake,
}

impl Table {
    pub(in crate::audit) const ALL: [Self; 8] = [
        Self::Action,
        Self::Event,
        Self::Prune,
        Self::Decision,
        Self::Batch,
        Self::BatchItem,
        Self::BatchEvent,
        Self::Brake,
    ];

    pub(in crate::audit) const fn layout(self) -> &'static Layout {
        match self {
            Self::Action => &layout::ACTION,
            Self::Event => &layout::EVENT,
            Self::Prune => &layout::PRUNE,
            Self::Decision => &layout::DECISION,
            Self::Batch => &layout::BATCH,
            Self::BatchItem => &layout::BATCH_ITEM,
            Self::BatchEvent => &layout::BATCH_EVENT,
            Self::Brake => &layout::BRAKE,
        }
    }

    pub(in crate::audit) const fn byte(self) -> u8 {
        self.layout().byte
    }

    pub(in crate::audit) const fn name(self) -> &'static str {
        self.layout().name
    }

    /// The column of a prune that says how many rows of it a month had.
    pub(in crate::audit) const fn counted_in(self) -> Option<&'static str> {
        match self {
            Self::Action => Some("actions"),
            Self::Event => Some("events"),
            Self::Batch => Some("batches"),
            Self::BatchItem => Some("batch_items"),
            Self::BatchEvent => Some("batch_events"),
            Self::Prune | Self::Decision | Self::Brake => None,
        }
    }

    /// Whether there are rows in every month in which something was done.
    pub(in crate::audit) const fn is_of_every_month(self) -> bool {
        matches!(self, Self::Action | Self::Event)
    }

    /// Those that are divided into months.
    pub(in crate::audit) fn monthly() -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(|table| table.layout().is_monthly)
    }

    /// Those whose rows the sealer looks for.
    pub(in crate::audit) fn sealed_later() -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(|table| table.layout().waits_for_sealer)
    }
}

/// Which row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::audit) struct Key {
    pub(in crate::audit) id: Uuid,
    /// Of an item its index; 0 where the table has none.
    pub(in crate::audit) rev: u16,
    pub(in crate::audit) table: Table,
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout { name, rev, .. } = self.table.layout();
        write!(formatter, "{name} {}", self.id)?;
        match rev {
            Some("rev") => write!(formatter, " rev {}", self.rev),
            Some(_) => write!(formatter, " index {}", self.rev),
            None => Ok(()),
        }
    }
}

impl Key {
    /// The time in its id, which is a `UUIDv7` (RFC 9562, 5.7), in milliseconds since the Unix epoch.
    pub(in crate::audit) fn millis(&self) -> i64 {
        let bytes = &self.id.as_bytes()[..6];
        bytes
            .iter()
            .fold(0, |sum, &byte| sum << 8 | i64::from(byte))
    }
}
