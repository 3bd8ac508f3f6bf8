//! Examples of the answers about batches that are no problems, from the real types.

use serde_json::Value;

use crate::http::batches::item::{self, ItemJson, ItemsJson};
use crate::http::batches::json::{BatchJson, BatchesJson};
use crate::http::batches::valid::ValidJson;
use crate::http::format::Format;
use crate::http::openapi::batches::{self as samples, running, valid};

/// That of an answer with this status, if the operation is one on batches.
pub(super) fn example(operation: &str, status: &str, media_type: &str) -> Option<Value> {
    let seen = running();
    let value = match (operation, status) {
        ("createBatch", "200") => serde_json::to_value(ValidJson::from(&valid())),
        (
            "createBatch" | "getBatch" | "approveBatch" | "rejectBatch" | "cancelBatch"
            | "pauseBatch" | "resumeBatch",
            _,
        ) => serde_json::to_value(BatchJson::from(&seen)),
        ("listBatches", _) => serde_json::to_value(BatchesJson {
            items: vec![BatchJson::from(&seen)],
            next_cursor: None,
        }),
        ("listBatchItems", _) => return Some(items(media_type)),
        _ => return None,
    };
    Some(value.expect("it is plain data"))
}

/// A page, or a file with one item.
fn items(media_type: &str) -> Value {
    let one = samples::item();
    let mut formats = Format::ALL.into_iter();
    match formats.find(|format| format.content_type().starts_with(media_type)) {
        Some(format) => {
            let mut file = item::head(format);
            item::write(format, &one, &mut file);
            format.end(1, &mut file);
            String::from_utf8_lossy(&file).into_owned().into()
        }
        None => serde_json::to_value(ItemsJson {
            items: vec![ItemJson::from(&one)],
            next_cursor: Some("50".to_owned()),
        })
        .expect("it is plain data"),
    }
}
