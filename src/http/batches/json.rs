//! Batches as JSON, the same wherever they appear.

use std::collections::BTreeMap;

use chrono::Utc;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::pause::PauseJson;
use crate::batches::{Estimate, Seen, Warnings};
use crate::domain::{
    Batch, BatchState, BatchWord, CaseRef, Counts, ItemState, Kinds, Progress, Reason,
};
use crate::http::json::time;

/// Many actions that were asked for as one, and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
pub(in crate::http) struct BatchJson<'a> {
    /// A UUIDv7 minted by modgate.
    id: Uuid,
    #[schema(value_type = BatchState)]
    state: &'static str,
    /// The subject of who submitted it.
    moderator: &'a str,
    #[schema(required)]
    moderator_name: Option<&'a str>,
    #[schema(required)]
    reason: Option<&'a str>,
    #[schema(required)]
    case_ref: Option<&'a str>,
    /// How many items are of each kind.
    kinds: BTreeMap<&'a str, u32>,
    /// The id of the earlier batch that this one repeats on purpose.
    #[schema(required)]
    repeats: Option<Uuid>,
    /// Whether a second person would have had to approve it, and `batch:solo` let it do without.
    solo: bool,
    /// SHA-256 of its items in order, in hexadecimal. The `ETag` is this, a dot, and the state.
    digest: &'a str,
    /// How many items it has.
    total: u32,
    counts: CountsJson,
    /// When they were counted: at most once a second.
    #[schema(value_type = DateTime<Utc>)]
    counted_at: String,
    #[schema(value_type = DateTime<Utc>)]
    submitted_at: String,
    /// When its turn came.
    #[schema(required, value_type = Option<DateTime<Utc>>)]
    started_at: Option<String>,
    #[schema(required, value_type = Option<DateTime<Utc>>)]
    ended_at: Option<String>,
    /// From then on none of its items begins, also while it is paused or not approved.
    #[schema(value_type = DateTime<Utc>)]
    expires_at: String,
    /// How fast it runs; null until that is known, and while it does not run.
    #[schema(required)]
    estimate: Option<EstimateJson>,
    approval: ApprovalJson<'a>,
    /// Why it is paused, if so.
    #[schema(required)]
    paused: Option<PauseJson<'a>>,
    /// What was found out when it was submitted; null if nothing was.
    #[schema(required)]
    warnings: Option<WarningsJson>,
}

/// Items by state. They add up to `total`.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchCounts)]
struct CountsJson {
    waiting: u32,
    pending: u32,
    succeeded: u32,
    refused: u32,
    not_sent: u32,
    unknown: u32,
    denied: u32,
    cancelled: u32,
    expired: u32,
}

/// How fast a batch runs.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchEstimate)]
struct EstimateJson {
    /// Items that ended in a second, over the last half minute.
    rate_per_second: f64,
    /// When the last will have ended, if that stays so; null if none ends at present.
    #[schema(required, value_type = Option<DateTime<Utc>>)]
    done_at: Option<String>,
}

/// Whether a second person must approve a batch, and who did.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchApproval)]
struct ApprovalJson<'a> {
    required: bool,
    /// The subject of who approved it.
    #[schema(required)]
    by: Option<&'a str>,
    #[schema(required, value_type = Option<DateTime<Utc>>)]
    at: Option<String>,
}

/// What whoever submits a batch should know before it runs. Null where it could not be found out in time.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchWarnings)]
pub(super) struct WarningsJson {
    /// To so many targets the same was done within the last ten minutes.
    #[schema(required)]
    recently_done: Option<u32>,
    /// So many items would end before a restriction that is in force, and do not name it: they will not be sent.
    #[schema(required)]
    would_shorten: Option<u32>,
}

/// Batches, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchPage)]
pub(in crate::http) struct BatchesJson<'a> {
    pub(in crate::http) items: Vec<BatchJson<'a>>,
    /// The `cursor` of the next page; null on the last. A page may be shorter than `limit` though there is a next one.
    #[schema(required)]
    pub(in crate::http) next_cursor: Option<Uuid>,
}

