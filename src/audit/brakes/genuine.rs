//! What one row of `audit.brake` is worth.

use chrono::DateTime;

use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::domain::{Brake, BrakeRow, BrakeScope, BrakedBy};

/// What a row is.
pub(super) enum Judgement {
    /// Somebody with one of the keys wrote it.
    Genuine(BrakeRow),
    /// Only a newer release can tell what it says.
    Newer,
    /// Nobody with one of the keys wrote it as it is.
    False,
}

pub(super) fn judge_row(row: &StoredRow, keys: &SealKeys) -> Judgement {
    if !row.is_known() {
        return Judgement::Newer;
    }
    if !row.is_authentic(keys) {
        return Judgement::False;
    }
    read(row).map_or(Judgement::Newer, Judgement::Genuine)
}

/// What it says; nothing if it has words that this release does not know.
fn read(row: &StoredRow) -> Option<BrakeRow> {
    let text = |column| row.field(column).map(str::to_owned);
    let by = match text("operator") {
        Some(operator) => BrakedBy::Command {
            operator,
            host: text("host")?,
        },
        None => BrakedBy::Moderator {
            issuer: text("by_issuer")?,
            moderator: text("by_moderator")?,
            name: text("moderator_name"),
        },
    };
    Some(BrakeRow {
        id: row.key.id,
        brake: row.field("brake")?.parse::<Brake>().ok()?,
        scope: BrakeScope {
            kind: text("kind"),
            issuer: text("issuer"),
            moderator: text("moderator"),
        },
        reason: text("reason")?,
        requested_at: DateTime::from_timestamp_micros(row.field("requested_at")?.parse().ok()?)?,
        by,
    })
}
