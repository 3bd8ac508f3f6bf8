//! The items of a batch: as JSON, and as lines of a report.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::audit::BatchItem;
use crate::batches::SeenItem;
use crate::domain::{Action, Attempt, Failure, ItemState, Kind, Slot, millis};
use crate::http::format::{Format, cell};
use crate::http::json::{ActionJson, time};

/// One action of a batch: what it is to be, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchItem)]
pub(in crate::http) struct ItemJson<'a> {
    /// From 0, in the order of the submission.
    index: u32,
    #[schema(value_type = ItemState)]
    state: &'static str,
    #[schema(value_type = Kind)]
    kind: &'a str,
    #[schema(required)]
    user_id: Option<&'a str>,
    #[schema(required)]
    room_id: Option<&'a str>,
    #[schema(required)]
    data: Option<&'a str>,
    #[schema(required)]
    reason: Option<&'a str>,
    #[schema(required)]
    case_ref: Option<&'a str>,
    #[schema(required)]
    silent: Option<bool>,
    #[schema(required)]
    seconds: Option<u64>,
    #[schema(required)]
    forever: Option<bool>,
    #[schema(required)]
    channels: Option<&'a str>,
    #[schema(required)]
    undoes: Option<&'a str>,
    #[schema(required)]
    shortens: Option<&'a str>,
    /// Why its action ended so, where no answer of Tencent's says it.
    #[schema(required, value_type = Option<Failure>)]
    failure: Option<&'static str>,
    /// The last action that was begun for it, if one was.
    #[schema(required)]
    action: Option<ActionJson<'a>>,
}

/// The items of a batch, in their order.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchItemPage)]
pub(in crate::http) struct ItemsJson<'a> {
    pub(in crate::http) items: Vec<ItemJson<'a>>,
    /// The `cursor` of the next page; null on the last. A page may be shorter than `limit` though there is a next one.
    #[schema(required)]
    pub(in crate::http) next_cursor: Option<String>,
}

/// The columns of CSV.
const COLUMNS: [&str; 23] = [
    "index",
    "state",
    "kind",
    "user_id",
    "room_id",
    "data",
    "reason",
    "case_ref",
    "silent",
    "seconds",
    "forever",
    "channels",
    "undoes",
    "shortens",
    "action_id",
    "requested_at",
    "completed_at",
    "duration_ms",
    "tencent_error_code",
    "tencent_error_info",
    "tencent_request_id",
    "failure",
    "attempts",
];

impl<'a> From<&'a SeenItem> for ItemJson<'a> {
    fn from(SeenItem { item, state }: &'a SeenItem) -> Self {
        let text = |slot| parameter(item, slot).and_then(Value::as_str);
        Self {
            index: item.index,
            state: state.as_str(),
            kind: item.kind.as_str(),
            user_id: item.user_id.as_deref(),
            room_id: item.room_id.as_deref(),
            data: item.data.as_deref(),
            reason: item.reason.as_deref(),
            case_ref: item.case_ref.as_deref(),
            silent: parameter(item, Slot::Silent).and_then(Value::as_bool),
            seconds: parameter(item, Slot::Seconds).and_then(Value::as_u64),
            forever: parameter(item, Slot::Forever).and_then(Value::as_bool),
            channels: text(Slot::Channels),
            undoes: text(Slot::Undoes),
            shortens: text(Slot::Shortens),
            failure: failure(item).map(Failure::as_str),
            action: item.action.as_ref().map(ActionJson::from),
        }
    }
}

/// What it has of this field, for which the record has no column.
fn parameter(item: &BatchItem, slot: Slot) -> Option<&Value> {
    item.parameters.get(slot.as_str())
}

/// Why its action ended so, where no answer of Tencent's says it.
fn failure(item: &BatchItem) -> Option<Failure> {
    let action = item.action.as_ref()?;
    let last = action.attempts.last().and_then(Attempt::failure);
    action.failure.or(last)
}

/// What a report begins with.
pub(in crate::http) fn head(format: Format) -> Vec<u8> {
    format.head_of(&COLUMNS)
}

/// Writes one line of a report.
pub(in crate::http) fn write(format: Format, item: &SeenItem, out: &mut Vec<u8>) {
    format.row_of(&ItemJson::from(item), || cells(item).into(), out);
}

/// In the order of [`COLUMNS`].
fn cells(SeenItem { item, state }: &SeenItem) -> [String; COLUMNS.len()] {
    let action = item.action.as_ref();
    let answer = action.and_then(Action::last_answer);
    let text = |slot| cell(parameter(item, slot).and_then(Value::as_str));
    let plain = |slot| cell(parameter(item, slot));
    [
        item.index.to_string(),
        state.as_str().to_owned(),
        item.kind.as_str().to_owned(),
        cell(item.user_id.as_ref()),
        cell(item.room_id.as_ref()),
        cell(item.data.as_ref()),
        cell(item.reason.as_ref()),
        cell(item.case_ref.as_ref()),
        plain(Slot::Silent),
        plain(Slot::Seconds),
        plain(Slot::Forever),
        text(Slot::Channels),
        text(Slot::Undoes),
        text(Slot::Shortens),
        cell(action.map(|action| action.id)),
        cell(action.map(|action| time(action.requested_at))),
        cell(action.and_then(|action| action.completed_at).map(time)),
        cell(action.and_then(|action| action.duration).map(millis)),
        cell(answer.map(|answer| answer.error_code)),
        cell(answer.map(|answer| &answer.error_info)),
        cell(answer.and_then(|answer| answer.request_id.as_ref())),
        cell(failure(item).map(Failure::as_str)),
        cell(action.map(|action| action.attempts.len())),
    ]
}
