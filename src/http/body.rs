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

/// The largest body that is read, in bytes.
const LARGEST: usize = 16 * 1024;

/// The longest that a body may take to arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Some programs begin each text with it. It need not be taken for an error (RFC 8259, 8.1), and it is
/// no part of any member.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// Reads the body of `request`, a JSON object.
pub(super) async fn read_body(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Members<Value>, ApiError> {
    let (plain, json) = (is_plain(request), is_json(request));
    let read = async {
        // Read first, so that whoever sends before listening can read the answer.
        let body = bounded(payload).await;
        if !plain {
            // How long such a body is says nothing of the content.
            return Err(ApiError::UnsupportedContentCoding);
        }
        let body = body?;
        if json {
            Ok(body)
        } else {
            Err(ApiError::UnsupportedMediaType)
        }
    };
    let body = tokio::time::timeout(READ_TIMEOUT, read)
        .await
        .map_err(|_| malformed("the body took too long"))??;
    members(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body))
}

/// Members of the body itself that have one name are all kept: the parser of fields reports the name. An object
/// further down that names a member twice is refused here.
fn members(body: &[u8]) -> Result<Members<Value>, ApiError> {
    let read: Result<Members<Unambiguous>, _> = serde_json::from_slice(body);
    let members = read.map_err(|error| {
        let what = match error.classify() {
            Category::Data if body.trim_ascii_start().starts_with(b"{") => {
                "an object in the body names a member twice"
            }
            Category::Data => "the body must be a JSON object",
            _ => "the body is not valid JSON",
        };
        malformed(&format!(
            "{what} (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    let members = members.0.into_iter();
    Ok(Members(
        members
            .map(|(name, Unambiguous(value))| (name, value))
            .collect(),
    ))
}

fn malformed(detail: &str) -> ApiError {
    let errors = vec![FieldFault {
        field: "body".to_owned(),
        rule: "must be a JSON object".to_owned(),
    }];
    ApiError::InvalidRequest {
        detail: detail.to_owned(),
        errors,
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

async fn bounded(mut payload: web::Payload) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| malformed("the body broke off"))?;
        if body.len() + chunk.len() > LARGEST {
            return Err(ApiError::PayloadTooLarge);
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
