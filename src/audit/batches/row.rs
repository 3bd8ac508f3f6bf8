//! Rows of batches, about to be inserted.

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::audit::Deployment;
use crate::audit::proof::canonical::Salt;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::{Key, Table};
use crate::domain::{
    BatchWord, CaseRef, Item, Kind, Moderator, NewBatch, Origin, Reason, Scope, UndoOf,
};
use crate::members::rfc8785;

/// An event that is about to be recorded.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// What happens.
    pub word: BatchWord,
    /// When, by the gateway's clock, cut to microseconds.
    pub at: DateTime<Utc>,
    /// Who does it; `None` where the gateway does.
    pub by: Option<Box<(Moderator, Origin)>>,
    /// Why.
    pub reason: Option<String>,
    /// What there is no column for.
    pub details: Map<String, Value>,
}

impl NewEvent {
    /// An event of this moment.
    pub fn new(word: BatchWord) -> Self {
        Self {
            word,
            at: Utc::now().trunc_subsecs(6),
            by: None,
            reason: None,
            details: Map::new(),
        }
    }
}

/// Whether a second person must approve a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Approval {
    NotNeeded,
    Needed,
    /// Its submitter may do without.
    DoneWithout,
}

fn salted(key: Key, fields: Vec<Option<String>>, keys: &SealKeys) -> StoredRow {
    let salt: Salt = rand::random();
    StoredRow::salted(key, fields, salt.into(), keys)
}

fn rev(number: u32) -> u16 {
    u16::try_from(number).expect("a batch has at most ten thousand items")
}

/// `moderator` to `actor`.
fn of_moderator(moderator: &Moderator) -> [Option<String>; 6] {
    [
        Some(moderator.subject.clone()),
        moderator.name.clone(),
        Some(moderator.issuer.clone()),
        moderator.token_id.clone(),
        moderator.client_id.clone(),
        moderator.actor.clone(),
    ]
}

/// `client_ip` to `http_request_id`.
fn of_origin(origin: &Origin) -> [Option<String>; 5] {
    [
        Some(origin.client_ip.to_string()),
        Some(origin.peer_ip.to_string()),
        origin.user_agent.clone(),
        origin.trace_id.clone(),
        Some(origin.http_request_id.clone()),
    ]
}

fn of_deployment(deployment: &Deployment) -> [Option<String>; 2] {
    [
        Some(deployment.instance.clone()),
        Some(deployment.version.clone()),
    ]
}

/// In the order of the table's layout.
pub(super) fn batch(
    batch: &NewBatch,
    approval: Approval,
    deployment: &Deployment,
    keys: &SealKeys,
) -> StoredRow {
    let text = |text: String| Some(text);
    let mut fields = vec![text(batch.id.to_string())];
    fields.extend(of_moderator(&batch.moderator));
    fields.extend([
        batch.reason.as_ref().map(Reason::to_string),
        batch.case_ref.as_ref().map(CaseRef::to_string),
        text(batch.items.len().to_string()),
        text(batch.digests.items.clone()),
        text(batch.digests.targets.clone()),
        batch.repeats.map(|id| id.to_string()),
        text((approval == Approval::Needed).to_string()),
        text(batch.idempotency_key.as_str().to_owned()),
        text(parameters(batch, approval)),
    ]);
    fields.extend(of_origin(&batch.origin));
    fields.extend(of_deployment(deployment));
    fields.extend([
        text(deployment.sdk_app_id.to_string()),
        text(batch.submitted_at.timestamp_micros().to_string()),
        text(batch.expires_at.timestamp_micros().to_string()),
    ]);
    let key = Key {
        id: batch.id,
        rev: 0,
        table: Table::Batch,
    };
    salted(key, fields, keys)
}

/// What there is no column for: `kinds`, by their number of items; `scopes`, which of ours the token granted; `solo`,
/// where a second person was done without; `undo`, where the items come from.
fn parameters(batch: &NewBatch, approval: Approval) -> String {
    let scopes: Vec<&str> = batch.moderator.held().map(Scope::as_str).collect();
    let mut parameters = json!({"kinds": batch.kinds(), "scopes": scopes});
    if approval == Approval::DoneWithout {
        parameters["solo"] = true.into();
    }
    if let Some(undo) = &batch.undo {
        parameters["undo"] = undo_of(undo);
    }
    rfc8785(&parameters)
}

fn undo_of(undo: &UndoOf) -> Value {
    let mut members = Map::new();
    let texts = [
        ("moderator", Some(undo.moderator.clone())),
        ("issuer", Some(undo.issuer.clone())),
        ("kind", undo.kind.map(|kind| kind.as_str().to_owned())),
        ("since", Some(undo.since.to_rfc3339())),
        ("until", undo.until.map(|until| until.to_rfc3339())),
    ];
    for (name, text) in texts {
        members.extend(text.map(|text| (name.to_owned(), text.into())));
    }
    members.into()
}

pub(super) fn item(batch: Uuid, index: u32, item: &Item, keys: &SealKeys) -> StoredRow {
    let command = &item.command;
    let kind: Kind = command.kind();
    let text = |text: Option<&str>| text.map(str::to_owned);
    let fields = vec![
        Some(batch.to_string()),
        Some(index.to_string()),
        Some(kind.as_str().to_owned()),
        text(command.user_id()),
        text(command.room_id()),
        text(command.data()),
        item.reason.as_ref().map(Reason::to_string),
        item.case_ref.as_ref().map(CaseRef::to_string),
        command.parameters(),
    ];
    let key = Key {
        id: batch,
        rev: rev(index),
        table: Table::BatchItem,
    };
    salted(key, fields, keys)
}

pub(super) fn event(
    batch: Uuid,
    number: i16,
    event: &NewEvent,
    deployment: &Deployment,
    keys: &SealKeys,
) -> StoredRow {
    let mut fields = vec![
        Some(batch.to_string()),
        Some(number.to_string()),
        Some(event.word.as_str().to_owned()),
        Some(event.at.timestamp_micros().to_string()),
    ];
    let by = event.by.as_deref();
    fields.extend(by.map_or([const { None }; 6], |(moderator, _)| {
        of_moderator(moderator)
    }));
    fields.push(event.reason.clone());
    let details = Value::Object(event.details.clone());
    fields.push((!event.details.is_empty()).then(|| rfc8785(&details)));
    fields.extend(by.map_or([const { None }; 5], |(_, origin)| of_origin(origin)));
    fields.extend(of_deployment(deployment));
    let key = Key {
        id: batch,
        rev: number.cast_unsigned(),
        table: Table::BatchEvent,
    };
    salted(key, fields, keys)
}