/// The batch that a problem names.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::http) enum BatchMember<'a> {
    /// It may be another moderator's.
    Named(NamedBatchJson),
    /// As it is at present.
    Whole(Box<BatchJson<'a>>),
}

/// A batch that may be another moderator's.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = NamedBatch)]
pub(in crate::http) struct NamedBatchJson {
    pub(in crate::http) id: Uuid,
}

impl<'a> From<&'a Seen> for BatchJson<'a> {
    fn from(seen: &'a Seen) -> Self {
        let batch: &'a Batch = &seen.batch;
        let progress = batch.progress();
        let now = Utc::now();
        Self {
            id: batch.id,
            state: progress.state.as_str(),
            moderator: &batch.moderator.subject,
            moderator_name: batch.moderator.name.as_deref(),
            reason: batch.reason.as_ref().map(Reason::as_str),
            case_ref: batch.case_ref.as_ref().map(CaseRef::as_str),
            kinds: by_word(&batch.kinds),
            repeats: batch.repeats,
            solo: batch.is_solo,
            digest: &batch.digest,
            total: batch.total,
            counts: CountsJson::from(&seen.counts),
            counted_at: time(seen.counted_at),
            submitted_at: time(batch.submitted_at),
            started_at: progress.started.map(|event| time(event.at)),
            ended_at: progress.ended.map(|event| time(event.at)),
            expires_at: time(batch.expires_at),
            estimate: seen.estimate.map(EstimateJson::from),
            approval: approval(batch.needs_approval, progress),
            paused: progress.paused.map(|pause| PauseJson::of(pause, now)),
            warnings: seen.warnings().map(WarningsJson::from),
        }
    }
}

/// How many items are of each kind.
pub(super) fn by_word(kinds: &Kinds) -> BTreeMap<&str, u32> {
    let kinds = kinds.iter();
    kinds.map(|(kind, count)| (kind.as_str(), *count)).collect()
}

/// A rejection is none.
fn approval(required: bool, progress: Progress<'_>) -> ApprovalJson<'_> {
    let approved = progress.decided;
    let approved = approved.filter(|event| event.word == BatchWord::Approved);
    let by = approved.and_then(|event| event.by.as_ref());
    ApprovalJson {
        required,
        by: by.map(|author| author.subject.as_str()),
        at: approved.map(|event| time(event.at)),
    }
}

impl From<&Counts> for CountsJson {
    fn from(counts: &Counts) -> Self {
        Self {
            waiting: counts.get(ItemState::Waiting),
            pending: counts.get(ItemState::Pending),
            succeeded: counts.get(ItemState::Succeeded),
            refused: counts.get(ItemState::Refused),
            not_sent: counts.get(ItemState::NotSent),
            unknown: counts.get(ItemState::Unknown),
            denied: counts.get(ItemState::Denied),
            cancelled: counts.get(ItemState::Cancelled),
            expired: counts.get(ItemState::Expired),
        }
    }
}

impl From<Estimate> for EstimateJson {
    fn from(estimate: Estimate) -> Self {
        Self {
            rate_per_second: estimate.rate_per_second,
            done_at: estimate.done_at.map(time),
        }
    }
}

impl From<Warnings> for WarningsJson {
    fn from(warnings: Warnings) -> Self {
        Self {
            recently_done: warnings.recently_done,
            would_shorten: warnings.would_shorten,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_have_every_state_of_an_item() {
        let counts = CountsJson::from(&Counts::default());
        let counts = serde_json::to_value(counts).expect("they are plain data");
        let counts = counts.as_object().expect("they have names");
        assert_eq!(counts.len(), ItemState::ALL.len());
        for state in ItemState::ALL {
            assert!(counts.contains_key(state.as_str()), "{state}");
        }
    }
}
