//! Batches as their genuine rows have them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::domain::{
    Batch, BatchAuthor, BatchEvent, BatchWord, Channels, Command, Item, Kind, Moderator, Origin,
    Slot, Span, Targets,
};

/// What rows of one batch make.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) batch: Option<Batch>,
    /// Rows that nobody with one of the keys wrote as they are.
    pub(super) refused: usize,
}

/// The batch of this row, with its events. Nothing, where only a newer release can read one of them.
pub(super) fn judge(row: &StoredRow, mut events: Vec<StoredRow>, keys: &SealKeys) -> Judged {
    if row.is_known() && !row.is_authentic(keys) {
        return Judged {
            batch: None,
            refused: 1,
        };
    }
    events.sort_unstable_by_key(|event| event.key.rev);
    let last_rev = events.last().map_or(0, |event| event.key.rev.cast_signed());
    let (genuine, refused): (Vec<_>, Vec<_>) = events
        .into_iter()
        .partition(|event| !event.is_known() || event.is_authentic(keys));
    let events: Option<Vec<BatchEvent>> = genuine.iter().map(event).collect();
    let read = events.and_then(|events| {
        row.is_known()
            .then(|| batch(row, events, last_rev))
            .flatten()
    });
    // Without its submission nothing was asked for.
    let batch = read.filter(|batch| {
        let first = batch.events.first();
        first.is_some_and(|event| event.word == BatchWord::Submitted)
    });
    Judged {
        batch,
        refused: refused.len(),
    }
}

fn time(row: &StoredRow, column: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(row.field(column)?.parse().ok()?)
}

fn object(row: &StoredRow, column: &str) -> Option<Map<String, Value>> {
    match row.field(column) {
        None => Some(Map::new()),
        Some(text) => serde_json::from_str(text).ok(),
    }
}

fn batch(row: &StoredRow, events: Vec<BatchEvent>, last_rev: i16) -> Option<Batch> {
    let text = |column| row.field(column).map(str::to_owned);
    let parameters = object(row, "parameters")?;
    let kinds = parameters.get("kinds")?.as_object()?.iter();
    let kinds =
        kinds.map(|(kind, count)| Some((kind.clone(), u32::try_from(count.as_u64()?).ok()?)));
    let scopes = parameters.get("scopes")?.as_array()?.iter();
    let scopes: Option<BTreeSet<String>> = scopes
        .map(|word| word.as_str().map(str::to_owned))
        .collect();
    let expires_at = time(row, "expires_at")?;
    Some(Batch {
        id: row.key.id,
        moderator: Moderator {
            issuer: text("issuer")?,
            subject: text("moderator")?,
            name: text("moderator_name"),
            token_id: text("token_id"),
            client_id: text("client_id"),
            actor: text("actor"),
            scopes: scopes?,
            expires_at,
        },
        origin: origin(row)?,
        reason: text("reason").map(TryInto::try_into).transpose().ok()?,
        case_ref: text("case_ref").map(TryInto::try_into).transpose().ok()?,
        total: row.field("total")?.parse().ok()?,
        digest: text("digest")?,
        repeats: row.field("repeats").map(str::parse).transpose().ok()?,
        needs_approval: row.field("needs_approval")? == "true",
        is_solo: parameters.get("solo").and_then(Value::as_bool) == Some(true),
        kinds: kinds.collect::<Option<_>>()?,
        submitted_at: time(row, "submitted_at")?,
        expires_at,
        events,
        last_rev,
    })
}

fn origin(row: &StoredRow) -> Option<Origin> {
    let text = |column| row.field(column).map(str::to_owned);
    Some(Origin {
        client_ip: row.field("client_ip")?.parse().ok()?,
        peer_ip: row.field("peer_ip")?.parse().ok()?,
        user_agent: text("user_agent"),
        http_request_id: text("http_request_id")?,
        trace_id: text("trace_id"),
    })
}

fn event(row: &StoredRow) -> Option<BatchEvent> {
    if !row.is_known() {
        return None;
    }
    let text = |column| row.field(column).map(str::to_owned);
    let by = match (text("issuer"), text("moderator")) {
        (Some(issuer), Some(subject)) => Some(BatchAuthor {
            issuer,
            subject,
            name: text("moderator_name"),
        }),
        _ => None,
    };
    Some(BatchEvent {
        rev: row.key.rev.cast_signed(),
        word: row.field("event")?.parse().ok()?,
        at: time(row, "at")?,
        by,
        reason: text("reason"),
        details: object(row, "details")?,
    })
}

/// What a genuine row of `audit.batch_item` asks for; nothing if it is not genuine, or only a newer release can read it.
pub(super) fn item(row: &StoredRow, keys: &SealKeys) -> Option<Item> {
    if !row.is_known() || !row.is_authentic(keys) {
        return None;
    }
    let text = |column| row.field(column).map(str::to_owned);
    let kind: Kind = row.field("kind")?.parse().ok()?;
    let parameters = object(row, "parameters")?;
    let mut targets = targets(&parameters)?;
    targets.user_id = text("user_id").map(TryInto::try_into).transpose().ok()?;
    targets.room_id = text("room_id").map(TryInto::try_into).transpose().ok()?;
    targets.data = text("data").map(TryInto::try_into).transpose().ok()?;
    Some(Item {
        command: Command::new(kind, targets)?,
        reason: text("reason").map(TryInto::try_into).transpose().ok()?,
        case_ref: text("case_ref").map(TryInto::try_into).transpose().ok()?,
    })
}

/// What the record has no column for: the other way round than [`Targets::parameters`].
fn targets(parameters: &Map<String, Value>) -> Option<Targets> {
    let mut targets = Targets::default();
    for (name, value) in parameters {
        let id = || value.as_str()?.parse().ok();
        match name.as_str() {
            name if name == Slot::Silent.as_str() => targets.silent = Some(value.as_bool()?),
            name if name == Slot::Seconds.as_str() => {
                targets.span = Some(Span::of_seconds(value.as_u64()?)?);
            }
            name if name == Slot::Forever.as_str() => targets.span = Some(Span::Forever),
            name if name == Slot::Channels.as_str() => {
                targets.channels = Some(value.as_str()?.parse::<Channels>().ok()?);
            }
            name if name == Slot::Undoes.as_str() => targets.undoes = Some(id()?),
            name if name == Slot::Shortens.as_str() => targets.shortens = Some(id()?),
            _ => return None,
        }
    }
    Some(targets)
}
