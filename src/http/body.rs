//! The body of a POST: read within bounds, then taken apart member by member.
//!
//! The members are taken one by one, not deserialized into a struct, so that every fault is
//! reported at once, with the name of its member; and a duplicate, which most parsers resolve
//! silently and each in its own way, is one of them.

use std::time::Duration;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use serde_json::Value;
use serde_json::error::Category;

use super::problem::{ApiError, FieldFault};
use crate::members::{Members, Unambiguous};

/// How large a body may be, and how long it may take to arrive.
#[derive(Debug)]
pub(super) struct Bounds {
    bytes: usize,
    /// The same, as people are told.
    at_most: &'static str,
    time: Duration,
}

/// Of the body of a batch.
pub(super) const OF_A_BATCH: Bounds = Bounds {
    bytes: 4 * 1024 * 1024,
    at_most: "4 MiB",
    time: Duration::from_mins(1),
};

/// Of every other body.
const USUAL: Bounds = Bounds {
    bytes: 16 * 1024,
    at_most: "16 KiB",
    time: Duration::from_secs(10),
};

/// Some programs begin each text with it. It need not be taken for an error (RFC 8259, 8.1), and it is
/// no part of any member.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// Reads the body of `request`, a JSON object.
pub(super) async fn read_body(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Members<Value>, ApiError> {
    let refused = (!is_json(request)).then_some(ApiError::UnsupportedMediaType);
    let body = read_bytes(request, payload, &USUAL, refused).await?;
    members(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body))
}

/// Reads the body of `request`. If it is `refused`, it is so when it has arrived.
pub(super) async fn read_bytes(
    request: &HttpRequest,
    payload: web::Payload,
    bounds: &Bounds,
    refused: Option<ApiError>,
) -> Result<Vec<u8>, ApiError> {
    let plain = is_plain(request);
    // Read first, so that whoever sends before listening can read the answer.
    let body = tokio::time::timeout(bounds.time, bounded(payload, bounds))
        .await
        .map_err(|_| incomplete("the body took too long"))?;
    if !plain {
        // How long such a body is says nothing of the content.
        return Err(ApiError::UnsupportedContentCoding);
    }
    let body = body?;
    refused.map_or(Ok(body), Err)
}

/// Members of the body itself that have one name are all kept: the parser of fields reports the name. An object
/// further down that names a member twice is refused here.
fn members(body: &[u8]) -> Result<Members<Value>, ApiError> {
    let read: Result<Members<Unambiguous>, _> = serde_json::from_slice(body);
    let twice = "an object in the body names a member twice";
    read.map(values)
        .map_err(|error| unreadable(body, &error, twice))
}

/// The values themselves.
pub(super) fn values(members: Members<Unambiguous>) -> Members<Value> {
    let members = members.0.into_iter();
    let values = members.map(|(name, Unambiguous(value))| (name, value));
    Members(values.collect())
}

/// Why `body` could not be read. `otherwise` is what is the matter if it is a JSON object.
pub(super) fn unreadable(body: &[u8], error: &serde_json::Error, otherwise: &str) -> ApiError {
    let what = match error.classify() {
        Category::Data if body.trim_ascii_start().starts_with(b"{") => otherwise,
        Category::Data => "the body must be a JSON object",
        _ => "the body is not valid JSON",
    };
    malformed(&format!(
        "{what} (line {}, column {})",
        error.line(),
        error.column()
    ))
}

/// It is no JSON object, for what `detail` says.
pub(super) fn malformed(detail: &str) -> ApiError {
    refused(detail, "must be a JSON object")
}

fn incomplete(detail: &str) -> ApiError {
    refused(detail, "must arrive as a whole, and in time")
}

fn refused(detail: &str, rule: &str) -> ApiError {
    ApiError::InvalidRequest {
        detail: detail.to_owned(),
        errors: vec![FieldFault::new("body", rule)],
        errors_total: None,
    }
}

/// Whether the body is as it is: every coding but `identity` would have to be undone first (RFC 9110,
/// 8.4).
fn is_plain(request: &HttpRequest) -> bool {
    let fields = request.headers().get_all(CONTENT_ENCODING);
    let mut codings = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    codings.all(|coding| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
    })
}

fn is_json(request: &HttpRequest) -> bool {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

async fn bounded(mut payload: web::Payload, bounds: &Bounds) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| incomplete("the body broke off"))?;
        if body.len() + chunk.len() > bounds.bytes {
            return Err(ApiError::PayloadTooLarge {
                at_most: bounds.at_most,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_an_object_in_which_nothing_deeper_is_named_twice() {
        let detail = |body: &str| match members(body.as_bytes()) {
            Err(ApiError::InvalidRequest { detail, .. }) => detail,
            other => format!("{other:?}"),
        };
        for (body, told) in [
            ("[1]", "the body must be a JSON object (line 1, column 0)"),
            ("{", "the body is not valid JSON (line 1, column 1)"),
            (
                r#" {"a": {"b": 1, "b": 2}}"#,
                "an object in the body names a member twice (line 1, column 23)",
            ),
        ] {
            assert_eq!(detail(body), told, "{body}");
        }
        let both = members(br#"{"a": 1, "a": 2}"#).expect("the fields say which is there twice");
        assert_eq!(both.0.len(), 2);
    }
}
